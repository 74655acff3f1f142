# SPDX-License-Identifier: MIT
"""Errors of stress histories, and the baseline that every learnt law has to beat."""

from collections.abc import Mapping

import numpy as np

from mlms_fenics.kinematics.strain import isometry

MEASURES = ("total", "deviatoric", "pressure", "von_mises_mpa")
STATISTICS = ("mean", "median", "p90", "max")


def _norm(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """L2 norm in time of *Shape* `(N, n_t + 1, c)` coordinates -> `(N,)`."""
    return np.sqrt(np.einsum("ntc,t->n", np.square(x), weights))


def path_errors(
    sigma: np.ndarray, reference: np.ndarray, time: np.ndarray
) -> dict[str, np.ndarray]:
    """Errors of each path against the reference.

    Args:
        sigma, reference: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`, GPa.
        time: *Shape* `(n_t + 1,)`, µs.

    Returns:
        Arrays of *Shape* `(N,)`: "total" (relative L2 norm in time of the Frobenius norm: Liu et
        al. 2022, section 3), "deviatoric" and "pressure" (the same for either part alone),
        "von_mises_mpa" (root mean square in time of the difference in von Mises stress, MPa); and
        of the path's end alone "end_total" and "end_deviatoric" (Frobenius norm, relative to the
        path's root mean square of the same) and "end_von_mises_mpa".
    """
    sigma, reference = np.asarray(sigma, np.float64), np.asarray(reference, np.float64)
    time = np.asarray(time, np.float64)
    dimension = 3 if sigma.shape[-1] == 6 else 2
    weights = np.zeros(len(time))
    weights[1:] += np.diff(time) / 2
    weights[:-1] += np.diff(time) / 2
    E = isometry(dimension, deviatoric=True).T
    whole = isometry(dimension).T
    mean = np.eye(sigma.shape[-1])[:, :dimension].sum(1, keepdims=True) / np.sqrt(dimension)
    norm = _norm(reference @ whole, weights)
    tiny = np.finfo(np.float64).tiny
    duration = time[-1] - time[0]
    errors = {"total": _norm((sigma - reference) @ whole, weights) / np.maximum(norm, tiny)}
    ends = {"end_total": _end(sigma, reference, whole, norm, duration)}
    for name, rows in (("deviatoric", E), ("pressure", mean)):
        own = _norm(reference @ rows, weights)
        # A path without this part (isochoric up to single precision, say) is measured against the
        # whole instead.
        scale = np.where(own > 1e-4 * norm, own, norm)
        errors[name] = _norm((sigma - reference) @ rows, weights) / np.maximum(scale, tiny)
        if name == "deviatoric":
            ends["end_deviatoric"] = _end(sigma, reference, rows, scale, duration)
    mises = [np.sqrt(1.5) * np.linalg.norm(s @ E, axis=-1) for s in (sigma, reference)]
    errors["von_mises_mpa"] = 1e3 * np.sqrt(np.square(mises[0] - mises[1]) @ weights / duration)
    ends["end_von_mises_mpa"] = 1e3 * np.abs(mises[0] - mises[1])[:, -1]
    return {**errors, **ends}


def _end(
    sigma: np.ndarray, reference: np.ndarray, rows: np.ndarray, norm: np.ndarray, duration: float
) -> np.ndarray:
    """Error at the end relative to a root mean square, given the L2 norm in time."""
    size = np.maximum(norm / np.sqrt(duration), np.finfo(np.float64).tiny)
    return np.linalg.norm((sigma - reference)[:, -1] @ rows, axis=-1) / size


def summary(errors: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Mean, median, 90th percentile and maximum over paths of each measure."""
    functions = (np.mean, np.median, lambda e: np.quantile(e, 0.9), np.max)
    return {
        name: {s: float(f(e)) for s, f in zip(STATISTICS, functions, strict=True)}
        for name, e in errors.items()
    }


def exact_pressure(U: np.ndarray, bulk_modulus: float) -> np.ndarray:
    """The baseline: zero deviator, pressure part 2 λ_e (det U - 1) of the crystal's energy.

    Args:
        U: components of the stretch, *Shape* `(..., 6)` or `(..., 3)` (plane strain).
        bulk_modulus: 2 λ_e, GPa.

    Returns:
        Components of the stress, U's shape, GPa.
    """
    U = np.asarray(U, np.float64)
    if U.shape[-1] == 6:
        a, b, c, d, e, f = np.moveaxis(U, -1, 0)
        det = a * (b * c - e * e) - d * (d * c - e * f) + f * (d * e - b * f)
        n = 3
    else:
        det = U[..., 0] * U[..., 1] - U[..., 2] ** 2
        n = 2
    sigma = np.zeros_like(U)
    sigma[..., :n] = bulk_modulus * (det - 1.0)[..., None]
    return sigma


def without_deviator(U: np.ndarray, bulk_modulus: float, shear_modulus: float) -> np.ndarray:
    """The baseline "zero deviator, exact pressure": stress of a volume change alone.

    In 3D `exact_pressure`. In plane strain the crystal's energy resists a change of area by its
    shear modulus too, since the thickness stays: the mean of the in-plane normal stresses under an
    equal stretch √J in both directions is 2 λ_e (J - 1) + (G/3) J^(-5/3) (J - 1).

    Args:
        U: components of the stretch, *Shape* `(..., 6)` or `(..., 3)` (plane strain).
        bulk_modulus: 2 λ_e, GPa.
        shear_modulus: G, GPa.

    Returns:
        Components of the stress, U's shape, GPa.
    """
    sigma = exact_pressure(U, bulk_modulus)
    if sigma.shape[-1] == 3:
        change = sigma[..., :2] / bulk_modulus
        sigma[..., :2] += shear_modulus / 3.0 * (1.0 + change) ** (-5.0 / 3.0) * change
    return sigma


def table(rows: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Text table of summaries by name: mean / median / p90 / max of each measure."""
    width = max([len(name) for name in rows] + [4])
    heading = f"{'':{width}}  " + "".join(f"{m:>34}" for m in MEASURES)
    lines = [heading, f"{'':{width}}  " + f"{'mean  median     p90     max':>34}" * len(MEASURES)]
    for name, row in rows.items():
        cells = []
        for measure in MEASURES:
            percent = not measure.endswith("mpa")
            values = [row[measure][s] * (100 if percent else 1) for s in STATISTICS]
            cells.append("".join(f"{v:7.2f}{'%' if percent else ' '}" for v in values).rjust(34))
        lines.append(f"{name:{width}}  " + "".join(cells))
    return "\n".join(lines)
