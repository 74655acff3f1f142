# SPDX-License-Identifier: MIT
"""The loop in torch is the compiled one, to 1e-12 over 200 steps, on every problem of the demos."""

import numpy as np
import pytest
import torch
from bars_of_two_laws import LENGTH, bimetal_bar
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.geometry import cylinder_mesh, half_section_mesh
from mlms_fenics.impact import anvil_solver, plate_solver
from mlms_fenics.macroscale import (
    BodyForce,
    ExplicitSolver,
    Hourglass,
    PrescribedDisplacement,
    PrescribedVelocity,
    Pressure,
    RigidCylinder,
    RigidPlane,
    Traction,
    symmetry_plane,
)
from mlms_fenics.macroscale.saving import contents
from mlms_fenics.materials import J2, NeoHookean, Polycrystal, johnson_cook, magnesium
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate import load_model

COMM = MPI.COMM_SELF
COPPER = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)
ELASTIC = NeoHookean(25.0, 48.0, 10.0)


def learnt():
    return load_model(dtype=torch.float64)


def polycrystal():
    return Polycrystal(magnesium(), random_orientations(2, seed=1), tolerance=1e-3)


def anvil(law, **options):
    return lambda **loop: anvil_solver(COMM, law(), size=0.33, **options, **loop)


def plate(law, **options):
    size = {"thickness": 0.5, "radius": 2.0, "size": 0.25}
    return lambda **loop: plate_solver(COMM, law(), **size, **options, **loop)


def bar(cell, wall="contact", friction=0.0, **options):
    """A short copper bar of the Taylor test on coarse elements."""

    def make(**loop):
        if cell == "quadrilateral":
            domain, up = half_section_mesh(COMM, 6.4, 8.0, 1.1)[0], 1
        else:
            domain, up = cylinder_mesh(COMM, 6.4, 8.0, 2.1, cell)[0], 2
        normal = tuple(np.eye(3)[up])
        return ExplicitSolver(
            domain,
            COPPER,
            velocity=tuple(-0.227 * np.eye(3)[up]),
            contacts=[RigidPlane(normal=normal, friction=friction)] if wall == "contact" else [],
            constraints=[symmetry_plane(up)] if wall == "held" else [],
            **options,
            **loop,
        )

    return make


def outside(domain):
    """Facets of the surface and their middles."""
    tdim = domain.topology.dim
    domain.topology.create_connectivity(tdim - 1, tdim)
    facets = mesh.exterior_facet_indices(domain.topology)
    return facets, mesh.compute_midpoints(domain, tdim - 1, facets)


def bimetal(**loop):
    """A bar of two laws flies along -x into a wall."""
    laws = {"head": COPPER, "body": ELASTIC}
    wall = RigidPlane((-LENGTH, 0.0, 0.0), (1.0, 0.0, 0.0))
    body = bimetal_bar(COMM, 8, 2, False)
    return ExplicitSolver(body, laws=laws, velocity=(-0.3, 0.0, 0.0), contacts=[wall], **loop)


def loaded(**options):
    """A block with all that may be given: loads, pressure, displacement and velocity in time."""

    def make(**loop):
        domain = mesh.create_box(COMM, [[0, 0, 0], [1, 1, 1]], (3, 3, 3), mesh.CellType.hexahedron)
        facets, middle = outside(domain)
        tags = np.select([middle[:, 0] > 0.99, middle[:, 1] > 0.99], [1, 2], 3).astype(np.int32)
        tags = mesh.meshtags(domain, 2, facets, tags)
        return ExplicitSolver(
            domain,
            COPPER,
            constraints=[
                PrescribedDisplacement(lambda x: x[2] < 1e-9, lambda t: 0.02 * t**2, (2,)),
                PrescribedVelocity(lambda x: x[2] > 1.0 - 1e-9, lambda t: 0.1 * np.sin(t), (0, 2)),
            ],
            loads=[
                Traction((tags, 1), (0.1, 0.02, 0.0)),
                Traction((tags, 1), lambda t: (0.0, 0.05 * t, 0.0)),
                Pressure((tags, 2), lambda t: 0.1 * t),
                BodyForce((0.0, 0.0, -1e-2)),
            ],
            **options,
            **loop,
        )

    return make


def punched(**options):
    """A block that a free cylinder hits off its middle, with friction, so that its side rubs."""

    def make(**loop):
        domain = mesh.create_box(COMM, [[0, 0, 0], [2, 2, 1]], (6, 6, 3), mesh.CellType.hexahedron)
        punch = RigidCylinder((0.9, 1.0, 0.0), (0.0, 0.0, 1.0), 0.45, 0.6, **options)
        return ExplicitSolver(domain, COPPER, contacts=[punch], **loop)

    return make


