# SPDX-License-Identifier: MIT
"""The protocols that an evaluation should have, and commands that make those it lacks."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlms_fenics.files import replacing
from mlms_fenics.judge.judged_data import JudgedData
from mlms_fenics.materials import magnesium, two_slip_crystal
from mlms_fenics.microstructure import random_orientations, write_orientations
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.weights import are_equal

# Table 1 of Liu et al. 2022, and what an impact holds besides.
PROTOCOLS = (
    "random",
    "fixed",
    "uniaxial",
    "load-unload",
    "cavity",
    "hold",
    "cyclic",
    "non-proportional",
    "rate-jump",
)
_WALKS = ("log", "paper")
PATHS = 200


def protocol_name(data: JudgedData) -> str:
    """One of `PROTOCOLS`, or the data set's own name where it is none of them."""
    if data.protocol in _WALKS:
        return "fixed" if data.sampler.get("intervals") == "fixed" else "random"
    return data.protocol


def missing_commands(law: LearntLaw, data: Sequence[JudgedData], folder: Path) -> dict[str, str]:
    """Commands by protocol that compute the missing data sets with the law's own polycrystal.

    Crystal law and orientations that no option can name are written to `folder`. Without a Taylor
    average among the data there are no commands, only names.
    """
    missing = [name for name in PROTOCOLS if name not in {protocol_name(one) for one in data}]
    if not missing or any(one.cell != "taylor" for one in data):
        return dict.fromkeys(missing, "")
    recipe = next((f.get("sampler") for f in law.report.get("data", []) if f.get("sampler")), None)
    sampler = recipe or data[0].sampler
    walk = sampler.get("protocol") if sampler.get("protocol") in _WALKS else "log"
    common = ["--samples", str(PATHS), "--max-strain", f"{sampler.get('max_strain', 0.1):g}"]
    common += ["--seed", "1000", "--horizon", f"{law.horizon:g}", *_cell_options(law, folder)]
    commands = {}
    for name in missing:
        protocol = [walk, "--intervals", name] if name in ("random", "fixed") else [name]
        words = ["python", "-m", "mlms_fenics.data.generate", "taylor", "--out", f"{name}.h5"]
        commands[name] = shlex.join([*words, "--protocol", *protocol, *common])
    return commands


def _cell_options(law: LearntLaw, folder: Path) -> list[str]:
    options: list[str] = []
    known = {"magnesium": magnesium(), "two-slip": two_slip_crystal()}
    values = law.law.to_dict()
    name = next((name for name, one in known.items() if one.to_dict() == values), None)
    if name is None:
        name = str(folder / "law.json")
        with replacing(name) as beside:
            beside.write_text(json.dumps(values, indent=1))
    if name != "magnesium":
        options += ["--law", name]
    n, equal = len(law.orientations), are_equal(law.weights)
    for seed in range(10 if equal else 0):
        Q = random_orientations(n, seed, law.dimension)
        if Q.shape == law.orientations.shape and np.array_equal(Q, law.orientations):
            return [*options, "--grains", str(n), "--orientation-seed", str(seed)]
    path = folder / "orientations.txt"
    write_orientations(path, law.orientations, weights=None if equal else law.weights)
    return [*options, "--orientations", str(path)]
