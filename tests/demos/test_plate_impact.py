# SPDX-License-Identifier: MIT
"""The plate impact as a user runs it: waves, separation, energy, restart, bad input."""

import json
import math

import numpy as np
import pytest
from demo_scripts import load

from mlms_fenics.impact.probes import separation_time
from mlms_fenics.impact.snapshots import read_snapshot
from mlms_fenics.io import XDMFReader, read_history
from mlms_fenics.macroscale import deviatoric_strain

# √((K + 4G/3)/ρ) of magnesium as the paper has it, mm/µs.
SPEED = math.sqrt((48.0 + 4.0 / 3.0 * 25.0) / 10.0)


@pytest.fixture(scope="module")
def main():
    return load("plate_impact").main


@pytest.mark.slow
def test_elastic_plate_takes_the_wave_and_leaves_the_projectile_when_it_returns(main, tmp_path):
    # Until the release from the projectile's edge comes, at 1/SPEED, the axis is in uniaxial
    # strain: stress ρ c v behind the front, and twice v once the free back has reflected it.
    H, v = 0.3, 1.0
    options = ["--law", "neo-hookean", "--velocity", str(v), "--thickness", str(H)]
    options += ["--mesh-size", "0.05", "--end-time", "0.3", "--precision", "float64"]
    assert main([*options, "--output-every", "0.08", "--out", str(tmp_path)]) == 0
    body = read_snapshot(XDMFReader(tmp_path / "plate.xdmf"), 0.08, ("sigma",))
    centre = body.points[body.connectivity].mean(axis=1)
    axis = (np.hypot(centre[:, 0], centre[:, 1]) < 0.3) & (centre[:, 2] < 0.1)
    pressed = body.cell["sigma"].reshape(-1, 3, 3)[axis, 2, 2]
    assert pressed.mean() == pytest.approx(-10.0 * SPEED * v * 1e-3, rel=0.03)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["Energy"]["worst imbalance over the largest energy [%]"] < 1.0
    history = read_history(tmp_path / "history.csv")
    gap, time = np.asarray(history["gap"]), np.asarray(history["time"])
    assert abs(gap[time < 0.15]).max() < 1e-6 * v
    # The gap then grows at v; its line meets zero when the wave is back, to the time that a wave
    # needs for one element.
    late = time > 0.24
    slope, offset = np.polyfit(time[late], gap[late], 1)
    assert slope == pytest.approx(v * 1e-3, rel=0.05)
    assert -offset / slope == pytest.approx(2.0 * H / SPEED, abs=0.05 / SPEED)


def test_separation_time_is_the_last_opening():
    time = np.arange(6.0)
    assert separation_time(time, np.array([0, 2, 0, 0, 1, 3]), 0.5) == pytest.approx(3.5)
    assert math.isnan(separation_time(time, np.array([0, 2, 0, 3, 3, 0]), 0.5))


@pytest.mark.slow
def test_quick_run_of_the_concurrent_law_stopped_and_gone_on_with(main, tmp_path):
    options = ["--quick", "--law", "taylor", "--grains", "2", "--device", "cpu"]
    options += ["--end-time", "0.2", "--strain-measure", "printed", "--mass", "500"]
    assert main([*options, "--out", str(tmp_path / "whole")]) == 0
    cut = [*options, "--out", str(tmp_path / "cut")]
    assert main([*cut, "--wall-time", "1e-9"]) == 4
    assert main([*cut, "--restart"]) == 0
    one, other = ((tmp_path / f / "history.csv").read_bytes() for f in ("whole", "cut"))
    assert one == other
    names = {p.name for p in (tmp_path / "whole").iterdir()}
    assert names >= {"plate.xdmf", "history.csv", "section.png", "section_times.png"}
    summary = json.loads((tmp_path / "whole" / "summary.json").read_text())
    assert summary["Energy"]["worst imbalance over the largest energy [%]"] < 1.0
    assert 190.0 < summary["Result"]["projectile velocity at the end [m/s]"] < 200.0
    reader = XDMFReader(tmp_path / "whole" / "plate.xdmf")
    e_d, e_v = reader.field("e_d"), reader.field("e_v")
    # Elements that have only been compressed: the printed measure is then |J^(-4/3) - 1| √3/2 too
    # large to be that of the shape.
    spherical = deviatoric_strain(np.eye(3) * (1.0 + e_v[:, None, None]) ** (1.0 / 3.0), "printed")
    assert (e_d[abs(e_v) > 0.01] > 0.5 * spherical[abs(e_v) > 0.01]).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--thickness", "0"], "plate thickness is 0"),
        (["--diameter", "-2"], "--diameter is -2"),
        (["--radius", "1"], "at least twice"),
        (["--mass", "0"], "--mass is 0"),
        (["--law", "j2", "--grains", "4"], "--grains goes with --law taylor"),
        (["--law", "taylor", "--grains", "1000"], "has 128"),
        (["--law", "taylor", "--tolerance", "-1"], "tolerance"),
        (["--safety", "2"], "--safety is 2"),
        (["--velocity", "1e5", "--law", "j2"], "velocity is 100000 m/s"),
    ],
)
def test_bad_input_is_told(main, tmp_path, capsys, options, words):
    assert main(["--quick", *options, "--out", str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and words in said
    assert not (tmp_path / "none").exists()
