# SPDX-License-Identifier: MIT
"""One strain path of the two-dimensional full-field unit cell, with pictures.

    python demos/unit_cell.py --out DIR

stretches a periodic polycrystal of two-slip crystals at constant volume, and draws its grains, |P|
and the accumulated slip at several times, and the average stress-strain curve against the Taylor
average of the same grains; writes the curve as text and the grains for ParaView.
Units: mm, µs, GPa, mg.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.files import replacing
from mlms_fenics.locking import Claim
from mlms_fenics.materials import CrystalLaw, two_slip_crystal
from mlms_fenics.microstructure import random_orientations, voronoi_grains, write_grains
from mlms_fenics.microstructure.grain_picture import draw_boundaries
from mlms_fenics.parallel import entry_point
from mlms_fenics.unitcell import CellResults, FFTCell, TaylorAverage, solve_cells
from mlms_fenics.unitcell.fft_operators import OPERATORS


def options_from(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--out", default="unit_cell", metavar="DIR", help="folder for the results")
    new("--quick", action="store_true", help="16 × 16 cells and 40 steps")
    new("--grid", type=int, default=64, help="cells along each edge (default: 64)")
    new("--grains", type=int, default=16, help="number of grains (default: 16)")
    new("--steps", type=int, default=400, help="increments of the path (default: 400)")
    new("--strain", type=float, default=0.05, help="largest logarithmic strain (default: 0.05)")
    new("--horizon", type=float, default=1e6, help="duration in µs (default: 1e6)")
    new("--exponent", type=float, default=0.5, help="rate exponent m (default: 0.5)")
    new("--seed", type=int, default=0, help="of grains and orientations (default: 0)")
    new("--operator", default=OPERATORS[0], choices=OPERATORS, help="discrete gradient")
    options = parser.parse_args(arguments)
    if options.quick:
        options.grid, options.steps = 16, 40
    require(8 <= options.steps <= 10**5, f"--steps is {options.steps}, but must lie in [8, 100000]")
    require(0 < options.strain <= 0.5, f"--strain is {options.strain}, but must lie in (0, 0.5]")
    return options


@dataclass(frozen=True)
class Shot:
    """Fields at one time: |P| (GPa) and accumulated slip, *Shape* the grid's."""

    strain: float
    stress: np.ndarray
    slip: np.ndarray


def stretch(strain: np.ndarray) -> np.ndarray:
    """U of extension along x at constant volume, *Shape* `(n_t + 1, 2, 2)`."""
    U = np.zeros((len(strain), 2, 2))
    U[:, 0, 0], U[:, 1, 1] = np.exp(strain), np.exp(-strain)
    return U


