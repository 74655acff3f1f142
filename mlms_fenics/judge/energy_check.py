# SPDX-License-Identifier: MIT
"""Does a learnt law make energy, or stiffness, out of nothing?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from mlms_fenics.kinematics.strain import isometry, isometry_inverse
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.materials.base import Material
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.histories import closed, exponential, logarithm, run

SHORTER = (1, 10)  # steps, as parts of the data's


def stress_work(U: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Work of the stress per reference volume up to each sample, J/mm³ (GPa).

    ∫ J σ : sym(dU U⁻¹) by the midpoint rule, for histories without rotation.

    Args:
        U, sigma: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`, GPa.

    Returns:
        *Shape* `(N, n_t + 1)`, zero at the first sample.
    """
    U, sigma = (from_components(np.asarray(x, np.float64)) for x in (U, sigma))
    middle, stress = (0.5 * (x[:, 1:] + x[:, :-1]) for x in (U, sigma))
    rate = np.diff(U, axis=1) @ np.linalg.inv(middle)
    increments = np.linalg.det(middle) * np.einsum("ntij,ntij->nt", stress, rate)
    return np.concatenate([np.zeros((len(U), 1)), increments.cumsum(1)], axis=1)


def closed_cycles(law: LearntLaw, U: np.ndarray, time: np.ndarray) -> tuple[dict, dict]:
    """Work over strain cycles that begin and end undeformed: never negative in a material.

    The cycles are the given paths less their chord in log U. From rest no material can give work
    away at any time of a cycle either.

    Args:
        law: to be judged.
        U: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`.
        time: *Shape* `(n_t + 1,)`, µs.

    Returns:
        Numbers ("violations": cycles with negative work; "largest_violation": the most negative,
        relative to the mean work; "at_any_time": cycles whose work is negative at some time by
        more than a millionth of the mean; "largest_at_any_time"), and the works, for a picture.
    """
    cycles = exponential(closed(logarithm(U)))
    work = stress_work(cycles, run(law, cycles, time)[0])
    total, lowest = work[:, -1], work.min(1)
    mean = float(np.abs(total).mean())
    numbers = {
        "cycles": len(U),
        "mean_work_gpa": float(total.mean()),
        "smallest_work_gpa": float(total.min()),
        "violations": int((total < 0.0).sum()),
        "largest_violation": float(max(0.0, -total.min()) / mean),
        "at_any_time": int((lowest < -1e-6 * mean).sum()),
        "largest_at_any_time": float(max(0.0, -lowest.min()) / mean),
    }
    return numbers, {"work": np.sort(total), "lowest": lowest}


@torch.no_grad()
def tangents(
    law: Material, U: np.ndarray, time: np.ndarray, samples: int = 20
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Largest eigenvalue of ∂σ/∂U along paths against the elastic ones, by central differences.

    An explicit code's time step relies on the elastic wave speed. The derivative is that of the
    stress at the end of a step with respect to U there, at the data's step and at a tenth of it, of
    the whole stress (elastic: 3K) and of deviator by deviator (2G), symmetric parts, in float64.

    Args:
        law: to be judged; in 3D any law.
        U: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`.
        time: *Shape* `(n_t + 1,)`, µs.
        samples: instants along the paths.

    Returns:
        For each step ratio of eigenvalues over elastic ones: "largest", "p99", "mean" of "total"
        and "deviatoric", and the smallest deviatoric one; and "time" and the instants' largest and
        smallest deviatoric ratio, for a picture.
    """
    law = law.to(dtype=torch.float64) if isinstance(law, LearntLaw) else law
    # Without rotation a learnt law need not look for one.
    update = law.stretch if isinstance(law, LearntLaw) else law.update
    d, n_t = 3 if U.shape[-1] == 6 else 2, len(time) - 1
    wanted = set(np.linspace(1, n_t - 1, min(samples, n_t - 1)).round().astype(int).tolist())
    path = torch.tensor(from_components(np.asarray(U, np.float64)), device=law.device)
    state = law.initial_state(len(path))
    found: dict[int, list[np.ndarray]] = {k: [] for k in SHORTER}
    for n in range(1, n_t):
        if n in wanted:
            step = float(time[n] - time[n - 1])
            for k in SHORTER:
                end = path[:, n - 1] + (path[:, n] - path[:, n - 1]) / k
                t = float(time[n - 1]) + step / k
                found[k].append(_tangent(update, end, t, step / k, state))
        t, dt = float(time[n]), float(time[n] - time[n - 1])
        state = update(path[:, n], t, dt, state)[1]
    # σ = K tr(e) I + 2G dev e, in plane strain with the deviator's 33 component left out.
    K, G = law.bulk_modulus, law.shear_modulus
    elastic = {"total": 3.0 * K if d == 3 else 2.0 * K + 2.0 * G / 3.0, "deviatoric": 2.0 * G}
    P = isometry(d, deviatoric=True) @ isometry_inverse(d)
    result: dict[str, Any] = {"points": len(U) * len(wanted)}
    picture: dict[str, Any] = {"time": time[sorted(wanted)]}
    for k in SHORTER:
        A = np.stack(found[k])
        entry: dict[str, Any] = {}
        for name, M in (("total", A), ("deviatoric", P @ A @ P.T)):
            ratios = np.linalg.eigvalsh(0.5 * (M + np.swapaxes(M, -1, -2))) / elastic[name]
            high = ratios[..., -1]
            entry[name] = {
                "largest": float(high.max()),
                "p99": float(np.quantile(high, 0.99)),
                "mean": float(high.mean()),
                "smallest": float(ratios.min()),
            }
            if name == "deviatoric":
                picture[k] = np.stack([high.max(1), ratios[..., 0].min(1)])
        result[f"step/{k}"] = entry
    return result, picture


def _tangent(
    update: Callable, U: torch.Tensor, t: float, dt: float, state: dict, h: float = 3e-5
) -> np.ndarray:
    """dσ/dU in isometric coordinates, *Shape* `(n, c, c)`."""
    E, inverse = isometry(U.shape[-1]), isometry_inverse(U.shape[-1])
    c, columns = len(E), []
    for j in range(c):
        direction = torch.as_tensor(from_components(inverse[:, j]), device=U.device)
        high = update(U + h * direction, t, dt, state)[0]
        low = update(U - h * direction, t, dt, state)[0]
        columns.append(to_components((high - low).cpu().numpy() / (2.0 * h)) @ E.T)
    return np.stack(columns, axis=-1)
