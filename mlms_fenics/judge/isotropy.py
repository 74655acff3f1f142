# SPDX-License-Identifier: MIT
"""Does a turned strain history give the turned stress? (Liu et al. 2022, figure 3)."""

from typing import Any

import numpy as np

from mlms_fenics.materials.polycrystal import Polycrystal
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.histories import run, turned
from mlms_fenics.surrogate.metrics import path_errors, summary

TURNS = 4


def isotropy(
    law: LearntLaw, U: np.ndarray, time: np.ndarray, reference: Polycrystal | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Relative L2 difference of σ(Q U Qᵀ), turned back, from σ(U), over random rotations Q.

    A polycrystal of finitely many grains is not isotropic either: its own number stands beside.

    Args:
        law: to be judged.
        U: components, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`; each is turned four times.
        time: *Shape* `(n_t + 1,)`, µs.
        reference: the law's own polycrystal, or None where it is no Taylor average.

    Returns:
        "law" and, with a reference, "polycrystal" and "law's error on the turned paths" (against
        the polycrystal): summaries of the total and the deviatoric difference; and for a picture
        the first path's stresses, turned back: "time", "law" and "polycrystal", each
        `(TURNS + 1, n_t + 1, c)`.
    """
    Q = rotations(TURNS, law.dimension)
    every = np.concatenate([U, *(turned(U, q) for q in Q)]).astype(np.float64)
    stresses = {"law": run(law, every, time)[0]}
    if reference is not None:
        stresses["polycrystal"] = reference.stress(every, time)
    result: dict[str, Any] = {"paths": len(U), "rotations": TURNS}
    picture: dict[str, Any] = {"time": time}
    for name, sigma in stresses.items():
        own, *others = np.split(sigma, TURNS + 1)
        back = [turned(s, q.T) for s, q in zip(others, Q, strict=True)]
        errors = path_errors(np.concatenate(back), np.concatenate([own] * TURNS), time)
        result[name] = summary({k: errors[k] for k in ("total", "deviatoric")})
        picture[name] = np.stack([own[0], *(b[0] for b in back)])
    if reference is not None:
        errors = path_errors(stresses["law"], stresses["polycrystal"], time)
        result["law's error on the turned paths"] = summary(
            {k: errors[k][len(U) :] for k in ("total", "deviatoric")}
        )
    return result, picture


def rotations(n: int, dimension: int, seed: int = 0) -> np.ndarray:
    """Rotations uniform on SO(d), *Shape* `(n, d, d)`."""
    # Made unique by the sign of the triangular factor, Q is uniform (Mezzadri 2007).
    normal = np.random.default_rng(seed).normal(size=(n, dimension, dimension))
    Q, upper = np.linalg.qr(normal)
    Q = Q * np.sign(np.diagonal(upper, axis1=1, axis2=2))[:, None, :]
    Q[:, :, 0] *= np.sign(np.linalg.det(Q))[:, None]
    return Q
