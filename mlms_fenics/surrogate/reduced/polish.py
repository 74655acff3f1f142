# SPDX-License-Identifier: MIT
"""Few grains for many: all that is free of them polished by Levenberg-Marquardt."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlms_fenics.surrogate.reduced.fit import fit_weights, squared_error

# Orientations (n, 3, 3) and free numbers (n, n_free) -> vectors (n, n_values).
Responses = Callable[[np.ndarray, np.ndarray], np.ndarray]
# The same arguments to equivalent ones with smaller numbers.
Settle = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

_STEP = 2e-2  # of the finite differences, radians: well above the law's integration error
_LARGEST_TURN = 0.5  # of one step, radians
_LARGEST_CHANGE = 0.7  # of a free number in one step
_LARGEST = 3.0  # free number
_SECANTS = 6  # steps from derivatives by differences, at most
_FRESH = 1e-2  # relative gain of a step below which derivatives are taken anew
_WORTH = 3e-3  # relative gain of an iteration below which three of them end it


@dataclass(frozen=True)
class Grains:
    """A weighted set of grains and how well it fits.

    Attributes:
        orientations: *Shape* `(m, 3, 3)`.
        weights: ≥ 0, sum 1, *Shape* `(m,)`.
        error: root of the mean over paths of the squared relative error.
        numbers: that the grains differ from the law by, *Shape* `(m, n_free)`; None: by nothing.
    """

    orientations: np.ndarray
    weights: np.ndarray
    error: float
    numbers: np.ndarray | None = None


def turned(orientations: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """exp(v×) Q for rotation vectors v, *Shape* `(..., 3)` and `(..., 3, 3)` (Rodrigues)."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    K = np.zeros((*vectors.shape[:-1], 3, 3))
    K[..., 2, 1], K[..., 0, 2], K[..., 1, 0] = np.moveaxis(vectors, -1, 0)
    K -= K.swapaxes(-1, -2)
    half = np.sinc(angle / (2.0 * np.pi))
    return (np.eye(3) + np.sinc(angle / np.pi) * K + 0.5 * half**2 * K @ K) @ orientations


def polish(
    grains: Grains,
    target: np.ndarray,
    responses: Responses,
    *,
    axes: np.ndarray,
    iterations: int,
    prior: float = 0.0,
    settle: Settle | None = None,
    report: Callable[[int, float], None] = lambda k, e: None,
    in_time: Callable[[float], bool] = lambda seconds: True,
) -> Grains:
    """Turn, vary and reweight all grains by Levenberg-Marquardt until the error stays.

    Derivatives are differences of the law's responses, corrected from step to step by what each
    step did and taken anew when that no longer helps. After each step the weights are the best
    ones there (variable projection with the joint step, Golub & Pereyra 2003).

    Args:
        grains: to start from.
        target: *Shape* `(n_values,)`.
        responses: of grains, in the target's form.
        axes: rotation axes allowed, *Shape* `(k, 3)`: three, or in plane strain one.
        iterations: take derivatives at most so many times.
        prior: a free number of one counts as much as this error; draws them towards zero.
        settle: makes numbers smaller where others would do as well, before each iteration.
        report: told the iteration and its error.
        in_time: whether there are so many seconds more; asked before each few responses.

    Returns:
        The best grains met.
    """
    Q, w, x = grains.orientations, grains.weights, grains.numbers
    m, k = len(Q), len(axes)
    x = np.zeros((m, 0)) if x is None else x
    free = k + x.shape[1]  # numbers of a grain
    prior_square = np.tile(np.append(np.zeros(k), np.full(x.shape[1], prior**2)), m)
    damping, square = 1e-2, float(target @ target)
    begun = time.monotonic()
    S = responses(Q, x)
    each = (time.monotonic() - begun) / m
    best, error = _penalised(grains.error, prior, x), grains.error
    stalled = 0
    for iteration in range(iterations):
        if settle is not None:
            Q, x = settle(Q, x)
            best = _penalised(error, prior, x)
        slopes = _slopes(Q, x, S, responses, axes, in_time, each)
        if slopes is None:
            break
        before = best
        for _ in range(_SECANTS):
            normal, gradient = _normal(slopes, S, w, target)
            normal[: m * free, : m * free] += np.diag(prior_square)
            so_far = np.concatenate([np.zeros((m, k)), x], axis=1).ravel()
            gradient[: m * free] += prior_square * so_far
            gain = 0.0
            for _ in range(8):
                if not in_time(0.0):
                    break
                step = _damped_step(normal, gradient, damping, m * free)[: m * free]
                step = _bounded(step.reshape(m, free), k, x)
                Q_new, x_new = turned(Q, step[:, :k] @ axes), x + step[:, k:]
                S_new = responses(Q_new, x_new)
                gram, moment = S_new @ S_new.T, S_new @ target
                w_new = fit_weights(gram, moment)
                error_new = squared_error(gram, moment, square, w_new) ** 0.5
                found = _penalised(error_new, prior, x_new)
                if found < best:
                    gain = 1.0 - found / best
                    _learn(slopes, step, S_new - S)
                    Q, x, w, S, best, error = Q_new, x_new, w_new, S_new, found, error_new
                    damping = max(damping / 4.0, 1e-7)
                    break
                damping *= 4.0
            if gain < _FRESH:
                break
        gain = 1.0 - best / before
        stalled = 0 if gain > _WORTH else stalled + 1
        report(iteration, error)
        if gain == 0.0 or stalled >= 3 or not in_time(0.0):
            break
    return Grains(Q, w, error, grains.numbers if grains.numbers is None else x)


