# SPDX-License-Identifier: MIT
"""The demo of a user's own law, on our mesh and on one from a file."""

import pytest
from demo_scripts import load

from mlms_fenics.geometry import gmsh_cylinder, write_msh
from mlms_fenics.io import read_history


def test_own_law_from_a_point_to_a_body(tmp_path, capsys):
    write_msh(tmp_path / "c.msh", lambda model: gmsh_cylinder(model, "c", 0.4, 0.8, 0.1))
    options = ["--quick", "--end-time", "6"]
    assert load("own_law").main([*options, "--out", str(tmp_path / "a")]) == 0
    assert "error of the relaxation" in capsys.readouterr().out
    more = ["--mesh", str(tmp_path / "c.msh"), "--scale", "10", "--out", str(tmp_path / "b")]
    assert load("own_law").main([*options, *more]) == 0
    # The same cylinder both times, the second drawn ten times smaller.
    one, other = (read_history(tmp_path / name / "history.csv") for name in "ab")
    assert other["length"][-1] == pytest.approx(one["length"][-1], rel=1e-9)
    assert one["length"][-1] < 8.0 - 0.05 * 3.0
    assert abs(one["balance"]).max() < 0.01
    # Energy that is in no form but the law's: it was dissipated.
    assert one["internal"][-1] > 0.0
    assert load("own_law").main(["--relaxation", "-1", "--out", str(tmp_path / "c")]) == 2
    # √((5 + 4/3) GPa / 1.2 mg/mm³) is 2.297 mm/µs.
    capsys.readouterr()
    assert load("own_law").main(["--velocity", "2.3", "--out", str(tmp_path / "c")]) == 2
    assert "velocity is 2300 m/s" in (said := capsys.readouterr().err) and "2297 m/s" in said


def test_a_wrong_law_does_not_pass_at_the_point():
    module = load("own_law")
    law = module.Maxwell(shear=1.0, bulk=5.0, density=1.2, relaxation=2.0)
    right = law.update
    law.update = lambda F, time, dt, state: right(F, time, 1.001 * dt, state)
    with pytest.raises(module.SimulationError, match="off by"):
        module.check_at_a_point(law)
