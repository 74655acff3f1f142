# SPDX-License-Identifier: MIT
"""The data set's file: what goes in comes out, in whatever order it went in."""

import h5py
import numpy as np
import pytest
import torch

from mlms_fenics.data import Dataset, PathSettings
from mlms_fenics.data.recipe import Recipe, differences
from mlms_fenics.data.store import FIELDS, Block, Store
from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.materials import magnesium, two_slip_crystal
from mlms_fenics.microstructure import random_orientations


def make_recipe(dimension=3, **changes):
    values = {
        "cell": "taylor",
        "law": (magnesium() if dimension == 3 else two_slip_crystal()).to_dict(),
        "orientations": random_orientations(3, 0, dimension),
        "paths": PathSettings(dimension=dimension, steps=4),
        "seed": 5,
        "horizon": 2.0,
        "tolerance": 1e-4,
    }
    return Recipe(**{**values, **changes})


def make_block(index, recipe):
    """Made-up histories that tell which sample they are of; sample 3 failed."""
    index = np.asarray(index)
    components = 3 if recipe.paths.dimension == 2 else 6
    shape = (len(index), recipe.paths.steps + 1, components)
    U = np.stack([np.random.default_rng(int(k)).random(shape[1:]) for k in index])
    values = {name: np.zeros(len(index)) for name in FIELDS}
    values |= {"U": U, "sigma": -U, "status": np.where(index == 3, 2, 1), "substeps": 10 * index}
    return Block(index, values, ["it broke" if k == 3 else "" for k in index])


def make_file(path, recipe, blocks=((0, 1, 2), (3, 4), (5,))):
    store = Store(path, recipe)
    store.open()
    for index in blocks:
        store.write_block(make_block(index, recipe))
    store.assemble(max(map(max, blocks)) + 1)
    store.clear()
    return path


@pytest.fixture
def file(tmp_path):
    return make_file(tmp_path / "a.h5", make_recipe())


def test_reader_gives_good_samples_alone(file):
    with Dataset(file) as dataset:
        assert len(dataset) == 5
        assert dataset.good.tolist() == [0, 1, 2, 4, 5]
        assert dataset.failures == {3: "it broke"}
        assert dataset.U.shape == dataset.sigma.shape == (5, 5, 6)
        assert dataset.U.dtype == dataset.sigma.dtype == np.float32
        expected = make_block([4], make_recipe()).values["U"][0]
        assert np.array_equal(dataset.U[3], expected.astype(np.float32))
        assert dataset.substeps.tolist() == [0, 10, 20, 40, 50]
        assert dataset.time.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
        assert (dataset.horizon, dataset.dimension, dataset.protocol) == (2.0, 3, "log")
        assert dataset.law == magnesium()
        assert np.array_equal(dataset.orientations, random_orientations(3, 0))
        assert PathSettings.from_dict(dataset.sampler) == make_recipe().paths


def test_file_is_plain_hdf5_that_states_itself(file):
    with h5py.File(file) as plain:
        assert plain.attrs["format"] == "mlms_fenics data set"
        assert plain.attrs["unit_system"] == "mm us GPa mg"
        assert plain["U"].shape == (6, 5, 6)
        assert plain["status"][:].tolist() == [1, 1, 1, 2, 1, 1]


@pytest.mark.parametrize("workers", [0, 2])
def test_torch_loader_sees_every_good_sample(file, workers):
    dataset = Dataset(file)
    dataset[0]  # opened before the workers fork
    loader = torch.utils.data.DataLoader(dataset, batch_size=2, num_workers=workers)
    batches = list(loader)
    U = torch.cat([batch[0] for batch in batches])
    sigma = torch.cat([batch[1] for batch in batches])
    assert U.dtype == sigma.dtype == torch.float32
    assert np.array_equal(U.numpy(), dataset.U)
    assert np.array_equal(sigma.numpy(), dataset.sigma)
    assert np.array_equal(dataset[-1][0].numpy(), dataset.U[-1])
    with pytest.raises(IndexError):
        dataset[5]


