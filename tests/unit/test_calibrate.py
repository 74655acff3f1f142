# SPDX-License-Identifier: MIT
"""Calibration: parameters come back from curves of a known law, and what curves do not say."""

import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from mlms_fenics.calibrate import Curve, Experiment, fit, read_experiment, simulate
from mlms_fenics.calibrate.__main__ import main
from mlms_fenics.calibrate.parameters import Parameter, find_parameter
from mlms_fenics.calibrate.report import remarks, report
from mlms_fenics.calibrate.uncertainty import uncertainty
from mlms_fenics.data.laws import law_from_options
from mlms_fenics.errors import InputError
from mlms_fenics.materials.library import crystal_from_text
from mlms_fenics.microstructure import Texture
from mlms_fenics.unitcell.loadings import crystal_along

LAW = """
name: fcc
lattice: fcc
density: 8.96
elasticity: {C11: 168900, C12: 121800, C44: 75800}
slip:
  - systems: "{111}<110>"
    name: octahedral
    rate: 1.0e-3
    n: 20
    tau_0: 20
    strength: {tau_1: 40, theta_0: 300, theta_1: 20}
"""
VALUES = yaml.safe_load(LAW)
TRUE = {"octahedral.tau_0": 20.0, "octahedral.strength.tau_1": 40.0}
TRUE["octahedral.strength.theta_0"] = 300.0
BOUNDS = {"octahedral.tau_0": (3, 100, 14), "octahedral.strength.tau_1": (10, 200, 60)}
BOUNDS["octahedral.strength.theta_0"] = (50, 2000, 500)


def curve(along, loading="plane-strain", strain=-0.15, points=15):
    e = np.linspace(0.01 * np.sign(strain), strain, points)
    texture = Texture(crystal_along(along))
    bare = Curve(str(along), e, np.ones(points), texture, loading, steps=points)
    return replace(bare, stress=simulate(crystal_from_text(LAW), bare))


def experiment(curves, bounds=BOUNDS):
    parameters = tuple(find_parameter(n, VALUES, *b) for n, b in bounds.items())
    return Experiment(VALUES, parameters, tuple(curves))


@pytest.fixture(scope="module")
def curves():
    return [curve([1, 2, 3]), curve([1, 0, 2]), curve([1, 2, 3], "uniaxial-stress", 0.1, 10)]


def test_parameters_come_back_from_exact_curves(curves):
    found = fit(experiment(curves))
    assert found.converged
    assert found.numbers == pytest.approx(list(TRUE.values()), rel=0.01)
    assert found.misfits.max() < 1e-3
    assert remarks(found)[-1] == "the curves determine all parameters"


def test_several_starts_find_the_lower_of_two_minima(monkeypatch):
    """In u = ln(τ_0/20): a valley at u = 1.2 with misfit 0.1, and the true one at -0.8."""
    asked = experiment([curve([1, 2, 3])], {"octahedral.tau_0": (3, 200, 60)})

    def double(law, given, tolerance):
        u = np.log(float(law.slip[0].tau_0) / 0.02)
        return given.stress + given.scale * min(u + 0.8, np.hypot(u - 1.2, 0.1), key=abs)

    monkeypatch.setattr(sys.modules["mlms_fenics.calibrate.fit"], "simulate", double)
    one = fit(asked)
    assert one.numbers == pytest.approx(20.0 * np.exp(1.2), rel=0.01) and len(one.searches) == 1
    many = fit(asked, starts=6, seed=1)
    assert many.numbers == pytest.approx(20.0 * np.exp(-0.8), rel=1e-3)
    misfits = [end.misfit for end in many.searches]
    assert len(misfits) == 6 and misfits[0] == pytest.approx(0.1, rel=0.01)
    assert sum(m < 1e-3 for m in misfits) >= 2
    assert any(re.match(r"\d of 6 starts ended", line) for line in report(many))
    assert not any("starts ended" in line for line in report(one))
    again = fit(asked, starts=6, seed=1)
    assert np.array_equal(again.numbers, many.numbers)
    for change in ({"starts": 0}, {"seed": -1}):
        with pytest.raises(InputError, match=r"starts|seed"):
            fit(asked, **change)


def test_true_values_lie_within_two_standard_errors_of_noisy_curves(curves):
    rng = np.random.default_rng(1)
    inside = []
    for _ in range(4):
        noisy = [
            replace(c, stress=c.stress + 0.02 * c.scale * rng.standard_normal(len(c.stress)))
            for c in curves[:2]
        ]
        bounds = {n: (low, high, TRUE[n]) for n, (low, high, _) in BOUNDS.items()}
        asked = experiment(noisy, bounds)
        found = fit(asked)
        miss = [p.scaled(x) - p.scaled(TRUE[p.name])
                for p, x in zip(asked.parameters, found.numbers, strict=True)]  # fmt: skip
        inside += list(np.abs(miss) < 2 * found.uncertainty.standard_errors)
        assert found.misfits.max() < 0.03
    assert np.mean(inside) >= 0.9


