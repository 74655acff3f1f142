# SPDX-License-Identifier: MIT
"""A law on a device apart is never looked at by the host, and gives there what it gives here.

All is run on the CPU treated as a device apart, and where there is one on a GPU too.
"""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from no_waiting import NoWaiting, no_waiting
from untrained_laws import untrained_laws

from mlms_fenics.device import treated_as_apart
from mlms_fenics.materials import (
    J2,
    LawsByPart,
    NeoHookean,
    Polycrystal,
    johnson_cook,
    magnesium,
)
from mlms_fenics.materials.hill import Hill, hill_coefficients
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate import load_model

GPU = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch sees"),
    ],
)
LAWS = untrained_laws()
LEARNT = [name for name in LAWS if not name.startswith("reduced")]


def deformations(n: int, steps: int, dimension: int = 3) -> torch.Tensor:
    """Histories of F with rotation, 10% strain in all, *Shape* `(steps + 1, n, d, d)`."""
    generator = np.random.default_rng(5)
    A, t = generator.standard_normal((n, dimension, dimension)), np.linspace(0.0, 1.0, steps + 1)
    A *= 0.1 / np.linalg.norm(A, axis=(1, 2))[:, None, None]
    turn = 3.0 * generator.standard_normal((n, dimension, dimension))
    W = torch.from_numpy(turn - turn.swapaxes(1, 2))
    F = np.eye(dimension) + t[:, None, None, None] * A
    return torch.linalg.matrix_exp(torch.from_numpy(t[:, None, None, None]) * W) @ F


def along(law, F, horizon: float, tensors: bool) -> list[torch.Tensor]:
    """Stresses, the time given as numbers or as tensors."""
    steps = len(F) - 1
    state, out = law.initial_state(F.shape[1]), []
    times = [torch.tensor(horizon * k / steps, dtype=torch.float64) for k in range(steps + 1)]
    times = [t.to(F.device) if tensors else float(t) for t in times]
    for k in range(1, steps + 1):
        sigma, state = law.update(F[k], times[k], times[k] - times[k - 1], state)
        out.append(sigma)
    return [*out, *(state[name] for name in sorted(state))]


def same(
    law, given: str, monkeypatch, dimension: int = 3, tolerance: float = 1e-12, horizon: float = 0.5
) -> None:
    """The law on the device apart, watched, against the law here."""
    F = deformations(5, 6, dimension)
    expected = along(law, F, horizon, tensors=False)
    apart = treated_as_apart() if given == "cpu" else nullcontext()
    with apart:
        there = law.to(device=given)
        G = F.to(given)
        along(there, G, horizon, tensors=True)  # what is made once is made now
        state = there.initial_state(G.shape[1])
        dt = torch.full((), horizon / 6, dtype=torch.float64, device=G.device)
        with no_waiting(monkeypatch):
            found = watched(there, G, dt, state)
    for a, b in zip(expected, found, strict=True):
        scale = float(a.double().abs().max()) + 1e-300
        assert float((a - b.to("cpu")).abs().max()) <= tolerance * scale


def watched(law, F, dt, state) -> list[torch.Tensor]:
    """`along` with a step and times that are on the device."""
    out, time = [], torch.zeros_like(dt)
    for here in F.unbind(0)[1:]:
        time = time + dt
        sigma, state = law.update(here, time, dt, state)
        out.append(sigma)
    return [*out, *(state[name] for name in sorted(state))]


@pytest.mark.parametrize("where", ["cpu", GPU])
@pytest.mark.parametrize("name", LEARNT)
def test_learnt_laws(name, where, monkeypatch):
    same(LAWS[name], where, monkeypatch, LAWS[name].dimension)


def shipped(name: str):
    """A shipped law; of the family of textures, that of one which is not its own."""
    law = load_model(name)
    if name != "textures":
        return law
    return law.of_texture(law.orientations[:50], np.arange(1.0, 51.0) / 1275.0)


@pytest.mark.parametrize("where", ["cpu", GPU])
@pytest.mark.parametrize("name", ["default", "one-microsecond", "textures"])
def test_the_shipped_laws_in_their_own_precision(name, where, monkeypatch):
    same(shipped(name), where, monkeypatch, tolerance=1e-5, horizon=0.02)


@pytest.mark.parametrize("where", [GPU])  # in numba's simulator: test_simulated_cuda.py
@pytest.mark.parametrize("law", [
    LAWS["reduced 3D"],
    LAWS["reduced 2D"],
    Polycrystal(magnesium(), random_orientations(2, seed=1), tolerance=1e-4),
    Polycrystal(metal("copper"), random_orientations(2, seed=1), tolerance=1e-3),
], ids=["reduced 3D", "reduced 2D", "polycrystal", "copper"])  # fmt: skip
def test_crystals(law, where, monkeypatch):
    """The step to try next is kept, which follows from an error that is a small difference."""
    same(law, where, monkeypatch, getattr(law, "dimension", 3), tolerance=1e-6)


@pytest.mark.parametrize("where", ["cpu", GPU])
@pytest.mark.parametrize("law", [
    NeoHookean(25.0, 48.0, 10.0),
    J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93),
    johnson_cook("OFHC copper"),
    Hill(young=45.0, poisson=0.3, density=1.74, A=0.1, B=0.2, n=0.3, C=0.02,
         coefficients=hill_coefficients(1.0, 1.2, 0.8)),
], ids=lambda law: type(law).__name__)  # fmt: skip
def test_homogeneous_laws(law, where, monkeypatch):
    same(law, where, monkeypatch)


class Parts(LawsByPart):
    """Whose virgin points have laws in turn."""

    def initial_state(self, n):
        return self.virgin(np.arange(n) % len(self.laws))

    def to(self, device):
        return Parts(super().to(device).laws)


@pytest.mark.parametrize("where", ["cpu", GPU])
def test_laws_of_parts(where, monkeypatch):
    laws = {"head": J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)}
    laws |= {"body": NeoHookean(25.0, 48.0, 10.0), "rim": LAWS[LEARNT[0]]}
    same(Parts(laws), where, monkeypatch)
    assert Parts(laws).to(where).device.type == where


def test_what_waits_is_noticed(monkeypatch):
    x = torch.ones(3)
    with NoWaiting():
        for waits in (lambda: x.sum().item(), lambda: x[x > 0], lambda: bool(x[0] > 0)):
            with pytest.raises(AssertionError, match=r"wait|mask"):
                waits()
    with no_waiting(monkeypatch), pytest.raises(AssertionError, match="numpy"):
        x.numpy()
