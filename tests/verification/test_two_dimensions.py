# SPDX-License-Identifier: MIT
"""Plane strain and axisymmetry: patch tests, exact waves, the same body in three dimensions."""

import numpy as np
import pytest
import torch
from dolfinx import mesh
from mpi4py import MPI
from scipy.special import j0, j1, jn_zeros

from mlms_fenics.errors import InputError
from mlms_fenics.geometry import cylinder_mesh, half_section_mesh
from mlms_fenics.macroscale import (
    BodyForce,
    ExplicitSolver,
    Hourglass,
    PrescribedVelocity,
    RigidCylinder,
    RigidPlane,
    symmetry_plane,
)
from mlms_fenics.materials import J2, NeoHookean

LAW = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0)
COPPER = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)
SPEED = ((48.0 + 4.0 * 25.0 / 3.0) / 10.0) ** 0.5
QUAD = mesh.CellType.quadrilateral
both = pytest.mark.parametrize("quadrature", ["one-point", "full"])
planes = pytest.mark.parametrize("plane", ["plane-strain", "axisymmetric"])


def rectangle(corner, divisions, skew: float = 0.0, start=(0.0, 0.0)) -> mesh.Mesh:
    """From `start` to `corner`, mm, inner nodes moved by up to `skew` cells."""
    low, high = np.array(start), np.array(corner)
    domain = mesh.create_rectangle(MPI.COMM_SELF, [low, high], divisions, QUAD)
    x = domain.geometry.x
    inner = np.all((x[:, :2] > low + 1e-9) & (x[:, :2] < high - 1e-9), axis=1)
    moved = np.random.default_rng(1).uniform(-skew, skew, (inner.sum(), 2))
    x[inner, :2] += moved * (high - low) / divisions
    return domain


@both
@planes
@pytest.mark.parametrize("start", [0.0, 2.0])
def test_uniform_strain_leaves_inner_nodes_without_force(plane, quadrature, start) -> None:
    # Turned about the axis, strains are uniform and in equilibrium where both stretches of the
    # section's radial direction are equal: v_r = a R, v_z = b Z.
    rate = np.array([[0.01, 0.004], [-0.007, -0.02]])
    if plane == "axisymmetric":
        rate = np.diag(rate.diagonal())
    domain = rectangle((start + 1.0, 1.0), (4, 4), 0.25, (start, 0.0))
    solver = ExplicitSolver(
        domain, LAW, viscosity=(0.0, 0.0), quadrature=quadrature, two_dimensional=plane,
        velocity=lambda x: np.vstack((rate @ x[:2], 0.0 * x[2])),
    )  # fmt: skip
    solver.step()
    expected = np.eye(3)
    expected[:2, :2] += solver.dt * rate
    expected[2, 2] += solver.dt * rate[0, 0] if plane == "axisymmetric" else 0.0
    exact = (solver.F - expected)[:, :, :2]
    assert np.abs(exact).max() < 1e-14
    assert np.abs(solver.F - expected).max() < 1e-14
    before = solver.v.x.array.reshape(-1, 3).copy()
    solver.step()
    X = solver.elements.coordinates
    inner = np.all(np.abs(X[:, :2] - [start + 0.5, 0.5]) < 0.5 - 1e-9, axis=1)
    change = solver.v.x.array.reshape(-1, 3) - before
    assert inner.sum() == 9
    assert np.abs(change[inner]).max() <= 1e-11 * np.abs(change).max()


@both
@planes
def test_mass_is_that_of_the_body(plane, quadrature) -> None:
    domain = rectangle((3.0, 2.0), (5, 4), 0.2, (1.0, 0.0))
    solver = ExplicitSolver(domain, LAW, quadrature=quadrature, two_dimensional=plane)
    volume = np.pi * (9.0 - 1.0) * 2.0 if plane == "axisymmetric" else 4.0
    assert solver.nodal_mass.sum() == pytest.approx(10.0 * volume, rel=1e-12)
    assert solver.nodal_mass.min() > 0.0


def displaced(solver: ExplicitSolver, size: float) -> None:
    u = solver.u.x.array.reshape(-1, 3)
    u[:, :2] = np.random.default_rng(3).uniform(-size, size, (len(u), 2))
    solver.evaluate(1e-3)


