# SPDX-License-Identifier: MIT
"""How far one run is from another of the same body, on the same mesh."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.impact.snapshots import (
    cell_volumes,
    node_volumes,
    output_at,
    read_snapshot,
    relative_difference,
)
from mlms_fenics.io import XDMFReader, read_history

CELL_FIELDS = ("sigma_M", "e_d", "e_v")
ENERGIES = ("kinetic", "internal", "hourglass", "viscous")


@dataclass(frozen=True)
class Comparison:
    """Differences of a run from the truth.

    Attributes:
        times: µs.
        errors: by field, relative L² over the body at each time: "u", "motion" (u less what it
            would be had nothing been hit), "sigma_M", "e_d", "e_v".
        scalars: by name, value of the run and of the truth at the last time.
        force: relative L² over time of the contact force.
    """

    times: list[float]
    errors: dict[str, list[float]]
    scalars: dict[str, tuple[float, float]]
    force: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "times [us]": self.times,
            "relative L2": self.errors,
            "run and truth": {key: list(pair) for key, pair in self.scalars.items()},
            "contact force, relative L2 over time": self.force,
        }


def compare_runs(
    run: str | os.PathLike,
    truth: str | os.PathLike,
    times: Sequence[float],
    *,
    flight: float = 0.0,
) -> Comparison:
    """Compare two folders written by the same demo with different laws.

    Args:
        run, truth: folders with one XDMF file each and `history.csv`.
        times: of outputs that both have, µs.
        flight: axial velocity of the free body, mm/µs: "motion" is u less flight times time.

    Raises:
        InputError: files are missing, or of different meshes.
    """
    one, other = (XDMFReader(only_xdmf(folder)) for folder in (run, truth))
    errors: dict[str, list[float]] = {key: [] for key in ("u", "motion", *CELL_FIELDS)}
    volume = node_volume = None
    for time in times:
        a = read_snapshot(one, one.times[output_at(one, time)], ("u", *CELL_FIELDS))
        b = read_snapshot(other, other.times[output_at(other, time)], ("u", *CELL_FIELDS))
        require(
            a.connectivity.shape == b.connectivity.shape and np.allclose(a.points, b.points),
            f"{str(run)!r} and {str(truth)!r} are of different meshes and cannot be compared",
        )
        if volume is None:
            volume, node_volume = cell_volumes(b), node_volumes(b)
        free = np.array([0.0, 0.0, flight * time])
        errors["u"].append(relative_difference(a.nodal["u"], b.nodal["u"], node_volume))
        moved = (a.nodal["u"] - free, b.nodal["u"] - free)
        errors["motion"].append(relative_difference(*moved, node_volume))
        for key in CELL_FIELDS:
            errors[key].append(relative_difference(a.cell[key], b.cell[key], volume))
    histories = [read_history(Path(folder) / "history.csv") for folder in (run, truth)]
    return Comparison(list(times), errors, scalars(*histories), force_difference(*histories))


def only_xdmf(folder: str | os.PathLike) -> Path:
    """The folder's XDMF file.

    Raises:
        InputError: there is not exactly one.
    """
    found = sorted(Path(folder).glob("*.xdmf"))
    require(len(found) == 1, f"{str(folder)!r} holds {len(found)} XDMF files, but must hold one")
    return found[0]


def scalars(run: dict[str, Any], truth: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Shortest length, foot radius, impulse, gap and energies of both, as far as known."""

    def of(history: dict[str, Any]) -> dict[str, float]:
        impulse = np.diff(history["time"]) @ np.asarray(history["contact_force_z"])[1:]
        found = {"contact impulse [kN us]": float(impulse)}
        if "length" in history:
            found["shortest length [mm]"] = float(np.min(history["length"]))
            found["foot radius [mm]"] = float(history["foot_radius"][-1])
        if "gap" in history:
            found["gap at the end [mm]"] = float(history["gap"][-1])
        found |= {f"{key} energy [J]": float(history[key][-1]) for key in ENERGIES}
        return found

    a, b = of(run), of(truth)
    return {key: (a[key], b[key]) for key in b if key in a}


def force_difference(run: dict[str, Any], truth: dict[str, Any]) -> float:
    """Relative L² over time of the axial contact force, both smoothed over a fiftieth of the run.

    Single steps see nodes land one by one; what the smoothing keeps is the impulse.
    """
    end = min(run["time"][-1], truth["time"][-1])
    times = np.linspace(0.0, end, 51)

    def means(history: dict[str, Any]) -> np.ndarray:
        t, f = np.asarray(history["time"]), np.asarray(history["contact_force_z"])
        impulse = np.concatenate([[0.0], np.cumsum(np.diff(t) * f[1:])])
        return np.diff(np.interp(times, t, impulse)) / np.diff(times)

    a, b = means(run), means(truth)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Rank correlation (Spearman's), between −1 and 1."""
    from scipy.stats import spearmanr

    return float(spearmanr(x, y).statistic)
