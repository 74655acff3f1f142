# SPDX-License-Identifier: MIT
"""The network of learnt laws on a device is PyTorch's own layers, whatever their sizes."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from interpreted_perceptron import SIZES, difference

from mlms_fenics.gpu.perceptron import Perceptron

GPU = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch sees"),
    ],
)
HELPERS = Path(__file__).parents[1] / "helpers"


@pytest.mark.parametrize("where", ["cpu", GPU])
@pytest.mark.parametrize("sizes", [*SIZES, (41, 144, 50, 1000)])
def test_it_is_the_layers(sizes, where):
    assert difference(Perceptron.__call__, *sizes, where) < 3e-6


@pytest.mark.skipif(find_spec("triton") is None, reason="no Triton, which comes with GPUs' torch")
def test_tritons_kernel_in_its_interpreter():
    paths = [str(HELPERS.parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {"TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [sys.executable, HELPERS / "interpreted_perceptron.py"],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == len(SIZES) and all(0.0 < value < 3e-6 for value in found)
