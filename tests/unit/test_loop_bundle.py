# SPDX-License-Identifier: MIT
"""Problems in files and blocks: what runs without FEniCSx is what runs with it."""

import argparse
import dataclasses
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.geometry import FOOT, TOP, cylinder_mesh, half_section_mesh
from mlms_fenics.impact import anvil_solver
from mlms_fenics.loop.__main__ import LAWS, law_of
from mlms_fenics.loop.blocks import block
from mlms_fenics.loop.files import read_bundle, write_bundle
from mlms_fenics.loop.run import Run
from mlms_fenics.macroscale import (
    BodyForce,
    ExplicitSolver,
    PrescribedVelocity,
    Pressure,
    RigidCylinder,
    RigidPlane,
    Traction,
)
from mlms_fenics.macroscale.bundle import bundle, main
from mlms_fenics.macroscale.remote import problem_of
from mlms_fenics.materials import J2, LawsByPart, NeoHookean
from mlms_fenics.surrogate import load_model

COMM = MPI.COMM_SELF
ELASTIC = NeoHookean(25.0, 48.0, 10.0)
COPPER = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)

WITHOUT_FENICSX = """
import sys
for name in ("dolfinx", "gmsh", "petsc4py", "basix", "ufl", "ffcx", "mpi4py"):
    sys.modules[name] = None
from mlms_fenics.loop.__main__ main
sys.exit(main(sys.argv[1:]))
""".replace("__main__ main", "__main__ import main")


def everything_given(**changes):
    domain, _, facets = cylinder_mesh(COMM, 1.0, 1.0, 0.3)
    options = {
        "velocity": (0.0, 0.0, -0.1),
        "contacts": [
            RigidPlane(friction=0.1), RigidCylinder((0, 0, 1.0), (0, 0, -1), 0.4, 0.05, 9.0),
        ],
        "constraints": [PrescribedVelocity(lambda x: x[0] > 0.3, 0.0, (0, 1))],
        "loads": [Pressure((facets, TOP), 0.1), Traction((facets, FOOT), (0.01, 0.0, 0.0)),
                  BodyForce((0.0, 0.0, -1e-3))],
        **changes,
    }  # fmt: skip
    return ExplicitSolver(domain, COPPER, **options)


def same(found, expected):
    assert type(found) is type(expected)
    for field in dataclasses.fields(expected):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(other, list):
            assert len(one) == len(other)
            for pair in zip(one, other, strict=True):
                same(*pair)
        elif dataclasses.is_dataclass(other):
            same(one, other)
        elif isinstance(other, np.ndarray):
            assert one.dtype == other.dtype and np.array_equal(one, other), field.name
        else:
            assert one == other, field.name


def test_a_bundle_holds_the_problem(tmp_path):
    solver = everything_given()
    bundle(solver, tmp_path / "all.h5")
    same(read_bundle(tmp_path / "all.h5"), problem_of(solver.body, solver.motion, (0.06, 1.2)))


def test_a_bundle_runs_as_the_solver_does(tmp_path):
    solver = everything_given()
    bundle(solver, tmp_path / "all.h5")
    run = Run(read_bundle(tmp_path / "all.h5"), COPPER)
    for end_time in (0.5, 1.0):
        run.run(end_time)
        solver.run(end_time)
    assert (run.step_count, run.time) == (solver.step_count, 1.0)
    found = run.fields()
    assert found.keys() >= {"u", "v", "F", "sigma", "plastic_strain"}
    expected = {"u": solver.motion.u_values, "F": solver.F, "sigma": solver.sigma}
    for name, values in expected.items():
        assert np.abs(found[name] - values).max() <= 1e-11 * np.abs(values).max(), name
    energies, truth = run.energies(), solver.energies()
    for name in ("internal", "viscous", "hourglass"):
        assert energies[name] == pytest.approx(getattr(truth, name), rel=1e-9), name
    assert energies["kinetic"] == pytest.approx(truth.kinetic, rel=0.05)


def standing(domain, plane=None, **options):
    """A body on a wall: one of two dimensions stands on it by its second axis."""
    up = tuple(np.eye(3)[2 if plane is None else 1])
    velocity = tuple(-0.1 * np.array(up))
    options |= {"two_dimensional": plane, "contacts": [RigidPlane(normal=up)]}
    return ExplicitSolver(domain, COPPER, velocity=velocity, **options)


@pytest.mark.parametrize("make", [
    lambda: standing(half_section_mesh(COMM, 2.0, 1.0, 0.3)[0], "axisymmetric"),
    lambda: standing(half_section_mesh(COMM, 2.0, 1.0, 0.3)[0], "plane-strain", quadrature="full"),
    lambda: standing(cylinder_mesh(COMM, 1.0, 1.0, 0.4, "tetrahedron")[0], degree=2),
], ids=["axisymmetric", "full", "quadratic"])  # fmt: skip
def test_all_elements_go_into_bundles(make, tmp_path):
    solver = make()
    bundle(solver, tmp_path / "body.h5")
    run = Run(read_bundle(tmp_path / "body.h5"), COPPER)
    for part in (run, solver):
        part.run(0.3)
    assert run.step_count == solver.step_count
    truth = solver.motion.u_values
    assert np.abs(run.fields()["u"] - truth).max() <= 1e-11 * np.abs(truth).max()