def test_standard_errors_and_correlations_of_a_linear_law():
    rng = np.random.default_rng(0)
    J = rng.standard_normal((30, 3)) @ np.array([[1, 0, 0], [0.9, 0.4, 0], [0, 0, 2.0]])
    inside = 0
    for _ in range(400):
        noise = 0.1 * rng.standard_normal(30)
        x = np.linalg.lstsq(J, noise, rcond=None)[0]
        u = uncertainty(J @ x - noise, J, np.zeros(3, bool))
        inside += (np.abs(x) < 2 * u.standard_errors).sum()
    assert 0.92 < inside / 1200 < 0.97
    C = np.linalg.inv(J.T @ J)
    assert u.correlation == pytest.approx(C / np.sqrt(np.outer(np.diag(C), np.diag(C))))
    assert u.persistence < 0.5


def test_what_the_curves_do_not_say_is_said(curves):
    law = yaml.safe_load(LAW)
    # A second family so strong that it never slips.
    law["slip"].append({**law["slip"][0], "name": "idle", "tau_0": 5000})
    names = {"octahedral.tau_0": (3, 100, 18), "idle.tau_0": (4000, 9000, 5000)}
    parameters = tuple(find_parameter(n, law, *b) for n, b in names.items())
    found = fit(Experiment(law, parameters, tuple(curves[:1])))
    assert found.numbers[0] == pytest.approx(20, rel=0.01)
    assert np.isinf(found.uncertainty.standard_errors[1])
    said = "\n".join(report(found))
    assert "the curves say nothing at all of idle.tau_0" in said
    assert re.search("idle.tau_0 = .*, standard error infinite", said)


def test_a_bound_in_the_way_is_said(curves):
    found = fit(experiment(curves[:1], {"octahedral.tau_0": (3, 15, 10)}))
    assert found.numbers == pytest.approx([15], rel=1e-3)
    assert "octahedral.tau_0 lies at its upper bound 15: the curves ask for a larger" in "\n".join(
        remarks(found)
    )


@pytest.fixture
def folder(tmp_path, curves):
    """An experiment on disk: two curves of plane strain, written without their sign."""
    for k, c in enumerate(curves[:2]):
        table = np.stack([-c.strain, -1e3 * c.stress], axis=1)
        header = "strain,stress_MPa"
        np.savetxt(tmp_path / f"c{k}.csv", table, delimiter=",", header=header, comments="")
    (tmp_path / "law.yaml").write_text(LAW)
    free = {n: {"low": b[0], "high": b[1], "start": b[2]} for n, b in list(BOUNDS.items())[:2]}
    common = {"loading": "plane-strain", "rate": 1e-3, "compression": True, "steps": 15}
    values = {
        "law": "law.yaml",
        "free": free,
        "curves": [
            {"file": "c0.csv", "along": [1, 2, 3], **common},
            {"file": "c1.csv", "along": [1, 0, 2], "columns": ["strain", "stress_MPa"], **common},
        ],
    }
    write(tmp_path, values)
    return tmp_path


def write(folder, values):
    (folder / "experiment.yaml").write_text(yaml.safe_dump(values))


