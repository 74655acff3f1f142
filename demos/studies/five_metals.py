# SPDX-License-Identifier: MIT
"""Five metals for one recipe: data of each, a law learnt with no other option, and its errors.

    python demos/studies/five_metals.py --paths 1000 --minutes 30 --out results/five_metals

The metals: the paper's magnesium; rolled magnesium (Wang et al. 2014) with basal planes in the
sheet; copper, random; copper with a brass texture and 1/m = 50; a ferritic iron. Of each there are
walks to 10 and 50% strain, holds, rate jumps, cycles and uniaxial histories; every law is judged on
the paths of each kind that were kept back. It writes results.json and table.md. Each data set and
each law is made once; a study that was stopped goes on.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.impact.batch import save_json
from mlms_fenics.judge.baselines import ZERO, fit_baselines
from mlms_fenics.judge.cost import costs
from mlms_fenics.judge.judged_data import load_judged
from mlms_fenics.microstructure import write_orientations
from mlms_fenics.stages import run_stage, study_command
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.histories import run
from mlms_fenics.surrogate.metrics import path_errors

SCATTER = 10.0  # degrees, of the brass texture
# Kind of histories: protocol, part of the paths, largest strain, further options.
KINDS: dict[str, tuple[str, float, float, list[str]]] = {
    "walk10": ("log", 0.4, 0.1, []),
    "walk50": ("log", 0.2, 0.5, []),
    "hold": ("hold", 0.1, 0.3, ["--amplitude", "random"]),
    "rate-jump": ("rate-jump", 0.1, 0.3, ["--amplitude", "random"]),
    "cyclic": ("cyclic", 0.1, 0.3, ["--amplitude", "random"]),
    "uniaxial": ("uniaxial", 0.1, 0.3, ["--amplitude", "random"]),
}
# Metal: options of the generator; FOLDER stands for the study's.
METALS: dict[str, list[str]] = {
    "magnesium": [],
    "rolled-magnesium": ["--law", "magnesium-wang2014", "--fibre", "0", "0", "1",
                         "--fibre-spread", "15", "--horizon", "1000"],
    "copper": ["--law", "copper"],
    "brass-copper": ["--law", "copper", "--exponent", "0.02",
                     "--orientations", "FOLDER/brass.txt"],
    "iron": ["--law", "ferrite"],
}  # fmt: skip


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--metals", nargs="+", choices=METALS, default=list(METALS), help="default: all")
    new("--paths", type=int, default=1000, help="of each metal (default: 1000)")
    new("--grains", type=int, default=128, help="of each unit cell (default: 128)")
    new("--minutes", type=float, default=30.0, help="of each training (default: 30)")
    new("--microseconds", type=float, default=3.0,
        help="that a point and step of a law may cost (default: 3)")  # fmt: skip
    new("--seeds", type=int, nargs="+", default=[0], help="of the trainings (default: 0)")
    new("--ranks", type=int, default=1, help="of MPI, for the histories (default: 1)")
    new("--out", type=Path, default=Path("results/five_metals"), help="folder for everything")
    new("--quick", action="store_true", help="a test of the chain")
    options = parser.parse_args(argv)
    require(options.paths >= 100, f"--paths {options.paths}: must be at least 100")
    require(options.grains >= 2, f"--grains {options.grains}: must be at least 2")
    require(options.minutes > 0.0, f"--minutes {options.minutes}: must be positive")
    require(options.microseconds > 0.0, f"--microseconds {options.microseconds}: must be positive")
    require(options.ranks >= 1, f"--ranks {options.ranks}: must be at least 1")
    if options.quick:
        options.paths, options.grains = 400, 4
        options.minutes = min(options.minutes, 0.4)
    return options


def brass(n: int, seed: int = 0) -> np.ndarray:
    """{011}⟨211⟩ in its two variants of a sheet, scattered, *Shape* `(n, 3, 3)`."""
    rng = np.random.default_rng(seed)
    ideal = []
    for rolling in ((2.0, 1.0, -1.0), (2.0, -1.0, 1.0)):
        x, z = np.array(rolling) / np.sqrt(6.0), np.array([0.0, 1.0, 1.0]) / np.sqrt(2.0)
        # Rows are the sheet's axes in the lattice: the lattice-to-sample rotation.
        ideal.append(np.stack([x, np.cross(z, x), z]))
    turns = Rotation.from_rotvec(np.radians(SCATTER) * rng.normal(size=(n, 3)) / np.sqrt(3.0))
    return turns.as_matrix() @ np.array(ideal)[np.arange(n) % 2]


def make_data(options: argparse.Namespace, metal: str) -> list[Path]:
    """Histories of all kinds that are not there yet."""
    files = []
    for number, (kind, (protocol, part, strain, more)) in enumerate(KINDS.items()):
        files.append(options.out / f"{metal}_{kind}.h5")
        command = ["mpirun", "-n", str(options.ranks)] if options.ranks > 1 else []
        command += [sys.executable, "-m", "mlms_fenics.data.generate", "taylor"]
        command += ["--samples", str(round(part * options.paths)), "--protocol", protocol]
        command += ["--max-strain", str(strain), "--seed", str(100 + number), "--out"]
        command += [str(files[-1]), *more]
        own = [word.replace("FOLDER", str(options.out)) for word in METALS[metal]]
        command += own if "--orientations" in own else [*own, "--grains", str(options.grains)]
        command += ["--steps", "20", "--tolerance", "1e-2"] if options.quick else []
        run_stage(f"{metal}: {kind}", files[-1].stem, command, options.ranks)
    return files


def learn(options: argparse.Namespace, metal: str, seed: int, data: list[Path]) -> Path:
    """The model of a metal and a seed, made where it is not there yet."""
    model = options.out / f"{metal}_{seed}_model.h5"
    if not model.exists():
        command = [sys.executable, "-m", "mlms_fenics.surrogate.train", *map(str, data)]
        command += ["--minutes", f"{options.minutes:g}", "--seed", str(seed), "--resume"]
        # What a step costs while others use the machine must not end a test of the chain.
        command += ["--microseconds", "20" if options.quick else f"{options.microseconds:g}"]
        command += ["--out", str(model)]
        run_stage(f"{metal}: training, seed {seed}", model.stem, command, 1)
    return model


def judge(model: Path, data: list[Path]) -> dict[str, Any]:
    """Mean deviatoric errors on the paths kept back, by kind, beside a fitted J2; cost."""
    law = load_model(model, device="cpu")
    judged = {kind: load_judged(law, path, 200) for kind, path in zip(KINDS, data, strict=True)}
    first = next(iter(judged.values()))
    fitted = [
        one
        for one in fit_baselines(law.law, first.spare_U, first.spare_sigma, first.time)
        if one.name != ZERO
    ]
    errors: dict[str, dict[str, float]] = {}
    whole: dict[str, list[np.ndarray]] = {}
    for kind, one in judged.items():
        found = {"law": run(law, one.U, one.time)[0]}
        found |= {b.name: b.stress(one.U, one.time) for b in fitted}
        for name, stress in found.items():
            error = path_errors(stress, one.sigma, one.time)["deviatoric"]
            errors.setdefault(name, {})[kind] = float(error.mean())
            whole.setdefault(name, []).append(error)
    for name, parts in whole.items():
        errors[name]["all"] = float(np.concatenate(parts).mean())
    return {
        "architecture": law.architecture,
        "training paths": law.report["split"]["train"],
        "errors": errors,
        "microseconds": costs({"law": law}, first.U, first.time)["law"],
    }


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    kinds = [*KINDS, "all"]
    lines = [
        "Mean deviatoric error on paths kept back; in brackets the best empirical law.",
        "",
        f"| metal, seed | law | {' | '.join(kinds)} | µs |",
        "|---" * (len(kinds) + 3) + "|",
    ]
    for name, found in results.items():
        cells = []
        for kind in kinds:
            others = [e[kind] for law, e in found["errors"].items() if law != "law"]
            cells.append(f"{found['errors']['law'][kind]:.1%} ({min(others):.1%})")
        words = [name, found["architecture"], *cells, f"{found['microseconds']:.2g}"]
        lines.append(f"| {' | '.join(words)} |")
    return "\n".join(lines) + "\n"


def study(options: argparse.Namespace) -> None:
    """All that is not done yet, then the table."""
    if "brass-copper" in options.metals and not (options.out / "brass.txt").exists():
        write_orientations(options.out / "brass.txt", brass(options.grains))
    results: dict[str, Any] = {}
    for metal in options.metals:
        data = make_data(options, metal)
        for seed in options.seeds:
            results[f"{metal}, {seed}"] = judge(learn(options, metal, seed, data), data)
            save_json(options.out / "results.json", results)
            with replacing(options.out / "table.md") as file:
                file.write_text(table(results), encoding="utf-8")
    print(table(results))


main = study_command(options_from, study)

if __name__ == "__main__":
    sys.exit(main())
