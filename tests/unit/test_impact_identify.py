# SPDX-License-Identifier: MIT
"""From a bar's final shape to numbers: the least squares, what is read, what is refused."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from untrained_families import untrained_family
from untrained_laws import untrained_laws

from mlms_fenics.errors import InputError
from mlms_fenics.impact.batch import run_once
from mlms_fenics.impact.identification import Profile, Unknown, identify, read_profile
from mlms_fenics.impact.identify import main, options_from, report, still_moving, study, text
from mlms_fenics.impact.textured_laws import FROM_FAMILY
from mlms_fenics.io import Summary
from mlms_fenics.io.report import LARGEST_DISTANCE, TRUST
from mlms_fenics.surrogate import save_model
from mlms_fenics.surrogate.family.parameters import Parameter

HEIGHTS = np.linspace(0.0, 2.0, 9)
ANGLES = np.arange(0.0, 180.0, 45.0)


def bar(strength: float, spread: float) -> dict:
    """A shape that two numbers decide on, as footprint.json has it."""
    turn = np.radians(ANGLES)
    foot = 0.1 / strength * (1.0 + 0.5 / spread * np.cos(2.0 * turn))
    widths = 0.5 + foot * np.exp(-3.0 * HEIGHTS[:, None])
    return {
        "angles [degrees]": ANGLES.tolist(),
        "heights [mm]": HEIGHTS.tolist(),
        "half widths [mm]": widths.tolist(),
        "length [mm]": 2.0 + 0.1 * strength,
    }


def measured(noise: float, seed: int = 0) -> Profile:
    shape, rng = bar(0.7, 2.0), np.random.default_rng(seed)
    angle, height = (x.ravel() for x in np.meshgrid(ANGLES[:3], HEIGHTS))
    width = np.array(shape["half widths [mm]"])[:, :3].ravel()
    return Profile(angle, height, width * (1.0 + noise * rng.normal(size=width.shape)), 2.07)


UNKNOWNS = [Unknown("strength", 0.2, 3.0), Unknown("spread", 0.5, 10.0)]


def search(profile: Profile, unknowns=UNKNOWNS):
    return identify(unknowns, lambda x: profile.misfit(bar(*x)))


def test_exact_shapes_give_the_numbers_back():
    found = search(measured(0.0))
    assert found.numbers == pytest.approx([0.7, 2.0], rel=1e-3)
    assert found.at_bound == ["", ""] and found.misfit < 1e-4


def test_noise_is_told_by_the_standard_errors():
    off = np.array([
        (one.numbers - [0.7, 2.0]) / one.errors
        for one in (search(measured(0.01, seed)) for seed in range(40))
    ])  # fmt: skip
    # Of a normal distribution: mean square 1, within its own scatter from 40 trials.
    assert 0.5 < np.mean(off**2) < 1.6


def test_a_number_outside_its_bounds_is_said():
    found = search(measured(0.0), [Unknown("strength", 1.0, 3.0), UNKNOWNS[1]])
    assert found.at_bound[0] == "low" and np.isnan(found.errors[0])


def test_directions_between_those_simulated_and_beyond_180_degrees():
    shape = bar(0.7, 2.0)
    widths = np.array(shape["half widths [mm]"])
    profile = Profile(np.array([22.5, 180.0, -45.0]), np.zeros(3), np.ones(3))
    expected = [0.5 * (widths[0, 0] + widths[0, 1]), widths[0, 0], widths[0, 3]]
    assert profile.misfit(shape) == pytest.approx(np.array(expected) - 1.0)


def test_a_profile_is_read(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text("angle_deg,height_mm,half_width_mm\n0,0,0.6\n0, 1, 0.55 # top\n\n90,0,0.5\n"
                    "length_mm,2.7\n")  # fmt: skip
    profile = read_profile(file)
    assert profile.length == 2.7 and profile.half_widths.tolist() == [0.6, 0.55, 0.5]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("0,0\n", "line 1"),
        ("0,0,-1\n", "line 1"),
        ("0,0,nan\n", "line 1"),
        ("0,0,1\n0,1,1\n", "2 points"),
        ("length_mm,x\n", "line 1"),
    ],
)
def test_a_bad_profile_is_refused(tmp_path, capsys, lines, message):
    file = tmp_path / "p.csv"
    file.write_text(lines)
    assert main([str(file), "--unknown", "rolled=10:40", "--out", str(tmp_path / "o")]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("given", ["rolled", "rolled=3", "rolled=5:2", "rolled=0:2", "=1:2"])
def test_a_bad_unknown_is_refused(given):
    with pytest.raises(InputError, match="NAME=LOW:HIGH"):
        Unknown.parse(given)


def test_too_few_points():
    profile = Profile(np.zeros(1), np.zeros(1), np.ones(1))
    with pytest.raises(InputError, match="1 measured points cannot tell 2 unknowns"):
        search(profile)


@pytest.mark.parametrize(("distance", "told"), [(0.9, 0), (1.7, 1), (float("nan"), 0)])
def test_an_answer_outside_of_the_training_is_warned_of(distance, told):
    summary = Summary()
    summary.add(TRUST, "left the training range", 3.0, "% of volume")
    summary.add(TRUST, LARGEST_DISTANCE, distance, "(1 is the edge of the data)")
    options = SimpleNamespace(unknowns=UNKNOWNS, family=None)
    result = report(options, search(measured(0.0)), {"summary": summary.as_dict()})
    assert len(result["warnings"]) == told
    assert all("outside of its training data" in line and "1.7" in line
               for line in result["warnings"])  # fmt: skip
    assert "strength = 0.7" in text(result)


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    """File of a family of laws."""
    file = tmp_path_factory.mktemp("family") / "family.h5"
    save_model(untrained_family(), file)
    return file


def options_of(tmp_path, unknown: str, model) -> SimpleNamespace:
    (tmp_path / "p.csv").write_text("0,0,0.6\n0,1,0.6\n90,0,0.6\n")
    words = [str(tmp_path / "p.csv"), "--unknown", unknown, "--out", str(tmp_path / "out"), "--"]
    return options_from([*words, "--axis", "TD", "--law", "learnt", "--model", str(model)])


def test_bounds_of_a_family_are_those_of_its_training(tmp_path, family):
    options = options_of(tmp_path, "prismatic.saturation", family)
    assert options.unknowns == [Unknown("prismatic.saturation", 0.085, 0.34)]
    options = options_of(tmp_path, "basal.rate=0.01:0.1", family)
    assert options.unknowns == [Unknown("basal.rate", 0.01, 0.1)]
    assert options_of(tmp_path, "rolled=10:30", family).unknowns[0].name == "rolled"


@pytest.mark.parametrize(
    ("unknown", "message"),
    [
        ("rolled", "must be NAME=LOW:HIGH"),
        ("basal.tau_0=0.1:0.2", "not told by the family, which knows rolled, prismatic.saturation"),
        ("pyramidal.rate=0.1:0.2", "in the family it goes with basal.rate"),
    ],
)
def test_what_a_family_does_not_tell_is_refused(tmp_path, family, unknown, message):
    with pytest.raises(InputError, match=message):
        options_of(tmp_path, unknown, family)


@pytest.mark.parametrize(("refine", "off"), [(0, 0.1), (1, 0.02), (3, 2e-3)])
def test_the_polycrystal_corrects_a_law(tmp_path, monkeypatch, refine, off):
    """A law of bars that are too soft by a tenth, and spread a little too much."""
    asked = []

    def impact(options, numbers, polycrystal=False):
        strength, spread = numbers
        asked.append(polycrystal)
        shape = bar(strength, spread) if polycrystal else bar(0.9 * strength, 1.05 * spread)
        return shape | {"summary": {}}

    monkeypatch.setattr("mlms_fenics.impact.identify.impact", impact)
    options = SimpleNamespace(
        unknowns=UNKNOWNS, family={}, measured=measured(0.0), difference=0.05, refine=refine,
        out=tmp_path,
    )  # fmt: skip
    study(options)
    result = json.loads((tmp_path / "identified.json").read_text())
    found = result["unknowns"]["strength"]["value"] / 0.7 - 1.0
    assert abs(found) < 1.2 * off and (refine or found > 0.08)
    assert sum(asked) == refine and len(result["searches"]) == refine + 1


def test_a_correction_that_moved_the_answer_is_told():
    found = search(measured(0.01))
    near, far = found.numbers + found.errors, found.numbers + [3.0, 0.0] * found.errors
    assert not still_moving(UNKNOWNS, found, [found.numbers])
    assert not still_moving(UNKNOWNS, found, [far, near, found.numbers])
    (line,) = still_moving(UNKNOWNS, found, [near, far, found.numbers])
    assert "moved strength by 3 standard errors: --refine 3 tells" in line


def test_only_a_family_is_corrected(tmp_path):
    (tmp_path / "p.csv").write_text("0,0,0.6\n0,1,0.6\n90,0,0.6\n")
    words = [str(tmp_path / "p.csv"), "--unknown", "rolled=10:40", "--refine", "1"]
    with pytest.raises(InputError, match="--refine 1: must be 0, or more with a family"):
        options_from(words)


def test_a_law_of_one_metal_is_refused(tmp_path):
    save_model(untrained_laws()["recurrent 3D"], tmp_path / "one.h5")
    with pytest.raises(InputError, match="a family of laws is needed"):
        options_of(tmp_path, "basal.tau_0=0.1:0.2", tmp_path / "one.h5")


@pytest.mark.parametrize(
    ("low", "high", "told"), [(0.1, 3.0, 0), (0.69, 3.0, 1), (0.1, 0.71, 1), (0.8, 3.0, 1)]
)
def test_an_answer_near_the_end_of_the_training_is_warned_of(low, high, told):
    unknowns = [Unknown("strength", 0.2, 3.0), UNKNOWNS[1]]
    options = SimpleNamespace(
        unknowns=unknowns, family={"strength": Parameter("strength", low, high)}
    )
    warnings = report(options, search(measured(0.01)), {"summary": {}})["warnings"]
    assert len(warnings) == told
    assert all(line.startswith("strength = ") for line in warnings)


@pytest.mark.parametrize("title", FROM_FAMILY.values())
def test_a_law_far_from_its_family_is_warned_of(title):
    summary = Summary()
    summary.add("Textured anvil", title, 1.4, "(1 is the edge of the data)")
    options = SimpleNamespace(unknowns=UNKNOWNS, family={})
    warnings = report(options, search(measured(0.0)), {"summary": summary.as_dict()})["warnings"]
    assert len(warnings) == 1 and title in warnings[0] and "1.4" in warnings[0]


@pytest.mark.slow
def test_the_command_finds_what_made_the_bar(tmp_path, capsys):
    """A twin experiment with tiny bars; the second search runs no impact again."""
    demo = ["--", "--quick", "--grains", "2", "--velocity", "400", "--law", "j2"]
    profile = tmp_path / "p.csv"
    profile.write_text("0,0,0.6\n0,1,0.6\n90,0,0.6\nlength_mm,2.9\n")
    out = tmp_path / "out"
    words = [str(profile), "--unknown", "basal.tau_0=0.02:0.5", "--out", str(out), *demo]
    assert main(words) == 0
    middle = next(iter(sorted(out.glob("run_0.1*"))))
    shape = json.loads((middle / "footprint.json").read_text())
    value = float(middle.name.removeprefix("run_"))
    lines = [
        f"{angle},{height},{width}"
        for height, row in zip(shape["heights [mm]"], shape["half widths [mm]"], strict=True)
        for angle, width in zip(shape["angles [degrees]"], row, strict=True)
    ]
    profile.write_text("\n".join([*lines, f"length_mm,{shape['length [mm]']}"]))
    assert main(words) == 0
    assert "impacts, misfit" in capsys.readouterr().out
    result = json.loads((out / "identified.json").read_text())
    assert result["unknowns"]["basal.tau_0"]["value"] == pytest.approx(value, rel=0.01)
    assert result["misfit"] < 1e-3 and (out / "identified.png").stat().st_size > 5000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the texture is")
@pytest.mark.parametrize(
    ("unknown", "value"), [("prismatic.saturation", 0.24), ("basal.rate", 0.075)]
)
def test_a_twin_is_recovered_through_a_family(tmp_path, family, unknown, value):
    """1% noise on a bar of the family's own law; all rates go with that of the basal systems."""
    demo = ["--quick", "--velocity", "400", "--axis", "TD", "--metal", "magnesium"]
    demo += ["--law", "learnt", "--model", str(family)]
    names = [unknown]
    if unknown == "basal.rate":
        names += [f"{k}.rate" for k in ("prismatic", "pyramidal", "tensile_twin")]
    hidden = [w for name in names for w in ("--set", f"{name}={value}")]
    run = run_once(tmp_path / "hidden", "textured_anvil.py", [*demo, *hidden])
    shape, rng = json.loads((run.folder / "footprint.json").read_text()), np.random.default_rng(0)
    lines = [
        f"{angle},{height},{width * (1.0 + 0.01 * rng.normal())}"
        for height, row in zip(shape["heights [mm]"], shape["half widths [mm]"], strict=True)
        for angle, width in zip(shape["angles [degrees]"], row, strict=True)
    ]
    profile, out = tmp_path / "p.csv", tmp_path / "out"
    profile.write_text("\n".join([*lines, f"length_mm,{shape['length [mm]']}"]))
    assert main([str(profile), "--unknown", unknown, "--out", str(out), "--", *demo]) == 0
    result = json.loads((out / "identified.json").read_text())
    found = result["unknowns"][unknown]
    assert found["standard error"] < 0.5 * value
    assert abs(found["value"] - value) < 3.0 * found["standard error"]
    assert result["misfit"] == pytest.approx(0.01, rel=0.25)
