# SPDX-License-Identifier: MIT
"""Least squares over impacts: the numbers with which a bar's final shape is the measured one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from mlms_fenics.calibrate.uncertainty import Uncertainty, at_bounds, uncertainty
from mlms_fenics.errors import InputError, require


@dataclass(frozen=True)
class Unknown:
    """A positive number that is looked for, by its logarithm.

    Attributes:
        name: "rolled", or a parameter of the metal as `--set` names it.
        low, high: what is admitted, 0 < low < high.
    """

    name: str
    low: float
    high: float

    @classmethod
    def parse(cls, text: str, known: Mapping[str, tuple[float, float]] | None = None) -> "Unknown":
        """From `NAME=LOW:HIGH`, or `NAME` of a number whose bounds are known.

        Raises:
            InputError: it is neither.
        """
        name, equal, bounds = text.partition("=")
        if not equal and known and name in known:
            return cls(name, *known[name])
        try:
            low, high = (float(word) for word in bounds.split(":"))
        except ValueError:
            low = high = np.nan
        require(
            bool(name) and 0.0 < low < high < np.inf,
            f"--unknown {text!r}: must be NAME=LOW:HIGH with 0 < LOW < HIGH, such as "
            "rolled=10:40 or tensile_twin.tau_0=0.01:0.2",
        )
        return cls(name, low, high)


@dataclass(frozen=True)
class Profile:
    """A measured shape: half widths of the bar in some directions at some heights above the wall.

    Attributes:
        angles: from x towards y, degrees, *Shape* `(n,)`.
        heights, half_widths: mm, *Shape* `(n,)`.
        length: of the bar, mm; NaN where it was not measured.
    """

    angles: np.ndarray
    heights: np.ndarray
    half_widths: np.ndarray
    length: float = np.nan

    def misfit(self, shape: dict) -> np.ndarray:
        """Simulated less measured, over the mean half width (the length: over itself).

        Args:
            shape: footprint.json of a run.
        """
        angles = np.asarray(shape["angles [degrees]"])
        heights, widths = np.asarray(shape["heights [mm]"]), np.asarray(shape["half widths [mm]"])
        found = np.empty_like(self.half_widths)
        for angle in np.unique(self.angles):
            own = self.angles == angle
            at = _around(angles, widths, angle)
            found[own] = np.interp(self.heights[own], heights, at)
        rest = (found - self.half_widths) / self.half_widths.mean()
        if np.isnan(self.length):
            return rest
        return np.append(rest, shape["length [mm]"] / self.length - 1.0)


def _around(angles: np.ndarray, widths: np.ndarray, angle: float) -> np.ndarray:
    """Half widths of each layer at an angle, linear between those given; of period 180°."""
    around = np.append(angles, angles[0] + 180.0)
    closed = np.concatenate([widths, widths[:, :1]], axis=1)
    turned = (angle - angles[0]) % 180.0 + angles[0]
    return np.array([np.interp(turned, around, row) for row in closed])


def read_profile(path: Path) -> Profile:
    """From a CSV file of the columns angle_deg, height_mm and half_width_mm.

    A line `length_mm,VALUE` gives the bar's length.

    Raises:
        InputError: no such file, a line that is none of these, or too few of them.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"profile {path}: {error.strerror}") from error
    rows, length = [], np.nan
    for number, line in enumerate(lines, 1):
        words = [word.strip() for word in line.split("#")[0].split(",")]
        if words == [""] or words[0] == "angle_deg":
            continue
        try:
            if words[0] == "length_mm":
                length = float(words[1])
                continue
            values = [float(word) for word in words]
        except (ValueError, IndexError):
            values = []
        require(
            len(values) == 3 and bool(np.isfinite(values).all()) and values[2] > 0.0,
            f"profile {path}, line {number}: {line!r} must be angle_deg,height_mm,half_width_mm "
            "with a positive half width, or length_mm,VALUE",
        )
        rows.append(values)
    require(len(rows) >= 3, f"profile {path} has {len(rows)} points: at least 3 are needed")
    return Profile(*np.array(rows).T, length=length)


@dataclass(frozen=True)
class Identified:
    """What `identify` returns.

    Attributes:
        numbers: *Shape* `(p,)`.
        errors: their standard errors, in the same units, *Shape* `(p,)`; NaN at a bound.
        at_bound: of each "low", "high" or "".
        uncertainty: of the logarithms.
        misfit: root mean square, over the mean half width.
        runs: impacts that were needed.
    """

    numbers: np.ndarray
    errors: np.ndarray
    at_bound: list[str]
    uncertainty: Uncertainty
    misfit: float
    runs: int


def identify(
    unknowns: Sequence[Unknown],
    simulate: Callable[[np.ndarray], np.ndarray],
    difference: float = 0.05,
    steps: int = 12,
) -> Identified:
    """Find the numbers with the least misfit.

    Args:
        unknowns: what is looked for; the search begins in the (geometric) middle of the bounds.
        simulate: from numbers `(p,)` to the misfit `(n,)`.
        difference: of logarithms, for derivatives: larger than what a mesh makes of a change.
        steps: most iterations.

    Raises:
        InputError: fewer points than unknowns.
    """
    low = np.log([u.low for u in unknowns])
    high = np.log([u.high for u in unknowns])
    known: dict[bytes, np.ndarray] = {}

    def residuals(x: np.ndarray) -> np.ndarray:
        key = np.round(x, 12).tobytes()
        if key not in known:
            known[key] = simulate(np.exp(x))
        return known[key]

    def jacobian(x: np.ndarray) -> np.ndarray:
        columns = []
        for k in range(len(x)):
            up, down = x.copy(), x.copy()
            up[k], down[k] = min(x[k] + difference, high[k]), max(x[k] - difference, low[k])
            columns.append((residuals(up) - residuals(down)) / (up[k] - down[k]))
        return np.stack(columns, axis=1)

    start = 0.5 * (low + high)
    require(
        len(residuals(start)) > len(unknowns),
        f"{len(residuals(start))} measured points cannot tell {len(unknowns)} unknowns",
    )
    found = least_squares(
        residuals, start, jac=jacobian, bounds=(low, high), x_scale=high - low,
        xtol=1e-3, ftol=1e-4, gtol=1e-8, max_nfev=steps,
    )  # fmt: skip
    at_bound = at_bounds(found.x, low, high)
    about = uncertainty(found.fun, found.jac, np.array([bool(w) for w in at_bound]))
    numbers = np.exp(found.x)
    return Identified(
        numbers=numbers,
        errors=numbers * about.standard_errors,
        at_bound=at_bound,
        uncertainty=about,
        misfit=float(np.sqrt(np.mean(found.fun**2))),
        runs=len(known),
    )
