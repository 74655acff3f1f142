# SPDX-License-Identifier: MIT
"""Contact with a rigid cylinder, and friction, against momentum balance and closed forms."""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError
from mlms_fenics.macroscale import (
    BodyForce,
    ExplicitSolver,
    PrescribedVelocity,
    RigidCylinder,
    RigidPlane,
)
from mlms_fenics.materials import J2, NeoHookean

LAW = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0)
COPPER = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)


def plate(divisions=(8, 8, 2), width: float = 4.0, thickness: float = 0.5) -> mesh.Mesh:
    """Centred on the z axis, its front at z = 0."""
    half = width / 2.0
    corners = [[-half, -half, 0.0], [half, half, thickness]]
    return mesh.create_box(MPI.COMM_WORLD, corners, divisions, mesh.CellType.hexahedron)


def rim(x: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(x[0]), np.abs(x[1])) > 1.999


def test_plate_leaves_the_centre_of_a_slow_projectile_and_nothing_enters() -> None:
    # Struck at once, a thin plate bounces off the middle of the face and comes back to its rim.
    solver = ExplicitSolver(
        plate((16, 16, 2)), LAW, contacts=[RigidCylinder(radius=1.01, velocity=0.02)],
        constraints=[PrescribedVelocity(rim)],
    )  # fmt: skip
    contact = solver.contacts[0]
    X = solver.elements.coordinates
    under = np.isclose(X[:, 2], 0.0) & (np.hypot(X[:, 0], X[:, 1]) < 1.0)
    gaps, forces = [], []

    def look(s: ExplicitSolver) -> None:
        z = s.u.x.array.reshape(-1, 3)[under, 2] - contact.position
        assert z.min() > -1e-12
        gaps.append(z)
        forces.append(s.contact_force)

    solver.run(3.0, look)
    assert contact.position == pytest.approx(0.02 * 3.0, rel=1e-12)
    assert min(f[2] for f in forces) >= 0.0 and max(f[2] for f in forces) > 0.0
    radius = np.hypot(X[under, 0], X[under, 1])
    # At the end the centre is off the face, while nodes near its edge touch.
    assert gaps[-1][radius < 0.3].min() > 1e-3
    assert gaps[-1][radius > 0.8].min() < 1e-9
    assert np.abs(np.array(forces)[:, :2]).max() < 1e-12
    energies = solver.energies()
    assert abs(energies.balance) < 0.01


@pytest.mark.parametrize("friction", [0.0, 0.3])
def test_projectile_and_free_plate_keep_their_momentum(friction: float) -> None:
    cylinder = RigidCylinder(radius=1.01, velocity=0.2, mass=30.0, friction=friction)
    solver = ExplicitSolver(plate(), COPPER, contacts=[cylinder])
    contact = solver.contacts[0]
    before, energy = contact.momentum, contact.kinetic_energy
    assert before == pytest.approx([0.0, 0.0, 6.0])
    speeds = []
    solver.run(4.0, lambda _: speeds.append(contact.velocity))
    np.testing.assert_allclose(solver.momentum + contact.momentum, before, atol=1e-12)
    np.testing.assert_allclose(solver.contact_impulse, solver.momentum, atol=1e-12)
    assert 0.0 < contact.velocity < 0.2
    # The body has what the cylinder lost, but for the plastic impact on the first layer of nodes.
    energies = solver.energies()
    X = solver.elements.coordinates
    struck = np.isclose(X[:, 2], 0.0) & (np.hypot(X[:, 0], X[:, 1]) < 1.01)
    layer = solver.nodal_mass[struck].sum()
    caught = 0.5 * layer * 30.0 / (layer + 30.0) * 0.2**2
    lost = energy - contact.kinetic_energy - energies.contact
    assert lost == pytest.approx(caught, rel=0.1)
    gained = energies.kinetic + energies.internal + energies.hourglass + energies.viscous
    assert gained == pytest.approx(energies.contact, rel=0.01)
    assert np.diff(speeds).max() <= 1e-15


