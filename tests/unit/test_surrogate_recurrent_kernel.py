# SPDX-License-Identifier: MIT
"""The compiled recurrent kernel against torch's own graph, and the optimiser used with it."""

import numpy as np
import pytest
import torch

from mlms_fenics.surrogate.compiled import functions
from mlms_fenics.surrogate.fitting.soap import Soap
from mlms_fenics.surrogate.recurrent.cell import LARGEST, RecurrentCell
from mlms_fenics.surrogate.recurrent.run import run


def histories(cell: RecurrentCell, n: int = 13, n_t: int = 30) -> tuple[torch.Tensor, ...]:
    """Random walks with a hold in them, on an irregular grid."""
    g = torch.Generator().manual_seed(3)
    moves = 0.004 * torch.randn(n_t, n, cell.elastic, generator=g)
    moves[10:14] = 0.0
    e = torch.cat([torch.zeros(1, n, cell.elastic), moves.cumsum(0)])
    v = 0.01 * torch.randn(n_t + 1, n, 1, generator=g)
    dt = (0.2 + torch.rand(n_t, generator=g)) / n_t
    return e, v, dt


def make(elastic: int, internal: int, branches: int, rates=None) -> RecurrentCell:
    torch.manual_seed(1)
    cell = RecurrentCell(elastic, internal, 24, branches, rates=rates)
    cell.elastic_scale.fill_(0.004)
    cell.strain_scale.fill_(0.05)
    cell.volume_scale.fill_(0.02)
    return cell


@pytest.mark.parametrize("rates", [None, (1e-3, 30.0)])
@pytest.mark.parametrize(
    ("elastic", "internal", "branches", "stretch"),
    [(5, 7, 1, 1.0), (3, 4, 2, 1.0), (5, 0, 1, 1.0), (5, 6, 3, 1.0), (5, 4, 1, 100.0)],
)
def test_values_and_gradients_are_those_of_autograd(elastic, internal, branches, stretch, rates):
    cell = make(elastic, internal, branches, rates)
    e, v, dt = histories(cell)
    if rates is not None:  # each path in its own time
        dt = dt[:, None] * torch.logspace(-3, 3, e.shape[1])
    if stretch > 1.0:  # the bounds at work
        e *= stretch
        with torch.no_grad():
            cell.flow.weight.mul_(2.0)
    weight = torch.randn(len(dt), e.shape[1], elastic, generator=torch.Generator().manual_seed(5))
    exact = cell.double().run(e.double(), v.double(), dt.double()) / cell.elastic_scale
    (exact * weight).sum().backward()
    expected = [p.grad.clone() for p in cell.parameters()]
    cell = cell.float()
    cell.zero_grad()
    steps = dt.reshape(len(dt), -1, 1)
    features = cell.features(e[:-1], e[1:], v[1:], steps).transpose(1, 2)
    increments = (e.diff(dim=0) / cell.elastic_scale).transpose(1, 2)
    ours = run(cell, features.contiguous(), increments.contiguous(), dt)
    torch.testing.assert_close(ours.transpose(1, 2), exact.float(), rtol=2e-5, atol=1e-5)
    assert (exact.abs().max() > LARGEST) == (stretch > 1.0)
    (ours.transpose(1, 2) * weight).sum().backward()
    for p, reference in zip(cell.parameters(), expected, strict=True):
        assert (p.grad - reference).norm() < 1e-5 * reference.norm()


def test_two_runs_may_share_one_backward_pass():
    cell = make(5, 7, 1)
    e, v, dt = histories(cell)

    def loss(first: int, n_t: int) -> torch.Tensor:
        x, y = e[: n_t + 1, first:], v[: n_t + 1, first:]
        features = cell.features(x[:-1], x[1:], y[1:], dt[:n_t, None, None]).transpose(1, 2)
        increments = (x.diff(dim=0) / cell.elastic_scale).transpose(1, 2)
        return run(cell, features.contiguous(), increments.contiguous(), dt[:n_t]).square().sum()

    expected = []
    for part in ((0, 30), (4, 20)):
        cell.zero_grad()
        loss(*part).backward()
        expected.append(cell.hidden.weight.grad.clone())
    cell.zero_grad()
    (loss(0, 30) + loss(4, 20)).backward()
    torch.testing.assert_close(cell.hidden.weight.grad, expected[0] + expected[1])


