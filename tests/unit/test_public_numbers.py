# SPDX-License-Identifier: MIT
"""Numbers and fields that a user gives to meshes, solvers, runs and files: one answer or one error.

What is no number, or none that can be, is refused by `InputError`, never by what lies below; arrays
in whatever form of memory and numbers of whatever type give what plain ones give.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpi4py import MPI

from mlms_fenics.errors import InputError
from mlms_fenics.geometry import (
    TOP,
    cylinder_mesh,
    gmsh_cylinder,
    half_section_mesh,
    plate_mesh,
    read_mesh,
    read_msh,
    write_msh,
)
from mlms_fenics.impact import anvil_solver, plate_mesh_size, plate_solver, relative_difference
from mlms_fenics.io import (
    ElementHistory,
    NodeHistory,
    Recorder,
    Snapshot,
    Summary,
    XDMFReader,
    XDMFWriter,
    cut,
)
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
    deviatoric_strain,
    symmetry_plane,
    volumetric_strain,
    von_mises,
)
from mlms_fenics.materials import johnson_cook

COMM = MPI.COMM_SELF
WALK = settings(max_examples=25, deadline=None, derandomize=True, database=None)
NOT_NUMBERS = ("a", None, [1.0, 2.0], 1j)
NEVER = {"text": "a", "none": None, "list": [1.0, 2.0], "complex": 1j, "NaN": math.nan}
BELOW = {"minus one": -1.0}
ZERO = {"zero": 0.0}
ENDLESS = {"infinite": math.inf}
POSITIVE = NEVER | BELOW | ZERO | ENDLESS


@cache
def block() -> tuple[Any, Any]:
    mesh, _, facets = cylinder_mesh(COMM, 1.0, 1.0, 0.5)
    return mesh, facets


def solver(**options: Any) -> ExplicitSolver:
    return ExplicitSolver(block()[0], johnson_cook("OFHC copper"), **options)


def on_top(load: Callable[..., Any], *value: Any, **options: Any) -> Any:
    return load((block()[1], TOP), *value, **options)


def but(wrong: dict[str, Any], *allowed: str) -> dict[str, Any]:
    return {name: value for name, value in wrong.items() if name not in allowed}


copper = johnson_cook("OFHC copper")
FINITE = NEVER | ENDLESS
# What is called with each argument in turn made wrong, and the wrong values that it may be given.
NUMBERS: dict[str, tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = {
    "cylinder mesh": (
        lambda **k: cylinder_mesh(COMM, **k), {"diameter": 1.0, "height": 1.0, "size": 0.5},
        POSITIVE,
    ),
    "half section": (
        lambda **k: half_section_mesh(COMM, **k), {"diameter": 1.0, "height": 1.0, "size": 0.5},
        POSITIVE,
    ),
    "plate mesh": (
        lambda **k: plate_mesh(COMM, **k),
        {"thickness": 1.0, "radius": 4.0, "projectile": 1.0, "size": 0.5}, POSITIVE,
    ),
    "plate's mesh size": (plate_mesh_size, {"diameter": 2.0, "thickness": 1.0}, POSITIVE),
    "anvil": (
        lambda **k: anvil_solver(COMM, copper, **k),
        {"diameter": 1.0, "height": 1.0, "size": 0.5, "safety": 0.8}, POSITIVE,
    ),
    "anvil's velocity": (lambda **k: anvil_solver(COMM, copper, **k), {"velocity": 200.0}, FINITE),
    "plate": (
        lambda **k: plate_solver(COMM, copper, **k),
        {"diameter": 2.0, "thickness": 1.0, "radius": 4.0, "size": 0.5, "safety": 0.8}, POSITIVE,
    ),
    "plate's velocity": (lambda **k: plate_solver(COMM, copper, **k), {"velocity": 200.0}, FINITE),
    "plate's mass": (
        lambda **k: plate_solver(COMM, copper, size=0.5, **k), {"mass": 1.0}, but(POSITIVE, "none")
    ),
    "solver": (solver, {"safety": 0.8}, POSITIVE),
    "solver's velocity": (solver, {"velocity": (0, 0, 1)}, POSITIVE),
    "solver's run": (lambda **k: solver().run(**k), {"end_time": 1.0}, POSITIVE),
    "hourglass": (Hourglass, {"coefficient": 0.1}, POSITIVE),
    "plane": (RigidPlane, {"point": (0, 0, 0), "normal": (0, 0, 1)}, POSITIVE),
    "plane's velocity": (RigidPlane, {"velocity": 0.1}, FINITE),
    "plane's friction": (RigidPlane, {"friction": 0.1}, FINITE | BELOW),
    "cylinder": (RigidCylinder, {"centre": (0, 0, 0), "axis": (0, 0, 1), "radius": 1.0}, POSITIVE),
    "cylinder's velocity": (RigidCylinder, {"velocity": 0.1}, FINITE),
    "cylinder's mass": (RigidCylinder, {"mass": 1.0}, but(POSITIVE, "none")),
    "traction": (lambda **k: on_top(Traction, **k), {"value": (0, 0, 1)}, POSITIVE),
    "body force": (BodyForce, {"value": (0, 0, 1)}, POSITIVE),
    "pressure": (lambda **k: on_top(Pressure, **k), {"value": 1.0}, FINITE),
    "prescribed velocity": (lambda **k: on_top(PrescribedVelocity, **k), {"value": 1.0}, FINITE),
    "prescribed components": (
        lambda **k: on_top(PrescribedVelocity, **k), {"components": (0,)}, POSITIVE
    ),
    "prescribed displacement": (
        lambda **k: on_top(PrescribedDisplacement, **k), {"value": lambda t: 0.0}, POSITIVE
    ),
    "symmetry plane": (symmetry_plane, {"axis": 0}, POSITIVE),
    "symmetry plane's place": (lambda **k: symmetry_plane(0, **k), {"at": 0.0}, FINITE),
    "node history": (lambda **k: NodeHistory(solver(), **{"place": (0, 0, 0), "field": "v",
        "component": 2, **k}), {"place": (0, 0, 0), "field": "v", "component": 2}, POSITIVE),
    "element history": (
        lambda place: ElementHistory(solver(), place, lambda s: s.sigma[:, 2, 2]),
        {"place": (0, 0, 0)}, POSITIVE,
    ),
}  # fmt: skip
CASES = [
    pytest.param(function, {**right, name: wrong}, id=f"{case}: {name} {kind}")
    for case, (function, right, values) in NUMBERS.items()
    for name in right
    for kind, wrong in values.items()
]


@pytest.mark.parametrize(("function", "arguments"), CASES)
def test_a_wrong_number_is_refused(function, arguments):
    with pytest.raises(InputError):
        function(**arguments)


RUN = {
    "end_time": 0.01,
    "outputs": 1,
    "rows": 2,
    "checkpoint_every": 1,
    "wall_time": 5.0,
    "keep": 1,
}
RUN_CASES = [
    pytest.param(name, wrong, id=f"{name} {kind}")
    for name in (*RUN, "every", "every_steps")
    for kind, wrong in POSITIVE.items()
    if not (name in ("every", "every_steps") and wrong is None)  # not asked for
    and not (name == "wall_time" and wrong == math.inf)  # no limit
]


@pytest.mark.parametrize(("name", "wrong"), RUN_CASES)
def test_a_wrong_number_of_a_run_is_refused(tmp_path, name, wrong):
    with pytest.raises(InputError):
        Recorder(solver(), tmp_path / "run", name="a", **{**RUN, name: wrong})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wrong", [*NOT_NUMBERS, 0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("read", [read_mesh, read_msh])
def test_a_wrong_scale_of_a_mesh_is_refused(tmp_path, read, wrong):
    write_msh(tmp_path / "a.msh", lambda model: gmsh_cylinder(model, "c", 1.0, 1.0, 0.5))
    for name in ("scale", "dimension"):
        with pytest.raises(InputError):
            read(COMM, tmp_path / "a.msh", **{name: wrong})


@pytest.mark.parametrize("load", [Traction, Pressure, PrescribedVelocity])
@pytest.mark.parametrize("where", ["top", None, 3, (1, 2), ("tags", TOP), "tag 7", "tag 1.0"])
def test_a_place_that_is_none_is_refused(load, where):
    if isinstance(where, str) and where.startswith("tag "):
        where = (block()[1], float(where[4:]))
    value = (0.0, 0.0, 1.0) if load is Traction else 1.0
    kind = "constraints" if load is PrescribedVelocity else "loads"
    with pytest.raises(InputError):
        solver(**{kind: [load(where, value)]})


FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": np.array,
    "column order": np.asfortranarray,
    "a view backwards": lambda a: np.array(a[::-1])[::-1],
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "read only": lambda a: np.lib.stride_tricks.as_strided(a, writeable=False),
    "big end first": lambda a: a.astype(">f8"),
    "single precision": lambda a: a.astype(np.float32),
    "whole numbers": lambda a: a.astype(np.int64),
}
form = st.sampled_from(sorted(FORMS))


def test_a_field_in_any_form_is_written_as_it_is(tmp_path):
    mesh = block()[0]
    n_nodes, n_cells = len(mesh.geometry.x), mesh.topology.index_map(3).size_local
    numbers = iter(range(10**6))

    @WALK
    @given(st.integers(0, 2**31), form, st.sampled_from([(), (3,), (3, 3)]))
    def walk(seed, form, shape):
        rng = np.random.default_rng(seed)
        u = rng.integers(-9, 9, (n_nodes, 3)).astype(float)
        s = rng.integers(-9, 9, (n_cells, *shape)).astype(float)
        files = []
        for given_form in (form, "as it is"):
            path = tmp_path / f"{next(numbers)}.xdmf"
            writer = XDMFWriter(path, mesh)
            writer.write(np.float32(0.5), nodal={"u": FORMS[given_form](u)},
                         cell={"s": FORMS[given_form](s)})  # fmt: skip
            files.append(XDMFReader(path))
        one, other = files
        assert one.times == other.times == [0.5]
        for name in ("u", "s"):
            assert np.array_equal(one.field(name), other.field(name))

    walk()


@pytest.mark.parametrize("time", [*NOT_NUMBERS, math.nan, math.inf])
def test_a_time_that_is_none_is_refused_by_the_writer(tmp_path, time):
    writer = XDMFWriter(tmp_path / "a.xdmf", block()[0])
    with pytest.raises(InputError):
        writer.write(time)
    assert writer.times == []


@settings(WALK, max_examples=8)
@given(st.lists(st.integers(-9, 9), min_size=3, max_size=3), form)
def test_an_initial_velocity_in_any_form_is_one(v, form):
    v = np.array(v, dtype=float) / 8.0 * (form != "whole numbers")
    everywhere = np.broadcast_to(v, (len(block()[0].geometry.x), 3))
    expected = solver(velocity=tuple(v)).v.x.array
    assert np.array_equal(solver(velocity=FORMS[form](v)).v.x.array, expected)
    by_place = solver(velocity=lambda x: FORMS[form](everywhere).T)
    assert np.array_equal(by_place.v.x.array, expected)


@WALK
@given(st.sampled_from([(), (0,), (1,), (3,), (2, 0), (2, 2)]), form)
def test_measures_keep_leading_axes(shape, form):
    F = np.broadcast_to(np.diag([2.0, 1.0, 1.0]), (*shape, 3, 3))
    given_form = FORMS[form](np.array(F)) if shape else np.array(F)
    for measure, value in ((volumetric_strain, 1.0), (von_mises, 1.0)):
        found = measure(given_form)
        assert found.shape == shape and np.allclose(found, value)
    expected = deviatoric_strain(np.array(F))
    assert expected.shape == shape
    np.testing.assert_allclose(deviatoric_strain(given_form), expected, rtol=1e-6)


def test_differences_of_nothing_and_of_lists():
    assert math.isnan(relative_difference(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)))
    assert math.isnan(relative_difference([1.0], [0.0], np.ones(1)))
    assert relative_difference([1.0, 4.0], [1.0, 2.0], np.array([1.0, 3.0])) == pytest.approx(
        math.sqrt(12.0 / 13.0)
    )


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("normal", (0.0, 0.0, 0.0)), ("normal", (0.0, 1.0)), ("normal", "y"), ("normal", None),
        ("origin", (0.0, math.nan, 0.0)), ("origin", 1.0), ("displacement", "w"),
    ],
)  # fmt: skip
def test_a_wrong_cut_is_refused(name, wrong):
    points = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)
    body = Snapshot(
        points, np.array([[0, 1, 3, 2, 4, 5, 7, 6]]), "hexahedron", {"u": 0 * points}, {}
    )
    assert len(cut(body, 0.0, origin=(0.0, 0.5, 0.0)).polygons) == 1
    with pytest.raises(InputError):
        cut(body, 0.0, **{name: wrong})


def test_a_summary_takes_numbers_of_any_kind():
    summary = Summary()
    values = (
        np.float32(0.5),
        np.array(0.5),
        0.5,
        np.array([0.5, 0.5]),
        [0.5, 0.5],
        np.int8(3),
        True,
    )
    for k, value in enumerate(values):
        summary.add("a", str(k), value)
    shown = [line.split("  ")[-1] for line in summary.text().splitlines()[1:]]
    assert shown == ["0.5", "0.5", "0.5", "0.5, 0.5", "0.5, 0.5", "3", "True"]
    plain = list(summary.as_dict()["a"].values())
    assert plain == [0.5, 0.5, 0.5, [0.5, 0.5], [0.5, 0.5], 3, True]