def full_field(cell: FFTCell, strain: np.ndarray, horizon: float) -> tuple[CellResults, list[Shot]]:
    """The cell's answer, and its fields at a quarter, a half and all of the path.

    The states at the points are those of the end, so the path is solved to each of the three.

    Raises:
        SimulationError: a step could not be solved.
    """
    U, shots, n_t = stretch(strain), [], len(strain) - 1
    for last in (n_t // 4, n_t // 2, n_t):
        seen: dict[str, np.ndarray] = {}
        result, march = solve_cells(
            [cell],
            U[None, : last + 1],
            horizon * last / n_t,
            observe=lambda _cell, _time, _increment, now, seen=seen: seen.update(P=now.P),
        )
        if result.status[0] != 1:
            raise SimulationError(f"{result.message[0]}: take more --steps or a smaller --strain")
        size = np.sqrt((seen["P"] ** 2).sum((0, 1))).reshape(cell.grains.shape)
        # A point's state ends with its slips.
        slip = march.points.state[0][:, -cell.law.n_slip :].sum(-1).reshape(cell.grains.shape)
        shots.append(Shot(float(strain[last]), size, slip))
    return result, shots


def taylor(law: CrystalLaw, cell: FFTCell, strain: np.ndarray, horizon: float) -> np.ndarray:
    """Taylor average over the cell's points: its grains, each with its share of the volume."""
    U = stretch(strain)
    sigma = np.zeros_like(U)
    for g, share in enumerate(np.bincount(cell.grains.ravel()) / cell.grains.size):
        sigma += share * TaylorAverage(law, cell.orientations[g : g + 1]).stress(U, horizon)
    return sigma


def draw(
    path: Path, cell: FFTCell, shots: list[Shot], strain: np.ndarray, curves: dict[str, np.ndarray]
) -> None:
    """Grains and curves on the left, |P| above slip at the shots' times on the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.6 * (len(shots) + 1), 6.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(shots) + 1)
    # The crystal looks the same after a quarter turn.
    angle = np.degrees(np.arctan2(cell.orientations[:, 1, 0], cell.orientations[:, 0, 0])) % 90
    grains = _map(axes[0, 0], cell, angle[cell.grains], (0, 90), "twilight", "grains")
    figure.colorbar(grains, ax=axes[0, 0], shrink=0.85, label="angle of the slip systems, degrees")
    for row, name, label, colours in (
        (0, "stress", "|P|, GPa", "viridis"),
        (1, "slip", "accumulated slip", "magma"),
    ):
        values = [getattr(shot, name) for shot in shots]
        # A few points in the bands would take all the colours.
        limits = (0.0, float(np.quantile(values[-1], 0.995)))
        for axis, shot, field in zip(axes[row, 1:], shots, values, strict=True):
            image = _map(axis, cell, field, limits, colours, f"strain {100 * shot.strain:.3g}%")
        figure.colorbar(image, ax=list(axes[row, 1:]), shrink=0.85, label=label, extend="max")
    for name, stress in curves.items():
        axes[1, 0].plot(100 * strain, stress, label=name)
    axes[1, 0].set(
        xlabel="logarithmic strain, %", ylabel="$σ_{11} - σ_{22}$, GPa", title="average stress"
    )
    axes[1, 0].legend(frameon=False)
    with replacing(path) as beside:
        figure.savefig(beside, dpi=100)


def _map(
    axis: Any,
    cell: FFTCell,
    values: np.ndarray,
    limits: tuple[float, float],
    colours: str,
    title: str,
) -> Any:
    image = axis.imshow(
        values.T, origin="lower", cmap=colours, vmin=limits[0], vmax=limits[1],
        interpolation="nearest",
    )  # fmt: skip
    draw_boundaries(axis, cell.grains)
    axis.set(title=title, xticks=[], yticks=[])
    return image


@entry_point
def main(arguments: list[str] | None = None) -> int:
    """Run the demo."""
    options = options_from(arguments)
    law = two_slip_crystal(rate_exponent=options.exponent)
    grains = voronoi_grains((options.grid, options.grid), options.grains, options.seed)
    Q = random_orientations(options.grains, options.seed, dimension=2)
    cell = FFTCell(law, grains, Q, operator=options.operator)
    out = Path(options.out)
    with Claim(out):
        strain = np.linspace(0.0, options.strain, options.steps + 1)
        result, shots = full_field(cell, strain, options.horizon)
        average = taylor(law, cell, strain, options.horizon)
        curves = {
            name: stress[:, 0, 0] - stress[:, 1, 1]
            for name, stress in (("full field", result.stress[0]), ("Taylor average", average))
        }
        write_grains(out / "grains.vti", grains, Q)
        write_grains(out / "grains.h5", grains, Q)
        draw(out / "unit_cell.png", cell, shots, strain, curves)
        table = np.column_stack((strain, *curves.values()))
        np.savetxt(
            out / "stress.txt",
            table,
            header="log strain, sigma_11 - sigma_22 (GPa): full field, Taylor",
        )
    seconds = result.seconds
    print(
        f"{options.grid} × {options.grid} cells, {options.grains} grains, {options.steps} steps: "
        f"{seconds['total']:.3g} s, {result.iterations.mean():.3g} iterations per step; "
        f"law {seconds['law'] / seconds['total']:.0%}, FFT {seconds['fft'] / seconds['total']:.0%} "
        f"of the time; largest residual {result.residual.max():.2g}"
    )
    print(
        f"sigma_11 - sigma_22 at the end: full field {table[-1, 1]:.4g} GPa, Taylor "
        f"{table[-1, 2]:.4g} GPa; half of the slip lies in "
        f"{_share_of_half(shots[-1].slip):.0%} of the cell; picture {out / 'unit_cell.png'}"
    )
    return 0


def _share_of_half(slip: np.ndarray) -> float:
    """Smallest part of the cell that holds half of the slip: a half where it is uniform."""
    parts = np.sort(slip.ravel())[::-1].cumsum()
    return float(np.searchsorted(parts, 0.5 * parts[-1]) + 1) / parts.size


if __name__ == "__main__":
    sys.exit(main())
