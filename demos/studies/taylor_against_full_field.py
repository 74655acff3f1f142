# SPDX-License-Identifier: MIT
"""What the Taylor assumption costs: the same grains in a full-field cell in 3D, and each alone.

    python demos/studies/taylor_against_full_field.py --out results/taylor_against_full_field

Periodic Voronoi grains of a library metal, with its real rate exponent, are led along strain
paths: compression along z, simple shear, a random walk. The full-field cell solves for equilibrium
between the grains; the Taylor average gives all of them the same strain. Table of what that
changes: the average deviator, the von Mises stress at the end, twin fraction, pole figures. Each
path of each metal is computed once; a study that was stopped goes on with the next.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlms_fenics.data.laws import law_from_options
from mlms_fenics.data.paths import sample_path
from mlms_fenics.data.settings import PathSettings
from mlms_fenics.errors import SimulationError, require
from mlms_fenics.files import replacing
from mlms_fenics.kinematics.tensors import deviator, frobenius, polar, von_mises
from mlms_fenics.locking import Claim
from mlms_fenics.materials import CrystalLaw, Polycrystal
from mlms_fenics.materials.crystal.reorientation import lattice_with_twins
from mlms_fenics.microstructure import random_orientations, voronoi_grains
from mlms_fenics.microstructure.pole_figure import FAMILIES, family_poles, pole_density
from mlms_fenics.numbers import check_positive
from mlms_fenics.parallel import entry_point
from mlms_fenics.unitcell import FFTCell, solve_cells

PATHS = {
    "compression": {"protocol": "uniaxial", "direction": (0.0, 0.0, 1.0), "number": 1},
    "shear": {"protocol": "shear", "direction": (0.0, 0.0, 1.0), "number": 0},
    "walk": {"protocol": "log", "max_volume": 1e-3, "number": 0},
}
# Of a walk, in units of the equivalent strain that it reaches on average.
WALK = 1.0 / 2.3


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--metals", nargs="+", default=["copper", "magnesium-wang2014"],
        help="laws as of the generator's --law (default: %(default)s)")  # fmt: skip
    new("--paths", nargs="+", choices=tuple(PATHS), default=list(PATHS))
    new("--grid", type=int, default=16, help="points along an edge (default: %(default)s)")
    new("--grains", type=int, default=32, help="default: %(default)s")
    new("--strain", type=float, default=0.05, help="at the end (default: %(default)s)")
    new("--steps", type=int, default=50, help="default: %(default)s")
    new("--rate", type=float, default=1e4, help="of strain, 1/s (default: %(default)g)")
    new("--tolerance", type=float, default=1e-3, help="of equilibrium (default: %(default)g)")
    new("--seed", type=int, default=0, help="of grains and walks (default: 0)")
    new("--out", type=Path, default=Path("results/taylor_against_full_field"))
    new("--quick", action="store_true", help="4³ points, 4 grains, 4 steps of copper: a test")
    options = parser.parse_args(argv)
    if options.quick:
        options.metals, options.grid, options.grains, options.steps = ["copper"], 4, 4, 4
        options.strain = 0.01
    check_positive("--strain", options.strain, largest=0.5)
    check_positive("--rate", options.rate, "1/s")
    require(options.steps >= 1, f"--steps is {options.steps}, but must be at least 1")
    return options


def strain_path(name: str, options: argparse.Namespace) -> np.ndarray:
    """U, *Shape* `(steps + 1, 3, 3)`."""
    settings = dict(PATHS[name])
    number = settings.pop("number")
    reach = options.strain * (WALK if name == "walk" else 1.0)
    settings = PathSettings(steps=options.steps, max_strain=reach, **settings)
    return sample_path(settings, options.seed, number)


def lattices(
    law: CrystalLaw, F: np.ndarray, packed: np.ndarray, Q: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Orientations with twins, and their volume fractions.

    Args:
        law: the crystal.
        F: of each grain or point, *Shape* `(n, 3, 3)`.
        packed: states, *Shape* `(n, n_state)`.
        Q: orientations at rest, *Shape* `(n, 3, 3)`.
        weights: *Shape* `(n,)`.
    """
    elastic = F @ Q @ packed[:, :9].reshape(-1, 3, 3)
    return lattice_with_twins(law, polar(torch.from_numpy(elastic))[0].numpy(), packed, weights)


def pole_difference(lattice: str, one: tuple, other: tuple) -> float:
    """Root mean square difference of the pole figures, multiples of uniform; the largest family."""
    found = []
    for indices in FAMILIES[lattice].values():
        normals = family_poles(lattice, indices)
        densities = []
        for Q, w in (one, other):
            poles = np.einsum("gij,pj->gpi", Q, normals).reshape(-1, 3)
            shares = np.repeat(w, len(normals))
            densities.append(pole_density(poles, 15.0, 41, shares)[1])
        found.append(float(np.sqrt(np.nanmean((densities[0] - densities[1]) ** 2))))
    return max(found)


