# SPDX-License-Identifier: MIT
"""Necking of a round bar (Simo's problem), against Considère's load and another code's.

Half of a bar of radius 6.413 and length 53.334 mm, its end pulled 7 mm and kept from contracting,
without a notch: the material and the load of 74.3 to 74.6 kN at 1.288 mm are those of the case
`neckingBar` of solids4foam (Cardiff et al., Int. J. Numer. Meth. Eng. 109, 2017; finite volumes),
which also says that the load falls from about 3.5 mm on.
"""

import numpy as np
import pytest
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.macroscale import (
    ImplicitSolver,
    PrescribedDisplacement,
    PrescribedVelocity,
    Steps,
    symmetry_plane,
)
from mlms_fenics.materials import HardeningCurve

pytestmark = pytest.mark.slow  # all of them look at one long run

RADIUS, LENGTH = 6.413, 26.667
STRAIN = [0.0, 0.006, 0.019, 0.038, 0.066, 0.147, 0.5, 1.0]
STRESS = [0.451, 0.476, 0.525, 0.583, 0.642, 0.710, 0.777, 0.831]


def half_bar() -> mesh.Mesh:
    """Five elements along the radius, 20 along the axis, finer at the neck (y = 0)."""
    domain = mesh.create_unit_square(MPI.COMM_WORLD, 5, 20, mesh.CellType.quadrilateral)
    z = domain.geometry.x[:, 1].copy()
    domain.geometry.x[:, 0] *= RADIUS
    domain.geometry.x[:, 1] = LENGTH * np.where(z < 0.5, 0.5 * z, 1.5 * z - 0.5)
    return domain


def end(x: np.ndarray) -> np.ndarray:
    return np.isclose(x[1], LENGTH)


@pytest.fixture(scope="module")
def history() -> np.ndarray:
    """Elongation, mm, load, kN, and radius of the neck, mm, of each step."""
    solver = ImplicitSolver(
        half_bar(), HardeningCurve(200.0, 0.3, STRAIN, STRESS, 7.8),
        steps=Steps(0.05, largest=0.2), two_dimensional="axisymmetric",
        constraints=[
            symmetry_plane(1),
            PrescribedDisplacement(end, lambda t: t, components=(1,)),
            PrescribedVelocity(end, components=(0,)),
        ],
    )  # fmt: skip
    X = solver.elements.coordinates
    neck = int(np.hypot(X[:, 0] - RADIUS, X[:, 1]).argmin())
    rows = []

    def note(s: ImplicitSolver) -> None:
        u = s.u.x.array.reshape(-1, 3)
        rows.append((s.time, s.reaction(1)[1], RADIUS + u[neck, 0]))

    solver.run(7.0, note)
    energies = solver.energies()
    assert energies.internal == pytest.approx(energies.external, rel=1e-6)
    return np.array(rows)


def test_load_is_that_of_the_other_code(history: np.ndarray) -> None:
    load = np.interp(1.288, history[:, 0], history[:, 1])
    assert 74.3 < load < 74.6
    most = history[history[:, 1].argmax()]
    assert most[0] == pytest.approx(3.5, abs=0.4)
    assert history[-1, 1] < 0.6 * most[1]


def test_largest_load_is_consideres(history: np.ndarray) -> None:
    """Of the uniform bar: the largest σ(ε) exp(−ε) A_0; the held ends hardly matter."""
    strain = np.linspace(0.0, 0.5, 5001)
    area = np.pi * RADIUS**2
    uniform = float((np.interp(strain, STRAIN, STRESS) * np.exp(-strain)).max()) * area
    assert history[:, 1].max() == pytest.approx(uniform, rel=0.01)


def test_a_neck_forms(history: np.ndarray) -> None:
    """Before the largest load the bar thins uniformly, then at one place only."""
    early = np.interp(1.5, history[:, 0], history[:, 2])
    assert early == pytest.approx(RADIUS / np.sqrt(1.0 + 1.5 / LENGTH), rel=0.01)
    assert history[-1, 2] < 0.55 * RADIUS < 0.75 * RADIUS / np.sqrt(1.0 + 7.0 / LENGTH)
