# SPDX-License-Identifier: MIT
"""Public functions of histories and batches: whatever the array's form, one answer or one error.

Batches of any shape and none, one entry, single precision, column order, views, lists, numbers of
other types: what is right gives what the plain array gives, with its shape, and stays unchanged;
what is wrong is refused by `InputError`, never by what lies below.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from untrained_laws import untrained_laws

from mlms_fenics.data.settings import PathSettings
from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.strain import log_strain, volume_ratio
from mlms_fenics.kinematics.tensors import (
    cofactor,
    deviator,
    frobenius,
    from_components,
    polar,
    to_components,
    von_mises,
)
from mlms_fenics.materials import (
    J2,
    JohnsonCook,
    NeoHookean,
    Polycrystal,
    drive,
    johnson_cook,
    magnesium,
    two_slip_crystal,
)
from mlms_fenics.microstructure import random_orientations, voronoi_grains
from mlms_fenics.microstructure.rotations import (
    euler_from_rotations,
    quaternions_from_rotations,
    rotations_from_euler,
    rotations_from_quaternions,
)
from mlms_fenics.unitcell import FFTCell, TaylorAverage, solve_cells

WALK = settings(max_examples=25, deadline=None, derandomize=True, database=None)
SHAPES = st.sampled_from([(), (0,), (1,), (3,), (2, 0), (0, 2), (2, 2)])
FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": np.array,
    "column order": np.asfortranarray,
    "a view backwards": lambda a: np.array(a[..., ::-1])[..., ::-1],
    "every second entry": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "read only": lambda a: np.lib.stride_tricks.as_strided(a, writeable=False),
    "big end first": lambda a: a.astype(">f8"),
    "single precision": lambda a: a.astype(np.float32),
    "a list": lambda a: a.tolist() if a.size else a,
}
form = st.sampled_from(sorted(FORMS))
small = st.floats(-0.05, 0.05, allow_subnormal=False)


@st.composite
def histories(draw, dimension: int, shapes=SHAPES):
    """U, *Shape* `(..., n_t + 1, d, d)`, of moderate strain, in single precision's numbers."""
    shape, n_t = draw(shapes), draw(st.integers(1, 3))
    size = (*shape, n_t, 3 if dimension == 2 else 6)
    steps = from_components(
        draw(arrays(np.float32, size, elements=st.floats(-0.0625, 0.0625, width=32)))
    )
    start = np.zeros((*shape, 1, dimension, dimension), np.float32)
    U = np.concatenate([start, steps], axis=-3) + np.eye(dimension, dtype=np.float32)
    return U.astype(np.float64)


def assert_same(found: np.ndarray, expected: np.ndarray, rtol: float = 0.0) -> None:
    """Equal in shape and, to `rtol` of the largest, in value."""
    assert found.shape == expected.shape
    assert np.isfinite(found).all()
    bound = rtol * float(np.abs(expected).max(initial=0.0))
    assert float(np.abs(found - expected).max(initial=0.0)) <= bound


@cache
def averages() -> dict[str, Callable[[np.ndarray, float], np.ndarray]]:
    """What gives a stress history for a stretch history and a horizon, by name and dimension."""
    plane, Q2 = two_slip_crystal(), random_orientations(2, 1, 2)
    cell = FFTCell(plane, np.arange(16).reshape(4, 4) % 2, Q2)
    laws = {name: law.stress for name, law in untrained_laws().items()}
    return {
        "Taylor average 3D": TaylorAverage(magnesium(), random_orientations(2, 1)).stress,
        "Taylor average 2D": TaylorAverage(plane, Q2).stress,
        "full-field cell 2D": lambda U, horizon: cell.stress(U, horizon, 1e-3),
        **laws,
    }


