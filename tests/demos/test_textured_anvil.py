# SPDX-License-Identifier: MIT
"""The bar cut from a rolled plate: its ellipse, ranks, laws, bad input; the studies around it."""

import json
import os
import subprocess

import demo_scripts
import numpy as np
import pytest
from demo_scripts import load
from mpi_runs import python

QUICK = ["--quick", "--precision", "float64"]


@pytest.fixture(scope="module")
def polycrystal(tmp_path_factory):
    folder = tmp_path_factory.mktemp("textured")
    assert load("textured_anvil").main([*QUICK, "--out", str(folder / "taylor")]) == 0
    return folder / "taylor"


def foot(folder):
    return json.loads((folder / "footprint.json").read_text())


def test_the_foot_of_a_bar_along_rd_grows_most_towards_nd(polycrystal) -> None:
    found = foot(polycrystal)
    grown = {k: v - 0.5 for k, v in found["ellipse of the foot [mm]"].items()}
    assert grown["x"] > 1.3 * grown["y"] > 0.01
    assert found["length [mm]"] < 2.95
    summary = json.loads((polycrystal / "summary.json").read_text())
    assert 0.5 < summary["Result"]["largest twin fraction"] <= 1.0
    assert abs(summary["Energy"]["worst balance [%]"]) < 1.0
    for name in ("foot", "section", "poles_rest", "poles_foot", "poles_edge", "poles_middle"):
        assert (polycrystal / f"{name}.png").stat().st_size > 5000


@pytest.mark.parametrize("law", ["hill", "johnson-cook", "j2"])
def test_only_hill_among_the_fitted_laws_has_an_ellipse(tmp_path, law) -> None:
    options = [*QUICK, "--law", law, "--no-pictures", "--out", str(tmp_path / "out")]
    assert load("textured_anvil").main(options) == 0
    found = foot(tmp_path / "out")
    grown = {k: v - 0.5 for k, v in found["ellipse of the foot [mm]"].items()}
    if law == "hill":
        assert grown["x"] > 1.1 * grown["y"]
    else:
        assert grown["x"] == pytest.approx(grown["y"], rel=1e-6)


@pytest.mark.slow
@pytest.mark.mpi
def test_ranks_agree(tmp_path) -> None:
    # With one thread each: another number of threads rounds otherwise, which the polycrystal's
    # choice of substeps makes as much as 1e-8 of.
    script = demo_scripts.script("textured_anvil")
    for ranks in (1, 2):
        command = python(ranks, script, *QUICK, "--no-pictures", "--out", tmp_path / str(ranks))
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = foot(tmp_path / "1"), foot(tmp_path / "2")
    assert two["length [mm]"] == pytest.approx(one["length [mm]"], rel=1e-9)
    for key in ("half axes [mm]", "half widths [mm]"):
        np.testing.assert_allclose(two[key], one[key], rtol=1e-9)


@pytest.mark.slow
def test_the_study_compares_all_laws_and_goes_on_where_it_was(tmp_path, capsys) -> None:
    study, out = load("textured_laws"), tmp_path / "laws"
    assert study.main(["--quick", "--out", str(out)]) == 0
    results = json.loads((out / "results.json").read_text())
    assert list(results) == ["truth", "reduced, 2", "hill", "johnson-cook", "j2"]
    off = {k: np.abs(list(r["growth off by"].values())).max() for k, r in results.items()}
    assert off["truth"] == 0.0 and off["reduced, 2"] < off["hill"] < off["johnson-cook"]
    strength = {k: r["stress [MPa]"] for k, r in results.items()}
    # Along x, the plate's ND, tension twins and compression does not; only grains know.
    assert -strength["truth"]["compression along x"] > 1.2 * strength["truth"]["tension along x"]
    for law in ("hill", "johnson-cook", "j2"):
        ratio = -strength[law]["compression along x"] / strength[law]["tension along x"]
        assert abs(ratio - 1.0) < 0.05
    assert (out / "feet.png").exists() and (out / "silhouettes.png").exists()
    times = {p: p.stat().st_mtime_ns for p in out.rglob("summary.json")}
    assert study.main(["--quick", "--out", str(out)]) == 0
    assert times == {p: p.stat().st_mtime_ns for p in out.rglob("summary.json")}
    assert "| johnson-cook |" in capsys.readouterr().out


@pytest.mark.slow
def test_grains_alone_are_stiffer_than_in_equilibrium(tmp_path, capsys) -> None:
    study, out = load("taylor_against_full_field"), tmp_path / "cell"
    assert study.main(["--quick", "--paths", "shear", "--out", str(out)]) == 0
    (found,) = json.loads((out / "results.json").read_text()).values()
    # The Taylor average is the upper bound of a rate-dependent polycrystal.
    assert found["von Mises, Taylor [MPa]"] > found["von Mises, cell [MPa]"] > 0.0
    assert 0.0 < found["deviator, relative L2"] < 1.0
    assert found["twin fraction, cell"] == found["twin fraction, Taylor"] == 0.0
    assert study.main(["--quick", "--paths", "shear", "--out", str(out)]) == 0
    assert "copper, shear" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("textured_anvil", ["--axis", "up"], "--axis is 'up'"),
        ("textured_anvil", ["--law", "learnt"], "--law learnt needs --model"),
        ("textured_anvil", ["--law", "hill", "--model", "x"], "does not go with --model"),
        ("textured_anvil", ["--metal", "two-slip"], "two-dimensional"),
        ("textured_anvil", ["--metal", "unobtainium"], "--law is 'unobtainium'"),
        ("textured_anvil", ["--rolled", "90"], "--rolled"),
        ("textured_anvil", ["--velocity", "-1"], "--velocity is -1"),
        ("textured_laws", ["--model", "nothing.h5"], "NAME=FILE"),
        ("textured_laws", ["--ranks", "0"], "--ranks 0"),
        ("textured_laws", ["--harvest", "-1"], "--harvest is -1"),
        ("taylor_against_full_field", ["--strain", "2"], "--strain is 2"),
        ("textured_plate", ["--radius", "1"], "plate radius is 1 mm"),
        ("textured_plate", ["--thickness", "-1"], "-1"),
    ],
)
def test_bad_input_is_told(tmp_path, capsys, name, options, words) -> None:
    assert load(name).main([*options, "--out", str(tmp_path / "none")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_a_block_along_rd_bulges_wider_along_one_axis(tmp_path) -> None:
    ratios = {}
    for law in ("hill", "j2"):
        options = [*QUICK, "--law", law, "--end-time", "0.6", "--axis", "RD"]
        assert load("textured_plate").main([*options, "--out", str(tmp_path / law)]) == 0
        found = json.loads((tmp_path / law / "bulge.json").read_text())
        assert 0.05 < found["deflection [mm]"] < 0.2
        ratios[law] = found["half width along x [mm]"] / found["half width along y [mm]"]
    assert ratios["j2"] == pytest.approx(1.0, abs=1e-6) and abs(ratios["hill"] - 1.0) > 5e-3
    assert (tmp_path / "hill" / "section_x.png").stat().st_size > 5000
