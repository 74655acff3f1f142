# SPDX-License-Identifier: MIT
"""The Taylor anvil as a user runs it: results, ranks, bad input, wave speed."""

import json
import subprocess

import anvil_runs
import demo_scripts
import numpy as np
import pytest
import surrogate_histories as histories
import torch
from anvil_runs import bad_inputs
from demo_scripts import load
from mpi_runs import python
from training_options import training_options
from xdmf_reading import read_grids

from mlms_fenics.io import read_history
from mlms_fenics.surrogate import save_model
from mlms_fenics.surrogate.pca_net.training import fit
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw
from mlms_fenics.surrogate.trust import TrustMeasure

RUNS = anvil_runs.__file__


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A recurrent law with random weights, and a PCA-Net for histories of 0.1 µs."""
    folder = tmp_path_factory.mktemp("models")
    data = histories.training_data(60)
    torch.manual_seed(0)
    cell = RecurrentCell(5, 4, 16).double()
    cell.elastic_scale.fill_(0.01)
    cell.strain_scale.fill_(0.1)
    cell.volume_scale.fill_(0.05)
    made = {
        "law": histories.law(),
        "orientations": histories.orientations(),
        "horizon": 1.0,
        "trust": TrustMeasure(3, 1.0).fit(data.strain, data.time),
    }
    save_model(RecurrentLaw(cell, **made), folder / "good.h5")
    small = {"modes": 4, "output_modes": 4, "width": 8, "layers": 1, "epochs": 1}
    network = fit(data, training_options(recipe="default", **small))
    network.horizon = 0.1
    save_model(network, folder / "short.h5")
    return folder / "good.h5", folder / "short.h5"


@pytest.fixture(scope="module")
def runs(models, tmp_path_factory):
    """Folder of the runs on one, two and three ranks, and what each command said."""
    folder = tmp_path_factory.mktemp("anvil")
    (folder / "file").write_text("no folder")
    said = {}
    for ranks in (1, 2, 3):
        command = python(ranks, RUNS, folder, *models)
        done = subprocess.run(command, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        said[ranks] = done
    return folder, said


@pytest.mark.slow
@pytest.mark.mpi
def test_files_and_summary(runs):
    folder = runs[0] / "float64_2"
    names = {p.name for p in folder.iterdir()}
    assert names == {
        "anvil.xdmf", "anvil.h5", "anvil_data", "history.csv", "section.png", "section_times.png",
        "summary.json",
    }  # fmt: skip
    grids = read_grids(folder / "anvil.xdmf")
    assert [g[0] for g in grids] == pytest.approx([0.0, 0.15, 0.3])
    for _, body, nodal, cell in grids:
        assert list(nodal) == ["u", "v"]
        assert list(cell) == ["sigma", "sigma_M", "e_d", "e_v", "distance"]
        assert body.compute_cell_sizes()["Volume"].min() > 0.0
        assert all(np.isfinite(values).all() for values in (*nodal.values(), *cell.values()))
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["Run"]["ranks"] == 2
    assert abs(summary["Energy"]["worst balance [%]"]) < 1.0
    assert 0.0 <= summary["Trust in the learnt law"]["left the training range [% of volume]"] <= 100
    history = read_history(folder / "history.csv")
    assert history["time"][-1] == 0.3
    # No wave has reached the free end yet: it still flies at 200 m/s.
    assert history["length"][-1] == pytest.approx(5.0 - 0.2 * 0.3, abs=1e-9)
    assert summary["Result"]["length at the end [mm]"] == history["length"][-1]
    assert history["foot_radius"][-1] > 0.505
    said = runs[1][2].stdout
    for word in ("element-steps/s", "Where the time went", "balance", "left the training range"):
        assert said.count(word) >= 1


@pytest.mark.slow
@pytest.mark.mpi
def test_contact_takes_the_momentum(runs):
    folder = runs[0] / "float64_1"
    _, body, nodal, _ = read_grids(folder / "anvil.xdmf")[-1]
    # Mass of each node: a share of the cells around it.
    cells = body.cells.reshape(-1, 9)[:, 1:]
    mass = np.zeros(body.n_points)
    np.add.at(mass, cells, 10.0 * body.compute_cell_sizes()["Volume"][:, None] / 8.0)
    gained = (mass * (nodal["v"][:, 2] + 0.2)).sum()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["Contact"]["impulse [kN us]"] == pytest.approx(gained, rel=0.02)


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-9), ("float32", 1e-5)])
def test_ranks_agree(runs, precision, tolerance):
    u = {}
    for ranks in (1, 2, 3):
        _, _, nodal, _ = read_grids(runs[0] / f"{precision}_{ranks}" / "anvil.xdmf")[-1]
        u[ranks] = nodal["u"].astype(float)
        assert nodal["u"].dtype == precision
    for ranks in (2, 3):
        assert np.abs(u[ranks] - u[1]).max() <= tolerance * np.abs(u[1]).max()


@pytest.mark.slow
@pytest.mark.mpi
def test_plates_of_the_concurrent_law_agree_on_all_ranks(runs):
    u, gap = {}, {}
    for ranks in (1, 2, 3):
        u[ranks] = read_grids(runs[0] / f"plate_{ranks}" / "plate.xdmf")[-1][2]["u"]
        gap[ranks] = np.array(read_history(runs[0] / f"plate_{ranks}" / "history.csv")["gap"])
    for ranks in (2, 3):
        assert np.abs(u[ranks] - u[1]).max() <= 1e-9 * np.abs(u[1]).max()
        assert np.abs(gap[ranks] - gap[1]).max() <= 1e-9 * np.abs(u[1]).max()


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_bad_input_ends_on_every_rank_with_one_message(runs, models, ranks):
    folder = runs[0]
    ends = json.loads((folder / f"ends_{ranks}.json").read_text())
    assert list(ends) == list(bad_inputs(folder, models[1]))
    for name, of_ranks in ends.items():
        assert [status for status, _ in of_ranks] == [2] * ranks, name
        lines = [lines for _, lines in of_ranks]
        assert len(lines[0]) == 1 and lines[0][0].startswith("error: "), (name, lines)
        assert not any(lines[1:]), (name, lines)
    said = {name: of_ranks[0][1][0] for name, of_ranks in ends.items()}
    assert "-200" in said["negative velocity"]
    assert "0.1 µs" in said["model of another horizon"]
    assert "(0, 0.5] mm" in said["no elements"]
    # √((2 · 24 + 4/3 · 25) GPa / 10 mg/mm³) is 2.852 mm/µs.
    assert "100000 m/s" in said["faster than the waves"]
    assert "2852 m/s" in said["faster than the waves"]
    assert not (folder / "bad").exists()


# Magnesium flows at any stress: only a very slow impact is elastic over a microsecond (at 0.05 m/s
# the concurrent polycrystal's own stress behind the front is 8% below the elastic one).
@pytest.mark.parametrize(
    ("law", "velocity"),
    [("neo-hookean", 1.0), pytest.param("learnt", 0.01, marks=pytest.mark.slow)],
)
def test_front_of_uniaxial_strain_runs_at_the_elastic_speed(tmp_path, law, velocity):
    options = ["--law", law, "--hold-lateral", "--velocity", str(velocity), "--mesh-size", "0.2"]
    options += ["--precision", "float64", "--device", "cpu"]
    assert load("taylor_anvil").main([*options, "--end-time", "1.0", "--out", str(tmp_path)]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    exact = ((48.0 + 4.0 / 3.0 * 25.0) / 10.0) ** 0.5
    assert summary["Result"]["front speed [mm/us]"] == pytest.approx(exact, rel=0.03)
    assert abs(summary["Energy"]["worst balance [%]"]) < 1.0
    _, body, nodal, cell = read_grids(tmp_path / "anvil.xdmf")[-1]
    X, lateral = np.asarray(body.points), np.abs(nodal["u"][:, :2]).max(axis=1)
    assert lateral[np.hypot(X[:, 0], X[:, 1]) > 0.5 - 1e-9].max() == 0.0
    assert lateral.max() < 0.01 * np.abs(nodal["u"][:, 2]).max()
    # Behind the front: stress ρ c v, K and G as the energy has them.
    z = np.asarray(body.cell_centers().points)[:, 2]
    behind = cell["sigma"][(z > 0.5) & (z < 2.0), 2, 2]
    assert behind.mean() == pytest.approx(-10.0 * exact * velocity * 1e-3, rel=0.03)


def test_help():
    done = demo_scripts.run("taylor_anvil", "--help")
    assert done.returncode == 0
    for option in ("--model", "--velocity", "--mesh-size", "--quick", "--hold-lateral", "--out"):
        assert option in done.stdout
