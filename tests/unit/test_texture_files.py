# SPDX-License-Identifier: MIT
"""Textures in the formats of other codes: exact conventions, weights, bad input."""

import re

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure import (
    Texture,
    random_orientations,
    read_orientations,
    read_texture,
    write_orientations,
)
from mlms_fenics.microstructure.rotations import (
    euler_from_rotations,
    quaternions_from_rotations,
    rotations_from_euler,
)

Q = random_orientations(12, 4)
WEIGHTS = np.arange(1.0, 13.0) / 78.0
ANGLES = np.random.default_rng(0).uniform((0, 0, 0), (360, 180, 360), (20, 3))


def written(tmp_path, text, name="texture.txt"):
    file = tmp_path / name
    file.write_text(text)
    return file


def lines(table, fmt="%.10f"):
    return "".join(" ".join(fmt % x for x in row) + "\n" for row in table)


def same(a, b, tolerance=1e-8):
    return np.abs(a - b).max() < tolerance


def test_three_conventions_of_euler_angles_are_scipys():
    """Intrinsic turns about z, x, z (Bunge) and z, y, z (Roe); Kocks' third is 180° less Roe's."""
    bunge = Rotation.from_euler("ZXZ", ANGLES, degrees=True).as_matrix()
    roe = Rotation.from_euler("ZYZ", ANGLES, degrees=True).as_matrix()
    turned = ANGLES * (1, 1, -1) + (0, 0, 180)
    kocks = Rotation.from_euler("ZYZ", turned, degrees=True).as_matrix()
    assert same(rotations_from_euler(ANGLES), bunge, 1e-14)
    assert same(rotations_from_euler(ANGLES, "roe"), roe, 1e-14)
    assert same(rotations_from_euler(ANGLES, "kocks"), kocks, 1e-14)
    with pytest.raises(InputError, match="canova"):
        rotations_from_euler(ANGLES, "canova")


def test_kocks_angles_as_polycrystal_codes_turn_them_to_bunges():
    """φ1 = Ψ - 90°, Φ = -Θ, φ2 = -φ - 90°, which is another way to the same rotation."""
    other = np.stack((ANGLES[:, 0] - 90, -ANGLES[:, 1], -ANGLES[:, 2] - 90), axis=-1)
    assert same(rotations_from_euler(ANGLES, "kocks"), rotations_from_euler(other), 1e-14)


def test_quarter_turns_by_hand():
    """One angle each: where the lattice's z and x come to lie in the sample."""
    z, x = np.array([0, 0, 1.0]), np.array([1.0, 0, 0])
    for convention, expected in (("bunge", (0, -1, 0)), ("roe", (1, 0, 0)), ("kocks", (1, 0, 0))):
        R = rotations_from_euler(np.array([0.0, 90.0, 0.0]), convention)
        assert same(R @ z, expected, 1e-15)
    for convention, expected in (("bunge", (0, 1, 0)), ("roe", (0, 1, 0)), ("kocks", (0, 1, 0))):
        third = {"bunge": 0.0, "roe": 0.0, "kocks": 180.0}[convention]
        R = rotations_from_euler(np.array([90.0, 0.0, third]), convention)
        assert same(R @ x, expected, 1e-15)


@pytest.mark.parametrize(("letter", "convention"), [("B", "bunge"), ("R", "roe"), ("k", "kocks")])
def test_tex_layout(tmp_path, letter, convention):
    table = np.column_stack((ANGLES, np.arange(20) + 1.0))
    text = f"TEXTURE AT STRAIN = 0\n1 1 1 <-- axes\n0 0 0 <-- angles\n{letter}  20\n" + lines(table)
    texture = read_texture(written(tmp_path, text, "a.tex"))
    assert same(texture.orientations, rotations_from_euler(ANGLES, convention))
    assert same(texture.weights, table[:, 3] / 210, 1e-15)
    assert convention.capitalize() in " ".join(texture.said)


