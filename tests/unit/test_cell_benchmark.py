# SPDX-License-Identifier: MIT
"""The full-field cell's benchmark: its figures hang together, its picture appears."""

import re

from mlms_fenics.benchmarks.__main__ import main


def test_it_prints_speed_shares_and_sizes(capsys, tmp_path):
    picture = tmp_path / "cost.png"
    arguments = ["--grid", "8", "--steps", "20", "--sizes", "8", "12", "--batch", "2"]
    assert main(["cell", *arguments, "--picture", str(picture)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "8 x 8 points, 16 grains" in lines[0] and "20 increments" in lines[0]
    iterations, evaluations = (
        float(re.search(rf"([\d.]+) {word}", lines[1])[1]) for word in ("iterations", "evaluations")
    )
    assert 1 <= iterations < evaluations < 100
    shares = [int(x) for x in re.findall(r"(\d+)%", lines[1])]
    assert len(shares) == 3 and abs(sum(shares) - 100) <= 1
    assert float(lines[1].split()[-1]) <= 1e-4
    assert sum("ms an increment" in line for line in lines) == 2
    assert float(lines[-1].split()[-1]) < 1e-12  # in one call as alone
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_bad_options(capsys):
    assert main(["cell", "--sizes", "4"]) == 2
    assert "from 8 to 1024" in capsys.readouterr().err
    assert main(["cell", "--picture", "cost.png"]) == 2
    assert "--picture needs --sizes" in capsys.readouterr().err
