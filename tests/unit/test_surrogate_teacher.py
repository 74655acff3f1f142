# SPDX-License-Identifier: MIT
"""Teaching a PCA-Net by a causal law: the same cell, fresh paths, the crystal's own judgement."""

import argparse
import dataclasses
import json

import numpy as np
import pytest
import surrogate_histories as histories
import torch
from training_options import training_options

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.surrogate import load_model, train
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.data import TrainingData, assemble
from mlms_fenics.surrogate.metrics import path_errors
from mlms_fenics.surrogate.model_file import save_model
from mlms_fenics.surrogate.pca_net import teacher
from mlms_fenics.surrogate.pca_net.problem import Problem
from mlms_fenics.surrogate.pca_net.reduction import mass_matrix
from mlms_fenics.surrogate.pca_net.teacher import FIRST_SEED, Teacher
from mlms_fenics.surrogate.pca_net.training import RECIPES, fit
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw

SETTINGS = PathSettings(steps=histories.N_T)


def drawn(n: int, settings: PathSettings = SETTINGS, seed: int = 1) -> np.ndarray:
    return np.stack([to_components(sample_path(settings, seed, k)) for k in range(n)])


def exact(U: np.ndarray) -> np.ndarray:
    strain = teacher.strain_components(U.astype(np.float32)).astype(np.float64)
    return histories.stress(strain, 1.0)


def training_data(n: int = 80, settings: PathSettings = SETTINGS, **changes) -> TrainingData:
    U = drawn(n, settings).astype(np.float32)
    made = assemble(
        U,
        exact(U).astype(np.float32),
        time=np.linspace(0.0, 1.0, histories.N_T + 1),
        law=histories.law(),
        orientations=histories.orientations(),
        files=[{"file": "a.h5", "sampler": settings.to_dict(), "protocol": settings.protocol}],
    )
    return dataclasses.replace(made, **changes)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return training_data()


