# SPDX-License-Identifier: MIT
"""Studies made of many impacts: comparisons, price list, figures, harvesting."""

import json
import re

import h5py
import numpy as np
import pytest
from demo_scripts import load

from mlms_fenics.errors import SimulationError
from mlms_fenics.impact.batch import run_once
from mlms_fenics.impact.compare import compare_runs, force_difference
from mlms_fenics.impact.snapshots import (
    cell_volumes,
    node_volumes,
    read_snapshot,
    relative_difference,
)


@pytest.fixture(scope="module")
def concurrent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("concurrent")
    assert (
        load("concurrent_multiscale").main(["--quick", "--ranks", "1", "--out", str(folder)]) == 0
    )
    return folder


@pytest.mark.slow
def test_concurrent_runs_are_compared_with_all_laws(concurrent):
    results = json.loads((concurrent / "results.json").read_text())["anvil"]
    assert set(results) == {"truth", "learnt", "johnson-cook-fitted", "j2-fitted"}
    for name, found in results.items():
        if name == "truth":
            continue
        errors = found["relative L2"]
        assert set(errors) == {"u", "motion", "sigma_M", "e_d", "e_v"}
        # Bodies of the same moduli: close, and not the same.
        assert all(0.0 < e < 0.8 for values in errors.values() for e in values)
        assert errors["u"][-1] < errors["motion"][-1]
        impulses = found["run and truth"]["contact impulse [kN us]"]
        assert impulses[0] == pytest.approx(impulses[1], rel=0.05)
        assert (concurrent / f"anvil_{name}.png").stat().st_size > 5000
    assert -1.0 <= results["learnt"]["trust field against error, Spearman"]["whole body"] <= 1.0
    text = (concurrent / "table.md").read_text()
    assert "| concurrent |" in text and "| learnt |" in text


@pytest.mark.slow
def test_a_run_that_is_done_is_not_done_again(concurrent, capsys):
    summary = concurrent / "anvil" / "learnt" / "summary.json"
    before = summary.stat().st_mtime_ns
    assert (
        load("concurrent_multiscale").main(["--quick", "--ranks", "1", "--out", str(concurrent)])
        == 0
    )
    assert summary.stat().st_mtime_ns == before
    assert "taylor_anvil.py" not in capsys.readouterr().out


def test_a_failed_run_is_told(tmp_path):
    with pytest.raises(SimulationError, match="velocity is -1"):
        run_once(tmp_path / "bad", "taylor_anvil.py", ["--quick", "--velocity", "-1"])


@pytest.mark.slow
def test_differences_of_known_fields(concurrent):
    truth = concurrent / "anvil" / "truth"
    end = json.loads((truth / "summary.json").read_text())["Run"]["simulated time [us]"]
    same = compare_runs(truth, truth, [end], flight=-0.2)
    assert all(values == [0.0] for values in same.errors.values()) and same.force == 0.0
    body = read_snapshot(truth / "anvil.xdmf", end)
    cells, nodes = cell_volumes(body), node_volumes(body)
    # Two elements along a side of the core: the section is an octagon in a circle of diameter 1.
    assert cells.sum() == pytest.approx(5.0 * 0.5 * 8.0 * 0.25 * np.sin(2.0 * np.pi / 8.0))
    assert nodes.sum() == pytest.approx(cells.sum())
    u = body.nodal["u"]
    assert relative_difference(1.25 * u, u, nodes) == pytest.approx(0.25)
    assert relative_difference(u + 0.5, u, nodes) == pytest.approx(
        np.sqrt(0.75 * nodes.sum() / (nodes @ (u.astype(float) ** 2).sum(axis=1)))
    )


def test_contact_forces_differ_by_what_the_impulse_does():
    t = np.linspace(0.0, 1.0, 201)
    one = {"time": t, "contact_force_z": np.where(np.arange(201) % 2, 2.0, 0.0)}
    other = {"time": t, "contact_force_z": np.ones(201)}
    assert force_difference(one, other) < 0.3  # a chatter of 100%, averaged over four steps
    assert force_difference({**other, "contact_force_z": np.full(201, 1.1)}, other) == (
        pytest.approx(0.1)
    )


