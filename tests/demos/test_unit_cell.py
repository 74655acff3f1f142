# SPDX-License-Identifier: MIT
"""The unit-cell demo as a user runs it."""

from functools import partial

import demo_scripts
import numpy as np
import pytest

from mlms_fenics.materials import two_slip_crystal
from mlms_fenics.microstructure import read_grains
from mlms_fenics.unitcell import FFTCell

run = partial(demo_scripts.run, "unit_cell")


@pytest.mark.slow
def test_quick(tmp_path):
    done = run("--quick", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "iterations per step" in done.stdout and "Taylor" in done.stdout
    strain, full, taylor = np.loadtxt(tmp_path / "stress.txt").T
    assert len(strain) == 41
    # The Taylor average does more work than the full field, which may do as it likes.
    assert 0 < np.trapezoid(full, strain) < np.trapezoid(taylor, strain)
    for name in ("unit_cell.png", "grains.vti"):
        assert (tmp_path / name).stat().st_size > 1000
    grains, Q = read_grains(tmp_path / "grains.h5")
    assert grains.shape == (16, 16) and len(Q) == 16
    # The curve, from the written grains and the documented path alone.
    U = np.stack([np.diag(np.exp([e, -e])) for e in strain])
    sigma = FFTCell(two_slip_crystal(), grains, Q).stress(U, 1e6)
    assert np.abs(full - (sigma[:, 0, 0] - sigma[:, 1, 1])).max() < 1e-6 * np.abs(full).max()


def test_wrong_input(tmp_path):
    done = run("--steps", "1", "--out", str(tmp_path))
    assert done.returncode == 2 and "--steps is 1" in done.stderr
