# SPDX-License-Identifier: MIT
"""Contact of the implicit solver: closed forms of compression, friction and Hertz."""

import numpy as np
import pytest
import torch
from dolfinx import mesh
from mpi4py import MPI
from scipy.optimize import brentq

from mlms_fenics.errors import InputError
from mlms_fenics.macroscale import (
    ImplicitSolver,
    PrescribedDisplacement,
    PrescribedVelocity,
    RigidCylinder,
    RigidPlane,
    Steps,
    symmetry_plane,
)
from mlms_fenics.materials import J2, NeoHookean, drive
from mlms_fenics.surrogate import load_model

LAW = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0)
COPPER = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)
CORNER = [symmetry_plane(axis) for axis in range(3)]


def cube(n: int) -> mesh.Mesh:
    return mesh.create_unit_cube(MPI.COMM_WORLD, n, n, n, mesh.CellType.hexahedron)


def uniaxial(law, times: np.ndarray, stretches: np.ndarray) -> tuple[float, float]:
    """Cauchy stress, GPa, and lateral stretch of a point driven in uniaxial stress by scipy."""
    state, side, before, sigma = law.initial_state(1), 1.0, 0.0, 0.0
    for time, stretch in zip(times, stretches, strict=True):

        def at(w: float, now: float = time, stretch: float = stretch, old=state, start=before):
            F = torch.diag(torch.tensor([w, w, stretch], dtype=torch.float64))[None]
            return law.update(F, now, now - start, old)

        side = brentq(lambda w: float(at(w)[0][0, 0, 0]), 0.95 * side, 1.1 * side, xtol=1e-14)
        found, state = at(side)
        sigma, before = float(found[0, 2, 2]), time
    return sigma, side


@pytest.mark.parametrize("law", [LAW, COPPER], ids=["neo-Hookean", "J2"])
def test_pressed_cube_is_the_law_in_uniaxial_stress(law) -> None:
    solver = ImplicitSolver(
        cube(2), law, steps=Steps(0.1, growth=1.0), constraints=CORNER, tolerance=1e-10,
        contacts=[RigidPlane((0.0, 0.0, 1.0), (0.0, 0.0, -1.0), velocity=0.2)],
    )  # fmt: skip
    times = []
    solver.run(1.0, lambda s: times.append(s.time))
    sigma, side = uniaxial(law, np.array(times), 1.0 - 0.2 * np.array(times))
    np.testing.assert_allclose(solver.F[:, 0, 0], side, rtol=1e-6)
    np.testing.assert_allclose(solver.sigma[:, 2, 2], sigma, rtol=1e-5)
    force = solver.contact_force
    assert force[2] == pytest.approx(sigma * side**2, rel=1e-5)
    assert np.abs(force[:2]).max() < 1e-9
    np.testing.assert_allclose(solver.reaction(2), -force, atol=1e-7)
    z = (solver.elements.coordinates + solver.u.x.array.reshape(-1, 3))[:, 2]
    assert z.max() - 0.8 < 2e-7
    energies = solver.energies()
    assert energies.contact == pytest.approx(energies.internal, rel=1e-6)


def test_pressed_cube_is_the_learnt_law_driven_at_a_point() -> None:
    law = load_model(dtype=torch.float64)
    solver = ImplicitSolver(
        cube(1), law, steps=Steps(0.1, growth=1.0), tolerance=1e-9,
        constraints=[CORNER[2], PrescribedVelocity(lambda x: np.abs(x).max(axis=0) < 1e-9),
                     PrescribedVelocity(lambda x: np.abs(x.T - [1, 0, 0]).max(axis=1) < 1e-9,
                                        components=(1,))],
        contacts=[RigidPlane((0.0, 0.0, 1.0), (0.0, 0.0, -1.0), velocity=0.1)],
    )  # fmt: skip
    times, F = [0.0], [np.eye(3)]

    def note(s: ImplicitSolver) -> None:
        times.append(s.time)
        F.append(s.F[0].copy())

    solver.run(1.0, note)
    sigma = drive(law, torch.from_numpy(np.array(F))[None], np.array(times))[0, -1].numpy()
    np.testing.assert_allclose(solver.F[:, 2, 2], 0.9, atol=1e-6)
    np.testing.assert_allclose(
        solver.sigma, np.broadcast_to(sigma, solver.sigma.shape), atol=1e-6 * np.abs(sigma).max()
    )
    assert sigma[2, 2] < -0.05
    sigma[2, 2] = 0.0
    assert np.abs(sigma).max() < 1e-6


def test_a_plane_that_leaves_lets_go() -> None:
    held = PrescribedDisplacement(
        lambda x: np.isclose(x[2], 0.0), lambda t: 0.2 * np.sin(np.pi * t), components=(2,)
    )
    solver = ImplicitSolver(
        cube(2), LAW, steps=Steps(0.1, growth=1.0), constraints=[*CORNER[:2], held],
        contacts=[RigidPlane((0.0, 0.0, 1.1), (0.0, 0.0, -1.0))],
    )  # fmt: skip
    forces = []
    solver.run(1.0, lambda s: forces.append((s.time, s.contact_force[2])))
    touching = {time: force < -1e-6 for time, force in forces}
    assert max(touching) == 1.0
    assert {time for time, on in touching.items() if on} == {
        time for time in touching if np.sin(np.pi * time) > 0.5 + 1e-9
    }
    assert np.abs(solver.u.x.array).max() < 1e-7


