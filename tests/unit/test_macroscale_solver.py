# SPDX-License-Identifier: MIT
"""The explicit solver's interface: time, contact, constraints, measures and refusals."""

import numpy as np
import pytest
import torch
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.macroscale import (
    ExplicitSolver,
    Hourglass,
    PrescribedDisplacement,
    PrescribedVelocity,
    RigidPlane,
    deviatoric_strain,
    volumetric_strain,
)
from mlms_fenics.materials import NeoHookean

LAW = NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0)


@pytest.fixture
def cube() -> mesh.Mesh:
    return mesh.create_unit_cube(MPI.COMM_WORLD, 3, 3, 3, mesh.CellType.hexahedron)


class Breaking(NeoHookean):
    """Goes wrong at a given time, in one of two ways."""

    def __init__(self, kind: str) -> None:
        super().__init__(25.0, 48.0, 10.0)
        self.kind = kind

    def update(self, F, time, dt, state):
        sigma, state = super().update(F, time, dt, state)
        if time > 0.1 and self.kind == "raise":
            raise InputError("the law has had enough")
        if time > 0.1:
            sigma[5, 0, 0] = torch.nan
        return sigma, state

    def check_end_time(self, end_time: float) -> None:
        if end_time > 10.0:
            raise InputError("no further than 10 µs")


def test_run_ends_at_the_end_time_and_calls_back_after_every_step(cube) -> None:
    solver = ExplicitSolver(cube, LAW, velocity=(0.0, 0.0, -0.01), contacts=[RigidPlane()])
    seen = []
    solver.run(0.33, lambda s: seen.append((s.step_count, s.time, s.dt)))
    solver.run(0.5)
    steps, times, lengths = (np.array(column) for column in zip(*seen, strict=True))
    assert times[-1] == 0.33 and solver.time == 0.5
    np.testing.assert_array_equal(steps, np.arange(1, len(seen) + 1))
    np.testing.assert_allclose(np.cumsum(lengths), times, rtol=1e-12)
    assert lengths.min() > 0.4 * lengths.max()


def test_no_node_enters_a_tilted_wall_and_the_wall_only_pushes(cube) -> None:
    normal = np.array([1.0, 2.0, 3.0]) / 14.0**0.5
    wall = RigidPlane((0.0, 0.0, 0.0), normal * 7.0)
    solver = ExplicitSolver(cube, LAW, velocity=-0.02 * normal, contacts=[wall])
    pushes = []

    def check(s: ExplicitSolver) -> None:
        x = s.elements.coordinates + s.u.x.array.reshape(-1, 3)
        assert (x @ normal).min() > -1e-12
        force = s.contact_force
        np.testing.assert_allclose(np.cross(force, normal), 0.0, atol=1e-12)
        pushes.append(force @ normal)

    solver.run(1.0, check)
    assert min(pushes) >= 0.0 and max(pushes) > 0.0


def test_prescribed_velocity_holds_moves_and_does_the_work(cube) -> None:
    solver = ExplicitSolver(
        cube,
        LAW,
        constraints=[
            PrescribedVelocity(lambda x: np.isclose(x[2], 0.0), components=(2,)),
            PrescribedVelocity(lambda x: np.isclose(x[2], 1.0), lambda t: 0.01 * t, (2,)),
        ],
    )
    solver.run(2.0)
    u, z = solver.u.x.array.reshape(-1, 3), solver.elements.coordinates[:, 2]
    assert np.abs(u[np.isclose(z, 0.0), 2]).max() == 0.0
    np.testing.assert_allclose(u[np.isclose(z, 1.0), 2], 0.005 * 2.0**2, rtol=1e-3)
    energies = solver.energies()
    assert energies.external > 0.9 * energies.internal > 0.0
    assert abs(energies.balance) < 1e-3