@pytest.mark.parametrize("dimension", [2, 3])
def test_tensors_and_frames_survive_the_file(tmp_path, dimension):
    """Unlike symmetric tensors, turned by Q, stored, read and turned back; float32 loses < 1e-6."""
    recipe = make_recipe(dimension)
    rng = np.random.default_rng(1)
    tensors = rng.normal(size=(2, 5, dimension, dimension))
    tensors = tensors + tensors.swapaxes(-1, -2)
    Q = recipe.orientations[0]
    store = Store(tmp_path / "a.h5", recipe)
    store.open()
    block = make_block([0, 1], recipe)
    block.values["sigma"] = to_components(Q @ tensors @ Q.T)
    store.write_block(block)
    store.assemble(2)
    store.clear()
    with Dataset(tmp_path / "a.h5") as dataset:
        back = Q.T @ from_components(dataset.sigma.astype(float)) @ Q
        error = np.linalg.norm(back - tensors, axis=(-2, -1))
        assert (error < 1e-6 * np.linalg.norm(tensors, axis=(-2, -1))).all()
        components = to_components(Q @ tensors @ Q.T)
        assert (np.abs(dataset.sigma - components) <= 2**-24 * np.abs(components)).all()


def test_order_and_split_of_shards_do_not_matter(tmp_path, file):
    other = make_file(tmp_path / "b.h5", make_recipe(), ((4, 5), (0, 1), (2, 3)))
    with Dataset(file) as a, Dataset(other) as b:
        assert np.array_equal(a.U, b.U)
        assert a.failures == b.failures
        assert a.substeps.tolist() == b.substeps.tolist()


def test_growing_keeps_old_samples_and_stray_shards_do_no_harm(file):
    store = Store(file, make_recipe())
    store.open()
    store.write_block(make_block([6, 8], make_recipe()))  # a block with a gap
    store.write_block(make_block([7, 9], make_recipe()))
    store.write_block(make_block([12, 13], make_recipe()))
    assert store.finished(11).tolist() == [True] * 10 + [False]
    store.assemble(9)  # samples 9, 12 and 13 are of a larger run
    store.clear()
    with Dataset(file) as dataset:
        assert dataset.good.tolist() == [0, 1, 2, 4, 5, 6, 7, 8]
        assert np.array_equal(
            dataset.U[-1], make_block([8], make_recipe()).values["U"][0].astype(np.float32)
        )
    assert [f.name for f in file.parent.iterdir()] == ["a.h5"]


def test_two_generators_of_one_file_exclude_each_other(tmp_path):
    first, second = (Store(tmp_path / "a.h5", make_recipe()) for _ in range(2))
    first.open()
    with pytest.raises(InputError, match="another process is making"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_shards_of_other_settings_are_refused(tmp_path):
    first = Store(tmp_path / "a.h5", make_recipe())
    first.open()
    first.close()
    other = Store(tmp_path / "a.h5", make_recipe(seed=6))
    with pytest.raises(InputError, match=r"a\.h5\.parts.*seed \(5, not 6\)"):
        other.check()


def test_differences_name_the_field_alone():
    law = magnesium().to_dict()
    law["slip"] = [dict(family) for family in law["slip"]]
    law["slip"][1]["tau_0"] = 0.1
    have = make_recipe().fingerprint()
    assert differences(have, make_recipe().fingerprint()) == []
    assert differences(have, make_recipe(law=law).fingerprint()) == [
        "law.slip.1.tau_0 (0.0505, not 0.1)"
    ]
    assert differences(have, make_recipe(paths=PathSettings(steps=5)).fingerprint()) == [
        "sampler.steps (4, not 5)"
    ]


def test_unfinished_missing_and_foreign_files_are_refused(tmp_path, file):
    with pytest.raises(InputError, match="no file"):
        Dataset(tmp_path / "none.h5")
    (tmp_path / "half.h5.parts").mkdir()
    with pytest.raises(InputError, match="not finished"):
        Dataset(tmp_path / "half.h5")
    (tmp_path / "text.h5").write_text("text")
    with pytest.raises(InputError, match="not a whole HDF5 file"):
        Dataset(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = 1
    with pytest.raises(InputError, match="no data set of this package"):
        Dataset(tmp_path / "other.h5")
    with h5py.File(file, "r+") as damaged:
        del damaged["sigma"]
    with pytest.raises(InputError, match="lacks sigma"):
        Dataset(file)
    with h5py.File(file, "r+") as later:
        later.attrs["format_version"] = 99
    with pytest.raises(InputError, match="version 99"):
        Dataset(file)