def _normal(
    slopes: np.ndarray, S: np.ndarray, w: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Normal matrix and gradient by all grains' numbers, then by the weights."""
    flat = slopes.reshape(-1, S.shape[1])
    # A grain of weight zero gets a derivative too, so that it can turn to where it is needed.
    share = np.repeat(np.maximum(w, 0.1 / len(w)), slopes.shape[1])
    residual = w @ S - target
    square = np.outer(share, share) * (flat @ flat.T)
    cross = share[:, None] * (flat @ S.astype(flat.dtype).T)
    gradient = share * (flat @ residual.astype(flat.dtype))
    normal = np.block([[square, cross], [cross.T, S @ S.T]])
    return normal, np.concatenate([gradient, S @ residual])


def _bounded(step: np.ndarray, k: int, x: np.ndarray) -> np.ndarray:
    """A step `(m, k + n)` of turns and free numbers, not too long and not too far."""
    size = np.linalg.norm(step[:, :k], axis=1, keepdims=True)
    turn = step[:, :k] * np.minimum(1.0, _LARGEST_TURN / np.maximum(size, 1e-12))
    change = np.clip(step[:, k:], -_LARGEST_CHANGE, _LARGEST_CHANGE)
    return np.concatenate([turn, np.clip(x + change, -_LARGEST, _LARGEST) - x], axis=1)


def _learn(slopes: np.ndarray, step: np.ndarray, change: np.ndarray) -> None:
    """Correct each grain's derivatives by what its own step did (Broyden 1965), in place."""
    for own, p, found in zip(slopes, step, change, strict=True):
        square = float(p @ p)
        if square > 0.0:
            own += np.outer(p / square, found - p @ own).astype(own.dtype)


def _penalised(error: float, prior: float, x: np.ndarray) -> float:
    return float(np.hypot(error, prior * np.linalg.norm(x)))


def _slopes(
    Q: np.ndarray,
    x: np.ndarray,
    S: np.ndarray,
    responses: Responses,
    axes: np.ndarray,
    in_time: Callable[[float], bool],
    each: float,
) -> np.ndarray | None:
    """Derivatives of each grain's vector by its turns and free numbers, `(m, k + n, n_values)`.

    None where the time is over before all are there, at `each` seconds a vector.
    """
    m, k, n = len(Q), len(axes), x.shape[1]
    # Differences are good to three digits: single precision halves memory and time.
    slopes = np.empty((m, k + n, S.shape[1]), dtype=np.float32)
    for g in range(m):
        if not in_time((m - g) * (k + n) * each):
            return None
        moved = np.broadcast_to(Q[g], (k + n, 3, 3)).copy()
        moved[:k] = turned(moved[:k], _STEP * axes)
        varied = np.tile(x[g], (k + n, 1))
        varied[k:] += _STEP * np.eye(n)
        slopes[g] = (responses(moved, varied) - S[g]) / _STEP
    return slopes


def _damped_step(A: np.ndarray, g: np.ndarray, damping: float, n_turns: int) -> np.ndarray:
    """Levenberg-Marquardt step; the weights are not damped, their sum is kept."""
    diagonal = np.zeros(len(A))
    diagonal[:n_turns] = damping * (np.diag(A)[:n_turns] + 1e-3 * np.diag(A)[:n_turns].mean())
    constraint = np.zeros(len(A))
    constraint[n_turns:] = 1.0
    K = A + np.diag(diagonal + 1e-12 * np.trace(A) / len(A))
    K = np.block([[K, constraint[:, None]], [constraint[None], np.zeros((1, 1))]])
    return np.linalg.solve(K, np.append(-g, 0.0))[:-1]
