# SPDX-License-Identifier: MIT
"""Bodies from files of other programs in the impact demos: as the demos' own, on the same nodes."""

import json
import subprocess

import numpy as np
import pytest
from demo_scripts import load, script
from mpi_runs import python
from small_meshes import two_boxes
from xdmf_reading import read_grids

from mlms_fenics.geometry import gmsh_cylinder, gmsh_plate, write_msh
from mlms_fenics.io import read_history

FAST = ["--law", "j2", "--precision", "float64", "--outputs", "2"]


def result(folder) -> dict[str, float]:
    return json.loads((folder / "summary.json").read_text())["Result"]


@pytest.mark.slow
def test_anvil_of_a_bar_meshed_elsewhere_ends_as_ours(tmp_path) -> None:
    # In centimetres, somewhere along the axis.
    write_msh(tmp_path / "bar.inp", lambda m: gmsh_cylinder(m, "bar", 0.1, 0.2, 0.025))
    text = (tmp_path / "bar.inp").read_text()
    (tmp_path / "bar.inp").write_text(
        text.replace("*NODE\n", "*PART, NAME=P\n*NODE\n") + "*END PART\n*ASSEMBLY, NAME=A\n"
        "*INSTANCE, NAME=I, PART=P\n0., 0., 0.7\n*END INSTANCE\n*END ASSEMBLY\n"
    )
    options = [*FAST, "--end-time", "1.0"]
    own = ["--mesh", str(tmp_path / "bar.inp"), "--scale", "10", "--foot", "foot"]
    ours = ["--height", "2", "--mesh-size", "0.25", "--no-pictures"]
    assert load("taylor_anvil").main([*options, *own, "--out", str(tmp_path / "own")]) == 0
    assert load("taylor_anvil").main([*options, *ours, "--out", str(tmp_path / "ours")]) == 0
    one, other = result(tmp_path / "own"), result(tmp_path / "ours")
    for name in ("length at the end [mm]", "foot radius at the end [mm]"):
        assert one[name] == pytest.approx(other[name], rel=1e-3), name
    assert one["length at the end [mm]"] < 1.9 and one["foot radius at the end [mm]"] > 0.52
    summary = json.loads((tmp_path / "own" / "summary.json").read_text())
    assert summary["Taylor anvil"]["mesh"].endswith("bar.inp")
    assert (tmp_path / "own" / "section.png").stat().st_size > 10_000


def test_plate_meshed_elsewhere_moves_as_ours(tmp_path) -> None:
    write_msh(tmp_path / "plate.inp", lambda m: gmsh_plate(m, "plate", 0.5, 2.0, 0.5, 0.25))
    options = [*FAST, "--end-time", "0.4", "--diameter", "1"]
    own = ["--mesh", str(tmp_path / "plate.inp"), "--clamp", "rim"]
    ours = ["--thickness", "0.5", "--radius", "2", "--mesh-size", "0.25", "--no-pictures"]
    assert load("plate_impact").main([*options, *own, "--out", str(tmp_path / "own")]) == 0
    assert load("plate_impact").main([*options, *ours, "--out", str(tmp_path / "ours")]) == 0
    one, other = (read_history(tmp_path / name / "history.csv") for name in ("own", "ours"))
    for history in (one, other):
        assert np.abs(history["gap"]).max() < 1e-12  # it lies on the projectile up to round-off
    for name in ("contact", "kinetic", "internal"):
        scale = np.abs(other[name]).max()
        assert np.interp(0.3, one["time"], one[name]) == pytest.approx(
            np.interp(0.3, other["time"], other[name]), abs=1e-3 * scale
        )
    assert (tmp_path / "own" / "section.png").stat().st_size > 10_000


def test_volumes_with_laws_of_their_own(tmp_path) -> None:
    groups = [(3, [1], 1, "low"), (3, [2], 2, "high")]
    two_boxes(tmp_path / "two.msh", groups)
    options = ["--mesh", str(tmp_path / "two.msh"), "--no-pictures", "--quick", *FAST]
    options += ["--out", str(tmp_path / "out"), "--velocity", "100"]
    parts = ["--part-law", "high=neo-hookean", "--part-law", "low=j2"]
    assert load("taylor_anvil").main([*options, *parts]) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["Taylor anvil"]["law"].startswith("high: neo-Hookean, moduli of magnesium; low:")
    assert abs(summary["Energy"]["balance at the end [%]"]) < 1.0
    _, _, _, cell = read_grids(tmp_path / "out" / "anvil.xdmf")[-1]
    assert set(cell["part"]) == {0.0, 1.0} and not cell["plastic_strain"][cell["part"] == 0].any()


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [2, 3])
def test_any_number_of_ranks_gives_the_result_of_one(tmp_path, ranks) -> None:
    # The foot is on some ranks only.
    write_msh(tmp_path / "bar.inp", lambda m: gmsh_cylinder(m, "bar", 1.0, 2.0, 0.25))
    options = [*FAST, "--end-time", "0.5", "--no-pictures"]
    options += ["--mesh", str(tmp_path / "bar.inp"), "--foot", "foot"]
    assert load("taylor_anvil").main([*options, "--out", str(tmp_path / "one")]) == 0
    command = python(ranks, script("taylor_anvil"), *options, "--out", tmp_path / "many")
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    one, other = result(tmp_path / "one"), result(tmp_path / "many")
    for name in ("length at the end [mm]", "foot radius at the end [mm]"):
        assert other[name] == pytest.approx(one[name], rel=1e-9), name


@pytest.mark.parametrize(
    ("demo", "options", "words"),
    [
        ("taylor_anvil", ["--mesh", "BAR", "--height", "2"], "--height does not go with --mesh"),
        ("taylor_anvil", ["--foot", "foot"], "--foot goes with --mesh only"),
        ("taylor_anvil", ["--scale", "2"], "--scale goes with --mesh only"),
        ("taylor_anvil", ["--part-law", "a=j2"], "--part-law goes with --mesh only"),
        ("taylor_anvil", ["--mesh", "BAR", "--part-law", "a=b"], "--part-law is 'a=b', but must"),
        ("taylor_anvil", ["--mesh", "BAR", "--part-law", "a=j2"], "no volume 'a', but Volume1"),
        ("taylor_anvil", ["--mesh", "BAR", "--foot", "sole"], "no surface 'sole', but"),
        ("taylor_anvil", ["--mesh", "none.inp"], "there is no mesh file 'none.inp'"),
        ("plate_impact", ["--mesh", "BAR", "--radius", "2"], "--radius does not go with --mesh"),
        ("plate_impact", ["--mesh", "BAR"], "'rim', but"),
        ("plate_impact", ["--mesh", "BAR", "--scale", "0"], "scale is 0"),
    ],
)
def test_bad_input_is_told(tmp_path, capsys, demo, options, words) -> None:
    write_msh(tmp_path / "bar.inp", lambda m: gmsh_cylinder(m, "bar", 1.0, 2.0, 0.5))
    given = [str(tmp_path / "bar.inp") if text == "BAR" else text for text in options]
    assert load(demo).main([*FAST, "--quick", *given, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and words in said and said.count("\n") == 1
