# SPDX-License-Identifier: MIT
"""Tagged parts of a mesh where something acts: what messages call them, and which are outside."""

import warnings
from typing import Any

import numpy as np
from dolfinx import mesh

from mlms_fenics.errors import require


def tagged(where: Any) -> tuple[mesh.MeshTags, int]:
    """`where`, or `InputError` unless it is tags and a tag."""
    good = isinstance(where, tuple) and len(where) == 2 and isinstance(where[0], mesh.MeshTags)
    require(
        good and isinstance(where[1], int | np.integer),
        f"{where!r} is no place: give tags and a whole number, such as body.surface(name)",
    )
    return where


def called(where: tuple[mesh.MeshTags, int]) -> str:
    """What messages call tagged parts of a mesh: by the tag, and by the tags' name."""
    tags, tag = where
    parts = ("node", "edge", "facet", "cell")[tags.dim + (tags.dim > 0) * (3 - tags.topology.dim)]
    return f"{parts} tag {tag} ({tags.name})"


def outer_facets(domain: mesh.Mesh, where: tuple[mesh.MeshTags, int], what: str) -> np.ndarray:
    """This rank's own facets of a tag on the outer surface (collective).

    Facets between two cells are left out, with a warning.

    Args:
        domain: the mesh.
        where: tags and a tag.
        what: acts there, for messages.

    Raises:
        InputError: the tags are not of facets, or no such facet is on any rank.
    """
    tags, tag = tagged(where)
    topology = domain.topology
    facet = topology.dim - 1
    require(
        tags.dim == facet,
        f"{what} is given on {called(where)}, but acts on facets: name a surface (in two "
        "dimensions a curve)",
    )
    topology.create_connectivity(facet, topology.dim)
    marked = tags.find(tag)
    marked = marked[marked < topology.index_map(facet).size_local]
    outer = np.intersect1d(marked, mesh.exterior_facet_indices(topology))
    total, found = domain.comm.allreduce(np.array([len(marked), len(outer)]))
    require(found > 0, f"{called(where)} marks no outer facet: check the tags of the mesh")
    if found < total and domain.comm.rank == 0:
        warnings.warn(
            f"{what} is given on {called(where)}, of which {total - found} of {total} facets lie "
            "between two cells: nothing acts there",
            stacklevel=2,
        )
    return outer
