# SPDX-License-Identifier: MIT
"""Bodies of the user's own mesh in the impact demos."""

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from dolfinx.mesh import MeshTags, entities_to_geometry
from mpi4py import MPI

from mlms_fenics.errors import require
from mlms_fenics.geometry import NamedMesh, read_mesh
from mlms_fenics.geometry.read_mesh import ENDINGS


def add_mesh_options(new: Callable[..., Any]) -> None:
    """`--mesh`, `--scale` and `--part-law`.

    Args:
        new: `add_argument` of a parser.
    """
    new("--mesh", type=Path, metavar="FILE", help=f"a body of your own ({', '.join(ENDINGS)})")
    new("--scale", type=float, help="from the unit of length of --mesh to mm (default: 1)")
    new("--part-law", action="append", metavar="VOLUME=LAW",
        help="a law of --law for a volume of --mesh; once for each of them, in place of --law"
    )  # fmt: skip


def check_mesh_options(
    options: argparse.Namespace, ours: Sequence[str], theirs: Sequence[str]
) -> None:
    """Raise `InputError` where options are given that do not go with the body.

    Args:
        options: before defaults are filled in.
        ours: names of options of the demo's own body.
        theirs: names of those that go with `--mesh` only.
    """
    with_mesh = options.mesh is not None
    for name in ours if with_mesh else (*theirs, "scale", "part_law"):
        require(
            not getattr(options, name),
            f"--{name.replace('_', '-')} {'does not go' if with_mesh else 'goes'} with --mesh "
            + ("(it is of the demo's own body): leave it out" if with_mesh else "only"),
        )


def own_body(comm: Any, options: argparse.Namespace) -> NamedMesh | None:
    """What `--mesh` names, in three dimensions (collective)."""
    if options.mesh is None:
        return None
    return read_mesh(comm, options.mesh, scale=1.0 if options.scale is None else options.scale)


def bounds(
    body: NamedMesh, place: tuple[MeshTags, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest coordinates of a body or of a place on it, mm (collective)."""
    x = body.mesh.geometry.x
    if place is not None:
        tags, tag = place
        body.mesh.topology.create_connectivity(tags.dim, body.mesh.topology.dim)
        body.mesh.topology.create_connectivity(body.mesh.topology.dim, tags.dim)
        parts = tags.find(tag)
        # dolfinx reads the first of the parts, even where a rank has none.
        nodes = entities_to_geometry(body.mesh, tags.dim, parts) if len(parts) else []
        x = x[np.unique(np.asarray(nodes, dtype=np.int64))]
    extremes = np.stack([-x.min(axis=0, initial=math.inf), x.max(axis=0, initial=-math.inf)])
    body.mesh.comm.Allreduce(MPI.IN_PLACE, extremes, op=MPI.MAX)
    return -extremes[0], extremes[1]