def test_sliding_block_rubs_with_coulombs_force() -> None:
    """Pressed down and then dragged by its top: μ N against the way it goes, once all slips."""
    friction = 0.2
    top = lambda x: np.isclose(x[2], 1.0)  # noqa: E731
    solver = ImplicitSolver(
        cube(3), LAW, steps=Steps(0.1, largest=0.1),
        constraints=[
            PrescribedDisplacement(top, lambda t: -0.05 * min(t, 1.0), components=(2,)),
            PrescribedDisplacement(top, lambda t: 0.2 * max(t - 1.0, 0.0), components=(0,)),
            PrescribedVelocity(top, components=(1,)),
        ],
        contacts=[RigidPlane(friction=friction)],
    )  # fmt: skip
    solver.run(2.0)
    force, contact = solver.contact_force, solver.contacts[0]
    assert force[2] > 1.0
    assert force[0] == pytest.approx(-friction * force[2], rel=1e-6)
    assert abs(force[1]) < 1e-6 * force[2]
    rubbing = np.linalg.norm(contact.rubbing, axis=1)
    assert (rubbing <= friction * contact.pressing * (1.0 + 1e-9) + 1e-12).all()


def test_hertz_line_contact() -> None:
    """Half width a = √(4 F R (1 − ν²)/(π E)) and peak pressure 2 F/(π a) of a parabola."""
    R, size, n = 4.0, 2.0, 40
    domain = mesh.create_rectangle(
        MPI.COMM_WORLD, [[0.0, 0.0], [size, size]], (n, n), mesh.CellType.quadrilateral
    )
    x, y = domain.geometry.x[:, 0], domain.geometry.x[:, 1]
    x *= 0.25 + 0.75 * (x / size) ** 2  # finer at the axis
    y *= 0.25 + 0.75 * (y / size) ** 2
    y += x**2 / (2.0 * R) * (1.0 - y / size)
    poisson = (3.0 * 48.0 - 2.0 * 25.0) / (2.0 * (3.0 * 48.0 + 25.0))
    modulus = 2.0 * 25.0 * (1.0 + poisson) / (1.0 - poisson**2)
    solver = ImplicitSolver(
        domain, LAW, steps=0.5, two_dimensional="plane-strain",
        constraints=[
            symmetry_plane(0),
            PrescribedDisplacement(lambda x: np.isclose(x[1], size), lambda t: -0.012 * t,
                                   components=(1,)),
        ],
        contacts=[RigidPlane(normal=(0.0, 1.0, 0.0))],
    )  # fmt: skip
    solver.run(1.0)
    force = 2.0 * solver.contact_force[1]
    contact = solver.contacts[0]
    place = solver.elements.coordinates[contact.nodes, 0]
    order = np.argsort(place[contact.touching])
    s = place[contact.touching][order]
    width = np.sqrt(4.0 * force * R / (np.pi * modulus))
    spacing = np.diff(s).max()
    assert len(s) >= 8
    assert s.max() == pytest.approx(width, abs=1.5 * spacing)
    # The pressure at the axis from the two nodes there, over the length that they stand for.
    press = contact.pressing[contact.touching][order]
    share = np.diff(s)[0] / 2.0
    assert press[0] / share == pytest.approx(2.0 * force / (np.pi * width), rel=0.06)


def test_punch_meets_what_is_ahead_of_it_only() -> None:
    punch = RigidCylinder((0.0, 0.0, 1.0), (0.0, 0.0, -1.0), radius=0.6, velocity=0.05)
    solver = ImplicitSolver(
        cube(4), COPPER, steps=0.25, contacts=[punch],
        constraints=[*CORNER[:2], PrescribedVelocity(lambda x: np.isclose(x[2], 0.0))],
    )  # fmt: skip
    solver.run(1.0)
    X, u = solver.elements.coordinates, solver.u.x.array.reshape(-1, 3)
    top = np.isclose(X[:, 2], 1.0)
    under = top & (np.hypot(X[:, 0], X[:, 1]) < 0.55)
    np.testing.assert_allclose(u[under, 2], -0.05, atol=2e-7)
    assert u[top & ~under, 2].min() > -0.05
    assert solver.contact_force[2] == pytest.approx(-solver.reaction(2)[2], rel=1e-6)


def test_what_contact_cannot_be() -> None:
    with pytest.raises(InputError, match="give mass=None"):
        ImplicitSolver(cube(1), LAW, steps=1.0, contacts=[
            RigidCylinder((0.0, 0.0, 1.0), (0.0, 0.0, -1.0), mass=1.0)
        ])  # fmt: skip
    with pytest.raises(InputError, match="inside a rigid body"):
        ImplicitSolver(cube(1), LAW, steps=1.0, contacts=[RigidPlane((0.0, 0.0, 0.5))])
