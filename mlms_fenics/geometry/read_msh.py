# SPDX-License-Identifier: MIT
"""Any gmsh mesh with named physical groups."""

import os
from pathlib import Path
from typing import Any

from mlms_fenics.errors import InputError, require
from mlms_fenics.geometry.arrays import MeshArrays
from mlms_fenics.geometry.build import quiet_gmsh
from mlms_fenics.geometry.formats.gmsh_arrays import gmsh_arrays
from mlms_fenics.geometry.named import NamedMesh, share
from mlms_fenics.geometry.unit_of_length import check_scale, looked_at


def read_msh(
    comm: Any, path: str | os.PathLike, *, scale: float = 1.0, dimension: int = 3
) -> NamedMesh:
    """Read a gmsh mesh with cells of one type on rank 0 and share it out (collective).

    Physical groups of every dimension become sets by name, which may overlap; two of one name and
    dimension are one set. The body is what the physical volumes (of a flat one: surfaces) hold.

    Args:
        comm: mpi4py communicator.
        path: of a ".msh" file of any of gmsh's versions.
        scale: from its unit of length to mm, such as 1000 for metres; a body so small that it may
            be in metres is warned of.
        dimension: 3, or 2 for a body in the x-y plane.

    Raises:
        InputError: on every rank: no such file, not a mesh, no physical volume (gmsh then says
            nothing of what belongs to the body), cells of several types, or parts of a group that
            are not on the body.
    """
    path = Path(path)
    check_scale(scale)
    require(dimension in (2, 3), f"dimension of a mesh is {dimension}, but must be 2 or 3")
    return share(comm, lambda: looked_at(msh_arrays(path, dimension), scale), scale)


def msh_arrays(path: Path, dimension: int) -> MeshArrays:
    """The body and the groups of a gmsh file, on one rank; see `read_msh`."""
    require(path.is_file(), f"there is no mesh file {str(path)!r}")
    require(
        path.suffix == ".msh", f"{str(path)!r} is not named as a gmsh mesh: its end must be .msh"
    )
    with quiet_gmsh() as gmsh:
        try:
            gmsh.open(str(path))
        except Exception as error:  # gmsh raises no narrower class
            raise InputError(f"gmsh cannot read {str(path)!r}: {error}") from None
        return gmsh_arrays(gmsh.model, dimension, repr(str(path)))
