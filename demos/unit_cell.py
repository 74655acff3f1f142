# SPDX-License-Identifier: MIT
"""One strain path of the two-dimensional full-field unit cell, with pictures.

    python demos/unit_cell.py --out DIR

draws the grains, |P| and the accumulated slip at several times, and the average stress-strain curve
against the Taylor average of the same grains; writes the curve as text and the grains for ParaView.
Units: mm, µs, GPa, mg.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.files import replacing
from mlms_fenics.materials import two_slip_crystal
from mlms_fenics.microstructure import (
    draw_grains,
    random_orientations,
    voronoi_grains,
    write_grains,
)
from mlms_fenics.parallel import entry_point
from mlms_fenics.unitcell import FFTCell, TaylorAverage, solve_cells
from mlms_fenics.unitcell.fft_operators import OPERATORS


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--out", default="unit_cell", metavar="DIR", help="folder for the results")
    new("--quick", action="store_true", help="16 × 16 cells and 40 steps")
    new("--grid", type=int, default=64, help="cells along each edge (default: 64)")
    new("--grains", type=int, default=16, help="number of grains (default: 16)")
    new("--steps", type=int, default=1000, help="increments of the path (default: 1000)")
    new("--strain", type=float, default=0.05, help="largest logarithmic strain (default: 0.05)")
    new("--horizon", type=float, default=1e6, help="duration in µs (default: 1e6)")
    new("--exponent", type=float, default=0.5, help="rate exponent m (default: 0.5)")
    new("--seed", type=int, default=0, help="of grains and orientations (default: 0)")
    new("--operator", default="rotated", choices=OPERATORS, help="discrete gradient")
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.grid, chosen.steps = 16, 40
    require(chosen.steps >= 4, f"--steps is {chosen.steps}, but must be at least 4")
    require(0 < chosen.strain <= 0.5, f"--strain is {chosen.strain}, but must lie in (0, 0.5]")
    return chosen


@entry_point
def main(arguments: list[str] | None = None) -> int:
    """Run the demo."""
    chosen = options(arguments)
    out = Path(chosen.out)
    out.mkdir(parents=True, exist_ok=True)
    law = two_slip_crystal(rate_exponent=chosen.exponent)
    grains = voronoi_grains((chosen.grid, chosen.grid), chosen.grains, chosen.seed)
    Q = random_orientations(chosen.grains, chosen.seed, dimension=2)
    strain = np.linspace(0.0, chosen.strain, chosen.steps + 1)
    U = np.zeros((chosen.steps + 1, 2, 2))
    U[:, 0, 0], U[:, 1, 1] = np.exp(strain), np.exp(-strain)

    cell = FFTCell(law, grains, Q, operator=chosen.operator)
    shots = [max(1, round(x * chosen.steps)) for x in (0.25, 0.5, 1.0)]
    fields = []

    def keep(_number: int, time: float, increment: int, now) -> None:
        if increment in shots:
            size = np.sqrt((now.P**2).sum((0, 1))).reshape(grains.shape)
            fields.append((strain[increment], size))

    result, march = solve_cells([cell], U[None], chosen.horizon, observe=keep)
    if result.status[0] != 1:
        raise SimulationError(result.message[0])
    slip = march.points.state[0].reshape(*grains.shape, -1)[..., 9:].sum(-1)
    # Grains of unequal size: the Taylor average of the cell's points, grain by grain.
    sigma = np.zeros_like(U)
    for g, share in enumerate(np.bincount(grains.ravel()) / grains.size):
        sigma += share * TaylorAverage(law, Q[g : g + 1]).stress(U, chosen.horizon)

    draw_grains(grains, out / "grains.png")
    write_grains(out / "grains.vti", grains, Q)
    write_grains(out / "grains.h5", grains, Q)
    draw(out / "fields.png", fields, slip, strain, result.stress[0], sigma)
    table = np.column_stack((strain, result.stress[0][:, 0, 0], sigma[:, 0, 0]))
    np.savetxt(out / "stress.txt", table, header="log strain, sigma_11 (GPa) full field, Taylor")
    points, seconds = grains.size, result.seconds
    per = points * result.iterations.sum() / seconds["total"]
    print(
        f"{chosen.grid} x {chosen.grid} cells, {chosen.grains} grains, {chosen.steps} steps: "
        f"{seconds['total']:.3g} s; {result.iterations.mean():.3g} iterations per step, "
        f"{per:.3g} points x iterations per second; law {seconds['law'] / seconds['total']:.0%}, "
        f"FFT {seconds['fft'] / seconds['total']:.0%} of the time; "
        f"largest residual {result.residual.max():.2g}"
    )
    print(
        f"sigma_11 at the end: full field {table[-1, 1]:.4g} GPa, Taylor {table[-1, 2]:.4g} GPa; "
        f"pictures in {out}"
    )
    return 0


def draw(path: Path, fields: list, slip: np.ndarray, strain, sigma, taylor) -> None:
    """|P| at several strains, slip at the end, and the stress-strain curves."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4 * (len(fields) + 2), 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(fields) + 2)
    maps = [(f"|P| (GPa) at strain {e:.3g}", size) for e, size in fields]
    maps.append(("accumulated slip at the end", slip))
    for axis, (title, values) in zip(axes[:-1], maps, strict=True):
        image = axis.imshow(values.T, origin="lower", cmap="viridis", interpolation="nearest")
        figure.colorbar(image, ax=axis, shrink=0.8)
        axis.set(title=title, xlabel="x", ylabel="y")
    axes[-1].plot(strain, sigma[:, 0, 0], label="full field")
    axes[-1].plot(strain, taylor[:, 0, 0], "--", label="Taylor average")
    axes[-1].set(xlabel="logarithmic strain", ylabel="$\\sigma_{11}$ (GPa)")
    axes[-1].legend()
    with replacing(path) as beside:
        figure.savefig(beside, dpi=130)


if __name__ == "__main__":
    sys.exit(main())
