# SPDX-License-Identifier: MIT
"""Numbers of the material as inputs of a family: how they are found, given, and what they do."""

from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
import torch

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.data.generate import main as generate
from mlms_fenics.data.laws import law_from_options, numbers_of, with_changes
from mlms_fenics.errors import InputError
from mlms_fenics.impact.laws import add_law_options, build_law, check_law
from mlms_fenics.kinematics.tensors import to_components
from mlms_fenics.materials import magnesium
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import random_orientations, write_orientations
from mlms_fenics.surrogate import load_model, save_model
from mlms_fenics.surrogate.family.__main__ import main
from mlms_fenics.surrogate.family.law import FamilyLaw
from mlms_fenics.surrogate.family.parameters import (
    Parameter,
    applied,
    differing,
    scaled,
    values_from,
)
from mlms_fenics.surrogate.family.training import DEFAULTS, Problem, load_sets
from mlms_fenics.surrogate.metrics import path_errors
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw
from mlms_fenics.unitcell import TaylorAverage

STEPS = 20
FAMILIES = ("basal", "prismatic", "pyramidal", "tensile_twin")
# Strength of the prismatic systems, and all rates at once: a grid, but for its middle.
SATURATIONS, RATES = (0.06, 0.17, 0.5), (0.03, 0.3)
NAMES = ["basal.rate", "prismatic.saturation"]