def test_command_writes_a_law_that_commands_read(folder, capsys):
    out = folder / "found.yaml"
    assert main([str(folder / "experiment.yaml"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "octahedral.tau_0 = " in said and "the curves determine all parameters" in said
    law = law_from_options(str(out))
    assert law.slip[0].tau_0 == pytest.approx(0.020, rel=0.01)
    assert law.slip[0].strength.tau_1 == pytest.approx(0.040, rel=0.01)
    assert law.slip[0].strength.theta_0 == pytest.approx(0.300)
    content = json.loads((folder / "found.json").read_text())
    assert content["converged"] and set(content["misfit"]) == {"c0", "c1"}
    number = content["parameters"]["octahedral.tau_0"]
    assert number["value"] == pytest.approx(20, rel=0.01) and number["standard_error"] < 1
    assert (folder / "found.png").read_bytes().startswith(b"\x89PNG")


def test_engineering_curves_are_converted(folder):
    e = np.array([0.01, 0.1])
    np.savetxt(folder / "eng.csv", np.stack([e, [100.0, 200.0]], axis=1))
    values = yaml.safe_load((folder / "experiment.yaml").read_text())
    values["curves"] = [{"file": "eng.csv", "rate": 1, "grains": 3, "measure": "engineering"}] * 2
    write(folder, values)
    c = read_experiment(folder / "experiment.yaml").curves[0]
    assert c.strain == pytest.approx(np.log([1.01, 1.1]))
    assert c.stress == pytest.approx([0.101, 0.220])
    assert c.rate == pytest.approx(1e-6) and len(c.texture) == 3


def test_a_spread_single_crystal_is_eight_about_its_direction(folder):
    values = yaml.safe_load((folder / "experiment.yaml").read_text())
    values["curves"][0]["spread"] = 2
    write(folder, values)
    texture = read_experiment(folder / "experiment.yaml").curves[0].texture
    off = Rotation.from_matrix(texture.orientations @ crystal_along([1, 2, 3])[0].T).magnitude()
    assert len(off) == 8
    assert 0.5 < np.degrees(np.sqrt(np.mean(off**2) / 3)) / 2 < 1.5
    values["curves"][0] = {"file": "c0.csv", "rate": 1.0, "grains": 3, "spread": 2}
    write(folder, values)
    with pytest.raises(InputError, match="whose direction `along` says"):
        read_experiment(folder / "experiment.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("law",), "law is 'x', but must be one of aluminium"),
        (("fre",), "unknown keys fre; known: law, free, curves"),
        (("free", "octahedral.tau_0", "low"), "low = 'x' must be a number"),
        (("free", "octahedral.tau_9"), "must hold `key: value`"),
        (("curves", 0, "loading"), "loading is 'x', but must be one of uniaxial-stress"),
        (("curves", 0, "speed"), "a curve has unknown keys speed"),
        (("curves", 0, "grains"), "give one of along, texture and grains, got along, grains"),
        (("curves", 0, "columns"), "columns must be a list"),
        (("curves", 0, "spread"), "spread = 'x' must be a number"),
        (("curves", 0, "file"), "cannot read the curve"),
        (("curves", 0, "steps"), "steps is 'x', but must be a whole number"),
        (("curves", 0, "compression"), "compression is 'x', but must be true or false"),
        (("curves", 0, "measure"), "measure is 'x', but must be true or engineering"),
    ],
)
def test_a_bad_experiment_is_one_line(folder, change, message):
    values = yaml.safe_load((folder / "experiment.yaml").read_text())
    at = values
    for key in change[:-1]:
        at = at[key]
    at[change[-1]] = "x"
    write(folder, values)
    with pytest.raises(InputError, match=message) as error:
        read_experiment(folder / "experiment.yaml")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"low": 10, "high": 5}, "low = 10 must be less than high = 5"),
        ({"low": 1, "high": float("inf")}, "both finite"),
        ({"low": 1, "high": 5}, "the start 20 is outside of the bounds 1 to 5"),
    ],
)
def test_bad_bounds(folder, bounds, message):
    values = yaml.safe_load((folder / "experiment.yaml").read_text())
    values["free"] = {"octahedral.tau_0": bounds}
    write(folder, values)
    with pytest.raises(InputError, match=message):
        read_experiment(folder / "experiment.yaml")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("basal.tau_0", "the law has no 'basal'.* and the families octahedral"),
        ("octahedral.tau_9", "the law has no 'tau_9'"),
        ("octahedral.strength", "no number, but dict"),
        ("octahedral.name", "must be a number"),
    ],
)
def test_a_parameter_that_is_not_there(name, message):
    with pytest.raises(InputError, match=message):
        find_parameter(name, VALUES, 1.0, 2.0, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("strain,stress\n0.01,10\n0.02,nan\n", "line 3: it holds NaN"),
        ("0.01 10\n0.02 12 3\n", "line 2: 3 columns"),
        ("0.01 10\nx 12\n", "line 2: 'x 12' is not all numbers"),
        ("0.01 10\n", "holds 1 points"),
        ("", "holds no points"),
        ("0.01 10\n0.03 11\n0.02 12\n", "point 3: the strain 0.02 does not go on"),
        ("0.01 10\n0.01 11\n", "point 2: the strain 0.01 does not go on"),
        ("0 0\n0.1 0\n", "all stresses are 0"),
    ],
)
def test_a_bad_curve_is_one_line(folder, text, message):
    values = yaml.safe_load((folder / "experiment.yaml").read_text())
    values["curves"] = [{"file": "bad.csv", "rate": 1e-3, "along": [0, 0, 1]}]
    write(folder, values)
    (folder / "bad.csv").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_experiment(folder / "experiment.yaml")
    assert "\n" not in str(error.value)


def test_bounds_from_zero_are_searched_linearly():
    p = Parameter("q", ("q",), 0.0, 4.0, 1.0)
    assert not p.logarithmic
    assert p.unscaled(p.scaled(1.5)) == pytest.approx(1.5)


def test_a_bad_command_is_one_line(folder, capsys):
    assert main([str(folder / "experiment.yaml"), "--out", str(folder / "law.json")]) == 2
    assert "must end in .yaml" in capsys.readouterr().err
    assert main([str(folder / "none.yaml")]) == 2
    assert "cannot read the experiment" in capsys.readouterr().err
