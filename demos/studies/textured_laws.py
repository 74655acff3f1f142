# SPDX-License-Identifier: MIT
"""Who gets the ellipse: laws of a textured polycrystal in the anvil, beside the polycrystal itself.

    python demos/studies/textured_laws.py --axis RD --out results/textured_laws

The bar of demos/textured_anvil.py is run with the polycrystal at every point, then with laws that
are learnt from it (reduced polycrystals, networks) and with Hill, Johnson-Cook and J2
fitted to it, on the same mesh. It writes results.json, table.md, and pictures of the feet and of
the bars' silhouettes. Each stage and each run is done once; a study that was stopped goes on.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.impact import anvil_solver
from mlms_fenics.impact.batch import Run, run_once, save_json
from mlms_fenics.impact.compare import only_xdmf
from mlms_fenics.impact.footprint import rim_of_foot
from mlms_fenics.impact.footprint_figure import draw_foot, draw_silhouettes
from mlms_fenics.impact.harvested import choose_deformed, stretch_histories, write_histories
from mlms_fenics.impact.snapshots import read_snapshot
from mlms_fenics.impact.textured_judge import growth_table, judge_textured, strength_table
from mlms_fenics.impact.textured_laws import (
    add_metal_options,
    build_textured_law,
    crystal_of,
)
from mlms_fenics.impact.textures import add_texture_options, body_texture
from mlms_fenics.locking import Claim
from mlms_fenics.materials import Polycrystal
from mlms_fenics.materials.uniaxial import uniaxial_stress
from mlms_fenics.microstructure import write_orientations
from mlms_fenics.numbers import check_positive
from mlms_fenics.parallel import entry_point
from mlms_fenics.stages import run_stage

DEMO = "textured_anvil.py"
NETWORKS = ("recurrent", "grains")
EMPIRICAL = ("hill", "johnson-cook", "j2")
# Histories to learn from: protocol, number, largest strain, seed.
DATA = (
    ("uniaxial", 160, 0.4, 2),
    ("shear", 60, 0.3, 3),
    ("non-proportional", 240, 0.3, 4),
    ("log", 30, 0.1, 1),
)
HORIZON = 2.0  # µs
COARSER = 4.0 / 3.0  # than the bar's mesh: of those that are harvested
LEAST_STRAIN = 3e-3  # of an element whose history is learnt from
RATE = 0.1  # of the strengths at a point, 1/µs


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    add_metal_options(new)
    add_texture_options(new)
    new("--velocity", type=float, default=300.0, help="of the bar, m/s (default: 300)")
    new("--mesh-size", type=float, default=0.125, help="mm (default: 0.125)")
    new("--end-time", type=float, default=3.0, help="µs (default: 3)")
    new("--reduced", type=int, nargs="*", default=[8],
        help="numbers of grains of reduced polycrystals (default: 8)")  # fmt: skip
    new("--networks", nargs="*", choices=NETWORKS, default=[],
        help="also train these (default: none)")  # fmt: skip
    new("--more", type=int, default=1, metavar="N",
        help="so many times the histories to learn from (default: 1)")  # fmt: skip
    new("--harvest", type=float, nargs="*", default=[], metavar="M/S",
        help="each learnt law once more: networks trained also on the histories of the elements of "
        "coarser bars with these velocities and the polycrystal at every point, reduced "
        "polycrystals fitted to these only (default: none)")  # fmt: skip
    new("--minutes", type=float, default=8.0, help="of each training (default: 8)")
    new("--model", dest="models", nargs="*", default=[], metavar="NAME=FILE",
        help="further learnt laws")  # fmt: skip
    new("--ranks", type=int, default=1, help="of MPI, for the runs (default: 1)")
    new("--out", type=Path, default=Path("results/textured_laws"), help="folder for everything")
    new("--quick", action="store_true", help="a test of the chain")
    options = parser.parse_args(argv)
    require(options.ranks >= 1, f"--ranks {options.ranks}: must be at least 1")
    require(options.more >= 1, f"--more {options.more}: must be at least 1")
    for velocity in options.harvest:
        check_positive("--harvest", velocity, "m/s")
    for given in options.models:
        name, _, file = given.partition("=")
        good = bool(name) and Path(file).is_file()
        require(good, f"--model {given!r}: must be NAME=FILE with an existing file")
    if options.quick:
        options.grains, options.reduced, options.minutes = min(options.grains, 4), [2], 0.15
    return options


def texture_options(options: argparse.Namespace) -> list[str]:
    """What all runs share."""
    same = ["--metal", options.metal, "--axis", options.axis, "--grains", str(options.grains)]
    for change in options.set:
        same += ["--set", change]
    for name in ("rolled", "orientations"):
        if getattr(options, name) is not None:
            same += [f"--{name}", str(getattr(options, name))]
    return same


def steps(options: argparse.Namespace) -> int:
    """Of each history."""
    return 20 if options.quick else 50


def generate(options: argparse.Namespace, name: str, choice: Sequence[str]) -> str:
    """Stress of the texture along histories; what is there is kept or gone on with; the file."""
    file = str(options.out / f"{name}.h5")
    command = [sys.executable, "-m", "mlms_fenics.data.generate", "taylor", "--out", file]
    command += ["--law", options.metal, "--orientations", str(options.out / "texture.txt")]
    command += ["--tolerance", "3e-3", *choice]
    for change in options.set:
        command += ["--set", change]
    run_stage(f"histories: {name}", name, command, 1)
    return file


def harvest(options: argparse.Namespace) -> list[Path]:
    """Histories of bars with other velocities, once; files of those of each duration."""
    if not options.harvest:
        return []
    # The foot is hit hard and early: a third of the run is looked at more closely.
    end = 0.5 if options.quick else options.end_time
    files = {options.out / f"paths_{k}.h5": end / k for k in (1, 3)}
    if all(file.exists() for file in files):
        return list(files)
    crystal, lattice = crystal_of(options)
    few = body_texture(options, lattice)[1]
    law = Polycrystal(crystal, few.orientations, weights=few.weights, tolerance=options.tolerance)
    size = COARSER * (0.25 if options.quick else options.mesh_size)
    found = []
    for velocity in options.harvest:
        print(f"histories of the bar with {velocity:g} m/s", flush=True)
        solver = anvil_solver(
            MPI.COMM_SELF, law, velocity=velocity, diameter=1.0, height=3.0, size=size
        )
        found.append(stretch_histories(solver, end, list(files.values()), steps(options)))
    rng = np.random.default_rng(0)
    for (file, horizon), parts in zip(files.items(), zip(*found, strict=True), strict=True):
        U = np.concatenate(parts)
        write_histories(file, choose_deformed(U, LEAST_STRAIN, len(U), rng, "bar"), horizon)
    return list(files)


def learn(options: argparse.Namespace) -> dict[str, Path]:
    """Texture, histories and models that are not there yet; files of the models by name."""
    out, python = options.out, sys.executable
    texture = out / "texture.txt"
    if not texture.exists():
        few = body_texture(options, crystal_of(options)[1])[1]
        write_orientations(texture, few.orientations, weights=few.weights)
    data = []
    for protocol, samples, strain, seed in DATA[:1] if options.quick else DATA:
        number = 40 if options.quick else samples * options.more
        command = ["--protocol", protocol, "--samples", str(number), "--max-strain", str(strain)]
        command += ["--seed", str(seed), "--horizon", str(HORIZON), "--steps", str(steps(options))]
        if protocol in ("uniaxial", "non-proportional"):
            command += ["--amplitude", "random"]
        data.append(generate(options, protocol, command))
    harvested = [
        generate(
            options, f"harvested_{file.stem}", ["--protocol", "harvested", "--paths", str(file)]
        )
        for file in harvest(options)
    ]
    models = {}
    train = [python, "-m", "mlms_fenics.surrogate.train"]
    for grains in options.reduced:
        # A reduced polycrystal is fitted to histories of one duration.
        for paths, name in ((data, ""), (harvested[:1], ", harvested")):
            if not paths:
                continue
            models[f"reduced, {grains}{name}"] = file = out / (
                f"reduced_{grains}{name.replace(', ', '_')}.h5"
            )
            command = [*train, *paths, "--architecture", "reduced", "--grains", str(grains)]
            # The texture's own orientations are good candidates: few others, and few histories, do.
            command += ["--candidates", "60", "--samples", "40", "--starts", "1"]
            command += ["--minutes", str(options.minutes), "--tolerance", f"{options.tolerance:g}"]
            command += ["--out", str(file)]
            if not file.exists():
                run_stage(f"reduced polycrystal of {grains} grains{name}", file.stem, command, 1)
    for network in options.networks:
        for more, name in ((), network), (harvested, f"{network}, harvested"):
            if name != network and not more:
                continue
            models[name] = file = out / f"{name.replace(', ', '_')}.h5"
            command = [*train, *data, *more, "--architecture", network]
            command += ["--minutes", str(options.minutes), "--epochs", "3000"]
            command += ["--patience", "3000", "--out", str(file)]
            if not file.exists():
                run_stage(f"{name} network", file.stem, command, 1)
    return models


def laws_of(options: argparse.Namespace, models: dict[str, Path]) -> dict[str, list[str]]:
    """Options of each law, the truth first."""
    laws = {"truth": ["--law", "taylor", "--tolerance", f"{options.tolerance:g}"]}
    for name, file in models.items():
        laws[name] = ["--law", "learnt", "--model", str(file.resolve())]
    for given in options.models:
        name, _, file = given.partition("=")
        laws[name] = ["--law", "learnt", "--model", str(Path(file).resolve())]
    return laws | {name: ["--law", name] for name in EMPIRICAL}


def run_all(options: argparse.Namespace, laws: dict[str, list[str]]) -> dict[str, Run]:
    """Each law in the anvil."""
    shared = texture_options(options)
    shared += ["--velocity", f"{options.velocity:g}", "--outputs", "2"]
    if options.quick:
        shared += ["--quick"]
    else:
        shared += ["--mesh-size", f"{options.mesh_size:g}", "--end-time", f"{options.end_time:g}"]
    return {
        name: run_once(
            options.out / name.replace(", ", "_"), DEMO, [*shared, *law], ranks=options.ranks
        )
        for name, law in laws.items()
    }


def strengths(options: argparse.Namespace, laws: dict[str, list[str]]) -> dict[str, Any]:
    """Stress of each law under tension and compression along x, y and z, MPa."""
    crystal, lattice = crystal_of(options)
    texture = body_texture(options, lattice)[1]
    strain, steps = (0.02, 5) if options.quick else (0.05, 25)
    results = {}
    for name, command in laws.items():
        given = dict(zip(command[::2], command[1::2], strict=True))
        chosen = argparse.Namespace(
            law=given["--law"],
            model=given.get("--model"),
            tolerance=options.tolerance,
            precision="float64",
        )
        law = build_textured_law(chosen, crystal, texture)[0]
        results[name] = {
            f"{sign} along {axis}": 1e3
            * float(uniaxial_stress(law, row, way * strain, RATE, steps)[1][-1])
            for sign, way in (("tension", 1.0), ("compression", -1.0))
            for axis, row in zip("xyz", np.eye(3), strict=True)
        }
    return results


def study(options: argparse.Namespace) -> None:
    """Learn, run and compare."""
    laws = laws_of(options, learn(options))
    runs = run_all(options, laws)
    results = judge_textured(runs)
    file = options.out / "strengths.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    found |= strengths(options, {k: v for k, v in laws.items() if k not in found})
    save_json(file, found)
    found = {name: found[name] for name in laws}
    for name, values in found.items():
        results[name]["stress [MPa]"] = values
    save_json(options.out / "results.json", results)
    text = growth_table(results) + "\n" + strength_table(found, 0.02 if options.quick else 0.05)
    with replacing(options.out / "table.md") as beside:
        beside.write_text(text, encoding="utf-8")
    end = runs["truth"].summary["Run"]["simulated time [us]"]
    bodies = {name: read_snapshot(only_xdmf(r.folder), end, ("u",)) for name, r in runs.items()}
    radius = np.hypot(*next(iter(bodies.values())).points[:, :2].T).max()
    title = f"{options.metal}, axis {options.axis}, {options.velocity:g} m/s"
    rims = {name: rim_of_foot(body) for name, body in bodies.items()}
    draw_foot(options.out / "feet.png", rims, float(radius), title)
    draw_silhouettes(options.out / "silhouettes.png", bodies, np.array([0.0, 90.0]), title)
    print(text, flush=True)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    options = options_from(argv)
    with Claim(options.out):
        study(options)


if __name__ == "__main__":
    sys.exit(main())