NAMES = (
    "Taylor average 3D", "Taylor average 2D", "full-field cell 2D", "recurrent 3D", "recurrent 2D",
    "grains 3D", "pca-net 3D", "pca-net 2D", "reduced 3D", "reduced 2D",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_history_in_any_form_has_one_stress(name):
    stress = averages()[name]
    dimension = int(name[-2])

    @WALK
    @given(histories(dimension), form)
    def walk(U, form):
        expected = stress(U, 1.0)
        assert expected.shape == U.shape and np.isfinite(expected).all()
        given_form = FORMS[form](U)
        before = np.array(given_form)
        assert_same(stress(given_form, 1.0), expected)
        assert np.array_equal(np.array(given_form), before)
        assert_same(stress(U, np.float32(1.0)), expected)
        assert_same(stress(U, 1), expected)

    walk()


WRONG: dict[str, Callable[[np.ndarray], object]] = {
    "NaN": lambda U: np.where(np.arange(U.shape[-3])[:, None, None] == 1, np.nan, U),
    "infinite": lambda U: np.where(np.arange(U.shape[-3])[:, None, None] == 1, np.inf, U),
    "one entry": lambda U: U[..., :1, :, :],
    "no entry": lambda U: U[..., :0, :, :],
    "no history": lambda U: U[..., 0, 0, 0],
    "one tensor": lambda U: U[0, 0],
    "too small": lambda U: U[..., :1, :1],
    "not square": lambda U: U[..., :1],
    "inverted": lambda U: np.concatenate([U[..., :1, :, :], -U[..., 1:, :, :]], axis=-3),
    "singular": lambda U: np.concatenate([U[..., :1, :, :], 0 * U[..., 1:, :, :]], axis=-3),
    "start strained": lambda U: 1.1 * U,
    "not symmetric": lambda U: U + np.eye(U.shape[-1], k=1) * np.arange(U.shape[-3])[:, None, None],
    "ragged": lambda U: [[1.0], [1.0, 2.0]],
    "text": lambda U: "U",
    "none": lambda U: None,
    "complex": lambda U: U + 1j,
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_history_is_refused(name, wrong):
    U = np.broadcast_to(np.eye(int(name[-2])), (2, 3, int(name[-2]), int(name[-2])))
    with pytest.raises(InputError):
        averages()[name](WRONG[wrong](U), 1.0)


@pytest.mark.parametrize("horizon", [0.0, -1.0, np.nan, np.inf, "long", None, 1j, [1.0, 2.0], True])
@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_horizon_is_refused(name, horizon):
    U = np.broadcast_to(np.eye(int(name[-2])), (2, 3, int(name[-2]), int(name[-2])))
    if horizon is True:  # a number in Python; it is 1
        assert averages()[name](U, horizon).shape == U.shape
        return
    with pytest.raises(InputError):
        averages()[name](U, horizon)


def laws():
    copper = {"young": 117.0, "poisson": 0.35, "density": 8.93}
    return (
        J2(yield_stress=0.4, hardening=0.1, **copper),
        johnson_cook("OFHC copper"),
        NeoHookean(25.0, 48.0, 1.7),
        Polycrystal(magnesium(), random_orientations(2, 1)),
        untrained_laws()["recurrent 3D"],
    )


@pytest.mark.parametrize("law", laws(), ids=lambda law: type(law).__name__)
def test_a_law_is_driven_alike_by_any_tensor(law):
    @WALK
    @given(histories(3, st.sampled_from([(0,), (1,), (3,)])), form, st.booleans())
    def walk(F, form, as_list):
        F[..., 1:, 0, 2] += 0.03  # no stretch, but rotated too
        time = np.linspace(0.0, 0.2, F.shape[1])
        expected = drive(law, torch.from_numpy(F), torch.from_numpy(time))
        assert expected.shape == F.shape and bool(expected.isfinite().all())
        assert not expected[:, 0].any()
        single = form == "single precision"
        tensor = torch.from_numpy(F.astype(np.float32) if single else F.copy())
        if form == "column order":
            tensor = tensor.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
        elif form == "every second entry":
            tensor = tensor.repeat_interleave(2, dim=0)[::2]
        found = drive(law, tensor, time.tolist() if as_list else time)
        assert_same(found.numpy(), expected.numpy(), 1e-4 if single else 0.0)

    walk()


@pytest.mark.parametrize("wrong", [None, "a", [0.0, 0.0, 1.0], [0.0, 1.0, np.inf], [0.0, 1.0], 1j])
def test_wrong_times_are_refused(wrong):
    F = np.broadcast_to(np.eye(3), (2, 3, 3, 3))
    crystals = Polycrystal(magnesium(), random_orientations(2, 1))
    for call in (
        lambda: drive(NeoHookean(25.0, 48.0, 1.7), F, wrong),
        lambda: crystals.stress(to_components(F), wrong),
    ):
        with pytest.raises(InputError):
            call()


@pytest.mark.parametrize(
    "wrong", ["NaN", "inverted", "singular", "text", "none", "ragged", "complex"]
)
def test_wrong_gradients_are_refused(wrong):
    F = np.broadcast_to(np.eye(3), (2, 3, 3, 3))
    with pytest.raises(InputError):
        drive(NeoHookean(25.0, 48.0, 1.7), WRONG[wrong](F), [0.0, 1.0, 2.0])


@WALK
@given(SHAPES, st.data())
def test_tensor_functions_keep_leading_axes(shape, data):
    c = data.draw(arrays(np.float64, (*shape, 6), elements=small))
    T = from_components(c)
    assert T.shape == (*shape, 3, 3) and np.array_equal(to_components(T), c)
    assert deviator(T).shape == T.shape
    assert frobenius(T).shape == von_mises(T).shape == shape
    F = torch.from_numpy(T + np.eye(3))
    R, U = polar(F)
    assert R.shape == U.shape == cofactor(F).shape == F.shape
    strain = log_strain(U)
    assert strain.shape == (*shape, 6) and volume_ratio(strain).shape == shape
    np.testing.assert_allclose(1.0 + volume_ratio(strain), torch.linalg.det(F), rtol=1e-12)
    np.testing.assert_allclose(R @ U, F, atol=1e-14)


@WALK
@given(SHAPES, st.data())
def test_rotations_keep_leading_axes(shape, data):
    angles = data.draw(arrays(np.float64, (*shape, 3), elements=st.floats(0.0, 170.0)))
    Q = rotations_from_euler(angles)
    assert Q.shape == (*shape, 3, 3)
    for there, back in (
        (euler_from_rotations, rotations_from_euler),
        (quaternions_from_rotations, rotations_from_quaternions),
    ):
        np.testing.assert_allclose(back(there(Q)), Q, atol=1e-12)


def test_cells_solved_together_are_checked():
    cell = FFTCell(two_slip_crystal(), np.zeros((3, 3), int), np.eye(2)[None])
    with pytest.raises(InputError, match="no cells to solve"):
        solve_cells([], np.zeros((0, 4, 2, 2)), 1.0)
    with pytest.raises(InputError, match="2 histories for 1 cells"):
        solve_cells([cell], np.zeros((2, 4, 2, 2)), 1.0)
    for wrong in (np.zeros((1, 2, 2)), np.zeros((1, 1, 2, 2)), [[1.0], [1.0, 2.0]], None):
        with pytest.raises(InputError, match="F must "):
            solve_cells([cell], wrong, 1.0)


@pytest.mark.parametrize("n_grains", [0, -1, 1.5, "many", None, True, 10**20])
def test_numbers_of_grains_are_checked(n_grains):
    with pytest.raises(InputError):
        random_orientations(n_grains, 0)
    with pytest.raises(InputError):
        voronoi_grains((4, 4), n_grains, 0)


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5, "0", None])
def test_seeds_are_checked(seed):
    with pytest.raises(InputError):
        random_orientations(2, seed)


