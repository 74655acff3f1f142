# SPDX-License-Identifier: MIT
"""The package as a wheel: built, installed into an empty folder, used from there."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import mlms_fenics

ROOT = Path(__file__).parents[2]
USE = """
import importlib.metadata, sys
import numpy as np
import mlms_fenics
from mlms_fenics.materials.library import METALS, metal
from mlms_fenics.surrogate import load_model

assert mlms_fenics.__file__.startswith(sys.argv[1]), mlms_fenics.__file__
assert importlib.metadata.version("mlms_fenics") == mlms_fenics.__version__
for name in METALS:
    metal(name)
U = np.broadcast_to(np.eye(3), (5, 3, 3))
assert np.abs(np.asarray(load_model(device="cpu").stress(U, 1.0))).max() == 0.0
"""


def python(*arguments: object, **options: object) -> str:
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_wheel_holds_all_that_the_package_needs(tmp_path):
    # A copy, so that building leaves nothing in the checkout.
    source = tmp_path / "source"
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "mlms_fenics", source / "mlms_fenics", ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    quiet = ("-q", "--disable-pip-version-check", "--no-deps")
    python("-m", "pip", "wheel", *quiet, "--no-build-isolation", "-w", tmp_path, source)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"mlms_fenics-{mlms_fenics.__version__}-py3-none-any.whl"
    place = tmp_path / "installed"
    python("-m", "pip", "install", *quiet, "--no-index", "--target", place, wheel)
    # Every file of the package but what is compiled.
    here = {p.relative_to(source) for p in (source / "mlms_fenics").rglob("*") if p.is_file()}
    there = {p.relative_to(place) for p in (place / "mlms_fenics").rglob("*") if p.is_file()}
    assert here == {p for p in there if "__pycache__" not in p.parts}
    python("-c", USE, place, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(place)})


def test_versions_agree():
    version = mlms_fenics.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^version: {re.escape(version)}$", citation, re.M)
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert first is not None and first[1] == version


def test_the_conda_environment_names_all_that_the_package_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = {_name(text) for texts in (project["dependencies"], *extras) for text in texts}
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    # Two have another name there.
    there = {"torch": "pytorch", "gmsh": "python-gmsh"}
    assert {there.get(name, name) for name in wanted} <= {_name(text) for text in listed}


def _name(requirement: str) -> str:
    return re.match(r"[\w-]+", requirement)[0]