def test_it_runs_where_there_is_no_fenicsx(tmp_path, capsys):
    main(["anvil", "--mesh-size", "0.33", "--out", str(tmp_path / "anvil.h5")])
    assert "anvil.h5: 80 elements" in capsys.readouterr().out
    command = [sys.executable, "-c", WITHOUT_FENICSX, tmp_path / "anvil.h5", "--end-time", "0.4",
               "--precision", "float64", "--out", tmp_path / "end.h5"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "element-steps/s" in done.stdout
    solver = anvil_solver(COMM, load_model(dtype=torch.float64), size=0.33)
    solver.run(0.4)
    with h5py.File(tmp_path / "end.h5") as file:
        assert file.attrs["time"] == 0.4
        u = file["u"][()]
    assert np.abs(u - solver.motion.u_values).max() <= 1e-11 * np.abs(u).max()


@pytest.mark.parametrize("law", LAWS)
def test_laws_by_name(law):
    options = argparse.Namespace(law=law, model=None, precision="float32")
    run = Run(block((1, 1, 1)), law_of(options, torch.device("cpu")), block=1)
    run.run(0.01)
    assert run.time == 0.01


def test_a_block_is_dolfinxs():
    made = block((3, 2, 4), 0.5, 0.1)
    domain = mesh.create_box(COMM, [[0, 0, 0], [1.5, 1, 2]], (3, 2, 4), mesh.CellType.hexahedron)
    solver = ExplicitSolver(domain, ELASTIC, velocity=(0, 0, -0.1), contacts=[RigidPlane()])
    run = Run(made, ELASTIC)
    run.run(2.0)
    solver.run(2.0)
    assert run.step_count == solver.step_count
    order = np.lexsort(np.round(made.coordinates, 6).T)
    there = np.lexsort(np.round(solver.elements.coordinates, 6).T)
    difference = run.fields()["u"][order] - solver.motion.u_values[there]
    assert np.abs(difference).max() <= 1e-11 * np.abs(solver.motion.u_values).max()


class Stiffer(NeoHookean):
    """Four times as stiff as it says."""

    def update(self, *given):
        sigma, state = super().update(*given)
        return 4.0 * sigma, state


def test_steps_are_shortened_for_a_stiff_law():
    with pytest.warns(UserWarning, match=r"4.5 times as stiff as its moduli say"):
        run = Run(block((2, 2, 4), 0.5), Stiffer(25.0, 48.0, 10.0))
    plain = Run(block((2, 2, 4), 0.5), ELASTIC)
    assert 0.5 < 2.0 * run.stable_dt / plain.stable_dt < 1.3
    run.run(3.0)


def test_a_run_that_gains_energy_is_given_up(monkeypatch):
    monkeypatch.setattr("mlms_fenics.loop.run.stable_share", lambda *_: (1.0, None))
    run = Run(block((2, 2, 4), 0.5), Stiffer(25.0, 48.0, 10.0), block=20)
    with pytest.raises(SimulationError, match=r"energy has grown by|at the latest"):
        run.run(40.0)


def test_what_goes_wrong_is_told():
    run = Run(block((2, 2, 4), 0.5, 30.0), ELASTIC)
    with pytest.raises(SimulationError, match=r"step \d+ at the latest: determinant -"):
        run.run(5.0)


@pytest.mark.parametrize("changes", [
    {"constraints": [PrescribedVelocity(lambda x: x[2] > 0.9, lambda t: 0.1 * t)]},
    {"loads": [BodyForce(lambda t: (0.0, 0.0, t))]},
])  # fmt: skip
def test_functions_of_the_time_are_refused(changes, tmp_path):
    with pytest.raises(InputError, match="function of the time"):
        bundle(everything_given(**changes), tmp_path / "no.h5")
    assert not (tmp_path / "no.h5").exists()


def test_a_bundle_is_of_the_start(tmp_path):
    solver = everything_given()
    solver.step()
    with pytest.raises(InputError, match="1 steps, but a bundle is of the start"):
        bundle(solver, tmp_path / "no.h5")


@pytest.mark.parametrize(("make", "message"), [
    (lambda: block((0, 1, 1)), "at least 1 element"),
    (lambda: Run(block((1, 1, 1)), ELASTIC, safety=2.0), "safety is 2"),
    (lambda: Run(block((1, 1, 1)), ELASTIC, block=0), "block is 0"),
    (lambda: Run(block((1, 1, 1)), LawsByPart({"a": ELASTIC})), "has one law"),
    (lambda: Run(block((1, 1, 1)), ELASTIC, graph=True).run(1.0), "graphs are of CUDA"),
    (lambda: Run(block((1, 1, 1)), ELASTIC).run(-1.0), "end time is -1.0"),
    (lambda: read_bundle("/nowhere.h5"), "there is no such file"),
    (lambda: write_bundle(block((1, 1, 1)), "/nowhere/b.h5"), "cannot write bundle"),
])  # fmt: skip
def test_wrong_input_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
