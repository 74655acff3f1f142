# SPDX-License-Identifier: MIT
"""Whole histories of a `GrainCell` by its compiled kernel, differentiable in its parameters."""

from typing import Any

import numpy as np
from torch import Tensor, linalg, nn

from mlms_fenics.surrogate.compiled.walk import WorkSpace, walked
from mlms_fenics.surrogate.grains import kernel
from mlms_fenics.surrogate.grains.algebra import PATHS
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.recurrent.cell import FAST


def run(cell: GrainCell, d: Tensor, v: Tensor, dt: Tensor) -> Tensor:
    """`GrainCell.run` in float32 on a CPU; arguments as there."""
    paths = d.shape[-1]
    more = (0, -paths % PATHS)  # paths at rest
    d, v = (nn.functional.pad(x, more).contiguous() for x in (d, v))
    n_t, _, n = d.shape
    dt = dt.reshape(n_t, -1)
    if dt.shape[1] > 1:
        dt = nn.functional.pad(dt, more, value=1.0)
    steps = np.ascontiguousarray(np.broadcast_to(dt.numpy(), (n_t, n)))
    moves, factors, volumes = d.numpy(), cell.rate_factor(d, dt, axis=1).numpy(), v.numpy()
    strains = FAST * steps if cell.rates is None else linalg.vector_norm(d, dim=1).numpy()
    size = np.float32(float(cell.elastic_scale))

    def forward(arrays: list[np.ndarray], space: WorkSpace) -> tuple[np.ndarray, tuple[Any, ...]]:
        (width, inputs), outputs, m = arrays[0].shape, len(arrays[4]), len(arrays[7])
        A = space("A", n_t + 1, m * n // PATHS, 9, PATHS)
        z = space("z", n_t + 1, inputs, m * n)
        hidden = [space(name, n_t, width, m * n) for name in ("h1", "d1", "h2", "d2")]
        rest = (A, z, *hidden, space("flow", n_t, outputs, m * n))
        out = np.empty((n_t, 5, n), np.float32)
        given = (moves, factors, volumes, strains, steps, size)
        kernel.forward(tuple(arrays[:6]), *arrays[6:], *given, *rest, out)
        return out, rest

    def backward(
        gradient: np.ndarray, arrays: list[np.ndarray], rest: tuple[Any, ...]
    ) -> tuple[np.ndarray, ...]:
        weights, share = tuple(arrays[:6]), arrays[7]
        given = (moves, factors, strains, steps, size)
        found = kernel.backward(gradient, weights, share, *given, *rest)
        return (*found[0], *found[1:])

    network = (*cell.weights(), cell.orientations().flatten(1), cell.shares())
    return walked(forward, backward, *network)[..., :paths]