@pytest.mark.parametrize("wrong", [np.zeros((0, 3, 3)), np.eye(3), np.ones((2, 3, 3)), "Q", None])
def test_wrong_orientations_are_refused(wrong):
    for make in (TaylorAverage, Polycrystal):
        with pytest.raises(InputError):
            make(magnesium(), wrong)


METAL = {"young": 117.0, "poisson": 0.35, "density": 8.93}
NUMBERS: dict[str, tuple[Callable[..., object], dict[str, float]]] = {
    "J2": (J2, {**METAL, "yield_stress": 0.4, "hardening": 0.1}),
    "JohnsonCook": (
        JohnsonCook,
        {**METAL, "A": 0.1, "B": 0.3, "n": 0.3, "C": 0.01, "m": 1.0,
         "melting_temperature": 1356.0, "specific_heat": 3.8e-4},
    ),
    "NeoHookean": (NeoHookean, {"shear_modulus": 25.0, "bulk_modulus": 48.0, "density": 1.7}),
    "PathSettings": (PathSettings, {"steps": 10, "max_strain": 0.1, "dimension": 3}),
}  # fmt: skip


@pytest.mark.parametrize("wrong", [None, "a", np.nan, np.inf, -2.0, 1j, [], np.zeros(2)])
@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, (_, good) in NUMBERS.items() for name in good]
)
def test_numbers_of_laws_and_paths_are_checked(kind, name, wrong):
    make, good = NUMBERS[kind]
    make(**good)
    with pytest.raises(InputError):
        make(**{**good, name: wrong})
