# SPDX-License-Identifier: MIT
"""Strain paths: pure functions, admissible, refused where senseless."""

import h5py
import numpy as np
import pytest

from mlms_fenics.data import PROTOCOLS, PathSettings, sample_path
from mlms_fenics.data.harvested import read_paths
from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.kinematics.tensors import to_components

EVERY = [(name, d) for name in PROTOCOLS for d in (2, 3)]


@pytest.mark.parametrize(("protocol", "dimension"), EVERY)
def test_a_path_depends_on_seed_and_number_alone(protocol, dimension):
    settings = PathSettings(protocol=protocol, dimension=dimension, steps=20, max_strain=0.3)
    forward = [sample_path(settings, 4, k) for k in range(6)]
    for k in (5, 2, 0):
        assert np.array_equal(sample_path(settings, 4, k), forward[k])
    other = sample_path(settings, 5, 2)
    assert not np.array_equal(other, forward[2])
    assert not np.array_equal(forward[4], forward[2])


@pytest.mark.parametrize(("protocol", "dimension"), EVERY)
def test_a_path_is_admissible(protocol, dimension):
    settings = PathSettings(protocol=protocol, dimension=dimension, max_strain=0.5)
    for k in range(10):
        U = sample_path(settings, 0, k)
        assert U.shape == (201, dimension, dimension)
        assert U.dtype == np.float64
        assert np.array_equal(U[0], np.eye(dimension))
        assert np.array_equal(U, U.swapaxes(1, 2))
        assert np.linalg.eigvalsh(U).min() > 0
        assert np.abs(U - np.eye(dimension)).max() > 0.03


def test_paper_walk_keeps_to_its_bounds():
    settings = PathSettings(
        protocol="paper", max_strain=0.5, min_stretch=0.4, min_det=0.7, max_det=1.5
    )
    for k in range(20):
        stretches = np.linalg.eigvalsh(sample_path(settings, 1, k))
        assert stretches.min() >= 0.4
        det = stretches.prod(axis=1)
        assert det.min() >= 0.7
        assert det.max() <= 1.5


def test_bounds_that_no_walk_keeps_to_are_reported(monkeypatch):
    monkeypatch.setattr("mlms_fenics.data.walks.MAX_TRIES", 50)
    settings = PathSettings(protocol="paper", max_strain=0.5, min_stretch=0.99)
    with pytest.raises(SimulationError, match=r"none of 50 walks.*smaller --max-strain"):
        sample_path(settings, 0, 0)


def test_volume_amplitude_by_default_is_at_most_a_tenth():
    assert PathSettings(max_strain=0.05).max_volume == 0.05
    assert PathSettings(max_strain=0.5).max_volume == 0.1
    assert PathSettings(max_strain=0.5, max_volume=0.0).max_volume == 0.0


def test_random_amplitude_lies_between_a_quarter_and_all():
    settings = PathSettings(protocol="uniaxial", amplitude="random", max_strain=0.2, steps=4)
    reached = [
        np.abs(np.log(np.linalg.eigvalsh(sample_path(settings, 0, k)[-1]))).max()
        for k in range(200)
    ]
    assert min(reached) >= 0.05
    assert max(reached) <= 0.2
    assert np.ptp(reached) > 0.14


def test_direction_is_heeded():
    settings = PathSettings(protocol="uniaxial", direction=(0, 2, 0), max_strain=0.2, steps=4)
    tension, compression = (np.log(np.diag(sample_path(settings, 0, k)[-1])) for k in (0, 1))
    assert np.allclose(tension, (-0.1, 0.2, -0.1), atol=1e-15)
    assert np.allclose(compression, (0.1, -0.2, 0.1), atol=1e-15)


def test_settings_survive_a_round_trip():
    settings = PathSettings(protocol="hold", direction=(1.0, 0, 0), max_strain=0.3)
    assert PathSettings.from_dict(settings.to_dict()) == settings
    with pytest.raises(InputError, match="colour"):
        PathSettings.from_dict({"colour": 1})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"max_strain": 0.0}, "max_strain is 0.0"),
        ({"max_strain": -0.1}, "max_strain"),
        ({"max_strain": 1.5}, "max_strain"),
        ({"max_strain": float("nan")}, "max_strain"),
        ({"max_volume": 0.9}, "max_volume"),
        ({"steps": 0}, "steps"),
        ({"n_intervals": 0}, "n_intervals"),
        ({"intervals": "even"}, "random, fixed"),
        ({"amplitude": "all"}, "fixed, random"),
        ({"dimension": 4}, "dimension"),
        ({"min_stretch": 1.0}, "min_stretch"),
        ({"max_det": 0.9}, "max_det"),
        ({"direction": (1.0, 0.0)}, "direction"),
        ({"direction": (0.0, 0.0, 0.0)}, "direction"),
    ],
)
def test_bad_settings_are_refused(values, expected):
    with pytest.raises(InputError, match=expected):
        PathSettings(**values)


def test_unknown_protocol_is_refused():
    with pytest.raises(InputError, match="one of log, paper"):
        sample_path(PathSettings(protocol="zigzag"), 0, 0)


def _write(path, U, **attrs):
    with h5py.File(path, "w") as file:
        file["U"] = U
        file.attrs.update(attrs)


@pytest.mark.parametrize("dimension", [2, 3])
def test_harvested_paths_by_components_or_tensors(tmp_path, dimension):
    settings = PathSettings(dimension=dimension, steps=12)
    U = np.stack([sample_path(settings, 0, k) for k in range(3)])
    _write(tmp_path / "t.h5", U, horizon=2.5)
    _write(tmp_path / "c.h5", to_components(U))
    tensors, components = read_paths(tmp_path / "t.h5"), read_paths(tmp_path / "c.h5")
    assert np.array_equal(tensors.U, U)
    assert np.array_equal(components.U, U)
    assert (tensors.horizon, components.horizon) == (2.5, None)
    assert tensors.digest == components.digest


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda U: U[1, 3].__setitem__((0, 0), np.nan), "sample 1 .* NaN"),
        (lambda U: U[2, 4].__setitem__((0, 1), 0.5), "sample 2 .* not symmetric"),
        (lambda U: U[0, 0].__setitem__((0, 0), 1.1), "sample 0 .* start"),
        (lambda U: U[1, 5].__imul__(-1.0), "sample 1 .* positive definite"),
    ],
)
def test_bad_harvested_paths_are_named(tmp_path, spoil, expected):
    U = np.stack([sample_path(PathSettings(steps=6), 0, k) for k in range(3)])
    spoil(U)
    _write(tmp_path / "bad.h5", U)
    with pytest.raises(InputError, match=expected):
        read_paths(tmp_path / "bad.h5")


def test_files_without_paths_are_refused(tmp_path):
    (tmp_path / "a.h5").write_text("no")
    with pytest.raises(InputError, match="not a whole HDF5 file"):
        read_paths(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["V"] = 1
    with pytest.raises(InputError, match="named U"):
        read_paths(tmp_path / "b.h5")
    _write(tmp_path / "c.h5", np.zeros((3, 4, 5)))
    with pytest.raises(InputError, match="shape"):
        read_paths(tmp_path / "c.h5")
