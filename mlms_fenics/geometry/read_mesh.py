# SPDX-License-Identifier: MIT
"""Meshes of other programs, by the ending of their file."""

import os
from pathlib import Path
from typing import Any

from mlms_fenics.errors import require
from mlms_fenics.geometry.arrays import MeshArrays
from mlms_fenics.geometry.formats.abaqus import read_abaqus
from mlms_fenics.geometry.formats.listed import listed_arrays
from mlms_fenics.geometry.formats.with_meshio import READERS, read_with_meshio
from mlms_fenics.geometry.named import NamedMesh, share
from mlms_fenics.geometry.read_msh import msh_arrays
from mlms_fenics.geometry.unit_of_length import check_scale, looked_at

ENDINGS = (".msh", ".inp", *READERS)


def read_mesh(
    comm: Any, path: str | os.PathLike, *, scale: float = 1.0, dimension: int = 3
) -> NamedMesh:
    """Read a mesh with cells of one type on rank 0 and share it out (collective).

    =================  ====================================================================
    ending             groups
    =================  ====================================================================
    .msh (gmsh)        physical groups
    .inp (Abaqus)      *ELSET, *NSET and *SURFACE of parts, instances and the assembly
    .bdf, .nas         property numbers of solids and shells
    .med (Salome)      groups of elements, faces and nodes
    .vtu               values of whole numbers over cells, "name value"; where there are only
                       0 and 1, the ones: "name"; of nodes likewise
    =================  ====================================================================

    The body is what all elements of so many dimensions make, in a ".msh" those of physical groups.
    Elements of one dimension less (shells, membranes, boundary elements) make groups of facets.

    Args:
        comm: mpi4py communicator.
        path: of the file.
        scale: from its unit of length to mm, such as 1000 for metres; a body so small that it may
            be in metres is warned of.
        dimension: 3, or 2 for a body in the x-y plane.

    Raises:
        InputError: on every rank: no such file, an ending that is not known, not a mesh, elements
            of several types or of one that the solver does not take, or a group of which parts
            only are on the body.
    """
    path = Path(path)
    check_scale(scale)
    require(dimension in (2, 3), f"dimension of a mesh is {dimension}, but must be 2 or 3")
    return share(comm, lambda: looked_at(_arrays(path, dimension), scale), scale)


def _arrays(path: Path, dimension: int) -> MeshArrays:
    require(path.is_file(), f"there is no mesh file {str(path)!r}")
    ending = path.suffix.lower()
    require(
        ending in ENDINGS,
        f"{str(path)!r} is no mesh that can be read: its ending must be one of "
        f"{', '.join(ENDINGS)}",
    )
    if ending == ".msh":
        return msh_arrays(path, dimension)
    listed = read_abaqus(path) if ending == ".inp" else read_with_meshio(path)
    return listed_arrays(listed, dimension, repr(str(path)))
