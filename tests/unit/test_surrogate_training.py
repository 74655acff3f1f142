# SPDX-License-Identifier: MIT
"""Training data, the loop and the two commands."""

import json
import subprocess
import sys

import numpy as np
import pytest
import surrogate_histories as histories
import torch

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.surrogate import evaluate, load_model, train
from mlms_fenics.surrogate.fitting.data import assemble, load_data, split_of
from mlms_fenics.surrogate.fitting.training import Settings, cosine, optimise

SMALL = ["--architecture", "pca-net", "--modes", "12", "--output-modes", "8", "--width", "16"]
SMALL += ["--layers", "1"]


def test_split_depends_on_seed_and_number_alone():
    part = split_of(5, np.arange(20000))
    assert np.array_equal(split_of(5, np.arange(20000)[::-1])[::-1], part)
    assert np.array_equal(split_of(5, np.arange(100)), part[:100])
    assert not np.array_equal(split_of(6, np.arange(20000)), part)
    for k, share in ((0, 0.8), (1, 0.1), (2, 0.1)):
        # Within five standard deviations of a binomial share.
        assert abs((part == k).mean() - share) < 5 * np.sqrt(share * (1 - share) / 20000)


def test_several_sets_are_joined_and_limited_in_proportion(tmp_path):
    a = histories.write(tmp_path / "a.h5", 60, seed=1)
    b = histories.write(tmp_path / "b.h5", 120, seed=2)
    data = load_data([a, b])
    assert len(data.U) == 180 and data.horizon == 1.0
    assert sorted(np.concatenate([data.train, data.validation, data.test])) == list(range(180))
    assert [f["N"] for f in data.files] == [60, 120]
    assert data.files[0]["sampler"] == {"protocol": "log"} and data.files[1]["seed"] == 2
    few = load_data([a, b], limit=30)
    counts = np.bincount(few.source[few.train])
    assert counts.sum() == 30 and abs(counts[0] - 10) <= 2
    assert np.array_equal(few.test, data.test)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 2.0}, "horizon"),
        ({"dimension": 2}, "dimension"),
        ({"orientations": np.eye(3)[[1, 2, 0]][None]}, "orientations"),
        ({"law": json.dumps({**histories.law().to_dict(), "density": 2.0})}, "law"),
    ],
)
def test_sets_of_different_cells_are_refused(tmp_path, change, message):
    a = histories.write(tmp_path / "a.h5")
    if "horizon" in change or "dimension" in change:
        b = histories.write(tmp_path / "b.h5", **change)
    else:
        b = histories.write(tmp_path / "b.h5", 60, 3, 1.0, 0, **change)
    with pytest.raises(InputError, match=f"differ in their {message}"):
        load_data([a, b])


def test_nan_and_too_few_histories_are_refused(tmp_path):
    U, _ = histories.arrays(60)
    U[7, 3, 2] = np.nan
    with pytest.raises(InputError, match="NaN in U of sample \\[7\\]"):
        load_data([histories.write(tmp_path / "a.h5", U=U)])
    with pytest.raises(InputError, match="leave none for"):
        load_data([histories.write(tmp_path / "b.h5", 5)])


