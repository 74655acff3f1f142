# SPDX-License-Identifier: MIT
"""Speed of the full-field FFT cell: the path of Liu et al. 2022, and cost against grid size."""

import os
import time
from collections.abc import Iterator, Sequence

import numpy as np

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.files import replacing
from mlms_fenics.materials import two_slip_crystal
from mlms_fenics.microstructure import random_orientations, voronoi_grains
from mlms_fenics.unitcell import CellResults, FFTCell, solve_cells

GRAINS, HORIZON = 16, 1e6  # µs; as in the paper
STEPS, STRAIN = 1000, 0.1
_SIZED_STEPS, _SIZED_OF = 40, 200  # increments of the path that the comparison of sizes takes


def paper_cell(size: int, seed: int = 0) -> FFTCell:
    """The paper's cell on size x size points: 16 Voronoi grains of the two-slip crystal."""
    grains = voronoi_grains((size, size), GRAINS, seed)
    return FFTCell(two_slip_crystal(), grains, random_orientations(GRAINS, seed, dimension=2))


def paper_path(steps: int = STEPS, seed: int = 1) -> np.ndarray:
    """The paper's random walk to 10%, *Shape* `(steps + 1, 2, 2)`."""
    settings = PathSettings(protocol="paper", dimension=2, steps=steps, max_strain=STRAIN)
    return sample_path(settings, seed, 0)


def report(
    size: int = 64,
    steps: int = STEPS,
    sizes: Sequence[int] = (),
    picture: str | os.PathLike | None = None,
    batch: int = 0,
) -> Iterator[str]:
    """Lines of the benchmark's tables, each as soon as it is known.

    Args:
        size: points along each axis of the paper's cell.
        steps: increments of the path over its whole horizon.
        sizes: whose cost is compared.
        picture: PNG file of that comparison.
        batch: cells that are solved in one call, and each alone.
    """
    warm = paper_cell(8)
    warm.solve(paper_path(steps)[:3], HORIZON * 2 / steps)  # compile
    yield (
        f"Full-field cell, two-slip crystal, {size} x {size} points, {GRAINS} grains, random walk "
        f"to {STRAIN:.0%}, {steps} increments, tolerance 1e-4, one core, CPU time:"
    )
    results, seconds = timed(paper_cell(size), paper_path(steps), HORIZON)
    yield "  " + figures(results, size * size, steps, seconds)
    if sizes:
        yield (
            f"Cost against size, the first {_SIZED_STEPS} of {_SIZED_OF} increments of that path:"
        )
        yield from size_lines(sizes, picture)
    if batch:
        yield from batch_lines(size, batch)


def timed(cell: FFTCell, U: np.ndarray, horizon: float) -> tuple[CellResults, float]:
    """Results of a path, and the CPU seconds that it took."""
    start = time.process_time()
    results = cell.solve(U, horizon)
    return results, time.process_time() - start


def figures(results: CellResults, points: int, steps: int, seconds: float) -> str:
    """One line on a path: iterations, evaluations, rate, shares of the time, residual."""
    shares = {name: results.seconds[name] / results.seconds["total"] for name in ("law", "fft")}
    return (
        f"{seconds:.3g} s; {results.iterations.mean():.2f} iterations and "
        f"{results.evaluations / steps:.2f} evaluations of the law an increment (tangents "
        f"included), {results.directions / steps:.1f} directions of the linear solves; "
        f"{points * results.iterations.sum() / seconds:.3g} points x iterations per second; "
        f"law {shares['law']:.0%}, FFT {shares['fft']:.0%}, rest "
        f"{1 - shares['law'] - shares['fft']:.0%}; {results.rejected} increments halved; largest "
        f"residual {results.residual.max():.2g}"
    )


def size_lines(sizes: Sequence[int], picture: str | os.PathLike | None) -> Iterator[str]:
    """Cost of the same increments on grids of several sizes, relative to N log N."""
    short = paper_path(_SIZED_OF)[: _SIZED_STEPS + 1]
    horizon = HORIZON * _SIZED_STEPS / _SIZED_OF
    cost = []
    for size in sizes:
        results, seconds = timed(paper_cell(size), short, horizon)
        cost.append(seconds)
        each, N = seconds / _SIZED_STEPS, size * size
        yield (
            f"  {size:4d} x {size:<4d} {each * 1e3:8.3g} ms an increment, "
            f"{results.evaluations / _SIZED_STEPS:.2f} evaluations, "
            f"{results.directions / _SIZED_STEPS:.1f} directions; "
            f"{each / (N * np.log2(N)) * 1e9:.3g} ns a point and log2 N"
        )
    if len(sizes) > 1:
        N = np.array(sizes, dtype=float) ** 2
        slope = np.polyfit(np.log(N * np.log(N)), np.log(cost), 1)[0]
        yield f"  cost ~ (N log N)^{slope:.2f}"
    if picture is not None:
        draw(sizes, cost, picture)
        yield f"  picture: {picture}"


def batch_lines(size: int, batch: int) -> Iterator[str]:
    """Several cells in one call give what each gives alone."""
    n = 3
    cells = [paper_cell(size, seed) for seed in range(batch)]
    U = np.stack([paper_path(STEPS, seed)[: n + 1] for seed in range(batch)])
    start = time.process_time()
    together, _ = solve_cells(cells, U, HORIZON * n / STEPS)
    seconds = time.process_time() - start
    worst = 0.0
    for cell, one, sigma in zip(cells, U, together.stress, strict=True):
        alone = cell.stress(one, HORIZON * n / STEPS)
        worst = max(worst, float(np.abs(alone - sigma[:, :2, :2]).max() / np.abs(alone).max()))
    yield (
        f"{batch} cells of {size} x {size} in one call, {n} increments: {seconds:.3g} s; "
        f"largest difference to each alone {worst:.1e}"
    )


def draw(sizes: Sequence[int], cost: Sequence[float], path: str | os.PathLike) -> None:
    """Cost against points, with N log N through the last."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    N = np.array(sizes, dtype=float) ** 2
    line = N * np.log(N)
    figure = Figure(figsize=(5.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    axis.loglog(N, np.array(cost) / _SIZED_STEPS * 1e3, "o-", label="full-field cell")
    axis.loglog(N, line * cost[-1] / line[-1] / _SIZED_STEPS * 1e3, "k--", label="N log N")
    axis.set(xlabel="points N", ylabel="CPU time of an increment (ms)")
    axis.legend()
    with replacing(path) as beside:
        figure.savefig(beside, dpi=130)