def changes(saturation: float, rate: float) -> list[str]:
    return [f"prismatic.saturation={saturation}", *(f"{f}.rate={rate}" for f in FAMILIES)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six small data sets, d0.h5 to d5.h5, and an untrained family of them."""
    folder = tmp_path_factory.mktemp("family")
    write_orientations(folder / "texture.txt", random_orientations(6, 1))
    for k, (saturation, rate) in enumerate((s, r) for s in SATURATIONS for r in RATES):
        words = [w for change in changes(saturation, rate) for w in ("--set", change)]
        generate([
            "taylor", "--samples", "48", "--steps", str(STEPS), "--tolerance", "1e-2",
            "--seed", str(k), "--orientations", str(folder / "texture.txt"), *words,
            "--out", str(folder / f"d{k}.h5"),
        ])  # fmt: skip
    torch.manual_seed(0)
    sets = load_sets(data_files(folder))
    sizes = {"internal": 3, "width": 12, "turns": 3}
    problem = Problem(sets, {**DEFAULTS, **sizes})
    for layer in (*problem.network.scales.values(), *problem.network.moves.values()):
        torch.nn.init.normal_(layer.weight, std=0.05)
    save_model(FamilyLaw.trained(problem.network, sets[0], sizes), folder / "family.h5")
    return folder


def data_files(folder: Path) -> list[Path]:
    return [folder / f"d{k}.h5" for k in range(6)]


@pytest.fixture
def family(folder) -> FamilyLaw:
    return load_model(folder / "family.h5")


def test_numbers_go_by_the_names_of_the_generator():
    law = metal("copper")
    numbers = numbers_of(law)
    assert numbers["octahedral.strength.g_inf"] == pytest.approx(0.0964)
    assert "octahedral.name" not in numbers and "detwinning" not in numbers
    for name in ("octahedral.tau_0", "octahedral.strength.g_inf", "octahedral.rate_exponent"):
        value = 0.9 * numbers[name]
        other = with_changes(law, {name: value})
        assert other == law_from_options("copper", changes=[f"{name}={value!r}"])
        assert numbers_of(other) == numbers | {name: value}
    with pytest.raises(InputError, match="no number 'octahedral"):
        with_changes(law, {"octahedral.tau_9": 1.0})


def test_what_differs_is_found_and_what_goes_together():
    laws = [
        law_from_options("magnesium", changes=changes(s, r)) for s in SATURATIONS for r in RATES
    ]
    parameters, values = differing(laws, list("abcdef"))
    assert [p.name for p in parameters] == NAMES
    assert parameters[0].tied == dict.fromkeys([f"{f}.rate" for f in FAMILIES[1:]], 1.0)
    assert (parameters[1].low, parameters[1].high) == (0.06, 0.5)
    assert values[3] == {"basal.rate": 0.3, "prismatic.saturation": 0.17}
    assert applied(magnesium(), parameters, values[4]) == laws[4]
    middle = {"basal.rate": (0.03 * 0.3) ** 0.5, "prismatic.saturation": 0.5}
    np.testing.assert_allclose(scaled(parameters, middle), [0.0, 1.0], atol=1e-12)
    assert Parameter("x", 0.0, 4.0).scaled(3.0) == 0.5  # no logarithm of zero


def test_materials_that_are_no_family_are_refused():
    laws = [magnesium(), law_from_options("magnesium", changes=["shear_modulus=20"])]
    assert [p.name for p in differing(laws, "ab")[0]] == ["shear_modulus"]
    with pytest.raises(InputError, match="a and b differ in their material's density"):
        differing([laws[0], law_from_options("magnesium", changes=["density=2"])], "ab")
    with pytest.raises(InputError, match="a and b differ in their material's families"):
        differing([laws[0], metal("copper")], "ab")
    with pytest.raises(InputError, match="elasticity"):
        values = metal("copper").to_dict() | {"elasticity": None}
        differing([metal("copper"), type(laws[0]).from_dict(values)], "ab")
    changed = ["basal.tau_0=0.03", "prismatic.saturation=0.1", "basal.rate=0.4"]
    with pytest.raises(InputError, match="2 materials cannot tell 3 parameters apart"):
        differing([laws[0], law_from_options("magnesium", changes=changed)], "ab")


def test_values_are_read_and_refused(family):
    assert values_from(["a.b=1e-2", "c=3"]) == {"a.b": 0.01, "c": 3.0}
    for word in ("a", "a=", "=1", "a=b", "a=nan"):
        with pytest.raises(InputError, match="must be NAME=VALUE"):
            values_from([word])
    with pytest.raises(InputError, match="a is given twice"):
        values_from(["a=1", "a=2"])
    Q, good = family.orientations, {"basal.rate": 0.1, "prismatic.saturation": 0.2}
    for given, message in (
        (good | {"basal.tau_0": 0.1}, "basal.tau_0: not one of the family's; there are basal.rate"),
        ({"basal.rate": 0.1}, "prismatic.saturation from 0.06 to 0.5: no value is given"),
        (None, "no value is given"),
        (good | {"pyramidal.rate": 0.1}, "it went with basal.rate in all of the training"),
        (good | {"basal.rate": -1.0}, "basal.rate is -1.0, but must be positive"),
        (good | {"basal.rate": float("nan")}, "basal.rate is nan"),
    ):
        with pytest.raises(InputError, match=message):
            family.of_texture(Q, None, given)
    with pytest.raises(InputError, match="its material's numbers are fixed"):
        load_model("textures").of_texture(Q, None, good)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the parameters", "ignore:a history over")
def test_the_parameters_matter_as_the_polycrystal_says(folder):
    """Values that are in none of the data sets, beside others."""
    order = ["train", *map(str, data_files(folder)), "--out", str(folder / "trained.h5")]
    order += ["--turns", "4", "--paths", "8", "--width", "24", "--internal", "5"]
    main([*order, "--epochs", "80", "--minutes", "5"])
    family = load_model(folder / "trained.h5")
    given = {"basal.rate": 0.1, "prismatic.saturation": 0.3}
    law = family.of_texture(family.orientations, None, given)
    assert type(law) is RecurrentLaw and law.compiles()
    assert law.law == law_from_options("magnesium", changes=changes(0.3, 0.1))
    U = np.stack([sample_path(PathSettings(steps=STEPS), 99, k) for k in range(12)])
    truth = TaylorAverage(law.law, law.orientations).solve(U, 1.0, 1e-3).stress
    time = np.linspace(0.0, 1.0, STEPS + 1)

    def error(stress) -> float:
        return path_errors(*map(to_components, (stress, truth)), time)["deviatoric"].mean()

    found = error(law.stress(U, 1.0))
    assert found < 0.2  # so small a network after so short a training
    for saturation, rate in ((0.06, 0.1), (0.3, 0.02)):
        other = {"basal.rate": rate, "prismatic.saturation": saturation}
        with_other = family.of_texture(family.orientations, None, other)
        assert error(with_other.stress(U, 1.0)) > 1.3 * found


@pytest.mark.filterwarnings("ignore:the parameters")
def test_the_distance_sees_parameters(family):
    def distance(saturation: float, rate: float) -> float:
        given = {"basal.rate": rate, "prismatic.saturation": saturation}
        return family.of_texture(family.orientations, None, given).report["parameter_distance"]

    assert distance(0.17, 0.03) == pytest.approx(1.0, abs=1e-5)
    assert distance(0.17, 0.1) < 0.5
    assert distance(0.5, 0.3) == pytest.approx(1.0, abs=1e-5)
    # Beyond the end by a half of the range's half, in logarithms.
    assert distance(0.17, 0.3 * 10**0.25) == pytest.approx(1.5, abs=1e-4)
    with pytest.warns(UserWarning, match="basal.rate = 3, .* are 3 times as far out"):
        family.of_texture(
            family.orientations, None, {"basal.rate": 3.0, "prismatic.saturation": 0.17}
        )


def test_a_metal_of_the_family_is_told_from_others(family):
    found = family.parameters_of(law_from_options("magnesium", changes=changes(0.2, 0.05)))
    assert found == {"basal.rate": 0.05, "prismatic.saturation": 0.2}
    for change, name in (("basal.rate=0.2", "prismatic.rate"), ("basal.tau_0=0.1", "basal.tau_0")):
        with pytest.raises(
            InputError, match=f"differs from the family's, 'magnesium', in .*{name}"
        ):
            family.parameters_of(law_from_options("magnesium", changes=[change]))
    with pytest.raises(InputError, match="families of slip and twins"):
        family.parameters_of(metal("copper"))


def test_commands_make_one_law(folder, family, capsys):
    given = {"basal.rate": 0.1, "prismatic.saturation": 0.3}
    words = [w for name, value in given.items() for w in ("--parameter", f"{name}={value}")]
    order = ["of", str(folder / "family.h5"), "--texture", str(folder / "texture.txt"), *words]
    main([*order, "--out", str(folder / "model.h5")])
    assert "prismatic.saturation = 0.3" in capsys.readouterr().out
    parser = ArgumentParser()
    add_law_options(parser.add_argument)

    def law_of(*words: str):
        options = parser.parse_args(list(words))
        check_law(options)
        return build_law(options, torch.device("cpu"))

    model = ["--model", str(folder / "family.h5")]
    law, name = law_of(*model, "--texture", str(folder / "texture.txt"), *words)
    assert "prismatic.saturation=0.3" in name
    U = sample_path(PathSettings(steps=STEPS), 2, 0)[None]
    expected = family.of_texture(family.orientations, None, given).stress(U, 1.0)
    for found in (load_model(folder / "model.h5"), law):
        assert found.law == law_from_options("magnesium", changes=changes(0.3, 0.1))
        close = 1e-3 * np.abs(expected).max()
        np.testing.assert_allclose(found.stress(U, 1.0), expected, atol=close)
    taylor, _ = law_of(*model, "--law", "taylor", *words)
    assert taylor.law == law.law
    for wrong, message in (
        (model, "no value is given"),
        (["--law", "j2", *words], "--parameter goes with"),
        (words, "is no family"),
    ):
        with pytest.raises(InputError, match=message):
            law_of(*wrong)


def test_files_of_one_material_make_one_set(folder):
    write_orientations(folder / "other.txt", random_orientations(6, 2))
    more = str(folder / "more.h5")
    words = [w for change in changes(0.06, 0.03) for w in ("--set", change)]
    generate([
        "taylor", "--samples", "40", "--steps", str(STEPS), "--tolerance", "1e-2", "--seed", "9",
        "--horizon", "10", "--orientations", str(folder / "texture.txt"), *words, "--out", more,
    ])  # fmt: skip
    sets = load_sets([folder / "d0.h5", folder / "d1.h5", more])
    assert [len(data.U) for data in sets] == [88, 48]
    assert set(sets[0].durations) == {1.0, 10.0}
