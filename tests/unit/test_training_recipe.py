# SPDX-License-Identifier: MIT
"""The recipe of the training command: what it tries, what it keeps, what it refuses."""

import argparse
from types import SimpleNamespace

import numpy as np
import pytest
import surrogate_histories as histories

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.surrogate import load_model, recipe, train
from mlms_fenics.surrogate.fitting.data import load_data
from mlms_fenics.surrogate.recipe import Candidate, candidates, features

KNOWN = {"grains": 64, "rate_exponent": 2.0, "one_horizon": True, "systems": 0}


def test_features_of_data(tmp_path):
    fast = histories.write(tmp_path / "fast.h5", 60)
    slow = histories.write(tmp_path / "slow.h5", 60, seed=1, horizon=1000.0)
    data = load_data([fast, slow], many_horizons=True)
    assert sorted(set(data.durations)) == [1.0, 1000.0]
    assert data.time_of(1)[-1] == 1000.0 and len(data.time_of(1)) == len(data.time)
    known = features(data)
    low, high = known["rates"]
    assert 100.0 < high / low < 1e4 and not known["one_horizon"]
    assert known["paths"] == len(data.train)
    assert known["anisotropy"] == pytest.approx(1.0)  # its one grain
    assert known["systems"] == 0  # magnesium twins
    with pytest.raises(InputError, match="horizon"):
        load_data([fast, slow])


def test_a_random_texture_is_nearly_isotropic():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(4000, 3, 3)))[0]
    assert recipe._anisotropy(Q, None) < 0.05
    # All but one of them count for nothing.
    weights = np.full(len(Q), 1e-12)
    weights[0] = 1.0
    assert recipe._anisotropy(Q, weights) == pytest.approx(1.0, abs=1e-6)


def test_candidates_suit_the_data_and_the_price():
    def names(known, dimension=3, price=3.0):
        return [one.architecture for one in candidates(known, dimension, price)]

    assert names(KNOWN) == ["recurrent", "grains"]
    assert names({**KNOWN, "rate_exponent": 20.0}) == ["grains", "recurrent"]
    stiff, soft = candidates({**KNOWN, "rate_exponent": 20.0}, 3, 3.0), candidates(KNOWN, 3, 3.0)
    assert stiff[1].options["branches"] == 4 and "branches" not in soft[0].options
    assert names(KNOWN, price=20.0) == ["recurrent", "grains", "reduced"]
    assert names({**KNOWN, "one_horizon": False}, price=20.0) == ["recurrent", "grains"]
    assert names(KNOWN, dimension=2) == ["recurrent"]
    metal = {**KNOWN, "rate_exponent": 20.0, "systems": 12}
    assert names(metal) == ["quick", "grains", "recurrent"]


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The recipe on laws whose error and cost are given; a list of the trainings that were run."""
    monkeypatch.setattr(recipe, "features", lambda data: {**KNOWN, "paths": 1, "strain": 0.1,
                        "rates": [1.0, 2.0], "anisotropy": 0.0})  # fmt: skip
    monkeypatch.setattr(recipe, "save_model", lambda law, path: path.write_text(law.name))
    done = []

    def go(results, minutes=30.0, microseconds=3.0, resume=False):
        def fit(name, data, arguments):
            done.append((name, arguments.minutes))
            error, cost = results[name]
            if error is None:
                raise SimulationError("diverged")
            return SimpleNamespace(name=name, error=error, cost=cost, report={})

        def measured(one, law, data):
            return recipe.Trial(one, law, law.error, law.cost)

        monkeypatch.setattr(recipe, "_measured", measured)
        arguments = argparse.Namespace(
            minutes=minutes,
            microseconds=microseconds,
            resume=resume,
            out=tmp_path / "m.h5",
            checkpoint=None,
        )
        law, name = recipe.train_by_recipe(SimpleNamespace(dimension=3), arguments, fit)
        return law, name, done

    return go


def test_the_best_of_the_cheap_ones_gets_the_rest_of_the_time(run, tmp_path):
    law, name, done = run({"recurrent": (0.05, 1.0), "grains": (0.03, 2.5)})
    assert name == law.name == "grains"
    assert [one for one, _ in done] == ["recurrent", "grains", "grains"]
    assert done[0][1] == pytest.approx(30.0 * recipe.TRIAL)
    assert 0.9 * 30.0 < done[-1][1] <= 30.0  # these took no time
    record = law.report["recipe"]["trials"]
    assert [one["architecture"] for one in record] == ["recurrent", "grains", "grains"]
    assert record[0]["microseconds"] == 1.0 and record[1]["error"] == 0.03
    assert not list(tmp_path.glob("*.trial"))


def test_what_is_too_dear_or_fails_is_left(run):
    assert run({"recurrent": (0.05, 1.0), "grains": (0.03, 3.5)})[1] == "recurrent"
    assert run({"recurrent": (0.05, 1.0), "grains": (None, 0.0)})[1] == "recurrent"
    with pytest.raises(InputError, match=r"--microseconds 3: the cheapest .* costs 4"):
        run({"recurrent": (0.05, 4.0), "grains": (0.03, 5.0)})
    with pytest.raises(SimulationError, match="no law could be trained"):
        run({"recurrent": (None, 0.0), "grains": (None, 0.0)})


def test_short_of_time_there_are_no_trials(run):
    _, name, done = run({"recurrent": (0.05, 1.0), "grains": (0.03, 2.5)}, minutes=1.0)
    assert name == "recurrent" and len(done) == 1


def test_trials_that_were_finished_are_read_again(run, tmp_path, monkeypatch):
    saved = recipe._trial_file(tmp_path / "m.h5", Candidate("grains"))
    saved.write_text("there")
    law = SimpleNamespace(name="grains", error=0.03, cost=2.0, report={})
    monkeypatch.setattr(recipe, "load_model", lambda path, device: law)
    _, name, done = run({"recurrent": (0.05, 1.0), "grains": (0.02, 2.5)}, resume=True)
    assert name == "grains" and [one for one, _ in done] == ["recurrent", "grains"]


@pytest.mark.slow
def test_the_command_with_no_other_option(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(recipe, "SHORTEST", 0.0)
    data = [str(histories.write(tmp_path / "a.h5", 80)),
            str(histories.write(tmp_path / "b.h5", 60, seed=2, horizon=30.0))]  # fmt: skip
    out = tmp_path / "m.h5"
    words = [*data, "--out", str(out), "--minutes", "0.4", "--microseconds", "500"]
    assert train.main(words) == 0
    said = capsys.readouterr()
    assert "deviatoric error" in said.err and "for the rest of the time" in said.err
    law = load_model(out)
    assert set(law.report["errors"]) == {"a.h5", "b.h5"}
    assert law.report["architecture"] == law.architecture
    assert law.report["longest_history"] == 30.0
    assert len(law.report["recipe"]["trials"]) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "b.h5", "m.h5", "m.png"]
    assert train.main([*data, "--out", str(out), "--microseconds", "0"]) == 2
    assert "--microseconds 0.0: must be positive" in capsys.readouterr().err
