# SPDX-License-Identifier: MIT
"""Few grains for many: choice among candidates, then polishing of all that is free."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

# Orientations (n, 3, 3) and free numbers (n, n_free) -> vectors (n, n_values).
Responses = Callable[[np.ndarray, np.ndarray], np.ndarray]

_SUM_WEIGHT = 1e3  # of the equation Σ w = 1, against residuals of order one
_STEP = 2e-2  # of the finite differences, radians: well above the law's integration error
_LARGEST_TURN = 0.5  # of one step, radians
_LARGEST_CHANGE = 0.7  # of a free number in one step
_LARGEST = 3.0  # free number
_SECANTS = 6  # steps from derivatives by differences, at most
_FRESH = 1e-2  # relative gain of a step below which derivatives are taken anew
_WORTH = 3e-3  # relative gain of an iteration below which three of them end it
_EXCHANGES = 100  # random sets that exchanges start from


@dataclass(frozen=True)
class Choice:
    """Some of the candidates: their indices and weights, *Shape* `(m,)`, and the error."""

    rows: np.ndarray
    weights: np.ndarray
    error: float


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


def fit_weights(gram: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Minimise wᵀ G w / 2 - b·w over w ≥ 0, Σ w = 1 (Lawson & Hanson, ch. 23).

    Args:
        gram: G of the grains' vectors, *Shape* `(n, n)`.
        moment: b, their products with the target, *Shape* `(n,)`.

    Returns:
        w, *Shape* `(n,)`.
    """
    n = len(gram)
    # With G = LLᵀ the problem is min |Lᵀw - L⁻¹b|; the sum is one more, heavily weighted, row.
    L = np.linalg.cholesky(gram + 1e-12 * np.trace(gram) / n * np.eye(n))
    rows = np.vstack([L.T, np.full(n, _SUM_WEIGHT)])
    w, _ = nnls(rows, np.append(np.linalg.solve(L, moment), _SUM_WEIGHT), maxiter=50 * n)
    return w / w.sum()


def squared_error(gram: np.ndarray, moment: np.ndarray, square: float, w: np.ndarray) -> float:
    """|Σ w_g s_g - target|² from products."""
    return max(float(w @ gram @ w - 2.0 * moment @ w + square), 0.0)


def greedy(gram: np.ndarray, moment: np.ndarray, m: int) -> np.ndarray:
    """Choose candidates one by one, each the one that most deserves weight from the others.

    Args:
        gram, moment: of all candidates, *Shape* `(n, n)` and `(n,)`.
        m: how many, at most n.

    Returns:
        Indices of distinct candidates, *Shape* `(m,)`.
    """
    chosen = [int(np.argmax(moment / np.sqrt(np.diag(gram))))]
    while len(chosen) < m:
        w = fit_weights(gram[np.ix_(chosen, chosen)], moment[chosen])
        # Weight goes from the mixture to a candidate along the vector c - mixture: the fall of the
        # error per length of it.
        with_mixture = gram[:, chosen] @ w
        square = float(with_mixture[chosen] @ w)
        gain = moment - with_mixture - float(w @ moment[chosen]) + square
        length = np.sqrt(np.maximum(np.diag(gram) - 2.0 * with_mixture + square, 1e-30))
        score = gain / length
        score[chosen] = -np.inf
        chosen.append(int(np.argmax(score)))
    return np.array(chosen)


def exchange(residual_gram: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, float]:
    """Swap grains of equal weights for candidates, the best swap first, until none helps.

    Args:
        residual_gram: products of (candidate - target), *Shape* `(n, n)`.
        start: indices of candidates, *Shape* `(m,)`.

    Returns:
        Indices, *Shape* `(m,)`, and their squared error.
    """
    chosen, m, own = start.copy(), len(start), np.diag(residual_gram)
    total = residual_gram[:, chosen].sum(1)
    square = float(total[chosen].sum())
    while True:
        swapped = residual_gram[:, chosen]
        new = own[:, None] - 2.0 * swapped + 2.0 * total[:, None]
        new = square - 2.0 * total[chosen] + own[chosen] + new
        new[chosen] = np.inf  # no grain twice
        candidate, place = np.unravel_index(int(np.argmin(new)), new.shape)
        if new[candidate, place] >= square * (1.0 - 1e-9):
            return chosen, square / m**2
        total += residual_gram[:, candidate] - residual_gram[:, chosen[place]]
        chosen[place] = candidate
        square = float(new[candidate, place])


