# SPDX-License-Identifier: MIT
"""One learnt law for many textures of magnesium, judged on textures that it has never seen.

    python demos/studies/texture_family.py --out results/texture_family

Textures of the training: random ones, fibres of every sharpness, rolled sheets whose c axes scatter
differently towards RD and TD, and mixtures. Four others are kept for judging. Of each of these the
table has the mean deviatoric error on 10% walks of: the family's law; that taught 50 more walks of
the texture; and, for one of them, a law that learnt this texture alone, from 1000. Each data set
and each law is made once; a study that was stopped goes on.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from mlms_fenics.data.generate import main as generate
from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.impact.batch import save_json
from mlms_fenics.judge.baselines import ZERO, fit_baselines
from mlms_fenics.judge.judged_data import JudgedData, load_judged
from mlms_fenics.microstructure import (
    fibre_texture,
    random_orientations,
    read_texture,
    write_orientations,
)
from mlms_fenics.stages import run_stage, study_command
from mlms_fenics.surrogate import load_model, save_model
from mlms_fenics.surrogate.histories import run
from mlms_fenics.surrogate.metrics import path_errors

ALONE = "split"  # of UNSEEN, the one that a law is made for alone
SHARP, BROAD = 6.0, 50.0  # degrees


def rolled(n: int, seed: int, towards_rd: float, towards_td: float) -> np.ndarray:
    """c axes about z, tilted by normal angles of so many degrees, spun at random, `(n, 3, 3)`."""
    rng = np.random.default_rng([seed, 7])
    tilt = np.radians(rng.normal(size=(n, 2)) * (towards_td, towards_rd))
    spin = Rotation.from_rotvec(2.0 * np.pi * rng.random((n, 1)) * np.array([0.0, 0.0, 1.0]))
    return (Rotation.from_rotvec(np.column_stack([tilt, np.zeros(n)])) * spin).as_matrix()


def trained(k: int, n: int) -> np.ndarray:
    """Texture number k of the training, *Shape* `(n, 3, 3)`."""
    rng, kind = np.random.default_rng([k, 3]), k % 4
    if k % 8 == 0:
        return random_orientations(n, seed=1000 + k)
    if kind in (0, 1):
        return fibre_texture(n, 1000 + k, spread=_spread(rng, BROAD))
    if kind == 2:
        return rolled(n, 1000 + k, _spread(rng, BROAD), _spread(rng, BROAD))
    part = int(n * rng.uniform(0.2, 0.8))
    one = fibre_texture(part, 2000 + k, spread=_spread(rng, 30.0))
    if rng.random() < 0.5:
        return np.concatenate([one, random_orientations(n - part, 3000 + k)])
    axis = tuple(rng.normal(size=3))
    other = fibre_texture(n - part, 3000 + k, axis, spread=_spread(rng, 30.0))
    return np.concatenate([one, other])


def _spread(rng: np.random.Generator, broad: float) -> float:
    return float(np.exp(rng.uniform(np.log(SHARP), np.log(broad))))


def _about_y(degrees: np.ndarray) -> np.ndarray:
    axis = np.array([0.0, 1.0, 0.0])
    return Rotation.from_rotvec(np.radians(degrees)[:, None] * axis).as_matrix()


def unseen(n: int) -> dict[str, np.ndarray]:
    """Textures to be judged on: a sheet; one with basal poles split by ±35° towards RD; a fibre
    with a random part; an extruded bar, whose c axes are across z.
    """
    sides = np.where(np.arange(n) % 2, 35.0, -35.0)
    around = Rotation.from_rotvec(
        2.0 * np.pi * np.random.default_rng(81).random((n, 1)) * np.array([0.0, 0.0, 1.0])
    ).as_matrix()
    mixed = (n * 7) // 10
    return {
        "rolled": rolled(n, 77, 12.0, 25.0),
        "split": _about_y(sides) @ rolled(n, 78, 10.0, 14.0),
        "mixed": np.concatenate(
            [fibre_texture(mixed, 79, spread=15.0), random_orientations(n - mixed, 80)]
        ),
        "extruded": around @ _about_y(np.full(n, 90.0)) @ rolled(n, 82, 8.0, 8.0),
    }


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--textures", type=int, default=64, help="of the training (default: 64)")
    new("--paths", type=int, default=60, help="of each of them (default: 60)")
    new("--grains", type=int, default=128, help="of each texture (default: 128)")
    new("--minutes", type=float, default=20.0, help="of the family's training (default: 20)")
    new("--more-minutes", type=float, default=3.0, help="of each other training (default: 3)")
    new("--out", type=Path, default=Path("results/texture_family"), help="folder for everything")
    new("--quick", action="store_true", help="a test of the chain")
    options = parser.parse_args(argv)
    require(options.textures >= 2, f"--textures {options.textures}: must be at least 2")
    require(options.paths >= 40, f"--paths {options.paths}: must be at least 40")
    require(options.grains >= 4, f"--grains {options.grains}: must be at least 4")
    options.judged, options.alone, options.steps = 100, 1000, 100
    if options.quick:
        options.textures, options.paths, options.grains = 3, 40, 6
        options.minutes = min(options.minutes, 0.2)
        options.more_minutes = min(options.more_minutes, 0.1)
        options.judged, options.alone, options.steps = 40, 60, 20
    return options


def make_data(options: argparse.Namespace, name: str, Q: np.ndarray, n: int, seed: int) -> Path:
    """10% walks of a texture, made where they are not all there."""
    texture, data = (options.out / f"{name}.{kind}" for kind in ("txt", "h5"))
    if not texture.exists():
        write_orientations(texture, Q)
    generate([
        "taylor", "--samples", str(n), "--protocol", "log", "--max-strain", "0.1",
        "--steps", str(options.steps), "--tolerance", "1e-3", "--seed", str(seed),
        "--orientations", str(texture), "--out", str(data),
    ])  # fmt: skip
    return data


def learn(title: str, model: Path, module: str, words: Sequence[str], minutes: float) -> Path:
    """A model, made where it is not there yet."""
    if not model.exists():
        command = [sys.executable, "-m", f"mlms_fenics.surrogate.{module}", *words]
        command += ["--minutes", f"{minutes:g}", "--resume", "--out", str(model)]
        run_stage(title, model.stem, command, 1)
    return model


def error(model: Path, data: Path) -> float:
    """Mean deviatoric error of a law on all of a data set's walks."""
    law = load_model(model, device="cpu")
    judged = load_judged(law, data, 1000)
    return deviatoric(run(law, judged.U, judged.time)[0], judged)