def compare(metal: str, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One path of one metal, in the cell and grain by grain."""
    law = law_from_options(metal)
    U = strain_path(name, options)
    duration = 1e6 * options.strain / options.rate
    grains = voronoi_grains((options.grid,) * 3, options.grains, options.seed)
    Q = random_orientations(options.grains, options.seed)
    share = np.bincount(grains.ravel(), minlength=options.grains) / grains.size

    begin, cpu = time.perf_counter(), time.process_time()
    cell, final = FFTCell(law, grains, Q), {}
    results, march = solve_cells(
        [cell], U[None], duration, options.tolerance, lambda c, t, k, f: final.update(F=f.F)
    )
    if results.status[0] != 1:
        raise SimulationError(f"{metal}, {name}: {results.message[0]}")
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    F = final["F"].reshape(3, 3, -1).transpose(2, 0, 1)
    own = march.points.state[0]
    full = results.stress[0]
    equal = np.full(len(own), 1.0 / len(own))
    cell_lattice = lattices(law, F, own, Q[grains.ravel()], equal)

    taylor = Polycrystal(law, Q, weights=share, tolerance=options.tolerance)
    state, sigma = taylor.initial_state(1), np.zeros_like(full)
    dt = duration / options.steps
    for k in range(1, len(U)):
        stress, state = taylor.update(torch.from_numpy(U[k : k + 1]), k * dt, dt, state)
        sigma[k] = stress[0].numpy()
    packed = state["grains"][0].numpy()
    same = np.broadcast_to(U[-1], (len(Q), 3, 3))
    taylor_lattice = lattices(law, same, packed, Q, share)

    off, norm = frobenius(deviator(sigma - full)), frobenius(deviator(full))
    twins = slice(9, 9 + law.n_twin)
    hexagonal = law.n_twin > 0 or any("basal" in family.name for family in law.slip)
    lattice = "hexagonal" if hexagonal else "cubic"
    return {
        "deviator, relative L2": float(np.sqrt((off**2).sum() / (norm**2).sum())),
        "deviator at the end": float(off[-1] / norm[-1]),
        "von Mises, cell [MPa]": 1e3 * float(von_mises(full[-1])),
        "von Mises, Taylor [MPa]": 1e3 * float(von_mises(sigma[-1])),
        "twin fraction, cell": float(own[:, twins].sum(1).mean()),
        "twin fraction, Taylor": float(share @ packed[:, twins].sum(1)),
        "pole figures": pole_difference(lattice, cell_lattice, taylor_lattice),
        "pole figures, turned by": pole_difference(lattice, cell_lattice, (Q, share)),
        "seconds a step": seconds / options.steps,
        "CPU seconds a step": cpu / options.steps,
        "evaluations a step": float(results.evaluations[0]) / options.steps,
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| metal, path, points, grains | deviator, L2 (at the end) | von Mises at the end, cell, "
        "Taylor, MPa | twins, cell, Taylor | pole figures (change from rest) | s a step (CPU) |",
        "|---|---|---|---|---|---|",
    ]
    for name, r in results.items():
        lines.append(
            f"| {name} | {100 * r['deviator, relative L2']:.1f}% "
            f"({100 * r['deviator at the end']:.1f}%) | {r['von Mises, cell [MPa]']:.0f}, "
            f"{r['von Mises, Taylor [MPa]']:.0f} | {r['twin fraction, cell']:.3f}, "
            f"{r['twin fraction, Taylor']:.3f} | {r['pole figures']:.2f} "
            f"({r['pole figures, turned by']:.2f}) | {r['seconds a step']:.2g} "
            f"({r['CPU seconds a step']:.2g}) |"
        )
    return "\n".join(lines) + "\n"


def study(options: argparse.Namespace) -> None:
    """All paths of all metals that are not there yet."""
    file = options.out / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    for metal in options.metals:
        for name in options.paths:
            size = f"{options.grid}³, {options.grains}"
            key = f"{metal}, {name} to {options.strain:g} in {options.steps}, {size}"
            if key in results:
                continue
            results[key] = compare(metal, name, options)
            with replacing(file) as beside:
                beside.write_text(json.dumps(results, indent=1), encoding="utf-8")
            with replacing(options.out / "table.md") as beside:
                beside.write_text(table(results), encoding="utf-8")
            print(f"{key}: {results[key]}", flush=True)
    print(table(results))


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    options = options_from(argv)
    with Claim(options.out):
        study(options)


if __name__ == "__main__":
    sys.exit(main())
