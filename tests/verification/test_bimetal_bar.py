# SPDX-License-Identifier: MIT
"""A bar of two laws: waves are reflected and transmitted at the interface as d'Alembert has it.

With impedances Z = ρ c a wave of velocity f(t − x/c₁) that comes to the interface at x = 0 from the
left goes on as t f(t − x/c₂) and back as r f(t + x/c₁), r = (Z₁ − Z₂)/(Z₁ + Z₂), t = 1 + r.
"""

import numpy as np
import pytest
from bars_of_two_laws import ELASTIC, LENGTH, bimetal_bar
from mpi4py import MPI

from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity
from mlms_fenics.materials import NeoHookean

COMM = MPI.COMM_WORLD
LEFT, RIGHT = ELASTIC["body"], ELASTIC["head"]
C1, C2 = LEFT.wave_speed, RIGHT.wave_speed
Z1, Z2 = LEFT.density * C1, RIGHT.density * C2
R, T = (Z1 - Z2) / (Z1 + Z2), 2.0 * Z1 / (Z1 + Z2)
AMPLITUDE, WIDTH = 1e-6, 2.0
# Until the middle of the wave has come 1.8 mm back; no end of the bar is reached by then.
END = (0.5 * WIDTH + LENGTH + 1.8) / C1


def pulse(time):
    """Velocity of the left end: a bump, smooth to the third derivative, that then is over."""
    t = time * C1 / WIDTH - 0.5
    return AMPLITUDE * np.where(np.abs(t) < 0.5, np.cos(np.pi * t) ** 4, 0.0)


def exact(x: np.ndarray, time: float) -> np.ndarray:
    """Velocity in the bar."""
    at = time - LENGTH / C1
    left = pulse(at - x / C1) + R * pulse(at + x / C1)
    return np.where(x < 0.0, left, T * pulse(at - x / C2))


def run(n: int, laws=ELASTIC) -> ExplicitSolver:
    """The bar of n cells in uniaxial strain at the end."""
    sides = PrescribedVelocity(lambda x: np.full(x.shape[1], True), components=(1, 2))
    pushed = PrescribedVelocity(
        lambda x: np.isclose(x[0], -LENGTH), lambda time: float(pulse(time)), components=(0,)
    )
    solver = ExplicitSolver(
        bimetal_bar(COMM, n),
        laws=laws,
        constraints=[sides, pushed],
        viscosity=(0.0, 0.0),
        safety=0.5,
    )
    solver.run(END)
    return solver


def error_of(solver: ExplicitSolver) -> float:
    x = solver.elements.coordinates[:, 0]
    # Velocities stand half a step before the end.
    wrong = solver.v.x.array[::3] - exact(x, solver.time - 0.5 * solver.dt)
    return float(np.abs(wrong).max() / AMPLITUDE)


def test_reflected_and_transmitted_waves_converge_at_second_order() -> None:
    errors = [error_of(run(n)) for n in (128, 256, 512)]
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[-1] < 0.01 and np.all(np.abs(rates - 2.0) < 0.2), (errors, rates)


def test_waves_have_the_heights_and_energies_of_the_impedances() -> None:
    solver = run(256)
    x, v = solver.elements.coordinates[:, 0], solver.v.x.array[::3]
    assert Z2 < 0.7 * Z1  # a soft head: the wave comes back with its sign
    assert v[x < 0.0].max() / AMPLITUDE == pytest.approx(R, rel=0.01)
    assert v[x > 0.0].max() / AMPLITUDE == pytest.approx(T, rel=0.01)
    kinetic = 0.5 * solver.nodal_mass * v**2
    assert kinetic[x < 0.0].sum() / kinetic.sum() == pytest.approx(R**2, rel=0.02)


def test_equal_impedances_reflect_nothing() -> None:
    # Twice the density and half of the moduli: half of the speed.
    matched = NeoHookean(0.5 * LEFT.shear_modulus, 0.5 * LEFT.bulk_modulus, 2.0 * LEFT.density)
    solver = run(256, {"body": LEFT, "head": matched})
    x, v = solver.elements.coordinates[:, 0], solver.v.x.array[::3]
    assert np.abs(v[x < -0.5]).max() < 0.01 * AMPLITUDE
    assert v[x > 0.0].max() == pytest.approx(AMPLITUDE, rel=0.02)