def test_tex_blocks(tmp_path):
    """Blocks of different length and convention; the last, or the one asked for."""
    block = "TEXTURE AT STRAIN = {}\n\n\n{}   {}\n"
    text = block.format(0, "B", 3) + lines(np.column_stack((ANGLES[:3], np.ones((3, 4)))))
    text += block.format(1, "R", 2) + lines(np.column_stack((ANGLES[3:5], [1.0, 3.0]))) + "\n"
    file = written(tmp_path, text)
    assert same(read_texture(file).orientations, rotations_from_euler(ANGLES[3:5], "roe"))
    assert same(read_texture(file).weights, [0.25, 0.75], 1e-15)
    first = read_texture(file, block=1)
    assert same(first.orientations, rotations_from_euler(ANGLES[:3]))
    assert "block 1 of 2" in first.said[0] and "STRAIN = 0" in first.said[0]
    assert same(read_orientations_of(file, tmp_path), rotations_from_euler(ANGLES[3:5], "roe"))
    for bad in (0, 3):
        with pytest.raises(InputError, match=f"block asked for is {bad}.*1 <= block <= 2"):
            read_texture(file, block=bad)


def test_tex_lines_beyond_the_announced_grains_are_left_alone_and_said(tmp_path):
    """As the codes that read such files do; text behind the weight likewise."""
    text = "a\nb\nc\nB 1\n10 20 30 1 c//radial\n40 50 60 1\n\nmore\n"
    text += "a\nb\nc\nK 1 0\n10 20 30 1\n1 2 3 1\n"
    texture = read_texture(written(tmp_path, text), block=1)
    assert same(texture.orientations, rotations_from_euler(np.array([[10, 20, 30.0]])))
    assert "block 1 of 2" in texture.said[0] and "3 lines beyond" in texture.said[-1]
    assert "Kocks" in read_texture(written(tmp_path, text)).said[1]


def read_orientations_of(file, tmp_path):
    """`read_orientations` refuses weights that differ, and takes them where they do not."""
    with pytest.raises(InputError, match=r"weights.*read_texture"):
        read_orientations(file)
    texture = read_texture(file)
    write_orientations(tmp_path / "even.txt", texture.orientations, weights=np.ones(len(texture)))
    return read_orientations(tmp_path / "even.txt")


def test_exported_tables_with_names(tmp_path):
    """As MTEX writes them: names, perhaps behind %, with weights and other columns."""
    for head, convention in (
        ("% a comment\n  phi1 Phi phi2 weight\n", "bunge"),
        ("% phi1 Phi phi2 value\n", "bunge"),
        ("alpha(deg), beta(deg), gamma(deg), weights\n", "roe"),
        ("Psi Theta Phi weight\n", "roe"),
        ("# Psi Theta phi w\n", "kocks"),
        ("Euler1 Euler2 Euler3 volume\n", "bunge"),
    ):
        texture = read_texture(
            written(tmp_path, head + lines(np.column_stack((ANGLES[:12], WEIGHTS))))
        )
        assert same(texture.orientations, rotations_from_euler(ANGLES[:12], convention)), head
        assert same(texture.weights, WEIGHTS), head
    text = "id weight phi1 Phi phi2\n" + lines(np.column_stack((WEIGHTS, WEIGHTS, ANGLES[:12])))
    texture = read_texture(written(tmp_path, text))
    assert same(texture.orientations, rotations_from_euler(ANGLES[:12]))
    assert "left alone: id" in " ".join(texture.said)


def test_radians_where_said(tmp_path):
    file = written(tmp_path, lines(np.radians(ANGLES)))
    with pytest.raises(InputError, match="radians"):
        read_texture(file)
    assert same(read_texture(file, radians=True).orientations, rotations_from_euler(ANGLES))