def choose(gram: np.ndarray, moment: np.ndarray, square: float, m: int, seed: int) -> list[Choice]:
    """Good sets of `m` candidates: the greedy one and those of many exchanges from random sets.

    Args:
        gram, moment: of all candidates, *Shape* `(n, n)` and `(n,)`.
        square: of the target with itself.
        m: how many, at most n.
        seed: of the random sets.

    Returns:
        Distinct choices, the smallest error first.
    """
    n = len(gram)
    residual_gram = gram - moment[:, None] - moment[None, :] + square
    random = np.random.default_rng(seed)
    starts = [random.choice(n, m, replace=False) for _ in range(_EXCHANGES)]
    found = {tuple(sorted(exchange(residual_gram, start)[0])) for start in starts}
    found.add(tuple(sorted(greedy(gram, moment, m))))
    choices = [weighted(gram, moment, square, np.array(chosen)) for chosen in sorted(found)]
    return sorted(choices, key=lambda choice: choice.error)


def weighted(gram: np.ndarray, moment: np.ndarray, square: float, rows: np.ndarray) -> Choice:
    """The best weights of given candidates, and the error with them."""
    part, b = gram[np.ix_(rows, rows)], moment[rows]
    w = fit_weights(part, b)
    return Choice(rows, w, squared_error(part, b, square, w) ** 0.5)


def expected_error(gram: np.ndarray, m: int) -> float:
    """What `m` polished grains can be expected to miss, by counting.

    A mean over m random grains misses each mode of the grains' stress by the mode's standard
    deviation over √m; its 3m angles and m - 1 free weights can set as many modes right, and the
    largest are worth it most. What is left is the estimate.

    Args:
        gram: of many random grains, *Shape* `(n, n)`.
        m: number of grains kept.
    """
    n = len(gram)
    mean = gram.mean(0)
    variance = np.linalg.eigvalsh(gram - mean[:, None] - mean[None, :] + mean.mean())[::-1] / n
    return float(np.sqrt(max(variance[4 * m - 1 :].sum(), 0.0) / m))


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
    report: Callable[[int, float], bool] = lambda k, e: True,
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
        report: told the iteration and its error; returns whether to go on.

    Returns:
        The best grains met.
    """
    Q, w, x = grains.orientations, grains.weights, grains.numbers
    m, k = len(Q), len(axes)
    x = np.zeros((m, 0)) if x is None else x
    free = k + x.shape[1]  # numbers of a grain
    prior_square = np.tile(np.append(np.zeros(k), np.full(x.shape[1], prior**2)), m)
    damping, square = 1e-2, float(target @ target)
    S = responses(Q, x)
    best, error = _penalised(grains.error, prior, x), grains.error
    stalled = 0
    for iteration in range(iterations):
        slopes = _slopes(Q, x, S, responses, axes)
        before = best
        for _ in range(_SECANTS):
            # A grain of weight zero gets a derivative too, so that it can turn to where it is
            # needed.
            share = np.maximum(w, 0.1 / m)[:, None, None]
            J = np.concatenate([(share * slopes).reshape(m * free, -1), S])
            normal, gradient = J @ J.T, J @ (w @ S - target)
            del J
            normal[: m * free, : m * free] += np.diag(prior_square)
            so_far = np.concatenate([np.zeros((m, k)), x], axis=1).ravel()
            gradient[: m * free] += prior_square * so_far
            gain = 0.0
            for _ in range(8):
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
        if not report(iteration, error) or gain == 0.0 or stalled >= 3:
            break
    return Grains(Q, w, error, grains.numbers if grains.numbers is None else x)


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
            own += np.outer(p / square, found - p @ own)


def _penalised(error: float, prior: float, x: np.ndarray) -> float:
    return float(np.hypot(error, prior * np.linalg.norm(x)))


def _slopes(
    Q: np.ndarray, x: np.ndarray, S: np.ndarray, responses: Responses, axes: np.ndarray
) -> np.ndarray:
    """Derivatives of each grain's vector by its turns and free numbers, `(m, k + n, n_values)`."""
    m, k, n = len(Q), len(axes), x.shape[1]
    slopes = np.empty((m, k + n, S.shape[1]))
    for g in range(m):
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
