# SPDX-License-Identifier: MIT
"""A family of textures: what a texture makes of its weights, and what is made of its histories."""

from argparse import ArgumentParser

import numpy as np
import pytest
import torch

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.errors import InputError
from mlms_fenics.impact.laws import add_law_options, build_law, check_law
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.materials import magnesium
from mlms_fenics.microstructure import fibre_texture, random_orientations, write_orientations
from mlms_fenics.surrogate import load_model, save_model
from mlms_fenics.surrogate.family import training
from mlms_fenics.surrogate.family.__main__ import main
from mlms_fenics.surrogate.family.law import FamilyLaw
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.data import assemble
from mlms_fenics.surrogate.metrics import path_errors
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw
from mlms_fenics.surrogate.recurrent.training import walk
from mlms_fenics.surrogate.trust import TrustMeasure
from mlms_fenics.unitcell import TaylorAverage

STEPS, PATHS = 20, 48
TEXTURES = [
    random_orientations(4, 1),
    fibre_texture(4, 2, spread=8.0),
    fibre_texture(4, 3, (1, 0, 0)),
]


def histories(Q: np.ndarray):
    """10% walks of a texture's Taylor average."""
    settings = PathSettings(steps=STEPS, max_strain=0.1)
    U = np.stack([sample_path(settings, 1, k) for k in range(PATHS)])
    stress = TaylorAverage(magnesium(), Q).solve(U, 1.0, 1e-2).stress
    given = (to_components(x).astype(np.float32) for x in (U, stress))
    return assemble(*given, time=np.linspace(0.0, 1.0, STEPS + 1), law=magnesium(), orientations=Q)


@pytest.fixture(scope="module")
def sets():
    return [histories(Q) for Q in TEXTURES]


@pytest.fixture
def problem(sets):
    torch.manual_seed(0)
    options = {**training.DEFAULTS, "internal": 3, "width": 12, "turns": 5, "paths": 8}
    made = training.Problem(sets, options)
    for layer in (*made.network.scales.values(), *made.network.moves.values()):
        torch.nn.init.normal_(layer.weight, std=0.05)
    return made


@pytest.fixture
def family(problem, sets):
    trust = TrustMeasure(3, 1.0).fit(sets[0].strain, sets[0].time)
    Q = TEXTURES[0]
    return FamilyLaw(problem.network, law=magnesium(), orientations=Q, horizon=1.0, trust=trust)


def test_coordinates_turn_as_the_deviator_does():
    Q = random_orientations(3, 5)
    E = isometry(3, deviatoric=True)
    c = np.random.default_rng(0).standard_normal((3, 5))
    D = from_components(c @ np.linalg.pinv(E).T)
    turned = to_components(Q @ D @ np.swapaxes(Q, 1, 2)) @ E.T
    found = np.einsum("nij,nj->ni", training.rotation_of_deviators(Q), c)
    np.testing.assert_allclose(found, turned, atol=1e-13)
    assert np.abs(turned - c).max() > 0.1


def test_turned_histories_are_those_of_the_turned_texture(problem, sets):
    """What the training makes of a set by a rotation, the unit cell makes of turned grains."""
    r = 2
    R = random_orientations(4, seed=11)[r - 1]
    data, (_, s) = sets[1], problem._histories[1]
    U = R @ from_components(data.U[data.train[:2]].astype(np.float64)) @ R.T
    cell = TaylorAverage(magnesium(), R @ data.orientations)
    stress = cell.solve(U, 1.0, 1e-4).stress
    E, J = isometry(3, deviatoric=True), np.linalg.det(U)[..., None]
    expected = J * (to_components(stress) @ E.T) / (2.0 * magnesium().shear_modulus)
    found = (s[:2] @ problem._turns[r].T).numpy()
    assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()
    assert np.abs(s[:2].numpy() - expected).max() > 0.3 * np.abs(expected).max()


def test_compiled_gradients_are_those_of_torch(problem):
    texture = problem._textures[1, 0]
    part = problem._parts[1]
    e, v = part.train.e[:4].transpose(0, 1).contiguous(), part.train.v[:4].transpose(0, 1)
    dt = torch.full((STEPS, 4), 1.0 / STEPS)
    found = []
    for follow in (
        lambda cell: walk(cell, e, v, dt),
        lambda cell: cell.run(e, v, dt).transpose(1, 2) / cell.elastic_scale,
    ):
        problem.network.zero_grad()
        follow(problem.network.specialised(texture)).square().sum().backward()
        found.append([p.grad.clone() for p in problem.network.parameters()])
    for a, b in zip(*found, strict=True):
        assert float(b.abs().max()) > 0.0
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4 * float(b.abs().max()))


