# SPDX-License-Identifier: MIT
"""One block's computation, the choice of law and texture, and the inspector."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from mlms_fenics.data import Dataset, PathSettings, inspect, sample_path
from mlms_fenics.data.generator import _blocks, compute, show_from
from mlms_fenics.data.laws import law_from_options
from mlms_fenics.data.measures import measure
from mlms_fenics.data.microstructure import texture_from_options
from mlms_fenics.data.recipe import Recipe
from mlms_fenics.data.store import Store
from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.materials import magnesium
from mlms_fenics.microstructure import random_orientations, write_orientations
from mlms_fenics.progress import duration, size
from mlms_fenics.unitcell import TaylorAverage

Q = random_orientations(2, 0)
RECIPE = Recipe(
    "taylor", magnesium().to_dict(), Q, PathSettings(steps=10), seed=0, horizon=1.0, tolerance=1e-4
)


def _source(k):
    return sample_path(RECIPE.paths, RECIPE.seed, k)


class _Cell:
    """Returns what it is told to; remembers what it was asked."""

    def __init__(self, status=None, stress=0.0):
        self.status, self.value, self.asked = status, stress, None

    def solve(self, U, horizon, tolerance):
        self.asked = U
        n = len(U)
        status = np.ones(n) if self.status is None else np.array(self.status)
        return SimpleNamespace(
            stress=np.full(U.shape, self.value),
            status=status,
            message=["too stiff" if s == 2 else "" for s in status],
            substeps=np.arange(n),
            rejected=np.zeros(n),
            smallest_step=np.ones(n),
        )


def test_stress_belongs_to_the_stored_strain():
    cell = TaylorAverage(magnesium(), Q)
    block = compute(np.arange(2), _source, cell, RECIPE)
    stored = block.values["U"]
    assert stored.dtype == np.float32
    again = cell.stress(from_components(stored.astype(np.float64)), 1.0, 1e-4)
    assert np.array_equal(block.values["sigma"], to_components(again).astype(np.float32))
    exact = to_components(np.stack([_source(0), _source(1)]))
    assert np.abs(stored - exact).max() <= 2**-24 * np.abs(exact).max()


def test_the_cell_sees_symmetric_paths_that_start_at_rest():
    cell = _Cell()
    compute(np.arange(3), _source, cell, RECIPE)
    assert np.array_equal(cell.asked, cell.asked.swapaxes(-1, -2))
    assert np.array_equal(cell.asked[:, 0], np.tile(np.eye(3), (3, 1, 1)))


def test_failures_are_marked_with_their_reason():
    def source(k):
        if k == 7:
            raise SimulationError("no such path")
        return _source(k)

    block = compute(np.array([6, 7, 8, 9]), source, _Cell([1, 2, 1]), RECIPE)
    assert block.values["status"].tolist() == [1, 2, 2, 1]
    assert block.message == ["", "no such path", "too stiff", ""]
    assert np.isnan(block.values["sigma"][1:3]).all()
    assert np.isfinite(block.values["sigma"][[0, 3]]).all()
    assert block.values["substeps"].tolist() == [0, 0, 1, 2]


def test_stress_that_is_not_finite_is_a_failure():
    block = compute(np.array([0]), _source, _Cell(stress=np.inf), RECIPE)
    assert block.values["status"].tolist() == [2]
    assert block.message == ["the stress is not finite"]


def test_blocks_hold_what_is_missing_and_break_at_multiples():
    done = np.zeros(20, dtype=bool)
    done[[0, 1, 9]] = True
    assert [b.tolist() for b in _blocks(done, 8)] == [
        [2, 3, 4, 5, 6, 7],
        [8, 10, 11, 12, 13, 14, 15],
        [16, 17, 18, 19],
    ]
    assert _blocks(np.ones(5, dtype=bool), 8) == []


def test_parameters_of_the_law_can_be_set():
    law = law_from_options("magnesium", 0.2, ["basal.tau_0=0.01", "density=1.738"])
    assert law.slip[0].tau_0 == 0.01
    assert law.slip[1].tau_0 == 0.0505
    assert law.density == 1.738
    assert {f.rate_exponent for f in (*law.slip, *law.twins)} == {0.2}
    assert law_from_options("magnesium") == magnesium()
    assert law_from_options("magnesium", None, ["detwinning=true"]).detwinning is True


def test_law_from_a_file(tmp_path):
    file = tmp_path / "law.json"
    file.write_text(json.dumps(magnesium(tau_0_basal=0.02).to_dict()))
    assert law_from_options(str(file)) == magnesium(tau_0_basal=0.02)
    file.write_text("{}")
    with pytest.raises(InputError, match="holds no law"):
        law_from_options(str(file))


def test_texture_from_a_file_or_a_fibre(tmp_path):
    file = tmp_path / "texture.txt"
    write_orientations(file, Q)
    assert np.allclose(texture_from_options(3, None, 0, str(file)).orientations, Q, atol=1e-14)
    with pytest.raises(InputError, match="holds 2 rotations for 128 grains"):
        texture_from_options(3, 128, 0, str(file))
    with pytest.raises(InputError, match="3D rotations, but the law is 2D"):
        texture_from_options(2, None, 0, str(file))
    fibre = texture_from_options(3, 7, 0, fibre=(1, 0, 0)).orientations
    assert np.allclose(fibre[:, :, 2], [1, 0, 0])
    assert np.array_equal(texture_from_options(3, 2, 0).orientations, Q)


def test_measures_of_simple_shear():
    """F = I + γ e1⊗e2 at constant rate: equivalent rate γ̇/√3, equivalent strain 2/√3 asinh(γ/2)."""
    settings = PathSettings(protocol="shear", max_strain=0.3, steps=400)
    U = to_components(sample_path(settings, 0, 0))[None]
    m = measure(U, np.zeros_like(U), np.linspace(0, 2.0, 401))
    gamma = 0.6 * np.arange(401) / 400
    assert np.allclose(m.strain[0], 2 / np.sqrt(3) * np.arcsinh(gamma / 2), atol=1e-12)
    assert np.allclose(m.rate[0], 0.3 / np.sqrt(3), rtol=1e-5)
    assert np.abs(m.volume).max() < 1e-13


def test_measures_of_stress():
    sigma = np.array([[[0.3, 0.0, 0.0, 0.0, 0.0, 0.0], [0, 0, 0, 0.1, 0, 0]]])
    U = np.tile([1.0, 1, 1, 0, 0, 0], (1, 2, 1))
    m = measure(U, sigma, np.array([0.0, 1.0]))
    assert np.allclose(m.stress, [[0.3, 0.1 * np.sqrt(3)]])
    assert np.allclose(m.pressure, [[-0.1, 0.0]])


@pytest.fixture(params=[2, 3])
def file(tmp_path, request):
    d = request.param
    paths = PathSettings(dimension=d, steps=10)
    law = law_from_options("magnesium" if d == 3 else "two-slip")
    recipe = Recipe("taylor", law.to_dict(), random_orientations(9, 0, d), paths, 0, 1.0, 1e-4)
    store = Store(tmp_path / "a.h5", recipe)
    store.open()
    block = compute(np.arange(4), lambda k: sample_path(paths, 0, k), _Cell([1, 1, 2, 1]), recipe)
    store.write_block(block)
    store.assemble(4)
    store.clear()
    return tmp_path / "a.h5"


def test_inspector_tells_and_draws(file, capsys):
    pictures = file.parent / "pictures"
    pictures.mkdir()
    assert inspect.main([str(file), "--out", str(pictures)]) == 0
    text = capsys.readouterr().out
    for expected in ("4: 3 good, 1 failed", "sample 2: too stiff", "protocol log", "tau_0"):
        assert expected in text
    with Dataset(file) as dataset:
        names = {"overview.png"} | ({"pole_figures.png"} if dataset.dimension == 3 else set())
    assert {f.name for f in pictures.iterdir()} == names
    assert all(f.read_bytes()[:4] == b"\x89PNG" for f in pictures.iterdir())


@pytest.mark.parametrize(
    "arguments", [["none.h5"], ["FILE", "--out", "x.doc"], ["FILE", "--samples", "0"]]
)
def test_inspector_refuses_bad_input(file, capsys, arguments):
    status = inspect.main([str(file) if a == "FILE" else a for a in arguments])
    assert status == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_times_and_sizes_for_a_reader():
    assert [duration(s) for s in (8.24, 200, 7500)] == ["8.24 s", "3 min 20 s", "2 h 05 min"]
    assert [size(b) for b in (12, 1300, 2.9e8)] == ["12 B", "1.3 kB", "290 MB"]


def test_progress_tells_rate_and_time_left(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("mlms_fenics.progress.time.perf_counter", lambda: clock[0])
    progress = show_from(100, 7, shown=True, every=15.0)
    for now, count in ((1.0, 5), (4.0, 20), (5.0, 25), (20.0, 50), (40.0, 100)):
        clock[0] = now
        progress.show(count, note="2 failed")
    progress.close()
    assert capsys.readouterr().err.splitlines() == [
        "7 samples are there already",
        "20/100 paths, 5 paths/s, 16 s left, 2 failed",
        "50/100 paths, 2.5 paths/s, 20 s left, 2 failed",
    ]
