# SPDX-License-Identifier: MIT
"""The same input on other grids, and what a PCA-Net's basis alone costs (Liu et al., figure 1d)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from mlms_fenics.kinematics.strain import isometry, isometry_inverse
from mlms_fenics.materials.polycrystal import Polycrystal
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.histories import given_future, logarithm, resampled, run
from mlms_fenics.surrogate.metrics import exact_pressure, path_errors

STEPS = (50, 100, 200, 500, 1000)
REFERENCES = 8  # paths that the polycrystal is asked about


def discretisation(
    law: LearntLaw,
    U: np.ndarray,
    sigma: np.ndarray,
    time: np.ndarray,
    reference: Polycrystal | None = None,
) -> dict[str, Any]:
    """Errors of the same input on 50, 100, 200, 500 and 1000 steps (Liu et al. 2022, figure 1d).

    The input is the data's history, thinned or interpolated; the error is taken at 51 instants that
    all have in common. Step by step ("on-line") and, where the law has such a form, given the whole
    history ("off-line").

    Args:
        law: to be judged.
        U, sigma: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`, GPa.
        time: *Shape* `(n_t + 1,)`, µs.
        reference: the law's own polycrystal, or None. Thinning changes the path itself; against
            the cell on the same input (a few paths) only the law is left to blame.

    Returns:
        "steps"; for each form and, with a reference, "cell" mean "total" and "deviatoric" errors
        against the data; for each form the mean deviatoric errors "on_the_same_input" (without a
        reference those against the data) and the largest over the one on the data's steps,
        "worst_over_own"; "pca", see `projection_error`.
    """
    horizon, own = float(time[-1]), len(time) - 1
    common = np.linspace(0.0, horizon, STEPS[0] + 1)

    def on_grids(stress: Callable, rows: slice) -> dict[int, np.ndarray]:
        found = {}
        for n in {*STEPS, own}:
            times = np.linspace(0.0, horizon, n + 1)
            found[n] = resampled(stress(resampled(U[rows], time, times), times), times, common)
        return found

    truth = resampled(sigma, time, common)
    result: dict[str, Any] = {"steps": list(STEPS)}
    forms = {"on-line": lambda U, t: run(law, U, t)[0]}
    if hasattr(law, "stress_given_future"):
        forms["off-line"] = lambda U, t: given_future(law, U, float(t[-1]))
    some = slice(None, REFERENCES)
    cell = {} if reference is None else on_grids(reference.stress, some)
    if cell:
        result["cell"] = _means(cell, truth[some], common)
    for name, stress in forms.items():
        found = on_grids(stress, slice(None))
        result[name] = _means(found, truth, common)
        there = {n: (found[n], truth) for n in found}
        there |= {n: (found[n][some], cell[n]) for n in cell}
        errors = {n: _deviatoric(*pair, common) for n, pair in there.items()}
        result[name]["on_the_same_input"] = [errors[n] for n in STEPS]
        result[name]["worst_over_own"] = max(errors.values()) / max(errors[own], 1e-12)
    projected = projection_error(law, U, sigma, time)
    return result if projected is None else {**result, "pca": projected}


def _deviatoric(found: np.ndarray, truth: np.ndarray, time: np.ndarray) -> float:
    return float(path_errors(found, truth, time)["deviatoric"].mean())


def _means(
    found: dict[int, np.ndarray], truth: np.ndarray, time: np.ndarray
) -> dict[str, list[float]]:
    errors = [path_errors(found[n], truth, time) for n in STEPS]
    return {part: [float(e[part].mean()) for e in errors] for part in ("total", "deviatoric")}


def projection_error(
    law: LearntLaw, U: np.ndarray, sigma: np.ndarray, time: np.ndarray
) -> dict[str, list[float]] | None:
    """Error that the output basis of a PCA-Net alone makes, against the number of modes kept.

    Returns:
        None for a law without such a basis or on another grid, otherwise "modes" and the mean
        "total" and "deviatoric" errors of the true stress histories projected on so many of them
        (of the paper's recipe: of each component).
    """
    network = law.network
    basis = getattr(network, "output_basis", None)
    if basis is None or getattr(network, "inelastic", False) or len(time) - 1 != basis.n_t:
        return None
    strain = logarithm(U)
    volume = strain[..., : law.dimension].sum(-1, keepdims=True)
    deviatoric = network.stress == "deviator"
    if network.stress == "total":
        E, back, scale, known = np.eye(U.shape[-1]), np.eye(U.shape[-1]), 1.0, 0.0
    else:
        E, back = isometry(law.dimension, deviatoric), isometry_inverse(law.dimension, deviatoric)
        scale = np.exp(volume) / (2.0 * law.shear_modulus)
        known = exact_pressure(U, law.bulk_modulus)
    y = torch.as_tensor(scale * ((sigma - known) @ E.T), dtype=torch.float64)
    functions = basis.functions.detach().to("cpu", torch.float64)
    mean = basis.mean.detach().to("cpu", torch.float64)
    encoder = basis.encoder().to("cpu", torch.float64)
    coefficients = (y - mean).flatten(1) @ encoder
    # Modes are sorted by size, those of the paper's recipe within each component.
    rank = torch.arange(len(functions))
    if network.stress == "total":
        own = functions.square().sum(1).argmax(1)
        for c in range(U.shape[-1]):
            rank[own == c] = torch.arange(int((own == c).sum()))
    each = int(rank.max()) + 1
    counts = sorted({m for m in (1, 2, 5, 10, 20, 30, 60, 100) if m < each} | {each})
    result: dict[str, list[float]] = {"modes": [], "total": [], "deviatoric": []}
    for m in counts:
        keep = (rank < m).double()
        history = (coefficients * keep) @ functions.flatten(1) + mean.flatten()
        found = known + (history.unflatten(1, y.shape[1:]).numpy() / scale) @ back.T
        errors = path_errors(found, sigma, time)
        result["modes"].append(m)
        for part in ("total", "deviatoric"):
            result[part].append(float(errors[part].mean()))
    return result