def test_quaternions_of_either_order(tmp_path):
    """scipy's are scalar last."""
    last = Rotation.from_matrix(Q).as_quat()
    first = np.roll(last, 1, axis=1)
    assert same(read_texture(written(tmp_path, lines(first))).orientations, Q)
    named = written(tmp_path, "x y z w\n" + lines(last))
    assert same(read_texture(named).orientations, Q)
    assert "scalar last" in " ".join(read_texture(named).said)
    named = written(tmp_path, "qx,qy,qz,qw,weight\n" + lines(np.column_stack((last, WEIGHTS))))
    assert same(read_texture(named).orientations, Q)
    assert same(read_texture(named).weights, WEIGHTS)
    unnamed = written(tmp_path, lines(np.column_stack((last, WEIGHTS))))
    assert same(read_texture(unnamed, notation="xyzw").orientations, Q)


def test_weights_without_names(tmp_path):
    """Four columns are a quaternion unless the first three cannot be one's."""
    texture = read_texture(written(tmp_path, lines(np.column_stack((ANGLES[:12], WEIGHTS)))))
    assert same(texture.orientations, rotations_from_euler(ANGLES[:12]))
    assert same(texture.weights, WEIGHTS)
    four = np.column_stack((quaternions_from_rotations(Q), 2 * WEIGHTS))
    assert same(read_texture(written(tmp_path, lines(four))).weights, WEIGHTS)


@pytest.mark.parametrize("notation", ["euler", "quaternion"])
def test_weights_round_trip(tmp_path, notation):
    write_orientations(tmp_path / "a.txt", Q, notation, weights=5 * WEIGHTS)
    texture = read_texture(tmp_path / "a.txt")
    assert same(texture.orientations, Q, 1e-13) and same(texture.weights, WEIGHTS, 1e-15)
    flat = random_orientations(12, 3, dimension=2)
    write_orientations(tmp_path / "b.txt", flat, weights=WEIGHTS)
    texture = read_texture(tmp_path / "b.txt")
    assert same(texture.orientations, flat, 1e-13) and same(texture.weights, WEIGHTS, 1e-15)


ANG = """# TEM_PIXperUM          1.000000
# x-star                0.5
#
# Phase 1
# MaterialName  \tMagnesium
# Formula     Mg
# Symmetry              62
# LatticeConstants      3.200 3.200 5.200  90.000  90.000 120.000
# Phase 2
# MaterialName  \tAluminium
# Symmetry              43
# GRID: SqrGrid
"""
CTF = """Channel Text File
Prj\tname
Author\t[Unknown]
JobMode\tGrid
XCells\t4
Phases\t2
3,2;3,2;5,2\t90;90;120\tMagnesium\t9\t194
4.05;4.05;4.05\t90;90;90\tAluminium\t11\t225
Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS
"""


def ang_rows(phase):
    rows = np.zeros((6, 10))
    rows[:, :3] = np.radians(ANGLES[:6])
    rows[:, 6], rows[:, 7] = 0.5, phase
    rows[4, :3], rows[4, 6] = 4 * np.pi, -1  # not indexed
    rows[5, 6] = -1
    return rows


def test_ang(tmp_path):
    rows = ang_rows(1)
    rows[3, 7] = 2
    file = written(tmp_path, ANG + lines(rows, "%.6f"), "map.ang")
    with pytest.raises(InputError, match=r"1 Magnesium \(3 points\), 2 Aluminium \(1 points\)"):
        read_texture(file)
    magnesium = read_texture(file, phase="magnesium")
    assert magnesium.lattice == "hexagonal" and len(magnesium) == 3
    assert same(magnesium.orientations, rotations_from_euler(ANGLES[:3]), 1e-6)
    assert same(read_texture(file, phase=2).orientations, rotations_from_euler(ANGLES[3:4]), 1e-6)
    assert read_texture(file, phase=2).lattice == "cubic"
    # The map's axes: a half-turn about x + y takes x to y.
    turned = Rotation.from_rotvec(np.pi * np.array([1, 1, 0]) / np.sqrt(2)).as_matrix()
    on_map = read_texture(file, phase=1, frame="map")
    assert same(on_map.orientations, turned @ magnesium.orientations, 1e-14)
    with pytest.raises(InputError, match="phase 'iron'"):
        read_texture(file, phase="iron")