def test_the_law_of_a_texture_is_an_ordinary_one(family, tmp_path):
    Q = TEXTURES[1]
    law = family.of_texture(Q)
    assert type(law) is RecurrentLaw and law.compiles()
    np.testing.assert_array_equal(law.orientations, Q)
    U = np.stack([sample_path(PathSettings(steps=STEPS, max_strain=0.1), 2, k) for k in range(3)])
    save_model(family, tmp_path / "family.h5")
    again = load_model(tmp_path / "family.h5")
    own, back = family.of_texture(TEXTURES[0]).stress(U, 1.0), again.stress(U, 1.0)
    np.testing.assert_allclose(back, own, atol=2e-5 * np.abs(own).max())
    one, two = law.stress(U, 1.0), again.of_texture(Q).stress(U, 1.0)
    np.testing.assert_allclose(two, one, atol=1e-6 * np.abs(one).max())
    assert np.abs(one - own).max() > 1e-3 * np.abs(own).max()


def test_a_texture_unlike_all_is_told(family):
    turned = random_orientations(4, seed=11)[0] @ TEXTURES[1]
    assert family.of_texture(turned).report["texture_distance"] < 1e-4
    family.network.edge.fill_(0.1)
    with pytest.warns(UserWarning, match="times as far from those of the training"):
        family.of_texture(fibre_texture(1, 4))
    with pytest.raises(InputError, match="is no rotation"):
        family.of_texture(np.ones((2, 3, 3)))


def test_training_learns_and_commands_agree(sets, tmp_path, capsys):
    arguments = training.argparse.Namespace(
        minutes=None, seed=0, epochs=40, width=16, internal=4, turns=6, checkpoint=None,
        resume=False, budget=Budget(None),
    )  # fmt: skip
    family = training.fit(sets, arguments)
    curve = family.report["training"]["validation"]
    assert min(curve) < 0.5 * curve[0]
    save_model(family, tmp_path / "family.h5")
    write_orientations(tmp_path / "own.txt", TEXTURES[1])
    order = ["of", str(tmp_path / "family.h5"), "--texture", str(tmp_path / "own.txt")]
    main([*order, "--out", str(tmp_path / "model.h5")])
    assert "the law of" in capsys.readouterr().out
    law, expected = load_model(tmp_path / "model.h5"), family.of_texture(TEXTURES[1])
    U = sample_path(PathSettings(steps=STEPS, max_strain=0.1), 2, 0)[None]
    np.testing.assert_allclose(law.stress(U, 1.0), expected.stress(U, 1.0), atol=1e-3)


def test_sets_of_different_materials_are_refused(sets):
    other = magnesium().to_dict() | {"density": 2.0}
    odd = assemble(
        sets[1].U, sets[1].sigma, time=sets[1].time, law=type(magnesium()).from_dict(other),
        orientations=TEXTURES[1],
    )  # fmt: skip
    with pytest.raises(InputError, match="differ in their material's density"):
        training.Problem([sets[0], odd], training.DEFAULTS)
    with pytest.raises(InputError, match="at least two textures"):
        training.fit(sets[:1], training.argparse.Namespace())


def test_an_impact_takes_the_law_of_a_texture(family, tmp_path):
    save_model(family, tmp_path / "family.h5")
    write_orientations(tmp_path / "own.txt", TEXTURES[1])
    parser = ArgumentParser()
    add_law_options(parser.add_argument)

    def law_of(*words: str):
        options = parser.parse_args(list(words))
        check_law(options)
        return build_law(options, torch.device("cpu"))

    given = ["--model", str(tmp_path / "family.h5")]
    law, name = law_of(*given, "--texture", str(tmp_path / "own.txt"))
    assert type(law) is RecurrentLaw and "own.txt" in name
    np.testing.assert_allclose(law.orientations, TEXTURES[1], atol=1e-6)
    np.testing.assert_array_equal(law_of(*given)[0].orientations, TEXTURES[0])
    taylor, _ = law_of(*given, "--law", "taylor", "--texture", str(tmp_path / "own.txt"))
    np.testing.assert_allclose(taylor.orientations, TEXTURES[1], atol=1e-6)
    with pytest.raises(InputError, match="is no family"):
        law_of("--texture", str(tmp_path / "own.txt"))
    with pytest.raises(InputError, match="--texture goes with"):
        law_of("--law", "j2", "--texture", str(tmp_path / "own.txt"))


def test_the_shipped_family_knows_a_texture_that_it_was_not_taught():
    Q = random_orientations(1, 3)[0] @ fibre_texture(64, 99, spread=20.0)
    law = load_model("textures").of_texture(Q)
    assert law.report["texture_distance"] < 1.5
    U = np.stack([sample_path(PathSettings(steps=100, max_strain=0.1), 77, k) for k in range(8)])
    expected = TaylorAverage(magnesium(), Q).solve(U, 1.0, 1e-3).stress
    found = law.stress(U, 1.0)
    time = np.linspace(0.0, 1.0, 101)
    errors = path_errors(to_components(found), to_components(expected), time)["deviatoric"]
    assert errors.mean() < 0.07
    other = load_model("textures").of_texture(random_orientations(64, 5)).stress(U, 1.0)
    worse = path_errors(to_components(other), to_components(expected), time)["deviatoric"]
    assert worse.mean() > 2.0 * errors.mean()