def pressed(plane):
    """A flat body under pressure, hit by a cylinder on its axis or across its thickness."""

    def make(**loop):
        kind = mesh.CellType.quadrilateral
        domain = mesh.create_rectangle(COMM, [[0, 0], [2, 1]], (8, 4), kind)
        facets, middle = outside(domain)
        tags = mesh.meshtags(domain, 1, facets, (1 + (middle[:, 1] > 0.99)).astype(np.int32))
        punch = RigidCylinder((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), 0.7, 0.3, mass=20.0)
        return ExplicitSolver(
            domain,
            COPPER,
            contacts=[punch],
            loads=[Pressure((tags, 2), 0.2)],
            two_dimensional=plane,
            **loop,
        )

    return make


PROBLEMS = {
    "anvil": anvil(learnt, height=2.0),
    "anvil, polycrystal": anvil(polycrystal, height=0.7),
    "anvil, held": anvil(lambda: ELASTIC, hold_lateral=True),
    "plate": plate(learnt),
    "plate, free projectile": plate(lambda: johnson_cook("OFHC copper"), mass=30.0),
    "one-point": bar("hexahedron"),
    "one-point, held": bar("hexahedron", wall="held"),
    "one-point, friction": bar("hexahedron", friction=0.2),
    "elastic hourglass": bar("hexahedron", hourglass=Hourglass("elastic")),
    "viscous hourglass": bar("hexahedron", hourglass=Hourglass("viscous", 0.1)),
    "mean dilatation": bar("hexahedron", quadrature="full"),
    "linear tetrahedra": bar("tetrahedron"),
    "quadratic tetrahedra": bar("tetrahedron", degree=2),
    "axisymmetric": bar("quadrilateral", two_dimensional="axisymmetric"),
    "axisymmetric, mean dilatation": bar(
        "quadrilateral", two_dimensional="axisymmetric", quadrature="full"
    ),
    "plane strain": bar("quadrilateral", two_dimensional="plane-strain"),
    "two laws": bimetal,
    "loaded": loaded(),
    "punched": punched(mass=20.0, friction=0.3),
    "flat, pressed": pressed("plane-strain"),
    "axisymmetric, pressed": pressed("axisymmetric"),
}  # fmt: skip
# Later, the learnt law makes much of the rounding where the plate unloads, by which the two
# assemblies of the compiled loop, too, differ by 1e-6 after 200 steps. The polycrystal is slow.
STEPS = {"plate": 100, "anvil, polycrystal": 20}


def everything(solver):
    now = contents(solver.body, solver.motion).copy()
    return {**now.nodal, **now.cell, **now.sums, **now.common}


def assert_alike(solver, reference, tolerance=1e-12):
    """To `tolerance` of displacement, velocity and deformation, and of what these make of moduli.

    A rounding of F is one of stress by the elastic modulus, however small the stress itself is.
    """
    found, expected = everything(solver), everything(reference)
    assert found.keys() == expected.keys()
    moduli, volume = reference.body.moduli, reference.elements.volume
    modulus = (moduli.bulk + 4.0 / 3.0 * moduli.shear).max()
    scales = {name: np.abs(expected[name]).max() for name in ("u", "F")}
    scales["v"] = max(np.abs(expected["v"]).max(), 0.1)  # half of the impacts' speed
    scales |= dict.fromkeys(("sigma", "P", "viscous"), modulus)
    scales |= {"force": modulus * volume.max() ** (2.0 / 3.0), "hourglass/q": scales["u"]}
    for key, scale in scales.items():
        if key in expected:
            error = np.abs(found[key] - expected[key]).max(initial=0.0)
            assert error <= tolerance * scale, (key, error / scale)
    for key, values in expected.items():
        if key.startswith(("state/", "time", "dt", "stable", "contact", "work")):
            scale = np.abs(values).max(initial=1e-6)  # a polycrystal's substeps hang on differences
            np.testing.assert_allclose(found[key], values, rtol=1e-9, atol=1e-9 * scale)
    energies, truth = solver.energies(), reference.energies()
    largest = abs(truth.internal) + abs(truth.kinetic)
    for name in ("kinetic", "internal", "hourglass", "viscous", "contact", "external"):
        assert abs(getattr(energies, name) - getattr(truth, name)) <= 1e-11 * largest, name


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name == "plate" else name for name in PROBLEMS],
)
def test_it_is_the_compiled_loop(name):
    reference, solver = PROBLEMS[name](), PROBLEMS[name](loop="torch")
    for _ in range(STEPS.get(name, 200)):
        reference.step()
        solver.step()
    assert_alike(solver, reference)