def test_elementary_functions_over_their_whole_range():
    for x in np.concatenate([np.linspace(-80, 80, 401), np.geomspace(1e-8, 1, 60)]):
        x = np.float32(x)
        assert functions.exp(x) == pytest.approx(np.exp(float(x)), rel=3e-7)
        value, slope = functions.softplus(x)
        assert value == pytest.approx(np.logaddexp(0.0, float(x)), rel=1e-6)
        assert slope == pytest.approx(1.0 / (1.0 + np.exp(-float(x))), rel=1e-6)
        if x > 0.0:
            mean, derivative, decay = functions.mean_decay(x)
            exact = -np.expm1(-float(x)) / float(x)
            assert mean == pytest.approx(exact, rel=1e-6)
            assert decay == pytest.approx(np.exp(-float(x)), rel=3e-7)
            if x > 1e-4:  # below, the reference itself cancels
                reference = (np.exp(-float(x)) - exact) / float(x)
                assert derivative == pytest.approx(reference, rel=2e-5)


def solve(optimiser: str, steps: int) -> torch.Tensor:
    """Weights after so many steps on a least-squares problem with a spread of curvatures."""
    g = torch.Generator().manual_seed(0)
    A = torch.linalg.qr(torch.randn(8, 8, generator=g))[0] * torch.logspace(0, -2, 8)
    A = A @ torch.linalg.qr(torch.randn(8, 8, generator=g))[0]
    solution = torch.randn(8, 5, generator=g)
    X = torch.nn.Parameter(torch.zeros(8, 5))
    kind = {"soap": Soap, "adam": torch.optim.Adam}[optimiser]
    method = kind([X], lr=0.05)
    for step in range(steps):
        for group in method.param_groups:
            group["lr"] = 0.05 * (1.0 - step / steps)
        method.zero_grad()
        (A @ (X - solution)).square().sum().backward()
        method.step()
    return (A @ (X.detach() - solution)).square().sum()


def test_soap_needs_fewer_steps_than_adam_where_directions_are_mixed():
    assert solve("soap", 300) < 0.2 * solve("adam", 300)


def test_soap_state_survives_saving():
    def train(kept: int | None) -> torch.Tensor:
        torch.manual_seed(0)
        net = torch.nn.Linear(6, 4)
        x, y = torch.randn(64, 6), torch.randn(64, 4)
        method = Soap(net.parameters(), lr=1e-2, weight_decay=1e-3, every=3)
        for step in range(20):
            if step == kept:
                state = method.state_dict()
                method = Soap(net.parameters(), lr=1e-2, weight_decay=1e-3, every=3)
                method.load_state_dict(state)
            method.zero_grad()
            (net(x) - y).square().mean().backward()
            method.step()
        return net.weight.detach()

    assert torch.equal(train(None), train(11))


def test_gradient_of_a_chaotic_network_stays_bounded():
    cell = make(5, 8, 1)
    with torch.no_grad():
        for weight in (cell.from_state.weight, cell.hidden.weight, cell.flow.weight):
            weight.mul_(3.0)
    e, v, dt = histories(cell, n_t=120)
    exact = cell.run(e, v, dt) / cell.elastic_scale
    exact.sum().backward()
    theirs = cell.flow.weight.grad.norm()
    cell.zero_grad()
    features = cell.features(e[:-1], e[1:], v[1:], dt[:, None, None]).transpose(1, 2)
    increments = (e.diff(dim=0) / cell.elastic_scale).transpose(1, 2)
    run(cell, features.contiguous(), increments.contiguous(), dt).sum().backward()
    assert torch.isfinite(cell.flow.weight.grad).all()
    assert cell.flow.weight.grad.norm() < 0.1 * theirs
