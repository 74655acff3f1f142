# SPDX-License-Identifier: MIT
"""From a bar's final shape to numbers: the least squares, what is read, what is refused."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from mlms_fenics.errors import InputError
from mlms_fenics.impact.identification import Profile, Unknown, identify, read_profile
from mlms_fenics.impact.identify import main, report, text
from mlms_fenics.io import Summary
from mlms_fenics.io.report import LARGEST_DISTANCE, TRUST

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
    options = SimpleNamespace(unknowns=UNKNOWNS)
    result = report(options, search(measured(0.0)), {"summary": summary.as_dict()})
    assert len(result["warnings"]) == told
    assert all("outside of its training data" in line and "1.7" in line
               for line in result["warnings"])  # fmt: skip
    assert "strength = 0.7" in text(result)


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
