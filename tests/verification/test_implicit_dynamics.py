# SPDX-License-Identifier: MIT
"""Implicit dynamics: exact motions, order in time, energy, and the explicit solver's answer."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError
from mlms_fenics.macroscale import (
    HHT,
    BodyForce,
    ExplicitSolver,
    ImplicitSolver,
    PrescribedDisplacement,
    PrescribedVelocity,
    Steps,
    symmetry_plane,
)
from mlms_fenics.materials import J2, NeoHookean

LAW = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0)
COPPER = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)
SPEED = ((48.0 + 4.0 * 25.0 / 3.0) / 10.0) ** 0.5


def even(dt: float) -> Steps:
    return Steps(dt, largest=dt, growth=1.0)


def test_free_fall_is_exact() -> None:
    domain = mesh.create_unit_cube(MPI.COMM_WORLD, 2, 2, 2, mesh.CellType.hexahedron)
    solver = ImplicitSolver(
        domain, LAW, steps=even(0.25), dynamics=HHT(0.0), velocity=(0.1, 0.0, 0.0),
        loads=[BodyForce((0.0, 0.0, -0.02))],
    )  # fmt: skip
    solver.run(2.0)
    u, v = (f.x.array.reshape(-1, 3) for f in (solver.u, solver.v))
    np.testing.assert_allclose(v, np.broadcast_to([0.1, 0.0, -0.04], v.shape), atol=1e-9)
    np.testing.assert_allclose(u[:, 0], 0.2, atol=1e-9)
    assert np.ptp(u, axis=0).max() < 1e-9
    assert solver.momentum[0] == pytest.approx(1.0, rel=1e-9)


def bar_error(dt: float, n: int, alpha: float) -> float:
    """Relative error after 1.9 quarters of a period of a bar that is held at one end."""
    k = np.pi / 20.0
    omega = k * SPEED
    domain = mesh.create_box(
        MPI.COMM_WORLD, [[0, 0, 0], [10, 0.5, 0.5]], [n, 1, 1], mesh.CellType.hexahedron
    )
    solver = ImplicitSolver(
        domain, LAW, dynamics=HHT(alpha), steps=even(dt), tolerance=1e-10,
        velocity=lambda x: np.vstack((1e-6 * omega * np.sin(k * x[0]), 0 * x[0], 0 * x[0])),
        constraints=[
            symmetry_plane(0),
            PrescribedVelocity(lambda x: np.ones(x.shape[1], dtype=bool), components=(1, 2)),
        ],
    )  # fmt: skip
    end = 1.9 * 0.5 * np.pi / omega
    solver.run(end)
    exact = 1e-6 * np.sin(omega * end) * np.sin(k * solver.elements.coordinates[:, 0])
    found = solver.u.x.array.reshape(-1, 3)[:, 0]
    if alpha == 0.0:
        assert abs(solver.energies().balance) < 1e-6
    return float(np.abs(found - exact).max() / 1e-6)


@pytest.mark.parametrize("alpha", [0.0, -0.1])
def test_standing_wave_with_second_order(alpha: float) -> None:
    end = 1.9 * 0.5 * np.pi / (np.pi / 20.0 * SPEED)
    errors = [bar_error(end / steps, steps, alpha) for steps in (8, 16, 32)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert errors[-1] < 5e-3 and (orders > 1.7).all(), (errors, orders)


def pressed(kind: str) -> ImplicitSolver | ExplicitSolver:
    """A copper block pressed by a tenth, smoothly, in many times a wave's way through it."""
    domain = mesh.create_unit_cube(MPI.COMM_WORLD, 2, 2, 2, mesh.CellType.hexahedron)
    end = 30.0
    press = PrescribedDisplacement(
        lambda x: np.isclose(x[2], 1.0),
        lambda t: -0.1 * (10 * (t / end) ** 3 - 15 * (t / end) ** 4 + 6 * (t / end) ** 5),
        components=(2,),
    )
    held = [PrescribedVelocity(lambda x: np.isclose(x[2], 0.0)), press]
    if kind == "implicit":
        solver = ImplicitSolver(domain, COPPER, steps=even(end / 40.0), constraints=held)
    else:
        solver = ExplicitSolver(domain, COPPER, quadrature="full", constraints=held)
    solver.run(end)
    return solver


def test_slow_explicit_loading_is_the_implicit_one() -> None:
    slow, still = pressed("explicit"), pressed("implicit")
    scale = np.abs(still.u.x.array).max()
    assert np.abs(slow.u.x.array - still.u.x.array).max() < 0.01 * scale
    stress = np.abs(still.sigma).max()
    assert np.abs(slow.sigma - still.sigma).max() < 0.01 * stress
    assert slow.energies().internal == pytest.approx(still.energies().internal, rel=0.01)
    assert slow.energies().external == pytest.approx(still.energies().external, rel=0.01)
    strain = still.state["plastic_strain"].numpy()
    assert strain.max() > 0.1
    assert np.abs(slow.state["plastic_strain"].numpy() - strain).max() < 0.01 * strain.max()


@pytest.mark.slow
def test_implicit_dynamics_is_the_explicit_solvers() -> None:
    """A block of copper that is stopped at its foot: the same motion with small steps."""
    end, solvers = 0.8, []
    for kind in ("explicit", "implicit"):
        domain = mesh.create_unit_cube(MPI.COMM_WORLD, 2, 2, 4, mesh.CellType.hexahedron)
        foot = PrescribedVelocity(lambda x: np.isclose(x[2], 0.0))
        given = {"velocity": (0.0, 0.0, -0.05), "constraints": [foot]}
        if kind == "explicit":
            solver = ExplicitSolver(domain, COPPER, quadrature="full", viscosity=(0.0, 0.0),
                                    safety=0.1, **given)  # fmt: skip
        else:
            solver = ImplicitSolver(domain, COPPER, steps=even(end / 160), dynamics=HHT(0.0),
                                    **given)  # fmt: skip
        solver.run(end)
        solvers.append(solver)
    explicit, implicit = solvers
    scale = np.abs(explicit.u.x.array).max()
    assert np.abs(explicit.u.x.array - implicit.u.x.array).max() < 0.01 * scale
    kinetic = [s.energies().kinetic for s in solvers]
    assert abs(kinetic[1] - kinetic[0]) < 0.01 * implicit.motion.initial_energy
    assert abs(implicit.energies().balance) < 0.02


def test_a_velocity_needs_inertia() -> None:
    domain = mesh.create_unit_cube(MPI.COMM_WORLD, 1, 1, 1, mesh.CellType.hexahedron)
    with pytest.raises(InputError, match="initial velocity"):
        ImplicitSolver(domain, LAW, steps=1.0, velocity=(0.0, 0.0, 1.0))
