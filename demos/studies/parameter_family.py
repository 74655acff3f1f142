# SPDX-License-Identifier: MIT
"""One learnt law for rolled magnesium of any sharpness, strength and rate, judged on none it knew.

    python demos/studies/parameter_family.py --out results/parameter_family

Sets of the training: c axes scatter about ND by 8 to 50 degrees; the basal systems' tau_0, the
prismatic systems' saturation and the rates of all families (by one factor) are the metal's, up to
twice as large or small (the rates up to 3.2 times), drawn anew for each set. Histories of a set:
walks to 10% and those of the elements of bars, cut from the plate along its axes, that hit a wall
with 250 and 350 m/s, up to 1 and 3 µs. Judged, on histories of each kind: metals and textures
between and at the edge of those of the training, with a table of mean deviatoric errors of the
family's law, of the same family told the metal's usual numbers, and of the best empirical law
fitted there. Each data set and the family are made once; a study that was stopped goes on.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.data.generate import main as generate
from mlms_fenics.data.laws import numbers_of
from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.impact import anvil_solver
from mlms_fenics.impact.batch import save_json
from mlms_fenics.impact.harvested import choose_deformed, stretch_histories, write_histories
from mlms_fenics.impact.textures import body_frame
from mlms_fenics.judge.baselines import ZERO, fit_baselines
from mlms_fenics.judge.judged_data import JudgedData, load_judged
from mlms_fenics.materials import Polycrystal, magnesium
from mlms_fenics.microstructure import fibre_texture, read_texture, write_orientations
from mlms_fenics.stages import run_stage, study_command
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.family.law import FamilyLaw
from mlms_fenics.surrogate.histories import run
from mlms_fenics.surrogate.metrics import path_errors

FAMILIES = ("basal", "prismatic", "pyramidal", "tensile_twin")
# By what factor a number is at most larger or smaller than the metal's.
SPANS = {"basal.tau_0": 2.0, "prismatic.saturation": 2.0, "basal.rate": 10.0**0.5}
SHARP, BROAD = 8.0, 50.0  # degrees
# Scatter, and each number over the metal's: not one of the training's.
UNSEEN = {
    "sharp, soft basal": (14.0, 0.6, 1.0, 1.0),
    "usual metal": (20.0, 1.0, 1.0, 1.0),
    "weak prismatic": (24.0, 1.2, 0.6, 0.7),
    "strong prismatic, slow": (30.0, 0.8, 1.7, 0.4),
    "hard basal, fast": (38.0, 1.7, 0.9, 2.2),
    "a corner of all ranges": (10.0, 1.9, 1.9, 0.35),
}
# Bars of the harvest: velocity, scatter in degrees of the texture that they have; µs of their
# histories: the foot is hit hard and early, which is looked at more closely.
BARS = ((250.0, 15.0), (350.0, 40.0))
DURATIONS = (1.0, 3.0)
KINDS = ("walks", *(f"bars, {duration:g} µs" for duration in DURATIONS))


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--sets", type=int, default=48, help="of the training (default: 48)")
    new("--paths", type=int, default=40, help="walks in each, and elements of bars (default: 40)")
    new("--grains", type=int, default=64, help="of each texture (default: 64)")
    new("--minutes", type=float, default=10.0, help="of the training (default: 10)")
    new("--out", type=Path, default=Path("results/parameter_family"), help="folder for everything")
    new("--quick", action="store_true", help="a test of the chain")
    options = parser.parse_args(argv)
    require(options.sets >= 8, f"--sets {options.sets}: must be at least 8")
    require(options.paths >= 40, f"--paths {options.paths}: must be at least 40")
    require(options.grains >= 4, f"--grains {options.grains}: must be at least 4")
    options.steps, options.size, options.width = 50, 0.25, 128
    if options.quick:
        options.sets, options.grains, options.steps, options.size = 8, 4, 10, 0.5
        options.width, options.minutes = 16, min(options.minutes, 0.2)
    return options


def numbers(factors: Sequence[float]) -> dict[str, float]:
    """Of the metal, by the names that the generator's --set has; the rates of all families."""
    usual = numbers_of(magnesium())
    found = {name: usual[name] * f for name, f in zip(SPANS, factors, strict=True)}
    return found | {f"{name}.rate": usual[f"{name}.rate"] * factors[-1] for name in FAMILIES}


def training_set(k: int) -> tuple[float, tuple[float, ...]]:
    """Scatter in degrees, and factors of the metal's numbers, of set number k."""
    rng = np.random.default_rng([k, 17])
    scatter = float(np.exp(rng.uniform(np.log(SHARP), np.log(BROAD))))
    draws = rng.uniform(-1.0, 1.0, len(SPANS))
    return scatter, tuple(float(s**x) for s, x in zip(SPANS.values(), draws, strict=True))


def harvest(options: argparse.Namespace) -> dict[float, np.ndarray]:
    """Histories of the bars' elements in their plate's frame, by duration.

    Returns:
        By µs, *Shape* `(n, steps + 1, 3, 3)`.
    """
    files = {duration: options.out / f"bars_{duration:g}.npy" for duration in DURATIONS}
    if all(file.exists() for file in files.values()):
        return {duration: np.load(file) for duration, file in files.items()}
    found: dict[float, list[np.ndarray]] = {duration: [] for duration in DURATIONS}
    for k, (velocity, scatter) in enumerate(BARS):
        print(f"a bar with {velocity:g} m/s", flush=True)
        law = Polycrystal(magnesium(), body_frame("RD") @ fibre_texture(12, k, spread=scatter))
        solver = anvil_solver(
            MPI.COMM_SELF, law, velocity=velocity, diameter=1.0, height=3.0, size=options.size
        )
        made = stretch_histories(solver, max(DURATIONS), DURATIONS, options.steps)
        for duration, U in zip(DURATIONS, made, strict=True):
            rng = np.random.default_rng([k, 29])
            found[duration].append(choose_deformed(U, 0.02, 600, rng, "bar"))
    for duration, file in files.items():
        with replacing(file) as beside:
            np.save(beside, np.concatenate(found[duration]))
    return {duration: np.load(file) for duration, file in files.items()}


