# SPDX-License-Identifier: MIT
"""Walks in straight pieces: the same corners as the walk, the same history on a coarser grid."""

import h5py
import numpy as np
import pytest
from demo_scripts import load

from mlms_fenics.data.paths import sample_path
from mlms_fenics.data.settings import PathSettings
from mlms_fenics.kinematics.tensors import to_components


@pytest.fixture
def demo():
    return load("straight_pieces")


def test_corners_are_the_walks_and_lines_are_between(demo, tmp_path):
    out = tmp_path / "paths.h5"
    assert demo.main(["--samples", "6", "--seed", "3", "--steps", "40", "--out", str(out)]) == 0
    with h5py.File(out) as file:
        U = file["U"][:]
    settings = PathSettings(dimension=3, steps=40, protocol="log", max_strain=0.1, max_volume=0.1)
    for k, path in enumerate(U):
        every = 8 if k % 5 == 0 else 4
        walk = to_components(sample_path(settings, 3, k))
        assert np.array_equal(path[::every], walk[::every])
        second = np.diff(path, 2, axis=0)
        between = np.arange(1, 40) % every != 0
        assert np.abs(second[between]).max() < 1e-14
        assert np.abs(second[~between]).max() > 1e-4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "12"], "--steps 12: must be a positive multiple of 8"),
        (["--samples", "0"], "0"),
    ],
)
def test_what_it_refuses(demo, tmp_path, capsys, options, message):
    out = tmp_path / "paths.h5"
    assert demo.main([*options, "--out", str(out)]) != 0
    assert message in capsys.readouterr().err
    assert not out.exists()
