# SPDX-License-Identifier: MIT
"""The evaluation's command: what it judges, what it writes, what it refuses."""

import json

import h5py
import numpy as np
import pytest
import surrogate_histories as histories
import torch

from mlms_fenics.data.options import build_parser
from mlms_fenics.errors import InputError
from mlms_fenics.judge.judged_data import load_judged
from mlms_fenics.judge.missing_protocols import PROTOCOLS, missing_commands
from mlms_fenics.kinematics.tensors import from_components
from mlms_fenics.surrogate import evaluate, load_model, save_model
from mlms_fenics.surrogate.fitting.data import load_data, split_of
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw
from mlms_fenics.surrogate.trust import TrustMeasure


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An untrained model, its data, and a second model beside it."""
    folder = tmp_path_factory.mktemp("evaluate")
    data = histories.write(folder / "data.h5", 60)
    training = load_data([data])
    for name, width in (("model.h5", 8), ("wide.h5", 64)):
        torch.manual_seed(0)
        law = RecurrentLaw.trained(RecurrentCell(5, 2, width), training, {"data": training.files})
        save_model(law, folder / name)
    return folder


@pytest.mark.slow
def test_report(files, capsys):
    other = histories.write(files / "other.h5", 9, seed=5, protocol="cyclic")
    out = files / "report"
    command = [files / "model.h5", files / "data.h5", other, "--beside", files / "wide.h5"]
    assert evaluate.main([*map(str, command), "--paths", "4", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert "data.h5" in captured.out and "energy" in captured.err
    names = {"report.json", "report.md", "figures.png", "orientations.txt"}
    assert {p.name for p in out.iterdir()} == names
    assert (out / "figures.png").stat().st_size > 50_000
    report = json.loads((out / "report.json").read_text())
    first, second = report["results"]
    assert first["other_paths_trained_on"] and not second["other_paths_trained_on"]
    assert first["paths"] == second["paths"] == 4
    # An untrained law does not beat a fitted one, and is told so.
    assert not first["learnt"] and "NOT LEARNT" in captured.out
    for result in (first, second):
        errors = result["errors"]
        assert errors["zero deviator, exact pressure"]["deviatoric"]["mean"] == pytest.approx(1.0)
        assert errors["J2, fitted"]["deviatoric"]["mean"] < 0.5
        assert errors["law"]["deviatoric"]["mean"] == pytest.approx(
            np.mean(result["per_path"]["deviatoric"])
        )
    checks = report["checks"]
    assert checks["causality"]["on-line"]["largest_mpa"] == 0.0
    assert checks["beyond_the_horizon"]["bounded"]
    assert {"law", "wide", "J2, fitted", "all 1 grains"} < set(report["cost"])
    assert report["cost"]["wide"]["us_per_point_and_step"] > 0
    assert set(report["missing_protocols"]) == set(PROTOCOLS) - {"random", "cyclic"}
    page = (out / "report.md").read_text()
    assert "| data.h5" in page and "figures.png" in page


def test_only_what_was_kept_back_is_judged(files):
    law = load_model(files / "model.h5", device="cpu")
    judged = load_judged(law, files / "data.h5", 100)
    part = split_of(0, np.arange(60))
    with h5py.File(files / "data.h5") as file:
        assert np.array_equal(judged.U, file["U"][part == 2])
        assert np.array_equal(judged.spare_U, file["U"][part == 0])
    assert judged.trained_on and not judged.spare_is_judged
    # The same seed with other settings is another set of paths.
    sampler = json.dumps({"protocol": "log", "max_strain": 0.3})
    changed = histories.write(files / "changed.h5", 12, sampler=sampler)
    assert not load_judged(law, changed, 100).trained_on
    # What a law was started from counts as well.
    law.report = {"start_from": law.report}
    assert load_judged(law, files / "data.h5", 100).trained_on


def test_missing_protocols_can_be_made_by_the_printed_commands(files):
    law = load_model(files / "model.h5", device="cpu")
    commands = missing_commands(law, [load_judged(law, files / "data.h5", 2)], files)
    assert set(commands) == set(PROTOCOLS) - {"random"}
    for name, command in commands.items():
        words = command.split()
        assert words[:3] == ["python", "-m", "mlms_fenics.data.generate"]
        options = build_parser().parse_args(words[3:])
        assert options.protocol == ("log" if name == "fixed" else name)
        assert options.horizon == law.horizon


def with_nan(name):
    values = dict(zip(("U", "sigma"), histories.arrays(10), strict=True))[name]
    values[3, 7, 2] = np.nan
    return {name: values}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (with_nan("U"), "NaN or infinity in U of sample"),
        (with_nan("sigma"), "NaN or infinity in sigma of sample"),
        ({"unit_system": "m s Pa kg"}, "units 'm s Pa kg'"),
        ({"dimension": 2, "law": json.dumps(histories.law(2).to_dict())}, "dimension 2"),
        ({"orientations": np.eye(3)[[1, 2, 0]][None]}, "orientations"),
        ({"time": np.zeros(histories.N_T + 1)}, "times do not increase"),
        ({"format": "something else"}, "something else"),
    ],
)
def test_data_that_cannot_be_judged(files, tmp_path, changes, message):
    law = load_model(files / "model.h5", device="cpu")
    path = histories.write(tmp_path / "bad.h5", 10, seed=8, **changes)
    with pytest.raises(InputError, match=message):
        load_judged(law, path, 100)


def test_damaged_files_and_bad_options_end_in_one_line(files, tmp_path, capsys):
    whole = (files / "data.h5").read_bytes()
    cut, foreign = tmp_path / "cut.h5", tmp_path / "foreign.h5"
    cut.write_bytes(whole[: len(whole) // 2])
    foreign.write_text("no data at all")
    model, data, out = str(files / "model.h5"), str(files / "data.h5"), str(tmp_path / "out")
    for arguments, message in (
        ([model, str(cut)], "cut.h5"),
        ([model, str(foreign)], "not a whole HDF5 file"),
        ([data, data], "no model of this package"),
        ([model, data, "--paths", "0"], "--paths 0"),
        ([model, data, "--beside", "none.h5"], "no such file"),
    ):
        assert evaluate.main([*arguments, "--out", out]) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    assert evaluate.main([model, data, "--out", data]) == 2
    assert "name a folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_models_with_and_without_memory_in_their_measure_load(files, tmp_path):
    law = load_model(files / "model.h5", device="cpu")
    assert law.trust.groups == 1 and "trust" in law.initial_state(2)
    law.trust = TrustMeasure(3, 1.0, groups=0)
    save_model(law, tmp_path / "old.h5")
    # In float64, where both take the same way: only a measure with memory is compiled in float32.
    old = load_model(tmp_path / "old.h5", device="cpu", dtype=torch.float64)
    assert old.trust.groups == 0 and "trust" not in old.initial_state(2)
    U = from_components(histories.arrays(3)[0].astype(float))
    sigma, distance = old.stress_and_distance(U, 1.0)
    again = load_model(files / "model.h5", device="cpu", dtype=torch.float64)
    assert np.array_equal(sigma, again.stress(U, 1.0))
    assert (distance > 0).all() and not np.allclose(
        distance, again.stress_and_distance(U, 1.0)[1], rtol=0.01
    )
