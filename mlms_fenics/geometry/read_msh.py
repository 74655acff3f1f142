# SPDX-License-Identifier: MIT
"""Any gmsh mesh with named physical groups."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dolfinx.mesh import Mesh, MeshTags

from mlms_fenics import _compat
from mlms_fenics.errors import InputError, require
from mlms_fenics.geometry.build import quiet_gmsh
from mlms_fenics.parallel import on_rank_zero


@dataclass(frozen=True)
class NamedMesh:
    """A mesh with the names of its parts.

    Attributes:
        mesh: mm.
        cells: tags of its cells.
        facets: tags of facets.
        volumes: tag of each physical volume by name; one without a name goes by its number. Of a
            mesh of two dimensions, the physical surfaces.
        surfaces: tag of each physical surface, likewise. Of a mesh of two dimensions, the curves.
    """

    mesh: Mesh
    cells: MeshTags
    facets: MeshTags
    volumes: dict[str, int]
    surfaces: dict[str, int]

    def surface(self, name: str) -> tuple[MeshTags, int]:
        """Facet tags and tag of a surface, as `PrescribedVelocity` and others take them.

        Raises:
            InputError: there is no such surface; the message lists those there are.
        """
        require(
            name in self.surfaces,
            f"the mesh has no surface {name!r}, but {', '.join(self.surfaces) or 'none with names'}"
            ": name a physical group so in gmsh",
        )
        return self.facets, self.surfaces[name]


def read_msh(
    comm: Any, path: str | os.PathLike, *, scale: float = 1.0, dimension: int = 3
) -> NamedMesh:
    """Read a gmsh mesh with cells of one type on rank 0 and share it out (collective).

    Args:
        comm: mpi4py communicator.
        path: of a ".msh" file of any of gmsh's versions.
        scale: from its unit of length to mm, such as 1000 for metres.
        dimension: 3, or 2 for a body in the x-y plane.

    Raises:
        InputError: on every rank: no such file, not a mesh, no physical volume (gmsh then says
            nothing of what belongs to the body), or cells of several types.
    """
    path = Path(path)
    require(0.0 < scale < float("inf"), f"scale is {scale:g}, but must be positive and finite")
    require(dimension in (2, 3), f"dimension of a mesh is {dimension}, but must be 2 or 3")
    if comm.rank != 0:
        groups = on_rank_zero(comm, dict)
        made = _compat.model_to_mesh(None, comm, dimension=dimension)
    else:
        with quiet_gmsh() as gmsh:
            groups = on_rank_zero(comm, lambda: _open(gmsh, path, dimension))
            made = _compat.model_to_mesh(gmsh.model, comm, dimension=dimension)
    made[0].geometry.x[:] *= scale
    return NamedMesh(*made, groups[dimension], groups[dimension - 1])


def _open(gmsh: Any, path: Path, of_body: int) -> dict[int, dict[str, int]]:
    """Tags of the physical groups by dimension and name."""
    require(path.is_file(), f"there is no mesh file {str(path)!r}")
    require(
        path.suffix == ".msh", f"{str(path)!r} is not named as a gmsh mesh: its end must be .msh"
    )
    try:
        gmsh.open(str(path))
    except Exception as error:  # gmsh raises no narrower class
        raise InputError(f"gmsh cannot read {str(path)!r}: {error}") from None
    model = gmsh.model
    groups: dict[int, dict[str, int]] = {0: {}, 1: {}, 2: {}, 3: {}}
    types = set()
    for dimension, tag in model.getPhysicalGroups():
        groups[dimension][model.getPhysicalName(dimension, tag) or str(tag)] = tag
        if dimension == of_body:
            for entity in model.getEntitiesForPhysicalGroup(dimension, tag):
                types |= set(model.mesh.getElementTypes(dimension, entity).tolist())
    kind, number = ("Volume", "three") if of_body == 3 else ("Surface", "two")
    require(
        bool(types),
        f"{str(path)!r} has no physical {kind.lower()} with elements: add one in gmsh, such as "
        f'Physical {kind}("body") = {{1}}, and mesh in {number} dimensions',
    )
    names = [model.mesh.getElementProperties(kind)[0] for kind in sorted(types)]
    require(
        len(names) == 1,
        f"{str(path)!r} has elements of several types ({', '.join(names)}): mesh the body with one",
    )
    return groups