def test_prescribed_displacement_is_met_at_every_step_and_does_the_work(cube) -> None:
    path = lambda t: 0.02 * np.sin(2.0 * t) ** 2  # noqa: E731
    solver = ExplicitSolver(
        cube, LAW,
        constraints=[
            PrescribedVelocity(lambda x: np.isclose(x[2], 0.0)),
            PrescribedDisplacement(lambda x: np.isclose(x[2], 1.0), path, components=(2,)),
        ],
    )  # fmt: skip
    top = np.isclose(solver.elements.coordinates[:, 2], 1.0)
    errors = []
    solver.run(3.0, lambda s: errors.append(np.abs(s.u.x.array[2::3][top] - path(s.time)).max()))
    assert max(errors) < 1e-15 and len(errors) > 20
    energies = solver.energies()
    assert energies.external > 1e-4 and abs(energies.balance) < 0.01
    for value in (lambda t: 0.1 + t, 0.1):
        with pytest.raises(InputError, match="cannot jump"):
            PrescribedDisplacement(lambda x: x[2] > 0.9, value)


@pytest.mark.parametrize(
    ("kind", "words"), [("raise", "had enough"), ("nan", r"element \d+ at \(.*not finite")]
)
def test_a_law_that_fails_ends_the_run_with_place_and_time(cube, kind: str, words: str) -> None:
    solver = ExplicitSolver(cube, Breaking(kind), velocity=(0.0, 0.0, 0.1))
    with pytest.raises(SimulationError, match=words) as caught:
        solver.run(1.0)
    assert "time 0.1" in str(caught.value) and "step" in str(caught.value)


def test_an_inverted_element_ends_the_run(cube) -> None:
    solver = ExplicitSolver(
        cube, LAW, velocity=lambda x: np.vstack((0 * x[0], 0 * x[0], -50.0 * (x[2] > 0.9)))
    )
    with pytest.raises(SimulationError, match=r"element \d+ at .*inverted"):
        solver.run(1.0)


def test_bad_input_is_refused_before_any_step(cube) -> None:
    for options, words in (
        ({"safety": 0.0}, "safety"),
        ({"safety": 1.1}, "safety"),
        ({"viscosity": (-1.0, 0.0)}, "viscosity"),
        ({"velocity": (1.0, 2.0)}, "velocity"),
        ({"velocity": (0.0, 0.0, np.nan)}, "velocity"),
        ({"quadrature": "seven"}, "quadrature"),
        ({"contacts": [RigidPlane((0.0, 0.0, 0.1))]}, "inside a rigid body"),
        ({"constraints": [PrescribedVelocity(lambda x: x[0] > 9.0)]}, "marks no node"),
    ):
        with pytest.raises(InputError, match=words):
            ExplicitSolver(cube, LAW, **options)
    for make, words in (
        (lambda: Hourglass("stiff"), "hourglass form"),
        (lambda: Hourglass("secant", -0.1), "hourglass coefficient"),
        (lambda: RigidPlane(normal=(0.0, 0.0, 0.0)), "normal"),
        (lambda: RigidPlane(point=(0.0, 0.0)), "point"),
        (lambda: PrescribedVelocity(lambda x: x[0] > 0, components=(3,)), "components"),
    ):
        with pytest.raises(InputError, match=words):
            make()
    solver = ExplicitSolver(cube, Breaking("nan"))
    for end_time, words in ((0.0, "end time"), (np.inf, "end time"), (11.0, "no further")):
        with pytest.raises(InputError, match=words):
            solver.run(end_time)
    assert solver.step_count == 0


def test_measures() -> None:
    shear = np.array([[1.0, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    swollen = 1.1 * np.eye(3)
    assert volumetric_strain(swollen) == pytest.approx(1.1**3 - 1.0)
    assert deviatoric_strain(swollen) == pytest.approx(0.0, abs=1e-15)
    assert deviatoric_strain(swollen, "printed") == pytest.approx(
        0.5 * 3**0.5 * abs(1.1**2 / 1.1**6 - 1.0)
    )
    for form in ("isochoric", "printed"):
        assert deviatoric_strain(shear, form) == pytest.approx(0.5 * (0.02 + 1e-4) ** 0.5)
    with pytest.raises(InputError, match="isochoric"):
        deviatoric_strain(shear, "other")
