# SPDX-License-Identifier: MIT
"""Whole histories of a `RecurrentCell` by its compiled kernel, differentiable in the weights."""

from typing import Any

import numpy as np
from torch import Tensor, cat, linalg

from mlms_fenics.surrogate.compiled.walk import WorkSpace, walked
from mlms_fenics.surrogate.recurrent import kernel
from mlms_fenics.surrogate.recurrent.cell import FAST, RecurrentCell


def run(cell: RecurrentCell, features: Tensor, increments: Tensor, dt: Tensor) -> Tensor:
    """Whole histories from rest, as `RecurrentCell.run`, in float32 on the CPU.

    Args:
        cell: whose weights get gradients.
        features: of the strain, see `RecurrentCell.features`, *Shape* `(n_t, rows, n)`.
        increments: over elastic_scale, *Shape* `(n_t, elastic, n)`, contiguous.
        dt: steps over the reference time, *Shape* `(n_t,)`, or of each path, `(n_t, n)`.

    Returns:
        Elastic strain over elastic_scale at the ends of the steps, *Shape* `(n_t, elastic, n)`.
    """
    n_t, drivers, n = features.shape
    steps = np.ascontiguousarray(np.broadcast_to(dt.reshape(n_t, -1).numpy(), (n_t, n)))
    if cell.rates is None:
        strains = FAST * steps
    else:
        strains = linalg.vector_norm(increments, dim=1).numpy()
    given = (increments.numpy(), strains, steps, cell.branches)

    def forward(arrays: list[np.ndarray], space: WorkSpace) -> tuple[np.ndarray, tuple[Any, ...]]:
        z = space("z", n_t + 1, drivers + cell.state, n)
        z[:n_t, :drivers] = features.numpy()
        z[0, drivers:] = 0.0
        width = len(arrays[0])
        hidden = [space(name, n_t, width, n) for name in ("h1", "d1", "h2", "d2")]
        rest = (z, *hidden, space("flow", n_t, len(arrays[4]), n))
        out = np.empty(increments.shape, np.float32)
        kernel.forward(tuple(arrays), *given, *rest, out)
        return out, rest

    def backward(
        gradient: np.ndarray, arrays: list[np.ndarray], rest: tuple[Any, ...]
    ) -> tuple[np.ndarray, ...]:
        return kernel.backward(gradient, tuple(arrays), *given, *rest)

    return walked(forward, backward, *network_weights(cell))


def network_weights(cell: RecurrentCell) -> tuple[Tensor, ...]:
    """w1, b1, w2, b2, w3, b3 as the kernels take them; w1 for (features, state)."""
    first = cat((cell.from_drivers.weight, cell.from_state.weight), dim=1)
    pairs = (
        (first, cell.from_drivers.bias),
        (cell.hidden.weight, cell.hidden.bias),
        (cell.flow.weight, cell.flow.bias),
    )
    return tuple(x for weight, bias in pairs for x in (weight, bias[:, None]))
