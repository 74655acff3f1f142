# SPDX-License-Identifier: MIT
"""A dolfinx mesh whose parts have names, shared out from arrays on one rank."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from dolfinx.mesh import Mesh, MeshTags, meshtags

from mlms_fenics import _compat
from mlms_fenics.errors import InputError, require
from mlms_fenics.geometry.arrays import WORDS, MeshArrays, by_membership
from mlms_fenics.parallel import on_rank_zero


@dataclass(frozen=True)
class Group:
    """A named set of cells, facets, edges or nodes; sets may overlap.

    Attributes:
        name: in the file; one without a name goes by its number.
        dimension: of its parts.
        tag: its number in the file, and of all `tags`.
        count: parts on all ranks, each once.
        elsewhere: of an empty group, how many parts the file lists that are not on the body.
        tags: of its parts, on this rank.
    """

    name: str
    dimension: int
    tag: int
    count: int
    elsewhere: int
    tags: MeshTags


@dataclass(frozen=True)
class NamedMesh:
    """A mesh with the names of its parts.

    What `surface`, `volume` and `nodes` return is what `Pressure`, `Traction`,
    `PrescribedVelocity`, `NodeHistory` and others take as a place.

    Attributes:
        mesh: mm.
        groups: all named sets.
    """

    mesh: Mesh
    groups: tuple[Group, ...]

    @property
    def volumes(self) -> dict[str, int]:
        """Number of each group of cells by name: volumes, or surfaces of a flat body."""
        return {g.name: g.tag for g in self._of(0)}

    @property
    def surfaces(self) -> dict[str, int]:
        """Number of each group of facets by name: surfaces, or curves of a flat body."""
        return {g.name: g.tag for g in self._of(1)}

    @property
    def node_sets(self) -> tuple[str, ...]:
        """Names of the groups of nodes, and in three dimensions of edges."""
        return tuple(g.name for g in self.groups if g.dimension < self.mesh.topology.dim - 1)

    @property
    def cells(self) -> MeshTags:
        """Tags of all groups of cells together, see `facets`."""
        return self._together(0)

    @property
    def facets(self) -> MeshTags:
        """Tags of all groups of facets together, each facet with its group's number.

        Raises:
            InputError: groups overlap, so that one number per facet cannot tell.
        """
        return self._together(1)

    def volume(self, name: str) -> tuple[MeshTags, int]:
        """Tags of the cells of a volume (of a flat body: a surface), and their tag.

        Raises:
            InputError: there is no such group, or nothing in it.
        """
        return self._only(name, self._of(0), WORDS[self.mesh.topology.dim][0])

    def surface(self, name: str) -> tuple[MeshTags, int]:
        """Tags of the facets of a surface (of a flat body: a curve), and their tag.

        Raises:
            InputError: there is no such group, or nothing in it; the message lists those there are.
        """
        return self._only(name, self._of(1), "surface")

    def nodes(self, name: str) -> tuple[MeshTags, int]:
        """Tags of the nodes or edges of a point set or curve, or of a surface, and their tag.

        Raises:
            InputError: there is no such group, or nothing in it.
        """
        lower = [g for g in self.groups if g.dimension < self.mesh.topology.dim - 1]
        named = [g for g in lower if g.name == name]
        require(
            len(named) < 2,
            f"{name!r} is a name both of nodes and of edges: give them different names",
        )
        return self._only(name, named or [*lower, *self._of(1)], "point set, curve or surface")

    def _of(self, codimension: int) -> list[Group]:
        dimension = self.mesh.topology.dim - codimension
        return [g for g in self.groups if g.dimension == dimension]

    def _only(self, name: str, groups: list[Group], kind: str) -> tuple[MeshTags, int]:
        found = next((g for g in groups if g.name == name), None)
        if found is None:
            others = ", ".join(g.name for g in groups) or "none with names"
            raise InputError(
                f"the mesh has no {kind} {name!r}, but {others}: name a physical group so in gmsh, "
                "or a set in another program"
            )
        parts = WORDS[found.dimension][1]
        why = f" (none of its {found.elsewhere} {parts} is on the body)" if found.elsewhere else ""
        require(
            found.count > 0,
            f"the {kind} {name!r} of the mesh is empty{why}: nothing would act there; put its "
            f"{parts} into the file, or name another",
        )
        return found.tags, found.tag

    def _together(self, codimension: int) -> MeshTags:
        groups = self._of(codimension)
        tags = [g.tags for g in groups]
        indices = np.concatenate([np.zeros(0, np.int32), *(t.indices for t in tags)])
        values = np.concatenate([np.zeros(0, np.int32), *(t.values for t in tags)])
        indices, first = np.unique(indices, return_index=True)
        overlap = self.mesh.comm.allreduce(int(len(first) < len(values)))
        require(
            not overlap,
            f"groups of the mesh overlap ({', '.join(g.name for g in groups)}): take each by its "
            "name, with surface(name) or volume(name)",
        )
        made = meshtags(self.mesh, self.mesh.topology.dim - codimension, indices, values[first])
        made.name = "Facet tags" if codimension else "Cell tags"
        return made


def share(comm: Any, read: Callable[[], MeshArrays], scale: float = 1.0) -> NamedMesh:
    """Call `read` on rank 0 and share out what it returns (collective).

    Args:
        comm: mpi4py communicator.
        read: takes nothing; called on rank 0 only.
        scale: from its unit of length to mm.

    Raises:
        Exception: on every rank, whatever `read` raised.
    """
    held: list[tuple[MeshArrays, dict[int, Any]]] = []

    def begin() -> tuple[Any, ...]:
        mesh = read()
        parts = {d: by_membership(mesh, d) for d in {group.dimension for group in mesh.groups}}
        held.append((mesh, parts))
        heads = [(g.name, g.dimension, g.tag, len(g.parts), g.elsewhere) for g in mesh.groups]
        shapes = {d: (rows.shape[1], members) for d, (rows, _, members) in parts.items()}
        return mesh.cell, mesh.dimension, mesh.cells.shape[1], heads, shapes

    cell, dimension, width, heads, shapes = on_rank_zero(comm, begin)
    cells, points = np.zeros((0, width), np.int64), np.zeros((0, dimension))
    if held:
        cells, points = held[0][0].cells, scale * held[0][0].points[:, :dimension]
    domain = _compat.create_mesh(comm, cells, points, cell)
    tags: dict[int, MeshTags] = {}
    for of_parts, (columns, members) in shapes.items():
        parts, number = np.zeros((0, columns), np.int64), np.zeros(0, np.int32)
        if held:
            parts, number, _ = held[0][1][of_parts]
        numbered = _compat.entity_tags(domain, of_parts, parts, number)
        for k, (name, of_group, tag, _, _) in enumerate(heads):
            if of_group == of_parts:
                inside = np.isin(numbered.values, [m for m, g in enumerate(members) if k in g])
                indices = numbered.indices[inside]
                tags[k] = meshtags(
                    domain, of_parts, indices, np.full(len(indices), tag, dtype=np.int32)
                )
                tags[k].name = f"{WORDS[of_group][0]} {name!r}"
    return NamedMesh(domain, tuple(Group(*head, tags[k]) for k, head in enumerate(heads)))
