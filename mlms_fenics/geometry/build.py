# SPDX-License-Identifier: MIT
"""From a gmsh builder to a dolfinx mesh, and to a file."""

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlms_fenics import _compat
from mlms_fenics.errors import InputError
from mlms_fenics.geometry.arrays import MeshArrays
from mlms_fenics.geometry.formats.gmsh_arrays import gmsh_arrays
from mlms_fenics.geometry.named import share


@contextmanager
def quiet_gmsh() -> Any:
    """gmsh, initialised within the context, that prints nothing."""
    import gmsh

    gmsh.initialize(interruptible=False)
    gmsh.option.setNumber("General.Terminal", 0)
    try:
        yield gmsh
    finally:
        gmsh.finalize()


def build_mesh(comm: Any, builder: Callable[[Any], Any], dimension: int = 3) -> _compat.Tagged:
    """Run `builder(gmsh.model)` on rank 0 and share the mesh out (collective).

    Args:
        comm: mpi4py communicator.
        builder: adds a model to gmsh and meshes it, as `gmsh_cylinder` does.
        dimension: of the space that the mesh is in, 2 or 3.

    Returns:
        Mesh, cell tags, facet tags.

    Raises:
        Exception: on every rank, whatever the builder raised on rank 0.
    """

    def made() -> MeshArrays:
        with quiet_gmsh() as gmsh:
            builder(gmsh.model)
            return gmsh_arrays(gmsh.model, dimension, "the mesh made")

    body = share(comm, made)
    return body.mesh, body.cells, body.facets


def write_msh(path: str | Path, builder: Callable[[Any], Any]) -> None:
    """Write what `builder(gmsh.model)` meshes to a gmsh file (on one rank), whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    path = Path(path)
    beside = path.with_name(f".partial-{path.name}")
    with quiet_gmsh() as gmsh:
        builder(gmsh.model)
        try:
            gmsh.write(str(beside))
            beside.replace(path)
        except Exception as error:  # gmsh raises no narrower class
            beside.unlink(missing_ok=True)
            raise InputError(f"cannot write the mesh to {path}: {error}") from error
