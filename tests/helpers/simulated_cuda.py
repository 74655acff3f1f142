# SPDX-License-Identifier: MIT
"""Laws of the CUDA kernels in numba's simulator beside the CPU's; prints a dict of differences.

To be run with NUMBA_ENABLE_CUDASIM=1, which numba reads when it is imported.
"""

import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from no_waiting import no_waiting
from untrained_laws import untrained_laws

from mlms_fenics.device import treated_as_apart
from mlms_fenics.gpu import launch
from mlms_fenics.kinematics.strain import log_strain
from mlms_fenics.kinematics.tensors import polar
from mlms_fenics.loop.blocks import block
from mlms_fenics.loop.resident import Resident
from mlms_fenics.loop.run import Run
from mlms_fenics.materials import (
    J2,
    NeoHookean,
    Polycrystal,
    johnson_cook,
    magnesium,
    two_slip_crystal,
)
from mlms_fenics.materials.hill import Hill, hill_coefficients
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.grains.run import run
from mlms_fenics.surrogate.grains.walk_there import walk_there
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.training import walk
from mlms_fenics.unitcell import FFTCell, TaylorAverage

LAWS = {
    "J2": J2(young=117.0, poisson=0.35, yield_stress=0.1, hardening=0.1, density=8.93),
    "Johnson-Cook": johnson_cook("OFHC copper"),
    "Hill": Hill(
        young=45.0, poisson=0.3, density=1.74, A=0.1, B=0.2, n=0.3, C=0.02,
        coefficients=hill_coefficients(1.0, 1.2, 0.8),
    ),
}  # fmt: skip


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest difference over the largest entry."""
    return float((a - b).abs().max() / a.abs().max())


def law_difference(law, steps: int = 2, points: int = 3, size: float = 0.02) -> float:
    """Largest difference of stress and state over a few plastic steps, in which nothing waits."""
    rng, found = np.random.default_rng(3), 0.0
    A = torch.from_numpy(size * rng.standard_normal((points, 3, 3)))
    here = there = law.initial_state(points)
    with treated_as_apart():
        apart = law.to(device="cpu")
    for k in range(1, steps + 1):
        F = torch.eye(3, dtype=torch.float64) + k * A
        s0, here = law.update(F, 0.1 * k, 0.1, here)
        with treated_as_apart(), pytest.MonkeyPatch.context() as patch:
            assert launch.usable(F.device)
            if k == 1:
                apart.update(F, 0.1 * k, 0.1, there)  # what is made once is made now
            with no_waiting(patch):
                s1, there = apart.update(F, 0.1 * k, 0.1, there)
        # The step to try next follows from an estimated error, which is a small difference.
        assert "step" not in here or difference(here["step"], there["step"]) < 1e-6
        pairs = [(s0, s1), *((here[name], there[name]) for name in here if name != "step")]
        found = max(found, *(difference(a, b) for a, b in pairs))
    return found


def taylor_difference() -> float:
    """Of stress and statistics of four grains along a short path with a corner."""
    path = np.eye(3) + np.array([0.0, 0.002, 0.003])[:, None, None] * np.diag([1.0, -0.5, -0.5])
    path[2, 0, 1] = path[2, 1, 0] = 0.001
    law, Q = magnesium(), random_orientations(3, seed=1)
    here = TaylorAverage(law, Q).solve(path[None], 0.02, 1e-3)
    with treated_as_apart():
        there = TaylorAverage(law, Q, device="cpu").solve(path[None], 0.02, 1e-3)
    assert np.array_equal(here.substeps, there.substeps) and here.substeps.min() > 6
    return float(np.abs(here.stress - there.stress).max() / np.abs(here.stress).max())


def cell_difference() -> float:
    """Of the average stress of two small full-field cells."""
    path = np.eye(2) + np.array([0.0, 0.004])[:, None, None] * np.array([[1.0, 0.3], [0.3, -0.9]])
    grains, Q = np.arange(4).reshape(2, 2) // 2, random_orientations(2, seed=1, dimension=2)
    U = np.stack((path, path.swapaxes(1, 2)[:, ::-1, ::-1]))
    law = two_slip_crystal()
    here = FFTCell(law, grains, Q, method="anderson").solve(U, 1e4, 1e-3)
    with treated_as_apart():
        there = FFTCell(law, grains, Q, method="anderson", device="cpu").solve(U, 1e4, 1e-3)
    assert np.array_equal(here.iterations, there.iterations)
    return float(np.abs(here.stress - there.stress).max() / np.abs(here.stress).max())


def loop_difference(form: str) -> float:
    """Of the motion of a block over a few steps, in which nothing waits."""
    runs = []
    for context in (nullcontext(), treated_as_apart()):
        with context, pytest.MonkeyPatch.context() as patch:
            run = Run(block((2, 2, 2), hourglass=(form, 0.3)), NeoHookean(25.0, 48.0, 10.0))
            assert (run.loop.kernels is None) == (not runs)
            resident = Resident(run.loop, 1.0, 0.8, 1.0, run.stable_dt)
            resident.begin(0.0, 0.0, run.stable_dt)
            with no_waiting(patch) if runs else nullcontext():
                resident.take(6)
        runs.append(run)
    names = ("u", "v", "F", "sigma", "P", "viscous", "force", "work")
    pairs = [[getattr(run.loop, name) for run in runs] for name in names]
    pairs += [[getattr(run.loop.hourglass, name) for run in runs] for name in ("q", "k", "work")]
    return max(difference(a, b) for a, b in pairs)


def kinematics_difference() -> float:
    """Of rotation, stretch and strain of large deformations; and what is refused here is NaN."""
    rng = np.random.default_rng(6)
    A, W = rng.standard_normal((2, 3, 3, 3))
    F = torch.linalg.matrix_exp(torch.from_numpy(2.0 * (W - W.swapaxes(1, 2))))
    F = F @ torch.linalg.matrix_exp(torch.from_numpy(0.4 * (A + A.swapaxes(1, 2))))
    here = polar(F)
    with treated_as_apart():
        there, strain = polar(F), log_strain(here[1])
        bad = F.clone()
        bad[1] = -bad[1]
        bad[2, 0, 0] = torch.nan
        assert torch.isnan(polar(bad)[0]).all((1, 2)).tolist() == [False, True, True]
    pairs = [*zip(here, there, strict=True), (log_strain(here[1]), strain)]
    return max(difference(a, b) for a, b in pairs)


def training_difference(kind: str, rates) -> float:
    """Of stresses along histories and of the gradient of weights that are trained on them."""
    torch.manual_seed(1)
    g = torch.Generator().manual_seed(2)
    moves, weights = torch.randn(4, 3, 5, generator=g), torch.randn(4, 5, 3, generator=g)
    v, dt = 0.3 * torch.randn(5, 3, 1, generator=g), 0.05 + 0.1 * torch.rand(4, 3, generator=g)
    if kind == "grains":
        cell, given = GrainCell(2, 6, 2, rates=rates), (moves.mT.contiguous(), v[1:, :, 0], dt)
        calls = run, walk_there
    else:
        cell = RecurrentCell(5, 2, 6, branches=2, rates=rates)
        given = 0.02 * torch.cat((torch.zeros(1, 3, 5), moves.cumsum(0))), 0.02 * v, dt
        calls = walk, walk
    cell.elastic_scale.fill_(0.02)
    found = []
    for call, context in zip(calls, (nullcontext(), treated_as_apart()), strict=True):
        with context, pytest.MonkeyPatch.context() as patch:
            if found:
                call(cell, *given)  # what is made once is made now
            cell.zero_grad()
            with no_waiting(patch) if found else nullcontext():
                s = call(cell, *given)
                (s * weights).sum().backward()
        found.append([s.detach(), *(p.grad.clone() for p in cell.parameters())])
    return max(difference(a, b) for a, b in zip(*found, strict=True))


if __name__ == "__main__":
    assert launch.SIMULATED
    found = {name: law_difference(law) for name, law in LAWS.items()}
    grains = Polycrystal(magnesium(), random_orientations(2, seed=1), tolerance=1e-4)
    found["polycrystal"] = law_difference(grains, steps=1, points=1, size=0.002)
    reduced = untrained_laws()["reduced 3D"]
    found["reduced"] = law_difference(reduced, steps=1, points=1, size=0.002)
    copper = Polycrystal(metal("copper"), random_orientations(1, seed=1), tolerance=1e-3)
    found["copper"] = law_difference(copper, steps=1, points=1, size=0.0005)
    wide = load_model("one-microsecond").to(dtype=torch.float64)
    found["learnt"] = law_difference(wide, steps=1, points=2)
    for name in ("default", "one-microsecond"):
        found[f"learnt, {name}"] = law_difference(load_model(name), steps=3)
    for kind in ("recurrent", "grains"):
        for form, rates in (("one rate", None), ("rates", (0.5, 50.0))):
            found[f"training, {kind}, {form}"] = training_difference(kind, rates)
    for form in ("secant", "elastic", "viscous"):
        found[f"loop, {form}"] = loop_difference(form)
    found["kinematics"] = kinematics_difference()
    print(json.dumps({**found, "Taylor": taylor_difference(), "cells": cell_difference()}))
