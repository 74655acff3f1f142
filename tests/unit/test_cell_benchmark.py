# SPDX-License-Identifier: MIT
"""The full-field cell's benchmark: its figures hang together, its picture appears."""

import re

import numpy as np

from mlms_fenics.benchmarks.__main__ import main
from mlms_fenics.benchmarks.cell_refinement import alternating
from mlms_fenics.unitcell.fft_operators import wave_vectors


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


def test_refinement(capsys):
    operators = ("rotated", "fourier")
    assert main(["cell", "--refine", "8", "12", "--operators", *operators]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[:2] for line in lines] == [
        [operator, size] for operator in operators for size in ("12:", "8:")
    ]
    errors = [float(re.search(r"deviator ([\d.]+)", line)[1]) for line in lines]
    assert errors[0] == 0.0 and min(errors[1:]) > 0.0 and max(errors) < 2.0


def test_shares_of_alternating_fields():
    x, y = np.meshgrid(np.arange(16), np.arange(16), indexing="ij")
    fine, coarse = np.sin(2 * np.pi * 7 / 16 * x), np.sin(2 * np.pi * 2 / 16 * y)
    for u, expected in ((fine, (0.0, 1.0)), (coarse, (0.0, 0.0))):
        k = wave_vectors((16, 16), (1.0, 1.0), "rotated").reshape(2, 16, -1)
        G = np.fft.irfft2(k * np.fft.rfft2(u), s=(16, 16))
        F = np.eye(2)[:, :, None, None] + np.stack((G, 0.5 * G))
        assert np.allclose(alternating(F, "rotated"), expected, atol=1e-12)


def test_bad_options(capsys):
    assert main(["cell", "--sizes", "4"]) == 2
    assert "from 8 to 1024" in capsys.readouterr().err
    assert main(["cell", "--refine", "16"]) == 2
    assert "at least two grids" in capsys.readouterr().err
    assert main(["cell", "--picture", "cost.png"]) == 2
    assert "--picture needs --sizes" in capsys.readouterr().err
