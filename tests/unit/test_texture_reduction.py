# SPDX-License-Identifier: MIT
"""Few weighted orientations that stand for many, and the command that finds and shows them."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mlms_fenics.errors import InputError
from mlms_fenics.materials import magnesium
from mlms_fenics.microstructure import (
    Texture,
    fibre_texture,
    random_orientations,
    read_texture,
    reduce,
    write_orientations,
)
from mlms_fenics.microstructure.__main__ import main
from mlms_fenics.unitcell import response_difference

SPIN = Rotation.from_rotvec(np.random.default_rng(0).normal(size=(300, 3)) * np.radians(8.0))
TEXTURES = {
    "random": random_orientations(300, 5),
    "fibre": fibre_texture(300, 1, (1, 1, 0), spread=10.0),
    "one component": SPIN.as_matrix() @ random_orientations(1, 3)[0],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTURES)
@pytest.mark.parametrize("n", [8, 48])
def test_pole_figures_and_response_are_kept(name, n):
    """Two times nearer at least than as many taken evenly, on sharp textures too."""
    texture = Texture(TEXTURES[name], lattice="hexagonal")
    found = reduce(texture, n)
    assert len(found.texture) == n and abs(found.texture.weights.sum() - 1) < 1e-12
    assert found.pole_error < 0.4 * found.plain_error
    law = magnesium()
    error = response_difference(law, found.texture, texture)
    assert error < 0.5 * response_difference(law, texture.resampled(n), texture)
    assert error < (0.1 if n == 8 else 0.03)


def test_weights_of_the_texture_count():
    """Half of the orientations with all of the weight are reduced as that half alone."""
    Q = TEXTURES["fibre"][:100]
    mixed = np.concatenate((Q, TEXTURES["random"][:100]))
    weights = np.r_[np.ones(100), np.zeros(100)]
    half = Texture(Q, lattice="cubic")
    found = reduce(Texture(mixed, weights, "cubic"), 12)
    assert found.pole_error < 0.05
    assert reduce(half, 12).pole_error < 0.05


def test_equal_weights_where_asked():
    found = reduce(Texture(TEXTURES["fibre"]), 16, "hexagonal", equal=True)
    assert np.array_equal(found.texture.weights, np.full(16, 1 / 16))
    assert found.pole_error < 0.3 * found.plain_error


def test_it_is_the_same_each_time():
    one, other = (reduce(Texture(TEXTURES["random"][:60]), 6, "cubic") for _ in range(2))
    assert np.array_equal(one.texture.orientations, other.texture.orientations)


def test_all_of_them_and_one():
    few = Texture(random_orientations(5, 1), lattice="cubic")
    assert reduce(few, 5).pole_error < 1e-6
    assert len(reduce(few, 1).texture) == 1


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda t: reduce(t, 0, "cubic"), "n is 0.*1 <= n <= 300"),
        (lambda t: reduce(t, 301, "cubic"), "n is 301"),
        (lambda t: reduce(t, 5), "lattice is None.*give it"),
        (lambda t: reduce(Texture(np.eye(2)[None]), 1, "cubic"), "three dimensions"),
    ],
)
def test_bad_input_is_refused(call, expected):
    with pytest.raises(InputError, match=expected):
        call(Texture(TEXTURES["random"]))


def test_resampling_keeps_the_shares():
    weights = np.r_[np.full(100, 3.0), np.full(200, 1.0)]
    some = Texture(TEXTURES["random"], weights).resampled(50)
    first = sum(any(np.array_equal(q, p) for p in TEXTURES["random"][:100])
                for q in some.orientations)  # fmt: skip
    assert len(some) == 50 and first == 30


def test_the_command_says_draws_and_reduces(tmp_path, capsys):
    write_orientations(tmp_path / "a.txt", TEXTURES["fibre"][:60], weights=np.arange(1.0, 61.0))
    command = [str(tmp_path / "a.txt"), "--out", str(tmp_path / "poles.png")]
    assert main(command) == 0
    said = capsys.readouterr().out
    for phrase in ("Bunge's Euler angles", "60 orientations", "taken to be hexagonal", "sharp"):
        assert phrase in said
    assert (tmp_path / "poles.png").read_bytes()[:4] == b"\x89PNG"
    command += ["--lattice", "hexagonal", "--reduce", "6", "--to", str(tmp_path / "b.txt")]
    assert main([*command, "--law", "magnesium"]) == 0
    said = capsys.readouterr().out
    assert "6 orientations; pole figures differ by" in said and "response of magnesium" in said
    assert len(read_texture(tmp_path / "b.txt")) == 6
    assert main([str(tmp_path / "b.txt"), "--to", str(tmp_path / "c.txt")]) == 0
    same = [read_texture(tmp_path / name) for name in ("b.txt", "c.txt")]
    assert np.abs(same[0].orientations - same[1].orientations).max() < 1e-13
    assert np.abs(same[0].weights - same[1].weights).max() < 1e-13


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--equal"], "for --reduce"),
        (["--reduce", "3"], "needs --to"),
        (["--out", "poles.doc"], "no .png"),
        (["--out", "nowhere/poles.png"], "no folder"),
        (["--block", "2"], "no use for the option block"),
        (["--halfwidth", "1"], "halfwidth is 1"),
    ],
)
def test_bad_options_are_one_line(tmp_path, monkeypatch, capsys, arguments, expected):
    monkeypatch.chdir(tmp_path)
    write_orientations("a.txt", TEXTURES["random"][:10])
    assert main(["a.txt", *arguments]) == 2
    error = capsys.readouterr().err
    assert expected in error and error.count("\n") == 1
