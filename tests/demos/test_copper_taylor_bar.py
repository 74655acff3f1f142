# SPDX-License-Identifier: MIT
"""The copper Taylor bar's table, on a mesh so coarse that only its order can be looked at."""

from functools import partial

import demo_scripts
import pytest

run = partial(demo_scripts.run, "copper_taylor_bar", timeout=120)


@pytest.mark.slow
def test_table_has_a_row_per_element_and_linear_tetrahedra_lock() -> None:
    elements = ["one-point", "axisymmetric", "linear-tetrahedra"]
    done = run("--mesh-size", "1.6", "--element", *elements)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(tuple(elements))]
    assert [row[0] for row in rows] == elements
    assert [int(row[2]) for row in rows] == [252, 42, 1512]
    feet = [float(row[5]) for row in rows]
    strains = [float(row[6]) for row in rows]
    assert feet[2] < 6.0 < 6.5 < min(feet[:2]) and max(feet) < 7.2
    assert strains[2] < 0.7 * strains[1]
    assert max(float(row[7].rstrip("%")) for row in rows) < 5.0
    assert max(abs(float(row[8].rstrip("%"))) for row in rows) < 1.0
    assert "Foulk et al. 2021" in done.stdout


def test_a_size_that_makes_no_elements_is_refused() -> None:
    done = run("--mesh-size", "-1")
    assert done.returncode != 0 and "mesh size" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_grains_of_copper_stop_the_bar_too() -> None:
    done = run("--mesh-size", "3.2", "--grains", "2")
    assert done.returncode == 0, done.stderr
    (row,) = [line.split() for line in done.stdout.splitlines() if line.startswith("one-point")]
    # Of elements this coarse the foot is too small; annealed copper is no stiffer than the J2 bar.
    assert 18.0 < float(row[4]) < 24.0 and 4.0 < float(row[5]) < 8.0
    assert abs(float(row[8].rstrip("%"))) < 1.0


def test_grains_are_refused_where_they_do_not_go() -> None:
    done = run("--grains", "2", "--element", "axisymmetric")
    assert done.returncode != 0 and "three-dimensional" in done.stderr
