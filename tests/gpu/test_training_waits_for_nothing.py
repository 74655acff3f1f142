# SPDX-License-Identifier: MIT
"""Training on a device: data lie there, the host looks at nothing, and all can be recorded."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from no_waiting import NoWaiting
from played_again import captured
from surrogate_histories import training_data
from torch.utils._python_dispatch import _disable_current_modes

from mlms_fenics.device import treated_as_apart, uploaded
from mlms_fenics.surrogate.fitting import recorded
from mlms_fenics.surrogate.fitting.data import assemble
from mlms_fenics.surrogate.fitting.recorded import Gradients, Recorded
from mlms_fenics.surrogate.fitting.soap import Soap
from mlms_fenics.surrogate.fitting.training import Settings, optimise
from mlms_fenics.surrogate.grains import training as grains
from mlms_fenics.surrogate.pca_net import problem as pca_net
from mlms_fenics.surrogate.pca_net.training import RECIPES
from mlms_fenics.surrogate.recurrent import training as recurrent

SIZES = {"internal": 2, "width": 8, "branches": 1, "grains": 2}
SMALL = {"modes": 6, "output_modes": 6, "width": 8}
GPU = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch sees"),
    ],
)


def problem(name: str, device: str = "cpu"):
    torch.manual_seed(1)
    whole, steps = training_data(60), 12
    U, sigma = (x[:, : steps + 1].copy() for x in (whole.U, whole.sigma))
    # Every other history has its corners on a coarser grid.
    U[::2, 1::2] = 0.5 * (U[::2, :-1:2] + U[::2, 2::2])
    data = assemble(
        U, sigma, time=whole.time[: steps + 1], law=whole.law, orientations=whole.orientations
    )
    data.device = torch.device(device)
    if name == "recurrent":
        return recurrent.Problem(data, SIZES)
    if name == "grains":
        return grains.Problem(data, SIZES)
    return pca_net.Problem(data, {**RECIPES["default"], **SMALL}, paper=False)


def unwatched(call):
    def on_the_host(*arguments):
        with _disable_current_modes():
            return call(*arguments)

    return on_the_host


def norms(gradient, network, seed: int) -> tuple[float, list[np.ndarray]]:
    value = gradient(torch.arange(8), torch.Generator().manual_seed(seed))
    return value.clone(), [p.grad.clone() for p in network.parameters() if p.grad is not None]


def same(a, b) -> None:
    assert float(b[0]) == pytest.approx(float(a[0]), rel=1e-5)
    for x, y in zip(a[1], b[1], strict=True):
        x, y = x.cpu().numpy(), y.cpu().numpy()
        np.testing.assert_allclose(y, x, atol=2e-4 * np.abs(x).max() + 1e-7)


@pytest.mark.parametrize("name", ["recurrent", "grains", "pca-net"])
def test_a_batch_on_a_device_is_the_batch_here(name, monkeypatch):
    # What depends on chance is drawn on the host in any case, and sent without waiting.
    monkeypatch.setattr(recorded, "uploaded", unwatched(uploaded))
    given = problem(name)
    loss = replace(given.loss, draw=unwatched(given.loss.draw))
    seeds = (3, 4, 5, 3, 4, 5)
    here = [norms(Gradients(given.network, given.loss), given.network, seed) for seed in seeds]
    with treated_as_apart():
        gradient = Gradients(given.network, loss)
        norms(gradient, given.network, 3)
        with NoWaiting():
            there = [norms(gradient, given.network, seed) for seed in seeds]
        assert gradient.recorded.recordings > 0  # the last ones came through buffers that stay
        # Played again as a CUDA graph is, nothing of the batch that was recorded is left.
        monkeypatch.setattr(recorded, "_captured", captured)
        gradient = Gradients(given.network, given.loss)
        again = [norms(gradient, given.network, seed) for seed in seeds * 2]
        assert gradient.recorded.recordings > 0 and not gradient.recorded.refused
    for a, b in zip(here * 2, again, strict=True):
        same(a, b)
    for a, b in zip(here, there, strict=True):
        same(a, b)


def test_forms_are_few():
    with treated_as_apart():
        given = problem("recurrent")
        forms = set()
        for seed in range(200):
            form, inputs = given.loss.draw(
                torch.randperm(40)[:16], torch.Generator().manual_seed(seed)
            )
            forms.add((form, *(x.shape for x in inputs)))
    assert len(forms) <= recorded.MOST


def test_steps_of_the_optimiser_wait_for_nothing(monkeypatch):
    monkeypatch.setattr(recorded, "uploaded", unwatched(uploaded))
    given = problem("recurrent")
    loss = replace(given.loss, draw=unwatched(given.loss.draw))
    with treated_as_apart():
        gradient = Gradients(given.network, loss)
        method = Soap(given.network.parameters(), weight_decay=1e-3, every=2)
        for step in range(6):
            with NoWaiting() if step else _disable_current_modes():  # the first finds eigenvectors
                gradient(torch.arange(8), torch.Generator().manual_seed(step))
                torch.nn.utils.clip_grad_norm_(given.network.parameters(), 1.0)
                method.step()


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize("name", ["recurrent", "grains", "pca-net"])
def test_training_goes_the_same_way(name, device, monkeypatch):
    if device == "cpu":
        monkeypatch.setattr(recorded, "_captured", captured)
    settings = Settings(epochs=3, batch=16, rate=1e-3, optimiser="soap")

    def train(given):
        return optimise(given.network, given.loss, given.validate, len(given), settings)

    here = train(problem(name))
    with treated_as_apart():
        there = train(problem(name, device))
    for curve in ("loss", "validation"):
        np.testing.assert_allclose(there[curve], here[curve], rtol=2e-4)
    assert there["graphs"] > 0


def test_what_cannot_be_recorded_is_computed_all_the_same(monkeypatch):
    def refuse(*arguments):
        raise RuntimeError("operation not permitted when stream is capturing\nmore of that")

    function = Recorded(lambda form, x: (2.0 * x,), torch.device("cpu"))
    with treated_as_apart():
        monkeypatch.setattr(recorded, "_captured", refuse)
        for k in range(4):
            assert float(function("double", torch.tensor(float(k)))[0]) == 2.0 * k
    assert function.recordings == 0
    assert function.refused == "operation not permitted when stream is capturing"


def test_a_value_that_was_looked_at_is_found_out(monkeypatch):
    monkeypatch.setattr(recorded, "_captured", captured)
    function = Recorded(lambda form, x: (float(x) * x,), torch.device("cpu"))
    with treated_as_apart():
        found = [float(function("square", torch.tensor(float(k)))[0]) for k in range(4)]
    assert found == [0.0, 1.0, 2.0, 3.0]  # from the second on times what the second one was