@both
@planes
def test_force_is_minus_the_gradient_of_the_energy_and_what_dolfinx_assembles(
    plane, quadrature
) -> None:
    forces = []
    for assembly in ("dolfinx", "fused"):
        solver = ExplicitSolver(
            rectangle((1.0, 1.0), (3, 3), 0.2), LAW, viscosity=(0.0, 0.0), quadrature=quadrature,
            two_dimensional=plane, assembly=assembly, hourglass=Hourglass("elastic", 0.2),
        )  # fmt: skip
        displaced(solver, 0.02)
        forces.append(solver.motion.force.copy())
    scale = np.abs(forces[0]).max()
    np.testing.assert_allclose(forces[1], forces[0], rtol=0.0, atol=1e-12 * scale)
    control = solver.body.hourglass
    direction = np.random.default_rng(5).standard_normal(forces[0].shape) * [1.0, 1.0, 0.0]

    def energy(step: float) -> float:
        u = solver.u.x.array.reshape(-1, 3)
        displaced(solver, 0.02)
        u += step * direction
        solver.evaluate(1e-3)
        e, F = solver.elements, solver.F
        if e.mean_dilatation:
            J, volume = np.linalg.det(F).reshape(-1, 4), e.volume.reshape(-1, 4)
            theta = (J * volume).sum(axis=1) / volume.sum(axis=1)
            F = F * np.cbrt(theta[:, None] / J).reshape(-1, 1, 1)
        stored = LAW.energy_density(torch.from_numpy(F)).numpy() @ e.volume
        if control is not None:
            q = control.q
            stored += 0.5 * float(np.einsum("c,cmi,cmi->", control._scale, q, q))
        return float(stored)

    h = 1e-5
    slope = (energy(h) - energy(-h)) / (2.0 * h)
    assert (forces[1] * direction).sum() == pytest.approx(-slope, rel=1e-7)


@both
@planes
@pytest.mark.parametrize("start", [0.0, 3.0])
def test_stable_step_is_below_the_true_limit_and_not_far(plane, quadrature, start) -> None:
    domain = rectangle((start + 1.0, 0.6), (3, 2), 0.2, (start, 0.0))
    solver = ExplicitSolver(
        domain, LAW, viscosity=(0.0, 0.0), quadrature=quadrature, two_dimensional=plane
    )
    X = solver.elements.coordinates
    free = np.ones((len(X), 3), dtype=bool)
    free[:, 2] = False
    if plane == "axisymmetric":
        free[np.isclose(X[:, 0], 0.0), 0] = False
    u, h, columns = solver.u.x.array, 1e-6, []
    for k in np.flatnonzero(free):
        ends = []
        for value in (h, -h):
            u[:] = 0.0
            u[k] = value
            solver.evaluate(1e-3)
            ends.append(solver.motion.force[free].copy())
        columns.append((ends[1] - ends[0]) / (2.0 * h))
    u[:] = 0.0
    solver.evaluate(1e-3)
    K, mass = np.array(columns), np.repeat(solver.nodal_mass[:, None], 3, axis=1)[free]
    np.testing.assert_allclose(K, K.T, atol=1e-6 * np.abs(K).max())
    limit = 2.0 / np.sqrt(np.linalg.eigvalsh(K / np.sqrt(np.outer(mass, mass)))[-1])
    assert 0.45 * limit < solver.stable_dt <= limit


def radial_wave_error(quadrature: str, n: int) -> float:
    """Relative error of u_r = A J_1(k r) sin(ω t) in a held cylinder of radius 2, k a = j_1,1."""
    k, amplitude = jn_zeros(1, 1)[0] / 2.0, 1e-6
    omega = k * SPEED
    solver = ExplicitSolver(
        rectangle((2.0, 2.0 / n), (n, 1)), LAW, viscosity=(0.0, 0.0), safety=0.5,
        quadrature=quadrature, two_dimensional="axisymmetric",
        velocity=lambda x: np.vstack((amplitude * omega * j1(k * x[0]), 0 * x[0], 0 * x[0])),
        constraints=[symmetry_plane(0, 2.0), symmetry_plane(1), symmetry_plane(1, 2.0 / n)],
    )  # fmt: skip
    time = 1.9 * 0.5 * np.pi / omega
    solver.run(time)
    exact = amplitude * j1(k * solver.elements.coordinates[:, 0]) * np.sin(omega * time)
    return float(np.abs(solver.u.x.array[::3] - exact).max() / amplitude)


@both
def test_radial_wave_of_a_cylinder_at_second_order(quadrature) -> None:
    coarse, fine = radial_wave_error(quadrature, 16), radial_wave_error(quadrature, 32)
    assert fine < 0.005 * 0.95 * np.pi * j1(1.84)  # 0.5% of the speed, at the wave's crest
    assert np.log2(coarse / fine) > 1.8


