# SPDX-License-Identifier: MIT
"""Few grains for many: choice among candidates, and their weights."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

_SUM_WEIGHT = 1e3  # of the equation Σ w = 1, against residuals of order one
_EXCHANGES = 100  # random sets that exchanges start from


@dataclass(frozen=True)
class Choice:
    """Some of the candidates: their indices and weights, *Shape* `(m,)`, and the error."""

    rows: np.ndarray
    weights: np.ndarray
    error: float


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
