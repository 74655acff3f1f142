# SPDX-License-Identifier: MIT
"""Orientations in text files."""

import os
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.files import replacing
from mlms_fenics.microstructure.formats.columns import read_columns
from mlms_fenics.microstructure.formats.damask import is_damask, read_damask
from mlms_fenics.microstructure.formats.ebsd import is_ang, is_ctf, read_ang, read_ctf
from mlms_fenics.microstructure.formats.vpsc import is_vpsc, read_vpsc
from mlms_fenics.microstructure.measured import ReadingOptions, Texture
from mlms_fenics.microstructure.rotations import (
    check_rotations,
    euler_from_rotations,
    quaternions_from_rotations,
    rotations_from_euler,
)
from mlms_fenics.weights import are_equal, check_weights

_READERS = (
    (is_ctf, read_ctf),
    (is_ang, read_ang),
    (is_damask, read_damask),
    (is_vpsc, read_vpsc),
    (lambda lines: True, read_columns),
)
# A lattice vector v with x along a* has, with x along a, the components R_z(30°) v.
_TO_A = {"a": np.eye(3), "a*": rotations_from_euler(np.array([-30.0, 0.0, 0.0]))}


def read_texture(
    path: str | os.PathLike,
    *,
    block: int | None = None,
    phase: str | int | None = None,
    notation: str | None = None,
    radians: bool | None = None,
    frame: str | None = None,
    hexagonal_x: str | None = None,
) -> Texture:
    """Weighted orientations from a file; what it is is seen from its content.

    - A table, one grain a line, columns split by blanks, commas or semicolons, text from `#` or `%`
      on a comment. A line of names says what the columns are (phi1 Phi phi2 weight; Psi Theta Phi
      for Roe; Psi Theta phi for Kocks; alpha beta gamma for Matthies; w x y z or x y z w for
      quaternions). Without names: 3 columns, Bunge's Euler angles in degrees; 4, a quaternion
      w x y z of the rotation from lattice to sample, or Euler angles and a weight; 5, a quaternion
      and a weight; 1, a plane angle (2D).
    - `.tex` of VPSC and its like: blocks of three lines of header, `B 500` (Bunge; R, Roe; K,
      Kocks), then angles in degrees and weights.
    - `.ang` (EDAX) and `.ctf` (Oxford) maps: each indexed point an orientation.
    - DAMASK's `material.yaml`.

    Args:
        path: the file.
        block: of a .tex file, from 1 on; None: the last.
        phase: of a map or of material.yaml, by number or name; None: the only one.
        notation: of a table without names, a key of `formats.columns.NOTATIONS`.
        radians: whether a table's angles are in radians; None: degrees, and refused where they
            look like radians.
        frame: of a map, "euler" (the axes that its angles refer to, the default) or "map" (turned
            to the axes of its x and y).
        hexagonal_x: how the file's angles take x to lie in a hexagonal lattice: "a", along [2-1-10]
            as here, or "a*", along [10-10], as MTEX has it unless told otherwise; None: a* of .ctf,
            a of all others.

    Raises:
        InputError: the file cannot be read, a line is not what it should be (named), or an option
            that such a file has no use for.
    """
    path = Path(path)
    lines = _lines(path)
    options = ReadingOptions(block, phase, notation, radians, frame)
    reader = next(read for fits, read in _READERS if fits(lines))
    texture = reader(path, lines, options)
    if hexagonal_x is None and texture.lattice == "hexagonal":
        hexagonal_x = "a*" if reader is read_ctf else "a"
    return texture if hexagonal_x is None else _with_x_along_a(texture, hexagonal_x)


def _with_x_along_a(texture: Texture, x: str) -> Texture:
    """The texture with x along a of a hexagonal lattice, read with x along what is said."""
    if x not in _TO_A:
        raise InputError(f"hexagonal_x is '{x}', but must be one of {', '.join(_TO_A)}")
    require(texture.orientations.shape[-1] == 3, "hexagonal_x is for orientations in 3D")
    said = (*texture.said, f"hexagonal x along {x}" + (" (turned to a)" if x == "a*" else ""))
    Q = texture.orientations @ _TO_A[x] if x == "a*" else texture.orientations
    return Texture(Q, texture.weights, texture.lattice, said)


def read_orientations(path: str | os.PathLike) -> np.ndarray:
    """Orientations of equal weight from a file that `read_texture` reads.

    Args:
        path: the file.

    Returns:
        Q, float64, *Shape* `(n, 3, 3)`, or `(n, 2, 2)` of plane angles.

    Raises:
        InputError: the file cannot be read, a line is not what it should be (names the line), or
            its weights are not all equal.
    """
    texture = read_texture(path)
    if not are_equal(texture.weights):
        raise InputError(
            f"{path}: its orientations have different weights, which would be lost here: use "
            "read_texture"
        )
    return texture.orientations


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"orientations: cannot read '{path}': {error}") from error
    if b"\0" in content:
        raise InputError(f"orientations: cannot read '{path}': it is no text file")
    try:
        return content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:  # maps are often written in the microscope's own alphabet
        return content.decode("latin-1").splitlines()


def write_orientations(
    path: str | os.PathLike,
    orientations: np.ndarray,
    notation: str = "euler",
    weights: np.ndarray | None = None,
) -> None:
    """Write orientations so that `read_texture` gives them back (to 1e-14).

    Args:
        path: the file; replaced whole.
        orientations: Q, *Shape* `(n, 3, 3)` or `(n, 2, 2)`.
        notation: "euler" (Bunge, degrees) or "quaternion"; 2D always writes one angle.
        weights: a last column, scaled to the sum 1, *Shape* `(n,)`; None: no such column.

    Raises:
        InputError: unknown notation, no rotations, or bad weights.
    """
    Q = check_rotations(orientations)
    if Q.shape[-1] == 2:
        header, table = "angle", np.degrees(np.arctan2(Q[:, 1, 0], Q[:, 0, 0]))[:, None]
    elif notation == "euler":
        header, table = "phi1 Phi phi2", euler_from_rotations(Q)
    elif notation == "quaternion":
        header, table = "w x y z", quaternions_from_rotations(Q)
    else:
        raise InputError(f"notation is '{notation}', but must be 'euler' or 'quaternion'")
    if weights is not None:
        header += " weight"
        table = np.column_stack((table, check_weights(weights, len(Q))))
    with replacing(path) as beside:
        np.savetxt(beside, table, fmt="%.17g", header=header, comments="")