@pytest.fixture(scope="module")
def model(data, tmp_path_factory):
    """An untrained causal law: what it says is no matter, only that it is handed on."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("teacher") / "teacher.h5"
    report = {"data": data.files, "errors": {"a.h5": {"law": {"deviatoric": {"mean": 0.5}}}}}
    save_model(RecurrentLaw.trained(RecurrentCell(5, 4, 8, 1), data, report), path)
    return path


@pytest.fixture
def all_knowing(monkeypatch):
    """Lets the teacher give the true stress."""
    monkeypatch.setattr(teacher, "run", lambda law, U, times: (exact(U), np.zeros(len(U))))


def options(**changes) -> argparse.Namespace:
    small = {"modes": 40, "output_modes": 60, "width": 48, "layers": 2, "epochs": 3, "batch": 64}
    return training_options(**{"recipe": "default", **small, **changes})


def test_labels_are_the_teachers_own_on_fresh_paths_of_the_sampler(data, model):
    lessons = list(Teacher(model, data, seed=2, chunk=20).lessons(50))
    assert [len(part.U) for part in lessons] == [20, 20, 10]
    U, strain, sigma = (
        np.concatenate([getattr(part, name) for part in lessons])
        for name in ("U", "strain", "sigma")
    )
    assert np.array_equal(U, drawn(50, seed=FIRST_SEED + 2).astype(np.float32))
    law = load_model(model)
    said = to_components(law.stress(from_components(U.astype(np.float64)), 1.0))
    assert np.abs(sigma - said).max() < 1e-6 * np.abs(said).max()
    assert np.abs(strain[..., :3].sum(-1) - np.log(np.linalg.det(from_components(U)))).max() < 1e-5
    again = next(Teacher(model, data, seed=2).lessons(7))
    assert np.array_equal(again.sigma, sigma[:7])
    assert not np.array_equal(next(Teacher(model, data, seed=3).lessons(7)).U, U[:7])


def test_labelling_keeps_to_its_part_of_the_wall_time(data, model, capsys):
    short = Budget(1e-9)  # already spent
    lessons = list(Teacher(model, data, seed=2, chunk=20, budget=short).lessons(50))
    assert [len(part.U) for part in lessons] == [20]
    assert "20 of 50 paths labelled, to end in time" in capsys.readouterr().err


def test_samplers_are_drawn_from_in_proportion_and_files_of_paths_not_at_all(data, tmp_path):
    straight = dataclasses.replace(SETTINGS, n_intervals=1)
    model = tmp_path / "both.h5"
    rows = training_data(200, straight)
    both = dataclasses.replace(rows, strain=np.concatenate([data.strain, rows.strain[80:]]))
    save_model(RecurrentLaw.trained(RecurrentCell(5, 4, 8, 1), both, {}), model)
    files = [
        {"file": "a.h5", "sampler": SETTINGS.to_dict()},
        {"file": "b.h5", "sampler": straight.to_dict()},
        {"file": "c.h5", "sampler": {**SETTINGS.to_dict(), "protocol": "harvested"}},
    ]
    source = np.arange(len(data.U)) % 5  # 0: a, 1 to 3: b, 4: c
    source = np.select([source == 0, source == 4], [0, 2], 1)
    mixed = dataclasses.replace(data, files=files, source=source)
    strain = next(Teacher(model, mixed, seed=0).lessons(400)).strain
    ones = np.abs(strain[:, histories.N_T // 2] - 0.5 * strain[:, -1]).max(axis=1) < 1e-5
    share = np.mean(source[data.train] == 1) / np.mean(source[data.train] < 2)
    assert abs(ones.mean() - share) < 0.02
    with pytest.raises(InputError, match="none of the data sets names a sampler"):
        Teacher(model, dataclasses.replace(data, files=files[2:]), seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 2.0}, r"horizon \(1\.0 and 2\.0\)"),
        ({"orientations": np.eye(3)[[1, 2, 0]][None]}, "orientations"),
        ({"law": dataclasses.replace(histories.law(), density=2.0)}, "law"),
    ],
)
def test_a_teacher_of_another_cell_is_refused(data, model, change, message):
    with pytest.raises(InputError, match=f"differ in their {message}"):
        Teacher(model, dataclasses.replace(data, **change), seed=0)


def test_a_teacher_in_another_dimension_or_of_smaller_strains_is_refused(model):
    with pytest.raises(InputError, match=r"dimension \(3 and 2\)"):
        Teacher(model, histories.training_data(60, 2), seed=0)
    with pytest.raises(InputError, match="leave the strains and rates"):
        Teacher(model, training_data(60, dataclasses.replace(SETTINGS, max_strain=0.5)), seed=0)
    other = dataclasses.replace(SETTINGS, steps=histories.N_T + 2).to_dict()
    with pytest.raises(InputError, match="its sampler makes 42 steps"):
        Teacher(model, training_data(60, files=[{"file": "a.h5", "sampler": other}]), seed=0)


def test_a_teacher_that_guesses_the_future_and_bad_options_are_refused(data, model, tmp_path):
    save_model(fit(data, options(epochs=1)), tmp_path / "map.h5")
    with pytest.raises(InputError, match="guess the future"):
        Teacher(tmp_path / "map.h5", data, seed=0)
    for change, message in (
        ({"teacher_paths": 10}, "--teacher-paths needs --teacher"),
        ({"teacher": model, "teacher_paths": 0}, "--teacher-paths 0"),
        ({"teacher": model, "recipe": "paper"}, "not part of the recipe paper"),
        ({"teacher": model, "isotropic": 0.5}, "need not be turned"),
        ({"teacher": tmp_path / "none.h5"}, "no such file"),
    ):
        with pytest.raises(InputError, match=message):
            fit(data, options(**change))


def test_loss_is_the_error_of_the_law_given_the_future_and_on_line(data, model):
    recipe = {**RECIPES["default"], "modes": 30, "output_modes": 25, "width": 16, "isotropic": 0.0}
    problem = Problem(data, recipe, False, Teacher(model, data, seed=0), 100)
    assert len(problem) == len(data.train) + 100
    rows = torch.arange(20)
    from mlms_fenics.surrogate.pca_net.law import PCANetLaw

    law = PCANetLaw.trained(problem.network, data, {}).to(dtype=torch.float64)
    U = from_components(data.U[data.train[:20]].astype(np.float64))
    factor = np.linalg.det(U)[..., None] / (2.0 * data.law.shear_modulus)
    E = isometry(3, deviatoric=True).T
    true = factor * (data.sigma[data.train[:20]] @ E)
    norm = np.square(true).sum(-1).mean(-1)
    problem.truncated = 0.0
    off = factor * (to_components(law.stress_given_future(U, 1.0)) @ E) - true
    M = mass_matrix(histories.N_T)
    square = np.einsum("nsc,st,ntc->n", off, M, off) / norm
    loss = float(problem.loss(rows, torch.Generator().manual_seed(0)))
    assert loss == pytest.approx(np.sqrt(square).mean(), rel=1e-2)  # trapezoid rule and exact
    problem.truncated = 1.0
    loss = float(problem.loss(rows, torch.Generator().manual_seed(0)))
    # The same random numbers: times 2 apart, and each path's last known one.
    generator = torch.Generator().manual_seed(0)
    times = np.arange(int(torch.randint(1, 3, (), generator=generator)), 41, 2)
    last = torch.randint(0, len(times), (20,), generator=generator).numpy()
    expected = []
    for n, k in enumerate(times[last]):
        cut = U[n, np.minimum(np.arange(41), k)][None]
        said = factor[n] * (to_components(law.stress_given_future(cut, 1.0))[0] @ E)
        square = np.square(said - true[n]).sum(-1)[times[: last[n] + 1]]
        expected.append(np.sqrt(0.5 * (square.mean() + square[-1]) / norm[n]))
    assert loss == pytest.approx(np.mean(expected), rel=1e-4)
    on = factor * (to_components(law.stress(U, 1.0)) @ E)
    n, k = 0, times[last[0]]
    cut = U[n, np.minimum(np.arange(41), k)][None]
    held = factor[n, k] * (to_components(law.stress_given_future(cut, 1.0))[0, k] @ E)
    assert np.abs(held - on[n, k]).max() < 1e-9  # what is held is what the law does on-line


def test_a_good_teacher_helps_and_is_named_in_the_report(data, model, all_knowing):
    def error(law) -> float:
        U, sigma = data.U[data.test], data.sigma[data.test]
        said = law.stress_given_future(from_components(U.astype(np.float64)), 1.0)
        return path_errors(to_components(said), sigma, data.time)["deviatoric"].mean()

    alone = error(fit(data, options(epochs=40, batch=16)))
    law = fit(data, options(epochs=12, teacher=model, teacher_paths=1500))
    assert error(law) < 0.75 * alone
    assert law.report["teacher_paths"] == 1500
    about = law.report["teacher"]
    assert about["architecture"] == "recurrent" and about["data"] == data.files
    assert about["errors"]["a.h5"]["deviatoric"]["mean"] == 0.5


def test_resumes_to_the_same_model_and_not_with_another_teacher(
    data, model, tmp_path, monkeypatch, all_knowing
):
    given = {"teacher": model, "teacher_paths": 100, "checkpoint": tmp_path / "c.h5"}
    whole = fit(data, options(**given))
    from mlms_fenics.surrogate.fitting import problem as fitting

    real = fitting.optimise

    def stopped(network, loss, *rest, **more):
        calls = iter(range(5))  # two batches and more of the second epoch

        def counted(*values):
            next(calls)
            return loss(*values)

        return real(network, counted, *rest, every=0.0, **more)

    monkeypatch.setattr(fitting, "optimise", stopped)
    with pytest.raises(StopIteration):
        fit(data, options(**given))
    monkeypatch.setattr(fitting, "optimise", real)
    with pytest.raises(InputError, match="teacher_paths = 100, not 90"):
        fit(data, options(**{**given, "teacher_paths": 90}, resume=True))
    again = fit(data, options(**given, resume=True))
    for name, value in whole.network.state_dict().items():
        # The optimiser's matrices come back in another layout, so that rounding differs.
        assert torch.allclose(value, again.network.state_dict()[name], rtol=0, atol=1e-5), name


def test_command(tmp_path, capsys, model, data):
    sampler = json.dumps(SETTINGS.to_dict())
    file = histories.write(
        tmp_path / "a.h5", len(data.U), U=data.U, sigma=data.sigma, sampler=sampler
    )
    out = tmp_path / "taught.h5"
    small = ["--modes", "12", "--output-modes", "8", "--width", "16", "--epochs", "1"]
    taught = ["--architecture", "pca-net", "--teacher", str(model), "--teacher-paths", "50"]
    taught += ["--no-picture"]
    assert train.main([str(file), "--out", str(out), *small, *taught]) == 0
    assert load_model(out).report["teacher_paths"] == 50
    assert train.main([str(file), "--out", str(out), *taught, "--recipe", "paper"]) == 2
    assert "not part of the recipe paper" in capsys.readouterr().err