def test_hoop_stress_of_the_radial_wave() -> None:
    k, amplitude, n = jn_zeros(1, 1)[0] / 2.0, 1e-6, 64
    solver = ExplicitSolver(
        rectangle((2.0, 2.0 / n), (n, 1)), LAW, viscosity=(0.0, 0.0), two_dimensional="axisymmetric"
    )
    X = solver.elements.coordinates
    solver.u.x.array[::3] = amplitude * j1(k * X[:, 0])
    solver.evaluate(1e-3)
    r = X[solver.elements.dofs, 0].mean(axis=1)
    divergence, hoop = amplitude * k * j0(k * r), amplitude * j1(k * r) / r
    lam = 48.0 - 2.0 * 25.0 / 3.0
    expected = lam * divergence + 2.0 * 25.0 * hoop
    np.testing.assert_allclose(solver.sigma[:, 2, 2], expected, atol=2e-3 * np.abs(expected).max())


@both
def test_plane_strain_is_a_slice_of_three_dimensions(quadrature) -> None:
    # Thick enough that the step and the viscosity see the edges in the plane only. The hourglass
    # stiffness of a hexahedron knows its thickness, so without it.
    options = {
        "law": COPPER, "velocity": lambda x: np.vstack((0.02 * x[1], -0.1 + 0 * x[0], 0 * x[0])),
        "contacts": [RigidPlane(normal=(0.0, 1.0, 0.0), friction=0.2)],
        "loads": [BodyForce((1e-3, 0.0, 0.0))], "quadrature": quadrature,
        "hourglass": Hourglass("none"),
    }  # fmt: skip
    if quadrature == "full":  # whose points across the thickness see another length of element
        options["viscosity"] = (0.0, 0.0)
    law = options.pop("law")
    flat = ExplicitSolver(
        rectangle((2.0, 1.0), (4, 3)), law, two_dimensional="plane-strain", **options
    )
    thickness = 10.0
    box = mesh.create_box(
        MPI.COMM_SELF, [[0, 0, 0], [2, 1, thickness]], [4, 3, 1], mesh.CellType.hexahedron
    )
    solid = ExplicitSolver(
        box, law, constraints=[symmetry_plane(2), symmetry_plane(2, thickness)], **options
    )
    for _ in range(60):
        flat.step(0.008)
        solid.step(0.008)
        assert flat.dt == solid.dt == 0.008
    X, Y = flat.elements.coordinates, solid.elements.coordinates
    for z in (0.0, thickness):
        rows = np.flatnonzero(np.isclose(Y[:, 2], z))
        rows = rows[np.lexsort(Y[rows, :2].round(9).T)]
        u = solid.u.x.array.reshape(-1, 3)[rows]
        expected = flat.u.x.array.reshape(-1, 3)[np.lexsort(X[:, :2].round(9).T)]
        np.testing.assert_allclose(u, expected, rtol=0.0, atol=1e-12 * np.abs(expected).max())
    assert float(flat.state["plastic_strain"].max()) > 0.01
    for name in ("kinetic", "internal", "viscous", "contact", "external"):
        one, other = getattr(solid.energies(), name), thickness * getattr(flat.energies(), name)
        assert one == pytest.approx(other, rel=1e-10, abs=1e-12), name


@both
def test_axisymmetric_impact_is_that_of_three_dimensions(quadrature) -> None:
    found = []
    section = half_section_mesh(MPI.COMM_SELF, 2.0, 2.0, 0.125)[0]
    solid = cylinder_mesh(MPI.COMM_SELF, 2.0, 2.0, 0.2)[0]
    for domain, plane, up in ((section, "axisymmetric", 1), (solid, None, 2)):
        velocity = np.zeros(3)
        velocity[up] = -0.15
        solver = ExplicitSolver(
            domain, COPPER, velocity=velocity, quadrature=quadrature, two_dimensional=plane,
            contacts=[RigidPlane(normal=np.eye(3)[up])],
        )  # fmt: skip
        solver.run(3.0)
        energies, mass = solver.energies(), solver.nodal_mass.sum()
        x = solver.elements.coordinates + solver.u.x.array.reshape(-1, 3)
        across = [0] if up == 1 else [0, 1]
        found.append(
            [
                np.ptp(x[:, up]),
                np.linalg.norm(x[:, across], axis=1).max(),
                solver.contact_impulse[up] / mass,
            ]
        )
        assert abs(energies.balance) < 0.01
        assert energies.hourglass < 0.05 * energies.internal
        np.testing.assert_allclose(
            solver.contact_impulse[up], solver.momentum[up] + 0.15 * mass, rtol=1e-10
        )
    np.testing.assert_allclose(found[0], found[1], rtol=0.015)


