# SPDX-License-Identifier: MIT
"""Averages of the FFT cell and of finite elements on finer and finer grids of the same grains.

`python tests/verification/refine_periodic_cells.py {elastic,slip} [--cells 8 16 32 ...]` prints a
table; test_fft_against_finite_elements.py asserts the coarser part of it.
"""

import argparse

import numpy as np
from periodic_cell import PeriodicCell
from test_fft_exact import elastic, path

from mlms_fenics.materials import two_slip_crystal
from mlms_fenics.microstructure import random_orientations, voronoi_grains
from mlms_fenics.unitcell import FFTCell

BASE, GRAINS = 8, 5


def refine(kind, sizes, *, degree=2, operator="rotated", strain=None, horizon=2e5, steps=8):
    """Solve both on each grid; P is the average first Piola-Kirchhoff stress, GPa.

    Args:
        kind: "elastic" for five neo-Hookean phases, "slip" for five two-slip crystals.
        sizes: cells along an edge, multiples of 8; the grains' shapes stay those on 8 × 8.
        degree: of the finite elements.
        operator: of the FFT cell.
        strain: largest, 0.1 and 0.01 where None.
        horizon: duration of the slip path, µs.
        steps: of the slip path.

    Returns:
        For each size: largest difference of P along the path over its largest entry, P by finite
        elements, P by FFT.

    Raises:
        ValueError: the two did not take the same steps in time.
    """
    base = voronoi_grains((BASE, BASE), GRAINS, 2)
    if kind == "elastic":
        moduli = ((20.0, 20.0), (4.0, 5.0), (10.0, 30.0), (5.0, 5.0), (15.0, 10.0))
        laws, Q = [elastic(*m) for m in moduli], np.tile(np.eye(2), (GRAINS, 1, 1))
        F, horizon = path(1, size=strain or 0.1), 1.0
    else:
        laws = two_slip_crystal()
        Q = random_orientations(GRAINS, 4, dimension=2)[:, :2, :2]
        F = path(steps, size=strain or 0.01)
    rows = []
    for n in sizes:
        grains = np.repeat(np.repeat(base, n // BASE, axis=0), n // BASE, axis=1)
        element = PeriodicCell(laws, grains, Q, degree).stress(F, horizon)
        found = FFTCell(laws, grains, Q, operator=operator).solve(F, horizon, 1e-5)
        # A halved step is another discretisation in time, whose error no finer grid takes away.
        if found.rejected != 0:
            raise ValueError(f"FFTCell halved {found.rejected} steps at {n} cells: take more steps")
        spectral = found.P
        rows.append((np.abs(element - spectral).max() / np.abs(element).max(), element, spectral))
    return rows


def table(sizes, rows):
    """Differences and the orders between them as text."""
    lines = ["cells  difference  order  P11 by elements  by FFT, GPa"]
    for k, (n, (difference, element, spectral)) in enumerate(zip(sizes, rows, strict=True)):
        order = ""
        if k:
            order = f"{np.log(rows[k - 1][0] / difference) / np.log(n / sizes[k - 1]):.2f}"
        P11 = f"{element[-1, 0, 0]:15.5f}  {spectral[-1, 0, 0]:7.5f}"
        lines.append(f"{n:5}  {difference:10.2e}  {order:>5}  {P11}")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("elastic", "slip"))
    parser.add_argument("--cells", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--degree", type=int, default=2, help="of the finite elements")
    parser.add_argument("--operator", default="rotated", help="of the FFT cell")
    parser.add_argument("--strain", type=float, help="largest")
    parser.add_argument("--horizon", type=float, default=2e5, help="µs, of the slip path")
    parser.add_argument("--steps", type=int, default=8, help="of the slip path")
    options = vars(parser.parse_args())
    kind, sizes = options.pop("kind"), options.pop("cells")
    print(table(sizes, refine(kind, sizes, **options)))
