# SPDX-License-Identifier: MIT
"""How the full-field cell's average stress depends on the grid, and what its fields hold."""

from collections.abc import Iterator, Sequence

import numpy as np

from mlms_fenics.benchmarks.cell import GRAINS, HORIZON, paper_cell, paper_path
from mlms_fenics.kinematics.tensors import deviator
from mlms_fenics.unitcell import FFTCell
from mlms_fenics.unitcell.fft_operators import wave_vectors

_STEPS, _OF = 100, 200  # increments of the path that are solved
_HIGH = 0.75  # of the Nyquist frequency: what lies above it alternates from point to point


def refinement(sizes: Sequence[int], operators: Sequence[str]) -> Iterator[str]:
    """Lines of the table: each grid and operator against the finest grid with the first operator.

    Args:
        sizes: points along each axis, at least two.
        operators: discrete gradients.
    """
    U = paper_path(_OF)[: _STEPS + 1]
    sizes = sorted(sizes, reverse=True)
    yield (
        f"Average stress along the first {_STEPS} of {_OF} increments of the path ({GRAINS} "
        f"grains), against {operators[0]} on {sizes[0]} x {sizes[0]}: ‖difference‖/‖stress‖ over "
        "the history, of the stress and of its deviator; share of the displacement's energy above "
        f"{_HIGH:g} of the Nyquist frequency on both axes (hourglass), and of F's fluctuation on "
        "either axis (bands one point wide), at the end:"
    )
    exact = None
    for operator in operators:
        for size in sizes:
            cell = paper_cell(size)
            cell = FFTCell(cell.law, cell.grains, cell.orientations, operator=operator)
            last = []

            def keep(_cell: int, _time: float, increment: int, now, last=last) -> None:
                if increment == _STEPS:
                    last.append(now.F)

            sigma = cell.solve(U, HORIZON * _STEPS / _OF, observe=keep).stress
            exact = sigma if exact is None else exact
            hourglass, bands = alternating(last[0].reshape(2, 2, size, size), operator)
            yield (
                f"  {operator:11s} {size:4d}: stress {relative(sigma, exact):.4f}, deviator "
                f"{relative(deviator(sigma), deviator(exact)):.4f}; displacement {hourglass:.1e}, "
                f"F {bands:.3f}"
            )


def relative(found: np.ndarray, exact: np.ndarray) -> float:
    """Norm of the difference of two histories relative to the second's."""
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def alternating(F: np.ndarray, operator: str) -> tuple[float, float]:
    """Shares of energy near the Nyquist frequency.

    Args:
        F: of a square grid, *Shape* `(2, 2, n, n)`.
        operator: that F is a gradient by.

    Returns:
        Of the displacement where both axes' frequencies are high, and of F where either is.
    """
    n = F.shape[-1]
    F_hat = np.fft.rfft2(F).reshape(2, 2, -1)
    F_hat[..., 0] = 0.0
    k = wave_vectors((n, n), (1.0, 1.0), operator)
    square = (np.abs(k) ** 2).sum(0)
    u_hat = np.einsum("ijm,jm->im", F_hat, k.conj()) / np.where(square > 0, square, 1.0)
    x = np.abs(np.fft.fftfreq(n))[:, None] >= 0.5 * _HIGH
    y = np.arange(n // 2 + 1)[None] / n >= 0.5 * _HIGH
    u, f = (np.abs(u_hat) ** 2).sum(0), (np.abs(F_hat) ** 2).sum((0, 1))
    return float(u[(x & y).ravel()].sum() / u.sum()), float(f[(x | y).ravel()].sum() / f.sum())