def deviatoric(stress: np.ndarray, judged: JudgedData) -> float:
    """Mean deviatoric error of histories of stress."""
    return float(path_errors(stress, judged.sigma, judged.time)["deviatoric"].mean())


def judge(options: argparse.Namespace, family: Path, name: str, Q: np.ndarray) -> dict[str, Any]:
    """What the table has of a texture."""
    number = 900 + 10 * list(unseen(options.grains)).index(name)
    data = make_data(options, name, Q, options.judged, number)
    more = make_data(options, f"{name}_more", Q, 50, number + 1)
    special = options.out / f"{name}_model.h5"
    texture = read_texture(options.out / f"{name}.txt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the distance stands in the table
        law = load_model(family, device="cpu").of_texture(texture.orientations, texture.weights)
    save_model(law, special)
    begin = ["--architecture", "recurrent", "--start-from", str(special)]
    tuned = learn(
        f"{name}: 50 walks more", options.out / f"{name}_tuned.h5", "train",
        [str(more), *begin, "--rate", "1e-3", "--patience", "100000"], options.more_minutes,
    )  # fmt: skip
    found = {
        "distance": law.report["texture_distance"],
        "family": error(special, data),
        "tuned": error(tuned, data),
    }
    judged = load_judged(law, data, 1000)
    others = fit_baselines(law.law, judged.spare_U, judged.spare_sigma, judged.time)
    found["empirical"] = min(
        deviatoric(other.stress(judged.U, judged.time), judged)
        for other in others
        if other.name != ZERO
    )
    if name == ALONE:
        own = make_data(options, f"{name}_alone", Q, options.alone, number + 2)
        alone = learn(
            f"{name}: alone", options.out / f"{name}_alone_model.h5", "train",
            [str(own), "--architecture", "recurrent", "--width", "160"], 4.0 * options.more_minutes,
        )  # fmt: skip
        found["alone"] = error(alone, data)
    return found


def table(results: dict[str, dict[str, float]]) -> str:
    """Markdown."""
    lines = [
        "Mean deviatoric error on 10% walks of textures that the family was not trained on.",
        "",
        "| texture | distance | family | and 50 walks | alone, 1000 walks | best empirical law |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in results.items():
        alone = f"{found['alone']:.1%}" if "alone" in found else ""
        lines.append(
            f"| {name} | {found['distance']:.2f} | {found['family']:.1%} | {found['tuned']:.1%} "
            f"| {alone} | {found['empirical']:.1%} |"
        )
    return "\n".join(lines) + "\n"


def study(options: argparse.Namespace) -> None:
    """All that is not done yet, then the table."""
    sets = [
        make_data(options, f"t{k:03d}", trained(k, options.grains), options.paths, 100 + k)
        for k in range(options.textures)
    ]
    words = ["train", *map(str, sets)]
    family = learn("the family", options.out / "family.h5", "family", words, options.minutes)
    results: dict[str, dict[str, float]] = {}
    for name, Q in unseen(options.grains).items():
        results[name] = judge(options, family, name, Q)
        save_json(options.out / "results.json", results)
        with replacing(options.out / "table.md") as file:
            file.write_text(table(results), encoding="utf-8")
    print(table(results))


main = study_command(options_from, study)

if __name__ == "__main__":
    sys.exit(main())
