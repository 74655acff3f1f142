# SPDX-License-Identifier: MIT
"""The wall time that a training is given is kept, whatever comes before and after the fit."""

import time

import numpy as np
import pytest
import surrogate_histories as histories
import torch

from mlms_fenics.errors import InputError
from mlms_fenics.surrogate import load_model, train
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.training import Settings, optimise
from mlms_fenics.surrogate.reduced.polish import Grains, polish

MINUTES = 0.5
# More work than there is time for: without a limit each of these would take many minutes.
LONG = {
    "pca-net": ["--epochs", "100000", "--patience", "100000"],
    "recurrent": ["--epochs", "100000", "--patience", "100000"],
    "grains": ["--epochs", "100000", "--patience", "100000"],
    "reduced": ["--grains", "6", "--candidates", "20000", "--starts", "50", "--samples", "200"],
}
# The same code on little, so that nothing is left to compile.
SHORT = {name: ["--epochs", "1"] for name in LONG}
SHORT["reduced"] += ["--grains", "6", "--candidates", "10", "--starts", "1", "--samples", "4"]
SHORT["reduced"] += ["--variations", "1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two data sets, of which the law is of 24 grains so that six of them are a reduction."""
    folder = tmp_path_factory.mktemp("data")
    grains = np.linalg.qr(np.random.default_rng(0).normal(size=(24, 3, 3)))[0]
    grains *= np.linalg.det(grains)[:, None, None]
    files = [
        histories.write(folder / f"{n}.h5", n, seed=n, orientations=grains) for n in (300, 2000)
    ]
    return [str(file) for file in files]


@pytest.fixture
def own_clock(monkeypatch):
    """Seconds of this process's own work, so that a busy machine does not count; on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(time, "monotonic", time.process_time)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.usefixtures("own_clock")
@pytest.mark.parametrize("name", LONG)
def test_every_architecture_keeps_its_minutes(data, tmp_path, capsys, name):
    common = ["--architecture", name, "--out", str(tmp_path / "model.h5")]
    assert train.main([data[0], *common, *SHORT[name], "--minutes", "5"]) == 0
    capsys.readouterr()
    begun = time.monotonic()
    assert train.main([*data, *common, *LONG[name], "--minutes", str(MINUTES)]) == 0
    spent = time.monotonic() - begun
    assert 0.5 * 60.0 * MINUTES < spent < 1.1 * 60.0 * MINUTES
    said = capsys.readouterr().err
    assert len(said.splitlines()) >= 2  # progress all along
    report = load_model(tmp_path / "model.h5").report
    assert set(report["errors"]) == {"300.h5", "2000.h5"}
    assert (tmp_path / "model.png").exists()


def test_an_epoch_that_is_longer_than_the_budget_is_cut():
    net = torch.nn.Linear(1, 1)

    def loss(rows, generator):
        time.sleep(0.01)
        return (net(torch.ones(len(rows), 1)) - 1.0).square().mean()

    optimise(net, loss, lambda: 0.5, 1, Settings(epochs=1))  # torch loads what it needs
    settings = Settings(epochs=3, batch=1, minutes=2.0 / 60.0)
    begun = time.monotonic()
    done = optimise(net, loss, lambda: 0.5, 100_000, settings)
    assert 1.0 < time.monotonic() - begun < 2.2
    assert len(done["loss"]) == 1 and 0.0 < done["loss"][0] < 10.0


def test_what_was_spent_before_counts():
    net = torch.nn.Linear(1, 1)

    def loss(rows, generator):
        return (net(torch.ones(len(rows), 1)) - 1.0).square().mean()

    budget = Budget(0.02)
    time.sleep(1.0)
    settings = Settings(epochs=10**9, patience=10**9, minutes=0.02)
    begun = time.monotonic()
    done = optimise(net, loss, lambda: 0.5, 4, settings, budget=budget)
    assert time.monotonic() - begun < 0.2 and len(done["loss"]) >= 1


def test_polishing_ends_where_its_time_does():
    asked = []

    def responses(Q, x):
        return Q.reshape(len(Q), 9)

    def in_time(seconds):
        asked.append(seconds)
        return len(asked) < 6

    start = Grains(np.stack([np.eye(3)] * 2), np.array([0.5, 0.5]), 3.0)
    target = np.full(9, 0.3)
    found = polish(start, target, responses, axes=np.eye(3), iterations=1000, in_time=in_time)
    assert len(asked) <= 8 and found.error <= 3.0


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan")])
def test_minutes_must_be_positive(minutes):
    with pytest.raises(InputError, match=r"--minutes .*: must be positive"):
        Budget(minutes)


def test_a_budget_leaves_time_to_close():
    assert not Budget(None).limited and Budget(None).left() == float("inf")
    long, short = Budget(100.0), Budget(0.1)
    assert long.fitted == pytest.approx(0.94) and long.judged == pytest.approx(0.98)
    # Of six seconds a fifth, however long judging takes.
    assert short.fitted == pytest.approx(0.8)
    assert Budget(None).fitted * Budget(None).seconds == float("inf")