def some_of(bars: np.ndarray, n: int, seed: int) -> np.ndarray:
    """As many of the bars' histories, each of a bar along RD, TD or ND."""
    rng = np.random.default_rng([seed, 31])
    rows = rng.choice(len(bars), n, replace=len(bars) < n)
    axes = np.stack([body_frame(axis) for axis in ("RD", "TD", "ND")])[rng.integers(0, 3, n)]
    B = axes[:, None]
    return np.swapaxes(B, -1, -2) @ bars[rows] @ B


def make_data(
    options: argparse.Namespace,
    name: str,
    cell: tuple[float, Sequence[float]],
    bars: dict[float, np.ndarray],
    seed: int,
) -> list[Path]:
    """Walks, and histories of bars, of a texture and metal; made where they are not all there.

    Returns:
        Files of the walks, and of the bars' histories of each duration.
    """
    scatter, factors = cell
    texture = options.out / f"{name}.txt"
    if not texture.exists():
        write_orientations(texture, fibre_texture(options.grains, 500 + seed, spread=scatter))
    kinds = {"walks": ["--protocol", "log", "--max-strain", "0.1", "--steps", str(options.steps),
                       "--samples", str(options.paths)]}  # fmt: skip
    for duration, U in bars.items():
        paths = options.out / f"{name}_paths_{duration:g}.h5"
        if not paths.exists():
            write_histories(paths, some_of(U, options.paths // 2, seed), duration)
        kinds[f"bars_{duration:g}"] = ["--protocol", "harvested", "--paths", str(paths)]
    files = [options.out / f"{name}_{kind}.h5" for kind in kinds]
    for k, (file, kind) in enumerate(zip(files, kinds.values(), strict=True)):
        words = [w for k, v in numbers(factors).items() for w in ("--set", f"{k}={v!r}")]
        generate([
            "taylor", *kind, "--tolerance", "3e-3", "--seed", str(seed + 5000 * k), *words,
            "--orientations", str(texture), "--out", str(file),
        ])  # fmt: skip
    return files


def deviatoric(stress: np.ndarray, judged: JudgedData) -> float:
    """Mean deviatoric error of histories of stress."""
    return float(path_errors(stress, judged.sigma, judged.time)["deviatoric"].mean())


def judge(
    family: FamilyLaw, texture: Path, factors: Sequence[float], files: Sequence[Path]
) -> dict[str, Any]:
    """What the table has of a texture and metal."""
    Q, given = read_texture(texture).orientations, numbers(factors)
    given = {p.name: given[p.name] for p in family.parameters}
    usual = {name: numbers_of(magnesium())[name] for name in given}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the distance stands in the table
        law = family.of_texture(Q, None, given)
        others = family.of_texture(Q, None, usual)
    found: dict[str, Any] = {
        name: law.report[f"{name}_distance"] for name in ("texture", "parameter")
    }
    for kind, file in zip(KINDS, files, strict=True):
        judged = load_judged(law, file, 1000)
        laws = fit_baselines(law.law, judged.spare_U, judged.spare_sigma, judged.time)
        found[kind] = {
            "family": deviatoric(run(law, judged.U, judged.time)[0], judged),
            "usual numbers": deviatoric(run(others, judged.U, judged.time)[0], judged),
            "empirical": min(
                deviatoric(each.stress(judged.U, judged.time), judged)
                for each in laws
                if each.name != ZERO
            ),
        }
    return found


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "Mean deviatoric error on metals and textures that the family was not trained on: its law,"
        " told the usual metal's numbers, and the best fitted empirical law.",
        "",
        f"| metal | distance: texture, numbers | {' | | | '.join(KINDS)} | | |",
        "|---|---|" + 3 * len(KINDS) * "---|",
    ]
    for name, found in results.items():
        cells = [
            f"{found[kind][key]:.1%}"
            for kind in KINDS
            for key in ("family", "usual numbers", "empirical")
        ]
        apart = f"{found['texture']:.2f}, {found['parameter']:.2f}"
        lines.append(f"| {name} | {apart} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def study(options: argparse.Namespace) -> None:
    """All that is not done yet, then the table."""
    bars = harvest(options)
    sets = [
        make_data(options, f"s{k:03d}", training_set(k), bars, 100 + k) for k in range(options.sets)
    ]
    file = options.out / "family.h5"
    if not file.exists():
        command = [sys.executable, "-m", "mlms_fenics.surrogate.family", "train"]
        command += [str(data) for files in sets for data in files]
        command += ["--minutes", f"{options.minutes:g}", "--width", str(options.width)]
        run_stage("the family", "family", [*command, "--resume", "--out", str(file)], 1)
    family, results = load_model(file, device="cpu"), {}
    for k, (name, (scatter, *factors)) in enumerate(UNSEEN.items()):
        files = make_data(options, f"unseen{k}", (scatter, factors), bars, 900 + k)
        results[name] = judge(family, options.out / f"unseen{k}.txt", factors, files)
        save_json(options.out / "results.json", results)
        with replacing(options.out / "table.md") as beside:
            beside.write_text(table(results), encoding="utf-8")
    print(table(results))


main = study_command(options_from, study)

if __name__ == "__main__":
    sys.exit(main())
