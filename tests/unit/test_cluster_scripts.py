# SPDX-License-Identifier: MIT
"""The scripts for clusters: with stand-ins for Slurm and Apptainer they run and go on."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mlms_fenics.data import Dataset
from mlms_fenics.io import read_history
from mlms_fenics.surrogate import load_model

ROOT = Path(__file__).parents[2]
SLURM = ROOT / "docker" / "slurm"
# srun starts what follows its options; apptainer exec what follows the image.
STAND_INS = {
    "srun": 'while [[ $1 == --* ]]; do shift; done\nexec "$@"\n',
    "apptainer": 'shift\nwhile [[ $1 == --* ]]; do shift; done\nshift\nexec "$@"\n',
}


@pytest.fixture
def submit(tmp_path):
    """A script run as Slurm would, with variables and arguments."""
    for name, body in STAND_INS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}")
        (tmp_path / name).chmod(0o755)

    def run(script: str, *arguments: object, **variables: object) -> str:
        environment = {
            **os.environ,
            **{name: str(value) for name, value in variables.items()},
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "SLURM_CPUS_PER_TASK": "1",
        }
        done = subprocess.run(
            ["bash", str(SLURM / f"{script}.sh"), *map(str, arguments)],
            capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_generation_and_training_go_on_when_sent_again(tmp_path, submit):
    few = ("--grains", 2, "--steps", 10)
    submit("generate", *few, SAMPLES=20, MAX_STRAIN=0.1)
    submit("generate", *few, SAMPLES=40, MAX_STRAIN=0.1)
    with Dataset(tmp_path / "data.h5") as data:
        assert len(data.good) == 40
    options = ("data.h5", "--width", 8, "--internal", 2, "--no-picture")
    submit("train", *options, EPOCHS=2, MINUTES=2)
    assert load_model(tmp_path / "model.h5", device="cpu").dimension == 3


@pytest.mark.slow
def test_an_impact_goes_on_from_its_checkpoint(tmp_path, submit):
    options = ("--quick", "--law", "j2", "--no-pictures")
    demo = {"DEMO": ROOT / "demos" / "taylor_anvil.py", "CHECKPOINT_EVERY": 5}
    submit("impact", *options, "--end-time", 0.2, **demo)
    assert (tmp_path / "results" / "anvil" / "checkpoint.h5").exists()
    submit("impact", *options, "--end-time", 0.4, **demo)
    history = read_history(tmp_path / "results" / "anvil" / "history.csv")
    assert history["time"][-1] == pytest.approx(0.4)
    # One table of both runs, without a gap or a time twice.
    assert (np.diff(history["time"]) > 0.0).all() and history["time"][1] < 0.1


def test_the_apptainer_image_takes_files_that_are_there():
    text = (ROOT / "docker" / "mlms_fenics.def").read_text(encoding="utf-8")
    files = re.search(r"%files\n(.*?)\n\n", text, re.S)[1].splitlines()
    assert len(files) == 8 and all((ROOT / line.split()[0]).exists() for line in files)
    # As the Dockerfile has it.
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    suite = re.search(r"^ARG SUITE=(\S+)", dockerfile, re.M)[1]
    assert "FROM debian:${SUITE}-slim AS" in dockerfile and f"From: debian:{suite}-slim" in text
