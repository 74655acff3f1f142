# SPDX-License-Identifier: MIT
"""Run with `mpirun -n 3 python -m mpi4py -m pytest tests/parallel/mpi/groups.py`, any number."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI
from small_meshes import two_boxes, two_squares

from mlms_fenics.errors import InputError
from mlms_fenics.geometry import gmsh_cylinder, read_mesh, read_msh, write_msh
from mlms_fenics.io import NodeHistory
from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity, Pressure, Traction
from mlms_fenics.materials import NeoHookean
from mlms_fenics.parallel import on_rank_zero

WORLD = MPI.COMM_WORLD
LAW = NeoHookean(25.0, 48.0, 10.0)


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(on_rank_zero(WORLD, tempfile.mkdtemp))


def written(folder: Path, write, name: str, groups, version: float) -> Path:
    path = folder / f"{name}_{version}.msh"
    on_rank_zero(WORLD, lambda: write(path, groups, version))
    return path


def owned(tags, tag) -> int:
    """How many parts are tagged on all ranks, each counted by its owner."""
    size = tags.topology.index_map(tags.dim).size_local
    return WORLD.allreduce(int((tags.find(tag) < size).sum()))


def total_force(solver: ExplicitSolver) -> np.ndarray:
    force = np.zeros_like(solver.elements.coordinates)
    for load in solver.loads:
        u = np.zeros_like(force)
        load.apply(u, u, force, 1.0, 0.0)
    n = solver.elements.space.dofmap.index_map.size_local
    return WORLD.allreduce(force[:n].sum(axis=0))


@pytest.mark.parametrize("version", [2.2, 4.1])
def test_groups_that_overlap_are_whole(folder: Path, version: float) -> None:
    groups = [
        (3, [1, 2], 1, "all"), (3, [1], 2, "below"), (2, "outer", 3, "skin"), (2, "low", 4, "part"),
        (1, "edge", 5, "line"), (0, "corner", 6, "tip"),
    ]  # fmt: skip
    path = written(folder, two_boxes, "boxes", groups, version)
    body, alone = read_msh(WORLD, path), read_msh(MPI.COMM_SELF, path)
    for group, one in zip(body.groups, alone.groups, strict=True):
        n = owned(group.tags, group.tag)
        assert (group.name, n) == (one.name, len(one.tags.find(one.tag))) and n == group.count
    skin, part = body.surface("skin"), body.surface("part")
    held = [PrescribedVelocity(body.nodes(name), 0.01) for name in ("tip", "line")]
    solver = ExplicitSolver(
        body.mesh, LAW, constraints=held,
        loads=[Traction(skin, (0.0, 0.0, 1e-3)), Pressure(part, 2e-3), Pressure(skin, 1e-3)],
    )  # fmt: skip
    np.testing.assert_allclose(total_force(solver), (0.0, 0.0, 1e-2 + 2e-3), atol=1e-14)
    probe = NodeHistory(solver, body.nodes("line"), "v", 2)
    np.testing.assert_allclose(probe.node, (0.0, 0.0, 0.5), atol=1e-9)
    for _ in range(3):
        solver.step()
    value = WORLD.allreduce(probe.sums(solver))
    np.testing.assert_allclose(value, 0.01, rtol=1e-12)


@pytest.mark.parametrize("version", [2.2, 4.1])
def test_groups_of_two_dimensions(folder: Path, version: float) -> None:
    groups = [
        (2, [1, 2], 1, "all"), (2, [1], 2, "below"), (1, "outer", 3, "skin"), (1, "low", 4, "part"),
        (0, "corner", 5, "tip"),
    ]  # fmt: skip
    body = read_msh(WORLD, written(folder, two_squares, "squares", groups, version), dimension=2)
    counts = {group.name: owned(group.tags, group.tag) for group in body.groups}
    assert counts == {"all": 18, "below": 9, "skin": 18, "part": 3, "tip": 1}
    solver = ExplicitSolver(
        body.mesh, LAW, two_dimensional="plane-strain",
        loads=[Traction(body.surface(name), (0.0, 1e-3, 0.0)) for name in ("skin", "part")],
        constraints=[PrescribedVelocity(body.nodes("tip"))],
    )  # fmt: skip
    np.testing.assert_allclose(total_force(solver), (0.0, 7e-3, 0.0), atol=1e-15)


def test_a_mesh_of_abaqus_is_the_same_on_all_ranks(folder: Path) -> None:
    path = folder / "cylinder.inp"
    on_rank_zero(
        WORLD, lambda: write_msh(path, lambda m: gmsh_cylinder(m, "cylinder", 2.0, 4.0, 0.5))
    )
    body = read_mesh(WORLD, path, scale=2.0)
    counts = {group.name: owned(group.tags, group.tag) for group in body.groups}
    assert (counts["volume"], counts["foot"], counts["lateral"]) == (96, 12, 64)
    solver = ExplicitSolver(body.mesh, LAW, loads=[Traction(body.surface("foot"), (0.0, 0.0, 1.0))])
    alone = read_mesh(MPI.COMM_SELF, path, scale=2.0)
    mass = WORLD.allreduce(
        solver.nodal_mass[: solver.elements.space.dofmap.index_map.size_local].sum()
    )
    assert mass == pytest.approx(ExplicitSolver(alone.mesh, LAW).nodal_mass.sum(), rel=1e-12)
    assert total_force(solver)[2] == pytest.approx(mass / 10.0 / 8.0, rel=1e-9)


def test_faces_off_the_body_are_refused_on_all_ranks(folder: Path) -> None:
    groups = [(3, [1], 1, "low"), (2, "faces", 3, "skin")]
    path = written(folder, two_boxes, "off", groups, 4.1)
    with pytest.raises(InputError, match="faces of the surface 'skin' are not on the body"):
        read_msh(WORLD, path)
