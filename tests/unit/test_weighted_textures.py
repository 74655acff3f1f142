# SPDX-License-Identifier: MIT
"""Weights of orientations from the file to the average, the data set and the learnt law."""

import h5py
import numpy as np
import pytest
import torch

from mlms_fenics.data import Dataset, PathSettings, sample_path
from mlms_fenics.data.generate import main as generate
from mlms_fenics.errors import InputError
from mlms_fenics.materials import drive, magnesium
from mlms_fenics.materials.polycrystal import Polycrystal
from mlms_fenics.microstructure import random_orientations, read_texture, write_orientations
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.fitting.data import load_data
from mlms_fenics.surrogate.model_file import save_model
from mlms_fenics.unitcell import TaylorAverage

LAW = magnesium()
Q = random_orientations(4, seed=3)
WEIGHTS = np.array([0.5, 0.25, 0.125, 0.125])
PATHS = np.stack([sample_path(PathSettings(steps=12, max_strain=0.2), 1, k) for k in range(3)])


def relative(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def test_a_weight_counts_as_so_many_grains():
    """Weights of eighths are the plain mean over eight grains."""
    repeated = TaylorAverage(LAW, Q[[0, 0, 0, 0, 1, 1, 2, 3]]).stress(PATHS, 1.0)
    weighted = TaylorAverage(LAW, Q, weights=8 * WEIGHTS).stress(PATHS, 1.0)
    assert relative(weighted, repeated) < 1e-12
    assert relative(TaylorAverage(LAW, Q).stress(PATHS, 1.0), repeated) > 1e-3


def test_equal_weights_are_the_plain_mean_to_the_last_bit():
    plain = TaylorAverage(LAW, Q).stress(PATHS, 1.0)
    for weights in (np.full(4, 0.25), np.full(4, 7.0)):
        assert np.array_equal(TaylorAverage(LAW, Q, weights=weights).stress(PATHS, 1.0), plain)


def test_a_weighted_path_does_not_depend_on_its_batch():
    taylor = TaylorAverage(LAW, Q, weights=WEIGHTS)
    assert np.array_equal(taylor.stress(PATHS[2], 1.0), taylor.stress(PATHS, 1.0)[2])


def test_the_material_averages_alike():
    time = torch.linspace(0, 1, 13)
    material = Polycrystal(LAW, Q, weights=3 * WEIGHTS)
    sigma = drive(material, torch.from_numpy(PATHS), time).numpy()
    assert relative(sigma, TaylorAverage(LAW, Q, weights=WEIGHTS).stress(PATHS, 1.0)) < 1e-4


@pytest.mark.parametrize("make", [TaylorAverage, Polycrystal])
@pytest.mark.parametrize("weights", [np.ones(3), -np.ones(4), np.zeros(4), np.r_[1, 1, 1, np.nan]])
def test_bad_weights_are_refused(make, weights):
    with pytest.raises(InputError, match="weights"):
        make(LAW, Q, weights=weights)


@pytest.fixture(scope="module")
def weighted_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weighted")
    write_orientations(folder / "texture.txt", Q, weights=WEIGHTS)
    options = ["--steps", "8", "--max-strain", "0.1", "--samples", "40"]
    command = ["taylor", "--orientations", str(folder / "texture.txt"), *options]
    assert generate([*command, "--out", str(folder / "data.h5")]) == 0
    return folder / "data.h5", command


def test_data_set_is_made_with_its_weights(weighted_file):
    file, _ = weighted_file
    with Dataset(file) as data:
        assert np.abs(data.weights - WEIGHTS).max() < 1e-15
        assert np.array_equal(data.recipe.weights, data.weights)
        assert data.attrs["format_version"] == 2
        U = np.zeros((9, 3, 3))
        for k, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2))):
            U[:, i, j] = U[:, j, i] = data.U[0][:, k]
        expected = TaylorAverage(LAW, Q, weights=WEIGHTS).stress(U, 1.0)
        assert np.abs(data.sigma[0][:, 0] - expected[:, 0, 0]).max() < 1e-3 * np.abs(expected).max()


def test_what_was_read_is_said(weighted_file, capfd):
    file, command = weighted_file
    assert generate([*command, "--out", str(file)]) == 0
    said = capfd.readouterr().out
    assert "orientations: a table of 4 lines; Bunge's Euler angles" in said
    assert "with weights" in said


def test_a_run_with_other_weights_does_not_go_on_with_the_file(weighted_file, tmp_path, capfd):
    file, command = weighted_file
    assert generate([*command, "--out", str(file)]) == 0
    write_orientations(tmp_path / "other.txt", Q, weights=WEIGHTS[::-1])
    other = [*command[:2], str(tmp_path / "other.txt"), *command[3:]]
    capfd.readouterr()
    assert generate([*other, "--out", str(file)]) != 0
    assert "weights (other volume fractions)" in capfd.readouterr().err


def test_files_without_weights_are_of_equal_weights_and_the_old_version(tmp_path):
    write_orientations(tmp_path / "texture.txt", Q, weights=np.ones(4))
    command = ["taylor", "--orientations", str(tmp_path / "texture.txt"), "--steps", "4"]
    assert generate([*command, "--samples", "1", "--out", str(tmp_path / "data.h5")]) == 0
    with h5py.File(tmp_path / "data.h5") as file:
        assert "weights" not in file and file.attrs["format_version"] == 1
    with Dataset(tmp_path / "data.h5") as data:
        assert np.array_equal(data.weights, np.full(4, 0.25)) and data.recipe.weights is None


def test_a_grid_has_no_use_for_weights(tmp_path, capfd):
    write_orientations(tmp_path / "texture.txt", Q, weights=WEIGHTS)
    command = ["fft", "--law", "magnesium", "--grid", "4", "--samples", "1"]
    command += ["--orientations", str(tmp_path / "texture.txt"), "--out", str(tmp_path / "a.h5")]
    assert generate(command) != 0
    assert "different weights" in capfd.readouterr().err


def test_weights_go_with_the_learnt_law(weighted_file, tmp_path):
    file, _ = weighted_file
    data = load_data([file])
    assert np.abs(data.weights - WEIGHTS).max() < 1e-15
    shipped = load_model()
    assert np.array_equal(shipped.weights, np.full(len(shipped.orientations), 1 / 128))
    weights = np.arange(1.0, 129.0)
    law = type(shipped)(
        shipped.network,
        law=shipped.law,
        orientations=shipped.orientations,
        weights=weights,
        horizon=shipped.horizon,
        trust=shipped.trust,
        report=shipped.report,
    )
    save_model(law, tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5")
    assert np.abs(again.weights - weights / weights.sum()).max() < 1e-15
    save_model(shipped, tmp_path / "plain.h5")
    with h5py.File(tmp_path / "plain.h5") as plain:
        assert "weights" not in plain and plain.attrs["format_version"] == 1


def test_what_is_read_is_what_the_average_takes(tmp_path):
    write_orientations(tmp_path / "texture.txt", Q, weights=WEIGHTS)
    texture = read_texture(tmp_path / "texture.txt")
    average = TaylorAverage(LAW, texture.orientations, weights=texture.weights)
    assert np.array_equal(average.weights, texture.weights)
