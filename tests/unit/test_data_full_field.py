# SPDX-License-Identifier: MIT
"""Data of full-field cells: the options' polycrystal, the recipe in the file, paths that fail."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from mlms_fenics.data import Dataset, PathSettings, inspect, sample_path
from mlms_fenics.data.cells import CELLS
from mlms_fenics.data.full_field import FullField
from mlms_fenics.data.generator import compute
from mlms_fenics.data.microstructure import grains_from_options, microstructure_from_options
from mlms_fenics.data.options import build_parser
from mlms_fenics.data.recipe import Recipe, differences
from mlms_fenics.data.store import Store
from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.materials import two_slip_crystal
from mlms_fenics.microstructure import random_orientations, voronoi_grains, write_grains
from mlms_fenics.unitcell import FFTCell, fft_cell

PATHS = PathSettings(protocol="paper", dimension=2, steps=6, max_strain=0.02)
RECIPE = Recipe(
    "fft",
    two_slip_crystal().to_dict(),
    random_orientations(3, 0, 2),
    PATHS,
    seed=3,
    horizon=1e6,
    tolerance=1e-3,
    grains=voronoi_grains((4, 6), 3, 0),
    cell_settings={"operator": "difference2", "increments": 2, "grain_seed": 0},
)


def _source(k):
    return sample_path(PATHS, RECIPE.seed, k)


@pytest.fixture(scope="module")
def block():
    return compute(np.arange(3), _source, CELLS["fft"].build(RECIPE, None), RECIPE)


@pytest.fixture
def file(tmp_path, block):
    store = Store(tmp_path / "a.h5", RECIPE)
    store.open()
    store.write_block(block)
    store.assemble(3)
    store.clear()
    return tmp_path / "a.h5"


def test_the_file_holds_all_that_makes_it_again(file):
    """By hand, from plain HDF5 and the public classes alone: the same stress to the last bit."""
    with Dataset(file) as dataset, h5py.File(file) as plain:
        recipe = dataset.recipe
        assert differences(recipe.fingerprint(), RECIPE.fingerprint()) == []
        settings = recipe.cell_settings
        cell = FFTCell(
            dataset.law, plain["grains"][:], plain["orientations"][:], operator=settings["operator"]
        )
        for k in range(3):
            U = from_components(plain["U"][k].astype(float))
            path = np.stack(
                [np.interp(np.arange(13) / 2, np.arange(7), u) for u in U.reshape(7, 4).T]
            )
            path = path.T.reshape(13, 2, 2)
            assert np.array_equal(plain["U"][k], to_components(_source(k)).astype(np.float32))
            sigma = to_components(cell.stress(path, dataset.horizon, recipe.tolerance)[::2])
            assert np.array_equal(plain["sigma"][k], sigma.astype(np.float32))
            assert np.abs(sigma[-1]).max() > 1e-3
        assert np.array_equal(
            dataset.grains,
            voronoi_grains((4, 6), 3, settings["grain_seed"]),
        )


def test_without_time_to_slip_the_data_are_elastic():
    """σ = G J^(-5/3) dev(U²) + 2 λ_e (J - 1) I, in plane strain; all grains are alike in that."""
    quick = replace(RECIPE, horizon=1e-3)
    values = compute(np.arange(2), _source, FullField(quick), quick).values
    U = from_components(values["U"].astype(float))
    law, J = two_slip_crystal(), np.linalg.det(U)[..., None, None]
    B, I = U @ U, np.eye(2)
    mean = (np.trace(B, axis1=-2, axis2=-1) + 1.0)[..., None, None] / 3.0
    exact = law.shear_modulus * J ** (-5 / 3) * (B - mean * I) + law.bulk_modulus * (J - 1.0) * I
    assert np.abs(exact).max() > 0.1
    assert np.abs(values["sigma"] - to_components(exact)).max() < 1e-6


def test_a_sample_does_not_depend_on_those_beside_it(block):
    alone = compute(np.array([2]), _source, FullField(RECIPE), RECIPE)
    for name, values in alone.values.items():
        assert np.array_equal(values[0], block.values[name][2])


def test_other_grains_grids_and_operators_are_named():
    have = RECIPE.fingerprint()
    changes = {
        "grains (another map)": {"grains": voronoi_grains((4, 6), 3, 1)},
        "grid (4 × 6, not 6 × 4)": {"grains": voronoi_grains((6, 4), 3, 0)},
        "cell.operator (": {"cell_settings": {**RECIPE.cell_settings, "operator": "rotated"}},
    }
    for expected, change in changes.items():
        (found,) = differences(have, replace(RECIPE, **change).fingerprint())
        assert found.startswith(expected)
    taylor = replace(RECIPE, cell="taylor", grains=None, cell_settings={})
    assert "grid" in " ".join(differences(have, taylor.fingerprint()))


def test_a_path_that_fails_takes_no_other_with_it(monkeypatch):
    """One that is turned inside out, and one whose equilibrium is not found in the time given."""

    def source(k):
        U = _source(k)
        if k == 1:
            U[1:] = np.diag([-1.0, 1.0])
        return U

    def impatient(self, U, *arguments):
        chosen = np.array_equal(U[0, -1], _source(2)[-1].astype(np.float32))
        with monkeypatch.context() as patch:
            if chosen:
                patch.setattr(fft_cell, "Settings", lambda *a, max_iterations: settings(*a, 1, 0))
            return solve(self, U, *arguments)

    solve, settings = FFTCell.solve, fft_cell.Settings
    monkeypatch.setattr(FFTCell, "solve", impatient)
    block = compute(np.arange(4), source, FullField(RECIPE), RECIPE)
    assert block.values["status"].tolist() == [1, 2, 2, 1]
    assert block.message[0] == block.message[3] == ""
    assert "positive determinant" in block.message[1]
    assert "increment 1 of 12" in block.message[2] and "residual" in block.message[2]
    assert np.isnan(block.values["sigma"][1:3]).all()
    assert np.isfinite(block.values["sigma"][[0, 3]]).all()


def _polycrystal(*arguments, dimension=2):
    options = build_parser().parse_args(["fft", "--out", "x.h5", *map(str, arguments)])
    return microstructure_from_options(options, CELLS["fft"], dimension)


def test_tessellation_and_orientations_by_seed():
    p = _polycrystal("--grid", 8, "--grains", 5, "--grain-seed", 2, "--orientation-seed", 7)
    assert np.array_equal(p.grains, voronoi_grains((8, 8), 5, 2))
    assert np.array_equal(p.orientations, random_orientations(5, 7, 2))
    assert p.settings == {"operator": "rotated", "increments": 1, "grain_seed": 2}
    default = _polycrystal()
    assert default.grains.shape == (64, 64)
    assert len(default.orientations) == 16
    assert _polycrystal("--grid", 3, 4, 5, dimension=3).grains.shape == (3, 4, 5)


def test_a_grain_map_of_ones_own(tmp_path):
    grains, Q = voronoi_grains((6, 5), 4, 9), random_orientations(4, 9, 2)
    write_grains(tmp_path / "both.h5", grains, Q)
    write_grains(tmp_path / "map.vti", grains)
    both = _polycrystal("--grain-map", tmp_path / "both.h5")
    assert np.array_equal(both.grains, grains)
    assert np.array_equal(both.orientations, Q)
    assert both.settings["grain_seed"] is None
    alone = _polycrystal("--grain-map", tmp_path / "map.vti", "--orientation-seed", 1)
    assert np.array_equal(alone.orientations, random_orientations(4, 1, 2))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--grid", 0], "--grid is 0.*one number or 2"),
        (["--grid", 8, 8, 8], "--grid is 8 8 8"),
        (["--grid", 9999], "at most 16777216 cells"),
        (["--grains", 0], "--grains is 0.*1 <= grains <= 4096"),
        (["--grid", 3, "--grains", 10], "--grains is 10.*finer --grid"),
        (["--grain-seed", -1], "--grain-seed is -1"),
        (["--grain-map", "none.h5"], "cannot read 'none.h5'"),
        (["--grain-map", "FILE", "--grid", 8], "exclude each other"),
        (["--grain-map", "FILE", "--grains", 5], "5 grains, but .* has 4"),
        (["--operator", "none"], "invalid choice"),
        (["--increments", 0], "--increments is 0"),
    ],
)
def test_bad_polycrystals_are_refused(tmp_path, arguments, expected):
    file = tmp_path / "map.h5"
    write_grains(file, voronoi_grains((6, 5), 4, 9))
    with pytest.raises(InputError, match=expected):
        _polycrystal(*(file if a == "FILE" else a for a in arguments))
    with pytest.raises(InputError, match="is 2D, but the law is 3D"):
        grains_from_options(3, None, 4, 0, str(file))


def test_inspector_shows_the_grid(file, capsys):
    picture = file.parent / "a.png"
    assert inspect.main([str(file), "--out", str(picture)]) == 0
    text = capsys.readouterr().out
    assert (
        "4 × 6, operator difference2, 2 increments a step, periodic Voronoi grains of seed 0"
        in text
    )
    assert "steps a path" in text
    assert picture.read_bytes()[:4] == b"\x89PNG"
