# SPDX-License-Identifier: MIT
"""Measured stress-strain curves, and the same curves of a law."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.microstructure import Texture
from mlms_fenics.microstructure.formats.lines import numbers_of, table_of, words_of
from mlms_fenics.numbers import check_positive, check_whole
from mlms_fenics.unitcell.loadings import LOADINGS
from mlms_fenics.unitcell.mixed_control import mixed_control
from mlms_fenics.units import MEGAPASCAL
from mlms_fenics.yaml_values import read_text

# The stress that is measured: along the load, or the shear.
STRESSES = {
    "uniaxial-stress": (0, 0),
    "plane-strain": (2, 2),
    "plane-stress": (0, 0),
    "torsion": (0, 1),
}


@dataclass(frozen=True)
class Curve:
    """One measured curve.

    Attributes:
        name: for messages and the picture.
        strain: true strain (of torsion the shear), away from 0 from point to point, all of one
            sign, *Shape* `(n,)`.
        stress: true stress of the loading's component, GPa, *Shape* `(n,)`.
        texture: of the specimen, lattice to the loading's axes.
        loading: a key of `unitcell.loadings.LOADINGS`.
        rate: of the strain, 1/µs.
        error: of one stress, GPa: points count by its inverse; None: the root mean square of the
            curve's stress, so that all curves count alike.
        steps: of the simulation.

    Raises:
        InputError: a value out of range, or strains that do not go one way.
    """

    name: str
    strain: np.ndarray
    stress: np.ndarray
    texture: Texture
    loading: str = "uniaxial-stress"
    rate: float = 1e-9
    error: float | None = None
    steps: int = 40

    def __post_init__(self) -> None:
        require(
            self.loading in LOADINGS,
            f"curve {self.name}: loading is {self.loading!r}, but must be one of "
            f"{', '.join(LOADINGS)}",
        )
        check_positive(f"curve {self.name}: rate", self.rate, "1/µs")
        check_whole(f"curve {self.name}: steps", self.steps, 2)
        if self.error is not None:
            check_positive(f"curve {self.name}: error", self.error, "GPa")
        e, s = self.strain, self.stress
        require(
            e.ndim == 1 and e.shape == s.shape and len(e) > 1,
            f"curve {self.name}: strain and stress must be of equal length, at least 2, got shapes "
            f"{e.shape} and {s.shape}",
        )
        bad = ~(np.isfinite(e) & np.isfinite(s))
        require(
            not bad.any(), f"curve {self.name}, point {np.argmax(bad) + 1}: NaN or infinite value"
        )
        away = np.sign(e[-1]) * np.concatenate(([0.0], e))
        back = np.diff(away) < 0
        back[1:] |= np.diff(away)[1:] == 0
        require(
            not back.any() and e[-1] != 0,
            f"curve {self.name}, point {np.argmax(back) + 1}: the strain "
            f"{e[np.argmax(back)]:g} does not go on from the one before; strains must go one way, "
            "away from 0",
        )
        require(bool(np.any(s)), f"curve {self.name}: all stresses are 0")

    @property
    def scale(self) -> float:
        """What a stress's misfit is divided by, GPa."""
        return float(np.sqrt(np.mean(self.stress**2))) if self.error is None else self.error


def simulate(law: CrystalLaw, curve: Curve, tolerance: float = 1e-3) -> np.ndarray:
    """The stress of a law at a curve's strains, GPa, *Shape* `(n,)`.

    Args:
        law: the crystal.
        curve: what is to be simulated.
        tolerance: relative error of the average stress that the integration may make; prescribed
            stresses are met to the same.

    Raises:
        SimulationError: the law cannot be strained so.
    """
    loading = LOADINGS[curve.loading](float(curve.strain[-1]), curve.rate, curve.steps)
    result = mixed_control(
        law,
        curve.texture.orientations,
        loading,
        weights=curve.texture.weights,
        tolerance=tolerance,
        residual=tolerance,
    )
    stress = result.stress[(slice(None), *STRESSES[curve.loading])]
    return np.interp(np.abs(curve.strain), np.abs(loading.strain), stress)


def read_points(
    path: Path, columns: tuple[str | int, str | int], engineering: bool, compression: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Strain and stress (GPa) of a table with columns split by commas, semicolons or blanks.

    Args:
        path: the file; a first line of names is allowed, text from `#` on is a comment.
        columns: of the strain and of the stress in MPa, by name or by number from 1 on.
        engineering: whether they refer to the undeformed specimen.
        compression: whether the signs are to be turned.

    Raises:
        InputError: the file cannot be read, a line is no line of numbers, no such column.
    """
    text = read_text(path, "curve")
    lines = [(k, words_of(line.split("#")[0])) for k, line in enumerate(text.splitlines(), 1)]
    lines = [(k, words) for k, words in lines if words]
    require(len(lines) > 0, f"{path} holds no points")
    names = lines.pop(0)[1] if numbers_of(lines[0][1]) is None else []
    rows = []
    for k, words in lines:
        row = numbers_of(words)
        require(row is not None, f"{path}, line {k}: {' '.join(words)!r} is not all numbers")
        rows.append(row)
    require(len(rows) > 1, f"{path} holds {len(rows)} points, but must hold at least 2")
    table = table_of(path, rows, [k for k, _ in lines])
    sign = -1.0 if compression else 1.0
    e, s = (sign * table[:, _column(path, c, names, table.shape[1])] for c in columns)
    if engineering:
        require(bool((e > -1).all()), f"{path}: an engineering strain is not above -1")
        s, e = s * (1.0 + e), np.log1p(e)
    return e, s * MEGAPASCAL


def _column(path: Path, wanted: str | int, names: list[str], count: int) -> int:
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        require(1 <= wanted <= count, f"{path}: no column {wanted}; there are {count}")
        return wanted - 1
    if wanted not in names:
        raise InputError(
            f"{path}: no column {wanted!r}; there are {', '.join(names) or 'no names'}"
        )
    return names.index(wanted)
