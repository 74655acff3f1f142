# SPDX-License-Identifier: MIT
"""Damaged files of textures and grain maps: read, or refused in one line, never a traceback."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure import random_orientations, read_grains, read_texture, write_grains
from mlms_fenics.microstructure.rotations import euler_from_rotations, quaternions_from_rotations

Q = random_orientations(9, 0)
ANGLES = euler_from_rotations(Q)


def rows(table, separator=" "):
    return "".join(separator.join(f"{x:.6g}" for x in row) + "\n" for row in table)


FILES = {
    "table": "phi1 Phi phi2 weight\n" + rows(np.c_[ANGLES, np.ones(9)]),
    "quaternions": rows(quaternions_from_rotations(Q)),
    "tex": "a\nb\nc\nB 9\n" + rows(np.c_[ANGLES, np.ones(9)]),
    "ang": "# TEM_PIXperUM 1\n# Phase 1\n# MaterialName Mg\n# Symmetry 62\n"
    + rows(np.c_[np.radians(ANGLES), np.ones((9, 7))]),
    "ctf": "Channel Text File\nPhases\t1\n1;1;1\t90;90;90\tAl\t11\n"
    "Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\n"
    + rows(np.c_[np.ones((9, 5)), ANGLES], "\t"),
    "yaml": "phase: {A: {lattice: hP}}\nmaterial:\n"
    + "".join(
        f"- constituents: [{{phase: A, O: {row}, v: 1}}]\n"
        for row in quaternions_from_rotations(Q).tolist()
    ),
}
ODD = ("", "\n", "nan", "-1", "1e999", "x", "0", "#", "%", ";", "[", ":", "\t", "B 2\n", "é", "\0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def damaged(data, content, odd):
    """The content with up to three pieces replaced."""
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = min(len(content), start + data.draw(st.integers(0, 30)))
        content = content[:start] + data.draw(st.sampled_from(odd)) + content[end:]
    return content


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_textures(folder, kind, data):
    file = folder / "texture"
    file.write_text(damaged(data, FILES[kind], ODD), encoding="utf-8")
    try:
        texture = read_texture(file)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(texture.orientations).all() and abs(texture.weights.sum() - 1) < 1e-9


@pytest.mark.parametrize("kind", FILES)
def test_whole_ones_are_read(folder, kind):
    (folder / "whole").write_text(FILES[kind])
    assert len(read_texture(folder / "whole")) == 9


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_grain_maps(folder, data):
    write_grains(folder / "map.vti", np.arange(9).reshape(3, 3), Q)
    content = damaged(data, (folder / "map.vti").read_bytes(), [x.encode() for x in ODD])
    (folder / "bad.vti").write_bytes(content)
    try:
        grains, _ = read_grains(folder / "bad.vti")
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert grains.min() == 0
