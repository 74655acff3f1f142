# SPDX-License-Identifier: MIT
"""Elastic waves against closed forms."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.geometry import LATERAL, cylinder_mesh
from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity, RigidPlane
from mlms_fenics.materials import NeoHookean

LAW = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0)
LENGTH, SPEED = 10.0, ((48.0 + 4.0 * 25.0 / 3.0) / 10.0) ** 0.5


def bar(n: int, **options) -> ExplicitSolver:
    """A bar along x, fixed at x = 0, free at x = LENGTH, in uniaxial strain."""
    domain = mesh.create_box(
        MPI.COMM_WORLD,
        [[0.0, 0.0, 0.0], [LENGTH, 1.0, 1.0]],
        [n, 1, 1],
        mesh.CellType.hexahedron,
    )
    sides = PrescribedVelocity(lambda x: np.full(x.shape[1], True), components=(1, 2))
    constraints = [sides, *options.pop("constraints", [])]
    return ExplicitSolver(domain, LAW, constraints=constraints, viscosity=(0.0, 0.0), **options)


def fixed_free(n: int, amplitude: float = 1e-6, safety: float = 0.5):
    k = np.pi / (2.0 * LENGTH)
    omega = k * SPEED
    fixed = PrescribedVelocity(lambda x: np.isclose(x[0], 0.0), components=(0,))
    start = lambda x: np.vstack(  # noqa: E731
        (amplitude * omega * np.sin(k * x[0]), 0 * x[0], 0 * x[0])
    )
    return bar(n, velocity=start, constraints=[fixed], safety=safety), k, omega


def error_after(n: int, time: float, amplitude: float = 1e-6) -> float:
    solver, k, omega = fixed_free(n, amplitude)
    solver.run(time)
    x = solver.elements.coordinates[:, 0]
    exact = amplitude * np.sin(k * x) * np.sin(omega * time)
    return float(np.abs(solver.u.x.array[::3] - exact).max() / amplitude)


def test_standing_wave_converges_at_second_order() -> None:
    quarter = LENGTH / SPEED
    errors = [error_after(n, 1.9 * quarter) for n in (8, 16, 32)]
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(rates - 2.0) < 0.15), (errors, rates)


def test_standing_wave_converges_at_second_order_in_time_alone() -> None:
    # On a fixed mesh the wave has the frequency of the lumped chain, 2 c/h sin(k h/2), exactly.
    n, amplitude = 8, 1e-6
    errors = []
    for safety in (0.4, 0.2, 0.1):
        solver, k, _ = fixed_free(n, amplitude, safety)
        h = LENGTH / n
        chain = 2.0 * SPEED / h * np.sin(0.5 * k * h)
        dt = safety * solver.stable_dt
        end = 1.9 * 0.5 * np.pi / chain
        solver.motion.v_values[:] *= chain / (k * SPEED)
        while solver.time < end:
            solver.step(dt)
        x = solver.elements.coordinates[:, 0]
        exact = amplitude * np.sin(k * x) * np.sin(chain * solver.time)
        errors.append(float(np.abs(solver.u.x.array[::3] - exact).max() / amplitude))
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(rates - 2.0) < 0.1), (errors, rates)


def test_standing_wave_speed_and_energy_over_ten_periods() -> None:
    solver, _, omega = fixed_free(20)
    period = 2.0 * np.pi / omega
    tip = int(np.argmax(solver.elements.coordinates[:, 0]))
    times, tips, totals = [], [], []

    def record(s: ExplicitSolver) -> None:
        times.append(s.time)
        tips.append(s.u.x.array[3 * tip])
        energies = s.energies()
        totals.append(energies.total / energies.initial)

    solver.run(10.0 * period, record)
    t, u, total = np.array(times), np.array(tips), np.array(totals)
    up = np.flatnonzero((u[:-1] < 0.0) & (u[1:] >= 0.0))
    crossings = t[up] - u[up] * (t[up + 1] - t[up]) / (u[up + 1] - u[up])
    measured = (crossings[-1] - crossings[0]) / (len(crossings) - 1)
    assert len(crossings) == 9
    assert measured == pytest.approx(period, rel=5e-3)
    first, last = t < period, t > 9.0 * period
    assert abs(total[last].mean() - total[first].mean()) <= 1e-4


def test_bar_on_wall_has_the_interface_stress_and_the_duration_of_theory() -> None:
    speed = 1e-3
    wall = RigidPlane((LENGTH, 0.0, 0.0), (-1.0, 0.0, 0.0))
    solver = bar(200, velocity=(speed, 0.0, 0.0), contacts=[wall])
    times, forces = [], []
    solver.run(
        3.0 * LENGTH / SPEED,
        lambda s: (times.append(s.time), forces.append(-s.contact_force[0])),
    )
    t, force = np.array(times), np.array(forces)
    duration = 2.0 * LENGTH / SPEED
    plateau = force[(t > 0.1 * duration) & (t < 0.9 * duration)].mean()
    assert plateau == pytest.approx(10.0 * SPEED * speed, rel=5e-3)
    assert t[np.flatnonzero(force > 0.0)[-1]] == pytest.approx(duration, rel=0.02)
    assert solver.momentum[0] == pytest.approx(-10.0 * LENGTH * speed, rel=0.01)


def test_front_in_a_held_cylinder_runs_at_the_longitudinal_speed() -> None:
    domain, _, facets = cylinder_mesh(MPI.COMM_WORLD, size=0.17)
    solver = ExplicitSolver(
        domain,
        LAW,
        velocity=(0.0, 0.0, -0.001),
        contacts=[RigidPlane()],
        constraints=[PrescribedVelocity((facets, LATERAL), components=(0, 1))],
    )
    z = solver.elements.coordinates[:, 2]
    heights = np.unique(z.round(9))

    def front() -> float:
        v = solver.v.x.array[2::3]
        mean = np.array([v[np.isclose(z, h)].mean() for h in heights])
        k = np.flatnonzero(mean > -0.0005)[-1]
        slope = (mean[k + 1] - mean[k]) / (heights[k + 1] - heights[k])
        return heights[k] + (-0.0005 - mean[k]) / slope

    solver.run(0.5)
    early = front()
    solver.run(1.4)
    assert (front() - early) / 0.9 == pytest.approx(SPEED, rel=0.03)