@both
def test_rigid_cylinder_and_axisymmetric_plate_keep_their_momentum(quadrature) -> None:
    cylinder = RigidCylinder((0, 0, 0), (0, 1, 0), radius=1.01, velocity=0.2, mass=30.0)
    solver = ExplicitSolver(
        rectangle((3.0, 0.5), (12, 3)), COPPER, contacts=[cylinder], quadrature=quadrature,
        two_dimensional="axisymmetric",
    )  # fmt: skip
    contact, X = solver.contacts[0], solver.elements.coordinates
    under = np.isclose(X[:, 1], 0.0) & (X[:, 0] < 1.0)

    def look(s: ExplicitSolver) -> None:
        assert (s.u.x.array[1::3][under] - contact.position).min() > -1e-12

    solver.run(3.0, look)
    assert 0.0 < contact.velocity < 0.19
    assert solver.momentum[1] + 30.0 * contact.velocity == pytest.approx(6.0, rel=1e-12)
    assert solver.u.x.array[1::3][under].max() > 1.5 * solver.u.x.array[1::3].min()
    assert solver.energies().hourglass < 0.05 * solver.energies().internal


def test_a_body_of_two_dimensions_stays_in_its_plane() -> None:
    domain = rectangle((1.0, 1.0), (2, 2))
    beside = {"contacts": [RigidCylinder((0.5, -1, 0), (0, 1, 0))]}
    with pytest.raises(InputError, match="share its axis"):
        ExplicitSolver(domain, LAW, two_dimensional="axisymmetric", **beside)
    ExplicitSolver(domain, LAW, two_dimensional="plane-strain", **beside)
    across = PrescribedVelocity(lambda x: np.isclose(x[1], 0.0), 0.1)
    for options, words in (
        ({"constraints": [across]}, "components among 0 and 1"),
        ({"two_dimensional": None}, "plane is None"),
        ({"two_dimensional": "plane-stress"}, "plane-stress"),
        ({"velocity": (0.0, 0.0, 1.0)}, "third component"),
        ({"contacts": [RigidPlane((0.0, 0.0, -1.0))]}, "out of the plane"),
    ):
        with pytest.raises(InputError, match=words):
            ExplicitSolver(domain, LAW, **{"two_dimensional": "plane-strain", **options})
    left = rectangle((1.0, 1.0), (2, 2), start=(-1.0, 0.0))
    with pytest.raises(InputError, match="radius"):
        ExplicitSolver(left, LAW, two_dimensional="axisymmetric")
    box = mesh.create_unit_cube(MPI.COMM_SELF, 1, 1, 1, mesh.CellType.hexahedron)
    with pytest.raises(InputError, match="none with three"):
        ExplicitSolver(box, LAW, two_dimensional="axisymmetric")


@both
def test_a_ring_breathes_at_its_frequency(quadrature) -> None:
    # A thin ring in uniaxial hoop stress: ω = √(E/ρ)/R.
    young = 9.0 * 48.0 * 25.0 / (3.0 * 48.0 + 25.0)
    omega = np.sqrt(young / 10.0) / 20.0
    solver = ExplicitSolver(
        rectangle((20.1, 0.1), (2, 2), start=(19.9, -0.1)), LAW, viscosity=(0.0, 0.0),
        quadrature=quadrature, two_dimensional="axisymmetric", velocity=(1e-4, 0.0, 0.0),
    )  # fmt: skip
    solver.run(np.pi / omega)  # half a period: back, at the opposite velocity
    v = solver.v.x.array[::3]
    assert v.mean() == pytest.approx(-1e-4, rel=1e-3)
    assert np.abs(solver.u.x.array[::3]).max() < 5e-3 * 1e-4 / omega


def test_prescribed_velocity_and_nan_in_two_dimensions() -> None:
    pulled = PrescribedVelocity(lambda x: np.isclose(x[1], 1.0), -0.01, (1,))
    solver = ExplicitSolver(
        rectangle((1.0, 1.0), (4, 4)), LAW, two_dimensional="axisymmetric",
        constraints=[pulled, symmetry_plane(1)],
    )  # fmt: skip
    solver.run(2.0)
    energies = solver.energies()
    assert energies.external > 0.0 and abs(energies.balance) < 0.01
    solver.u.x.array[0] = np.nan
    with pytest.raises(Exception, match="inverted or holds NaN"):
        solver.step()
