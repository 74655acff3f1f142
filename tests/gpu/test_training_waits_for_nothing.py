# SPDX-License-Identifier: MIT
"""Training on a device: batches lie there, and the host looks at nothing within an epoch."""

import numpy as np
import pytest
import torch
from no_waiting import NoWaiting
from surrogate_histories import training_data
from torch.utils._python_dispatch import _disable_current_modes

from mlms_fenics.device import treated_as_apart, uploaded
from mlms_fenics.surrogate.grains import training as grains
from mlms_fenics.surrogate.recurrent import training as recurrent
from mlms_fenics.surrogate.recurrent.grids import random_nodes

SIZES = {"internal": 2, "width": 8, "branches": 1, "grains": 2}


@pytest.mark.parametrize("training", [recurrent, grains], ids=["recurrent", "grains"])
def test_a_batch_on_a_device_is_the_batch_here(training, monkeypatch):
    def unwatched(call):
        def on_the_host(*arguments):
            with _disable_current_modes():
                return call(*arguments)

        return on_the_host

    # The grid is made on the host in any case, and sent without waiting.
    monkeypatch.setattr(grains, "random_nodes", unwatched(random_nodes))
    monkeypatch.setattr(training, "uploaded", unwatched(uploaded))
    torch.manual_seed(1)
    problem = training.Problem(training_data(60), SIZES)
    if training is recurrent:
        problem.nodes = unwatched(random_nodes)
    rows = torch.arange(8)

    def gradient() -> tuple[float, np.ndarray]:
        problem.network.zero_grad()
        value = problem.loss(rows, torch.Generator().manual_seed(3))
        value.backward()
        return value.detach(), [p.grad.clone() for p in problem.network.parameters()]

    here = gradient()
    with treated_as_apart():
        gradient()
        with NoWaiting():
            there = gradient()
    assert float(there[0]) == pytest.approx(float(here[0]), rel=1e-5)
    for a, b in zip(here[1], there[1], strict=True):
        np.testing.assert_allclose(b.numpy(), a.numpy(), atol=2e-4 * float(a.abs().max()) + 1e-7)
