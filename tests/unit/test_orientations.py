# SPDX-License-Identifier: MIT
"""Notations of rotations, orientation files, bad input."""

import numpy as np
import pytest

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure import (
    check_rotations,
    draw_pole_figures,
    fibre_texture,
    random_orientations,
    read_orientations,
    write_orientations,
)
from mlms_fenics.microstructure.pole_figure import hexagonal_poles, pole_density, project
from mlms_fenics.microstructure.rotations import (
    euler_from_rotations,
    quaternions_from_rotations,
    rotations_from_euler,
    rotations_from_quaternions,
)


def test_first_grains_do_not_depend_on_their_number():
    for dimension in (2, 3):
        assert np.array_equal(
            random_orientations(20, 7, dimension)[:5], random_orientations(5, 7, dimension)
        )
    assert not np.array_equal(random_orientations(5, 7), random_orientations(5, 8))


@pytest.mark.parametrize("dimension", [2, 3])
def test_they_are_rotations(dimension):
    Q = random_orientations(1000, 1, dimension)
    assert np.abs(Q.swapaxes(1, 2) @ Q - np.eye(dimension)).max() < 1e-14
    assert np.allclose(np.linalg.det(Q), 1.0, atol=1e-14)


def test_notations_round_trip():
    special = rotations_from_euler(
        np.array([(0, 0, 0), (30, 0, 0), (30, 180, 0), (0, 90, 0), (180, 90, 180), (0, 180, 180)])
    )
    Q = np.concatenate((random_orientations(500, 3), special))
    assert np.abs(rotations_from_euler(euler_from_rotations(Q)) - Q).max() < 1e-13
    assert np.abs(rotations_from_quaternions(quaternions_from_rotations(Q)) - Q).max() < 1e-13


@pytest.mark.parametrize("notation", ["euler", "quaternion"])
def test_files_round_trip(tmp_path, notation):
    Q = random_orientations(50, 3)
    write_orientations(tmp_path / "a.txt", Q, notation)
    assert np.abs(read_orientations(tmp_path / "a.txt") - Q).max() < 1e-13
    flat = random_orientations(50, 3, dimension=2)
    write_orientations(tmp_path / "b.txt", flat)
    assert np.abs(read_orientations(tmp_path / "b.txt") - flat).max() < 1e-13


def test_file_with_names_comments_and_commas(tmp_path):
    file = tmp_path / "texture.csv"
    file.write_text("# from somewhere\nphi1, Phi, phi2\n90, 0, 0  # turned about z\n\n0; 90; 0\n")
    Q = read_orientations(file)
    assert np.allclose(Q[0] @ [1, 0, 0], [0, 1, 0], atol=1e-15)
    assert np.allclose(Q[1] @ [0, 0, 1], [0, -1, 0], atol=1e-15)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "no orientations"),
        ("1 2\n", "line 1: 2 columns"),
        ("1 2 3\n1 2 3 4\n", "line 2: 4 columns"),
        ("1 2 3\n4 five 6\n", "line 2"),
        ("1 2 nan\n", "line 1.*NaN"),
        ("1 0 0 0\n1 1 0 0\n", "line 2.*length"),
        ("0 900 0\n", "900 degrees"),
        ("0.1 0.2 0.3\n" * 8, "radians"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, expected):
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(InputError, match=expected):
        read_orientations(file)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_orientations(tmp_path / "none.txt")


def test_what_is_no_rotation_is_refused():
    Q = random_orientations(4, 0)
    stretched, mirrored, broken = Q.copy(), Q.copy(), Q.copy()
    stretched[2] *= 1.01
    mirrored[1] = np.diag([1.0, 1.0, -1.0])
    broken[3, 0, 0] = np.nan
    for bad, expected in ((stretched, "grain 2"), (mirrored, "grain 1"), (broken, "grain 3")):
        with pytest.raises(InputError, match=expected):
            check_rotations(bad)
    with pytest.raises(InputError, match="shape"):
        check_rotations(Q[0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: random_orientations(0, 0),
        lambda: random_orientations(3, -1),
        lambda: random_orientations(3, 0, dimension=4),
        lambda: fibre_texture(3, 0, sample_axis=(0, 0, 0)),
        lambda: fibre_texture(3, 0, spread=-1.0),
    ],
)
def test_bad_numbers_are_refused(call):
    with pytest.raises(InputError):
        call()


def test_exact_fibre_holds_the_axis():
    Q = check_rotations(fibre_texture(40, 5, (1.0, -2.0, 0.5), (1.0, 1.0, 1.0)))
    axis = np.array([1.0, -2.0, 0.5]) / np.linalg.norm([1.0, -2.0, 0.5])
    assert np.abs(Q @ (np.ones(3) / 3**0.5) - axis).max() < 1e-14


def test_pole_figure_is_written_and_normalised(tmp_path):
    Q = random_orientations(600, 2)
    poles = np.einsum("gij,pj->gpi", Q, hexagonal_poles(1, 0, 2)).reshape(-1, 3)
    _, density = pole_density(poles)
    assert np.nanmean(density) == pytest.approx(1.0, abs=0.03)
    picture = tmp_path / "poles.png"
    draw_pole_figures(Q, picture)
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert [file.name for file in tmp_path.iterdir()] == ["poles.png"]


def test_projection_keeps_areas():
    z = np.array([0.1, 0.25, 0.75])
    directions = np.stack((np.sqrt(1 - z * z), np.zeros(3), z), axis=-1)
    assert np.allclose((project(directions) ** 2).sum(-1), 1 - z)  # cap's share of the half sphere
    assert np.allclose(project(-directions), project(directions))