def test_ang_of_one_phase_that_edax_numbers_0(tmp_path):
    head = ANG.split("# Phase 2")[0] + "# GRID: SqrGrid\n"
    texture = read_texture(written(tmp_path, head + lines(ang_rows(0), "%.6f"), "map.ang"))
    assert len(texture) == 4 and texture.lattice == "hexagonal"
    assert "2 are not indexed" in " ".join(texture.said)


def test_ctf(tmp_path):
    rows = np.zeros((5, 11))
    rows[:, 0] = (1, 0, 2, 1, 1)
    rows[:, 5:8] = ANGLES[:5]
    file = written(tmp_path, CTF + lines(rows).replace(" ", "\t").replace(".", ","), "map.ctf")
    cubic = read_texture(file, phase="Aluminium")
    assert same(cubic.orientations, rotations_from_euler(ANGLES[2:3]))
    magnesium = read_texture(file, phase="Magnesium")
    as_filed = rotations_from_euler(ANGLES[[0, 3, 4]])
    # x of the file's lattice frame is a* = [10-10], 30 degrees from a = [2-1-10] about c.
    a_star = np.array([np.cos(np.pi / 6), 0.5, 0])
    assert same(magnesium.orientations @ a_star, as_filed[..., 0])
    assert same(magnesium.orientations[..., 2], as_filed[..., 2])
    on_map = read_texture(file, phase=1, frame="map")
    half = Rotation.from_euler("x", 180, degrees=True).as_matrix()
    assert same(on_map.orientations, half @ magnesium.orientations, 1e-14)


def test_x_along_a_or_a_star(tmp_path):
    """MTEX's own hexagonal frame has x along a*; told so, a table is turned as a .ctf file is."""
    file = written(tmp_path, lines(ANGLES))
    plain, turned = (read_texture(file, hexagonal_x=x) for x in ("a", "a*"))
    assert same(plain.orientations, rotations_from_euler(ANGLES))
    a_star = np.array([np.cos(np.pi / 6), 0.5, 0])
    assert same(turned.orientations @ a_star, plain.orientations[..., 0])
    assert "turned to a" in turned.said[-1]
    rows = np.column_stack((np.ones((20, 5)), ANGLES, np.ones((20, 3))))
    ctf = read_texture(written(tmp_path, CTF + lines(rows)))
    assert same(ctf.orientations, turned.orientations)
    with pytest.raises(InputError, match="hexagonal_x is 'b'"):
        read_texture(file, hexagonal_x="b")


