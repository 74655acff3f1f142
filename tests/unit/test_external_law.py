# SPDX-License-Identifier: MIT
"""A law from a shared library in the solvers: the body moves as with the law that was exported."""

from argparse import Namespace

import numpy as np
import pytest
import torch
from dolfinx import mesh
from exported_laws import laws_to_export, library
from mpi4py import MPI
from tangents import largest_error, random_deformations

from mlms_fenics.errors import InputError
from mlms_fenics.impact.laws import build_law
from mlms_fenics.io import Checkpoint
from mlms_fenics.macroscale import ExplicitSolver, RigidPlane
from mlms_fenics.materials import ExternalLaw


@pytest.fixture(scope="module")
def law():
    return laws_to_export()["recurrent"]


@pytest.fixture(scope="module")
def ours(law, tmp_path_factory):
    return library(law, tmp_path_factory.mktemp("law"), "float64", units="SI")


def impact(material) -> ExplicitSolver:
    box = mesh.create_box(
        MPI.COMM_SELF, [[0, 0, 0], [1, 1, 2]], [2, 2, 4], mesh.CellType.hexahedron
    )
    return ExplicitSolver(box, material, velocity=(0.0, 0.0, -0.1), contacts=[RigidPlane()])


def test_an_impact_is_that_of_the_law(law, ours, tmp_path):
    exact, found = impact(law), impact(ours)
    exact.run(0.5)
    found.run(0.5)
    assert found.step_count == exact.step_count > 5
    u = exact.u.x.array
    assert np.abs(found.u.x.array - u).max() < 1e-9 * np.abs(u).max()
    distance = ours.fields(found.state)["distance"]
    assert torch.allclose(distance, law.fields(exact.state)["distance"], rtol=1e-6)
    Checkpoint(found, tmp_path / "state.h5").save()
    again = impact(ours)
    Checkpoint(again, tmp_path / "state.h5").restore()
    again.run(0.6)
    found.run(0.6)
    assert np.array_equal(again.u.x.array, found.u.x.array)
    other = impact(library(law, tmp_path, "float64", ("-O1",), units="SI"))
    with pytest.raises(InputError, match="law, digest"):
        Checkpoint(other, tmp_path / "state.h5").restore()


def test_its_tangent_is_that_of_the_law(law, ours, tmp_path):
    F = random_deformations(20, 0.05, np.random.default_rng(0))
    a, b = law.initial_state(20), ours.initial_state(20)
    for k in range(1, 4):
        end = torch.lerp(torch.eye(3, dtype=torch.float64), F, k / 3)
        sigma, after, exact = law.linearise(end, 0.02 * k, 0.02, a)
        found, own, tangent = ours.linearise(end, 0.02 * k, 0.02, b)
        assert largest_error(found, sigma) < 1e-9
        assert largest_error(tangent, exact) < 3e-6
        a, b = after, own
    single = library(law, tmp_path, "float32")
    with pytest.raises(InputError, match="has no tangent, which implicit solvers need"):
        single.linearise(F, 0.02, 0.02, single.initial_state(20))


def test_the_impacts_take_it_as_their_model(ours):
    options = Namespace(law="learnt", model=str(ours.library), precision="float32")
    law, words = build_law(options, torch.device("cpu"), 1.0)
    assert isinstance(law, ExternalLaw) and law.digest == ours.digest
    assert words == f"the law 'learnt_law' of the library {ours.library}"


def test_devices_apart_are_refused(ours):
    with pytest.raises(InputError, match="computes on the CPU only"):
        ours.to("cuda")