def test_heavy_projectile_is_as_one_of_constant_velocity() -> None:
    ends = []
    for mass in (None, 1e9):
        solver = ExplicitSolver(
            plate(), LAW, contacts=[RigidCylinder(radius=1.01, velocity=0.05, mass=mass)]
        )
        solver.run(2.0)
        ends.append(solver.u.x.array.copy())
    np.testing.assert_allclose(ends[1], ends[0], atol=1e-7)


def test_node_beside_the_cylinder_meets_its_side() -> None:
    # A block flies sideways against the side of a cylinder at rest that began behind its corner.
    domain = mesh.create_box(
        MPI.COMM_WORLD, [[1.1, -0.2, -2.0], [1.5, 0.2, -1.0]], [2, 2, 4], mesh.CellType.hexahedron
    )
    solver = ExplicitSolver(
        domain, LAW, velocity=(-0.05, 0.0, 0.0), contacts=[RigidCylinder(radius=1.0)]
    )

    def outside(s: ExplicitSolver) -> None:
        x = s.elements.coordinates + s.u.x.array.reshape(-1, 3)
        assert np.hypot(x[:, 0], x[:, 1]).min() > 1.0 - 1e-12

    solver.run(6.0, outside)
    assert solver.contact_impulse[0] > 0.0
    assert abs(solver.contact_impulse[2]) < 1e-12
    mass = solver.nodal_mass.sum()
    np.testing.assert_allclose(
        solver.contact_impulse, solver.momentum - [-0.05 * mass, 0.0, 0.0], atol=1e-12
    )


@pytest.mark.parametrize(("friction", "sticks"), [(0.2, False), (2.0, True)])
def test_block_pressed_on_a_plane_slides_or_sticks_as_coulomb_says(friction, sticks) -> None:
    # Gravity presses and pulls along the plane; a sliding block gains (g_t − μ g_n) t.
    press, pull = 2e-3, 1e-3
    domain = mesh.create_unit_cube(MPI.COMM_WORLD, 2, 2, 2, mesh.CellType.hexahedron)
    solver = ExplicitSolver(
        domain, LAW, contacts=[RigidPlane(friction=friction)],
        loads=[BodyForce((pull, 0.0, -press))], safety=0.4,
    )  # fmt: skip
    solver.run(60.0)
    velocity = solver.momentum[0] / solver.nodal_mass.sum()
    expected = 0.0 if sticks else (pull - friction * press) * 60.0
    assert velocity == pytest.approx(expected, abs=0.02 * pull * 60.0)
    mass = solver.nodal_mass.sum()
    impulse = solver.contact_impulse
    np.testing.assert_allclose(
        solver.momentum,
        impulse + mass * (60.0 - 0.5 * solver.dt) * np.array([pull, 0.0, -press]),
        atol=1e-9,
    )
    energies = solver.energies()
    work = pull * mass * 60.0 * 0.5 * velocity  # of the pull, at constant acceleration
    assert energies.external == pytest.approx(work, rel=0.05, abs=1e-4)
    assert abs(energies.balance) < 0.01


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RigidCylinder(radius=0.0), "radius"),
        (lambda: RigidCylinder(axis=(0.0, 0.0, 0.0)), "axis"),
        (lambda: RigidCylinder(centre=(0.0, np.nan, 0.0)), "centre"),
        (lambda: RigidCylinder(mass=-1.0), "mass"),
        (lambda: RigidCylinder(velocity=np.inf), "velocity"),
        (lambda: RigidCylinder(friction=-0.1), "friction"),
        (lambda: RigidPlane(friction=np.nan), "friction"),
    ],
)
def test_impossible_bodies_are_refused(make, words) -> None:
    with pytest.raises(InputError, match=words):
        make()


def test_a_body_that_starts_inside_the_cylinder_is_refused() -> None:
    with pytest.raises(InputError, match="inside a rigid body"):
        ExplicitSolver(plate(), LAW, contacts=[RigidCylinder(centre=(0.0, 0.0, 0.1))])