def test_density_on_a_grid_of_angles(tmp_path):
    """A density of 1 on a regular grid is a uniform texture: second moments of the axes are I/3."""
    grid = np.stack(np.meshgrid(*[np.arange(0, top, 15.0) for top in (360, 181, 360)]), axis=-1)
    table = np.column_stack((grid.reshape(-1, 3), np.ones(grid.size // 3)))
    head = '% MTEX ODF\n% crystal symmetry: "m-3m"\n% phi1 Phi phi2 value\n'
    texture = read_texture(written(tmp_path, head + lines(table)))
    assert texture.lattice == "cubic" and "density" in texture.said[2]
    moments = np.einsum("n,nia,nja->aij", texture.weights, texture.orientations,
                        texture.orientations)  # fmt: skip
    assert np.abs(moments - np.eye(3) / 3).max() < 0.005
    # The same angles in no grid are weighted as they are.
    texture = read_texture(written(tmp_path, head + lines(table[1:])))
    assert same(texture.weights, 1 / (len(table) - 1), 1e-12)


def test_damask_material_yaml(tmp_path):
    q = quaternions_from_rotations(Q)
    text = "homogenization: {SX: {N_constituents: 1}}\nphase:\n  Mg: {lattice: hP, c/a: 1.62}\n"
    text += "material:\n" + "".join(
        f"- homogenization: SX\n  constituents:\n  - phase: Mg\n    O: {row}\n    v: {v}\n"
        for row, v in zip(q.tolist(), WEIGHTS.tolist(), strict=True)
    )
    texture = read_texture(written(tmp_path, text, "material.yaml"))
    assert same(texture.orientations, Q, 1e-14) and same(texture.weights, WEIGHTS, 1e-14)
    assert texture.lattice == "hexagonal"
    # Its quaternion of Bunge's angles, P = -1.
    a, b, c = np.radians(euler_from_rotations(Q)).T / 2
    formula = np.stack(
        (
            np.cos(b) * np.cos(a + c),
            np.sin(b) * np.cos(a - c),
            np.sin(b) * np.sin(a - c),
            np.cos(b) * np.sin(a + c),
        ),
        axis=-1,
    )
    assert same(np.abs((formula * q).sum(-1)), 1.0, 1e-14)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\nc\nB 3\n1 2 3 1\n", "3 grains are announced, but 1 lines follow"),
        ("a\nb\nc\nC 1\n1 2 3 1\n", "convention is 'C'.*B.*R.*K"),
        ("a\nb\nc\nB 2\n1 2 3 1\n1 2 x 1\n", "line 6"),
        ("a\nb\nc\nB 2\n1 2 3 1\n1 2 3 -1\n", "line 6: the weight is -1"),
        ("a\nb\nc\nB 1\n1 2 3 0\n", "sum 0"),
        ("phi1 Phi phi2 weight\n1 2 3 nan\n", "line 2.*NaN"),
        ("phi1 Phi phi2 weight\n1 2 3 -1\n", "line 2: the weight is -1"),
        ("r1 r2 r3\n1 2 3\n", "no rotation is known in columns named 'r1 r2 r3'"),
        ("psi theta phi\n1 2 3\n", "Roe's or Kocks'"),
        ("1 2 3 4 5 6\n", "line 1: 6 columns.*names"),
        ("Channel Text File\nPhases 1\n", "no line names the columns"),
        (CTF, "no points"),
        (CTF + "0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\n", "none of its 1 points is indexed"),
        (CTF + "1\t0\t0\t0\t0\t0\tten\t0\t0\t0\t0\n", "line 10.*11 numbers"),
        (ANG + "1 2 3\n", "line 13: 3 columns"),
        ("material: 3\n", "list of materials"),
        ("material:\n- constituents: [{O: [1, 0, 0, 1], phase: A}]\n", "material 0: O is"),
        ("material: [\n", "material|flow|pars"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, text, expected):
    file = written(tmp_path, text)
    with pytest.raises(InputError) as error:
        read_texture(file)
    assert re.search(expected, str(error.value)) and "\n" not in str(error.value)


def test_options_that_a_file_has_no_use_for_are_refused(tmp_path):
    file = written(tmp_path, "1 2 3\n")
    for option in ({"block": 1}, {"phase": 1}, {"frame": "map"}):
        with pytest.raises(InputError, match=f"no use for the option {next(iter(option))}"):
            read_texture(file, **option)
    with pytest.raises(InputError, match="notation is 'rodrigues'"):
        read_texture(file, notation="rodrigues")
    (tmp_path / "binary").write_bytes(b"\0\1")
    with pytest.raises(InputError, match="no text"):
        read_texture(tmp_path / "binary")


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (np.ones(3), "shape"),
        (np.zeros(12), "sum 0"),
        (np.r_[np.ones(11), -1.0], "grain 11 is -1"),
        (np.r_[np.nan, np.ones(11)], "grain 0 is nan"),
    ],
)
def test_bad_weights_are_refused(weights, expected):
    with pytest.raises(InputError, match=expected):
        Texture(Q, weights)