@pytest.mark.slow
def test_price_list(tmp_path):
    options = ["--quick", "--problems", "anvil", "--laws", "recurrent", "default", "concurrent"]
    assert load("cost_table").main([*options, "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "cost.json").read_text())["ranks"]["1"]["anvil"]
    assert set(found) == {
        "Johnson-Cook", "recurrent operator", "PCA-Net, default", "concurrent Taylor",
    }  # fmt: skip
    assert all(r["wall [s]"] > 0.0 and r["elements"] == 240 for r in found.values())
    assert all(abs(r["balance"]) < 0.01 for r in found.values())
    # 8 grains of 27 numbers, a step and a scale, and U.
    assert found["concurrent Taylor"]["state [B/element]"] == 8 * (8 * 29 + 9)
    text = (tmp_path / "table.md").read_text()
    assert "3.2e12 / 7.6e12" in text and "estimate" in text
    assert "PCA-Net, default: random weights" in text
    # Measured rows stay, unless they are named or made of something else.
    del found["recurrent operator"]
    load("cost_table").main([*options, "--out", str(tmp_path), "--again", "recurrent"])
    again = json.loads((tmp_path / "cost.json").read_text())["ranks"]["1"]["anvil"]
    assert again["recurrent operator"]["steps"] == 10
    assert {name: again[name] for name in found} == found
    load("cost_table").main([*options, "--out", str(tmp_path), "--tolerance", "1e-2"])
    other = json.loads((tmp_path / "cost.json").read_text())["ranks"]["1"]["anvil"]
    changed = {name for name in other if other[name] != again[name]}
    assert changed == {"concurrent Taylor"}


@pytest.mark.slow
def test_figures_of_the_studies(tmp_path):
    options = ["--quick", "--parts", "fig4", "fig5", "animations", "--ranks", "1"]
    assert load("impact_studies").main([*options, "--out", str(tmp_path)]) == 0
    for name in ("fig4_anvil", "fig5_velocity", "fig5_diameter"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
    assert (tmp_path / "anvil.gif").read_bytes()[:6] == b"GIF89a"
    assert "anvil_v200" in (tmp_path / "runs.md").read_text()


@pytest.mark.slow
def test_harvesting_goes_round(tmp_path):
    assert load("harvest").main(["--quick", "--out", str(tmp_path)]) == 0
    rounds = json.loads((tmp_path / "rounds.json").read_text())
    assert [list(found) for found in rounds] == [["anvil"], ["anvil"]]
    first, second = (found["anvil"]["mean over times"]["sigma_M"] for found in rounds)
    assert 0.0 < first < 0.2 and 0.0 < second < 0.2 and first != second
    with h5py.File(tmp_path / "paths_0.h5") as file:
        U = file["U"][()]
        assert file.attrs["horizon"] == 1.0
    assert U.shape == (20, 201, 3, 3) and np.array_equal(U[0, 0], np.eye(3))
    # The run is over after a fifth of the horizon: held from then on.
    assert np.array_equal(U[:, 41], U[:, -1]) and not np.array_equal(U[:, 38], U[:, -1])
    with h5py.File(tmp_path / "harvested_0.h5") as file:
        assert (file["status"][()] == 1).all()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("concurrent_multiscale", ["--model", "nothing.h5"], "NAME=FILE"),
        ("concurrent_multiscale", ["--ranks", "0"], "--ranks 0"),
        ("impact_studies", ["--grains", "0"], "--grains 0"),
        ("harvest", ["--rounds", "0"], "--rounds 0"),
        ("cost_table", ["--paths", "0"], "--paths 0"),
        ("cost_table", ["--again", "nothing"], "--again nothing"),
        ("cost_table", ["--pca-paper", "none.h5"], "model none.h5"),
    ],
)
def test_bad_input_is_told(tmp_path, capsys, name, options, words):
    assert load(name).main([*options, "--out", str(tmp_path / "none")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_empirical_laws_are_fitted(capsys):
    assert load("fit_empirical_laws").main(["--quick"]) == 0
    said = capsys.readouterr().out
    errors = [float(part) for part in re.findall(r"([\d.]+)% other walks", said)]
    # Rate-dependent Johnson-Cook is nearer to a law that flows at any stress than J2 is.
    assert len(errors) == 2 and errors[1] < errors[0] < 40.0
