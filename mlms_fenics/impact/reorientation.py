# SPDX-License-Identifier: MIT
"""Where the grains of a body point: a field of the mean turn, and orientations at a place."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mlms_fenics.kinematics.tensors import polar
from mlms_fenics.macroscale import ExplicitSolver
from mlms_fenics.materials import Polycrystal
from mlms_fenics.materials.base import State
from mlms_fenics.materials.crystal.reorientation import lattice_after, lattice_with_twins

_AT_ONCE = 100_000  # grains whose turn is computed at a time


def mean_turn(law: Polycrystal, F: np.ndarray, state: State) -> np.ndarray:
    """Mean angle between each lattice's z axis (hexagonal: c) and where it was, degrees.

    An axis and its opposite are the same. Twins count with their volume.

    Args:
        law: of three dimensions.
        F: *Shape* `(n, 3, 3)`.
        state: of the law, of n points.

    Returns:
        *Shape* `(n,)`.
    """
    Q, w = law.orientations, torch.from_numpy(law.weights)
    n_twin, crystal = law.law.n_twin, law.law
    Q = torch.from_numpy(Q)
    # z of a twin's lattice, in the parent's: half a turn about the normal of its plane.
    m = torch.from_numpy(np.asarray(crystal.twin_normal, dtype=float)).reshape(-1, 3)
    axes = torch.cat((torch.eye(3, dtype=Q.dtype)[2:], 2.0 * m[:, 2:] * m - torch.eye(3)[2]))
    found = np.empty(len(F))
    some = max(1, _AT_ONCE // len(Q))
    for k in range(0, len(F), some):
        packed = state["grains"][k : k + some]
        elastic = (
            torch.from_numpy(F[k : k + some, None]) @ Q @ packed[..., :9].unflatten(-1, (3, 3))
        )
        R = polar(elastic)[0]
        # Axes of parent and twins in the sample, against the parent's at rest.
        cosine = torch.einsum("pgij,aj,gi->pga", R, axes, Q[:, :, 2]).abs().clamp(max=1.0)
        twins = packed[..., 9 : 9 + n_twin]
        share = torch.cat((1.0 - twins.sum(-1, keepdim=True), twins), dim=-1)
        turn = torch.rad2deg(torch.acos(cosine))
        found[k : k + some] = torch.einsum("pga,pga,g->p", turn, share, w).numpy()
    return found


def grains_near(
    solver: ExplicitSolver, place: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lattices of the element whose centre is nearest to a place at rest (collective).

    Args:
        solver: with a `Polycrystal`; of several points of an element the first is taken.
        place: mm.

    Returns:
        The element's centre at rest, mm; orientations of its grains and of the twins in them,
        *Shape* `(n, 3, 3)`; their volume fractions, *Shape* `(n,)`.
    """
    law: Any = solver.material
    elements = solver.elements
    centres = elements.coordinates[elements.dofs].mean(axis=1)
    distance = np.linalg.norm(centres - np.asarray(place, dtype=float), axis=1)
    best = float(distance.min(initial=np.inf))
    all_best = solver.comm.allgather(best)
    owner = int(np.argmin(all_best))
    row = None
    if solver.comm.rank == owner:
        k = int(distance.argmin())
        p = k * elements.per_cell
        row = centres[k], solver.F[p].copy(), solver.state["grains"][p].numpy().copy()
    centre, F, packed = solver.comm.bcast(row, root=owner)
    turned = lattice_after(F, packed, law.orientations)
    return (centre, *lattice_with_twins(law.law, turned, packed, law.weights))