class Line(torch.nn.Module):
    """A straight line to fit, so that the loop's result is known."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1, 1))
        self.bias = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x @ self.weight + self.bias


def line_problem(kill_after: int | None = None):
    x = torch.linspace(-1, 1, 64)[:, None]
    net, calls = Line(), [0]

    def loss(rows, generator):
        calls[0] += 1
        if kill_after is not None and calls[0] > kill_after:
            raise KeyboardInterrupt
        noise = 0.01 * torch.randn(len(rows), 1, generator=generator)
        return (net(x[rows]) - (3.0 * x[rows] - 1.0) + noise).square().mean()

    return net, loss, lambda: float((net(x) - (3.0 * x - 1.0)).square().mean())


def test_loop_finds_the_minimum_and_resumes_to_the_same_weights(tmp_path):
    settings = Settings(epochs=60, batch=16, rate=0.2, seed=3)
    net, loss, validate = line_problem()
    record = optimise(net, loss, validate, 64, settings)
    assert net.weight.item() == pytest.approx(3.0, abs=1e-2)
    assert net.bias.item() == pytest.approx(-1.0, abs=1e-2)
    assert len(record["loss"]) == len(record["validation"]) == 60
    path = tmp_path / "checkpoint.h5"
    killed, loss, validate = line_problem(kill_after=4 * 25 + 2)
    with pytest.raises(KeyboardInterrupt):
        optimise(killed, loss, validate, 64, settings, checkpoint=path, every=0.0)
    other, loss, validate = line_problem()
    again = optimise(other, loss, validate, 64, settings, checkpoint=path, resume=True)
    assert torch.equal(other.weight, net.weight) and torch.equal(other.bias, net.bias)
    assert again["validation"] == record["validation"]
    assert not path.exists()


def test_resuming_with_other_settings_or_a_bad_file_is_refused(tmp_path):
    path = tmp_path / "checkpoint.h5"
    net, loss, validate = line_problem(kill_after=20)
    with pytest.raises(KeyboardInterrupt):
        optimise(net, loss, validate, 64, Settings(batch=16), checkpoint=path, every=0.0)
    net, loss, validate = line_problem()
    with pytest.raises(InputError, match="seed = 0, not 1"):
        optimise(net, loss, validate, 64, Settings(batch=16, seed=1), checkpoint=path, resume=True)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match="cannot resume"):
        optimise(net, loss, validate, 64, Settings(batch=16), checkpoint=path, resume=True)


def test_loop_keeps_the_best_weights_and_stops_without_progress():
    net, loss, _ = line_problem()
    scores = iter([5.0, 2.0, 1.0, 3.0, 4.0, 5.0, 6.0, 0.0])
    seen = []

    def validate():
        seen.append(net.weight.detach().clone())
        return next(scores)

    record = optimise(net, loss, validate, 64, Settings(epochs=50, patience=4))
    assert record["best_epoch"] == 3 and len(record["loss"]) == 7
    assert torch.equal(net.weight, seen[2])


def test_divergence_is_reported():
    net, _, validate = line_problem()

    def loss(rows, generator):
        return net.weight.sum() * torch.nan

    with pytest.raises(SimulationError, match="diverged in epoch 1"):
        optimise(net, loss, validate, 64, Settings(epochs=2))


def test_cosine_ends():
    assert cosine(0.0, 1e-3, 1e-6) == pytest.approx(1e-3)
    assert cosine(1.0, 1e-3, 1e-6) == pytest.approx(1e-6)
    assert cosine(0.5, 1.0, 0.0) == pytest.approx(0.5)


@pytest.mark.parametrize("change", [{"epochs": 0}, {"rate": 0.0}, {"minutes": -1.0}, {"batch": 0}])
def test_bad_settings_are_refused(change):
    with pytest.raises(InputError, match=next(iter(change))):
        Settings(**change)


@pytest.mark.slow
def test_commands_train_and_evaluate(tmp_path, capsys):
    data = str(histories.write(tmp_path / "data.h5", 80))
    model = tmp_path / "model.h5"
    assert train.main([data, "--out", str(model), "--epochs", "2", *SMALL]) == 0
    text = capsys.readouterr().out
    assert "zero deviator, exact pressure" in text and "law, given the future" in text
    report = load_model(model).report
    assert report["data"][0]["file"] == "data.h5" and report["data"][0]["seed"] == 0
    errors = report["errors"]["data.h5"]
    assert errors["zero deviator, exact pressure"]["deviatoric"]["mean"] == pytest.approx(1.0)
    assert model.with_suffix(".png").stat().st_size > 10_000
    other = str(histories.write(tmp_path / "other.h5", 30, seed=9))
    out = tmp_path / "report"
    assert evaluate.main([str(model), data, other, "--out", str(out)]) == 0
    results = json.loads((out / "report.json").read_text())["results"]
    # Of the training set only its test part is judged, of another set all of it.
    assert results[0]["paths"] == report["split"]["test"] and results[1]["paths"] == 30
    assert results[0]["errors"]["law"]["total"]["mean"] == pytest.approx(
        errors["law"]["total"]["mean"], rel=1e-6
    )
    assert (out / "figures.png").stat().st_size > 10_000
    assert "NOT LEARNT" in capsys.readouterr().out  # two epochs are not enough
    assert "# Evaluation of" in (out / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.h5", "--out", "m.h5"], "no file"),
        (["data.h5", "--out", "missing/m.h5"], "folder"),
        (["data.h5", "--out", "m.h5", "--samples", "0"], "--samples 0"),
        (["data.h5", "--out", "m.h5", "--epochs", "0"], "epochs 0"),
        (["data.h5", "--out", "m.h5", "--architecture", "pca-net", "--modes", "0"], "modes 0"),
    ],
)
def test_commands_refuse_bad_input_in_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    histories.write(tmp_path / "data.h5", 60)
    monkeypatch.chdir(tmp_path)
    assert train.main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1
    assert not (tmp_path / "m.h5").exists()


@pytest.mark.slow
def test_what_is_trained_unless_said_otherwise_is_the_recurrent_operator(tmp_path):
    data, model = str(histories.write(tmp_path / "data.h5", 60)), tmp_path / "model.h5"
    assert train.main([data, "--out", str(model), "--epochs", "1", "--no-picture"]) == 0
    assert load_model(model).architecture == "recurrent"


def test_evaluation_refuses_data_of_another_cell(tmp_path, capsys):
    data = str(histories.write(tmp_path / "data.h5", 60))
    model = str(tmp_path / "model.h5")
    assert train.main([data, "--out", model, "--epochs", "1", "--no-picture", *SMALL]) == 0
    turned = np.eye(3)[[1, 2, 0]][None]
    other = str(histories.write(tmp_path / "other.h5", 10, seed=4, orientations=turned))
    longer = str(histories.write(tmp_path / "longer.h5", 10, horizon=3.0, seed=4))
    for path, message in ((other, "orientations"), (longer, "3 µs"), ("no.h5", "no file")):
        assert evaluate.main([model, path, "--out", str(tmp_path / "report")]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_validation_rows_come_from_every_data_set():
    source = np.repeat([0, 1], 300)
    U, sigma = histories.arrays(600)
    time = np.linspace(0.0, 1.0, histories.N_T + 1)
    data = assemble(
        U, sigma, time=time, law=histories.law(), orientations=np.eye(3)[None], source=source
    )
    rows = data.validation_rows(20)
    assert len(set(rows)) == 20 and set(rows) <= set(data.validation)
    assert abs(np.mean(data.source[rows]) - np.mean(data.source[data.validation])) < 0.1
    assert np.array_equal(data.validation_rows(10**6), data.validation)


def test_a_model_or_report_that_another_process_writes_is_left_to_it(tmp_path, capsys):
    data, model = str(tmp_path / "data.h5"), tmp_path / "model.h5"
    histories.write(tmp_path / "data.h5", 60)
    assert train.main([data, "--out", str(model), "--epochs", "1", "--no-picture", *SMALL]) == 0
    before = model.read_bytes()
    code = (
        "import sys, time\nfrom mlms_fenics.locking import Claim\n"
        "claims = Claim(sys.argv[1], file=True), Claim(sys.argv[2])\n"
        "print('held', flush=True)\ntime.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(model), str(tmp_path / "report")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            assert train.main([data, "--out", str(model), "--epochs", "1", *SMALL]) == 2
            assert "model.h5' is being written by process" in capsys.readouterr().err
            assert evaluate.main([str(model), data, "--out", str(tmp_path / "report")]) == 2
            assert "report' is being written by process" in capsys.readouterr().err
        finally:
            holder.kill()
    assert model.read_bytes() == before
    assert train.main([data, "--out", str(model), "--epochs", "1", "--no-picture", *SMALL]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data.h5", "model.h5", "report"]
