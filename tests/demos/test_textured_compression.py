# SPDX-License-Identifier: MIT
"""The textured block under slow loading: sections, laws beside each other, bad input."""

import json

import numpy as np
import pytest
from demo_scripts import load
from untrained_laws import untrained_laws

from mlms_fenics.surrogate.model_file import save_model


def loaded(folder, *options: str) -> dict:
    given = ["--quick", *options, "--out", str(folder)]
    assert load("textured_compression").main(given) == 0
    return json.loads((folder / "loading.json").read_text())


@pytest.mark.slow
def test_polycrystal_grows_towards_nd_and_a_learnt_law_runs_beside_it(tmp_path) -> None:
    save_model(untrained_laws()["reduced 3D"], tmp_path / "model.h5")
    found = loaded(
        tmp_path / "out", "--laws", "taylor", "learnt", "--model", str(tmp_path / "model.h5"),
        "--rate", "1e5",
    )  # fmt: skip
    assert set(found) == {"taylor", "learnt"}
    taylor = found["taylor"]
    # Pressed along RD, the twins turn ND out: the block grows along x and hardly along y.
    assert taylor["width along x [mm]"] > 1.01 > taylor["width along y [mm]"]
    assert np.diff(taylor["stress"]).min() > 0.0 and taylor["strain"][-1] == pytest.approx(0.02)
    for name in ("loading", "poles_rest", "poles_end"):
        assert (tmp_path / "out" / f"{name}.png").stat().st_size > 5000
    for law in found:
        summary = json.loads((tmp_path / "out" / law / "summary.json").read_text())
        assert abs(summary["Energy"]["balance at the end [%]"]) < 0.01
        assert (tmp_path / "out" / law / "block.xdmf").exists()


def test_loadings_of_an_isotropic_law(tmp_path) -> None:
    options = ["--laws", "j2", "--no-pictures", "--divisions", "2", "--strain", "0.05", "--load"]
    x, y = "width along x [mm]", "width along y [mm]"
    pressed = loaded(tmp_path / "a", *options, "compression")["j2"]
    assert pressed[x] == pytest.approx(pressed[y], rel=1e-6)
    # Volume is kept but for the elastic part.
    assert pressed[x] * pressed[y] * 0.95 == pytest.approx(1.0, abs=0.01)
    die = loaded(tmp_path / "b", *options, "channel-die")["j2"]
    assert die[y] == pytest.approx(1.0, abs=1e-5)
    assert die[x] * 0.95 == pytest.approx(1.0, abs=0.01)
    # Plane strain is stronger by 2/√3, and its equivalent strain, hence its hardening, larger.
    ratio = (die["stress"][-1] / die[x]) / (pressed["stress"][-1] / (pressed[x] * pressed[y]))
    assert 2.0 / np.sqrt(3.0) < ratio < 4.0 / 3.0
    pulled = loaded(tmp_path / "c", *options, "tension")["j2"]
    assert pulled[x] == pytest.approx(pulled[y], rel=1e-6)
    assert pulled[x] < 0.98 and pulled["stress"][-1] > 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--laws", "learnt"], "--model FILE goes with"),
        (["--laws", "j2", "--model", "m.h5"], "--model FILE goes with"),
        (["--laws", "j2", "j2"], "name each once"),
        (["--laws", "j2", "--strain", "1.5"], "strain of the loading is 1.5"),
        (["--laws", "j2", "--friction", "-1"], "coefficient of friction is -1"),
        (["--laws", "j2", "--divisions", "0"], "divisions of the block is 0"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, options, message) -> None:
    assert load("textured_compression").main([*options, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1
