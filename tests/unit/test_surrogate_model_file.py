# SPDX-License-Identifier: MIT
"""Model files: nothing is lost in them, and a bad one is refused with its reason."""

import os
import shutil

import h5py
import numpy as np
import pytest
import surrogate_histories as histories
import torch
from training_options import training_options

from mlms_fenics.errors import InputError
from mlms_fenics.surrogate import load_model, save_model
from mlms_fenics.surrogate.pca_net.training import fit


@pytest.fixture(scope="module")
def law():
    small = {"modes": 10, "output_modes": 8, "width": 8, "layers": 1, "epochs": 1}
    return fit(histories.training_data(60), training_options(recipe="default", **small))


@pytest.fixture(scope="module")
def saved(law, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.h5"
    law.report["note"] = "as made"
    save_model(law, path)
    return path


def test_round_trip_is_exact(law, saved):
    loaded = load_model(saved, device="cpu")
    U = histories.stretch(histories.walks(4, seed=3))
    assert np.array_equal(loaded.stress(U, 1.0), law.stress(U, 1.0))
    assert loaded.law.to_dict() == law.law.to_dict()
    assert np.array_equal(loaded.orientations, law.orientations)
    assert (loaded.horizon, loaded.dimension) == (law.horizon, law.dimension)
    assert loaded.report == law.report
    assert loaded.dtype == torch.float32
    assert torch.equal(loaded.trust.whitening, law.trust.whitening)
    assert load_model(saved, device="cpu", dtype=torch.float64).dtype == torch.float64
    assert os.listdir(saved.parent) == ["model.h5"]


def _attribute(name, value):
    def change(file):
        file.attrs[name] = value

    return change


def _delete(name):
    def change(file):
        del file[name]

    return change


def _replace(name, function):
    def change(file):
        value = function(file[name][()])
        del file[name]
        file[name] = value

    return change


def _nan(values):
    values.flat[0] = np.nan
    return values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_attribute("format", "something else"), "no model of this package"),
        (_attribute("format_version", 99), "version 99"),
        (_attribute("unit_system", "m s Pa kg"), "units 'm s Pa kg'"),
        (_attribute("dimension", 2), "dimension 2"),
        (_attribute("horizon", -1.0), "horizon -1"),
        (_attribute("architecture", "unheard-of"), "unheard-of"),
        (_attribute("options", '{"unknown": 1}'), "damaged"),
        (_attribute("law", "{"), "damaged"),
        (_delete("orientations"), "orientations"),
        (_delete("report"), "report"),
        (_delete("network/last.weight"), "last.weight is missing"),
        (_delete("network"), "network"),
        (_delete("trust/mean"), "mean is missing"),
        (_replace("network/last.weight", lambda w: w[:, :-1]), "has shape"),
        (_replace("network/last.weight", _nan), "NaN or infinity in /network/last.weight"),
        (_replace("orientations", lambda Q: Q[:, :2]), "orientations have shape"),
    ],
)
def test_a_bad_model_is_refused_with_its_reason(saved, tmp_path, change, message):
    path = tmp_path / "bad.h5"
    shutil.copy(saved, path)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(InputError, match=message):
        load_model(path)


def test_missing_foreign_and_truncated_files(saved, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_model(tmp_path / "nothing.h5")
    text = tmp_path / "text.h5"
    text.write_text("not HDF5")
    with pytest.raises(InputError, match="not a whole HDF5 file"):
        load_model(text)
    size = saved.stat().st_size
    for part in (0, 100, size // 2, size - 1000):
        cut = tmp_path / "cut.h5"
        cut.write_bytes(saved.read_bytes()[:part])
        with pytest.raises(InputError, match=r"truncated|incomplete|damaged"):
            load_model(cut)
    with pytest.raises(InputError, match="no model of this package"):
        load_model(histories.write(tmp_path / "data.h5", 2))


def test_unwritable_folder_is_refused_and_an_old_file_survives(law, saved, tmp_path):
    with pytest.raises(InputError, match="cannot write model"):
        save_model(law, tmp_path / "missing" / "model.h5")
    before = saved.read_bytes()
    law.report["bad"] = object()
    try:
        with pytest.raises(TypeError):
            save_model(law, saved)
    finally:
        del law.report["bad"]
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == ["model.h5"]
