# SPDX-License-Identifier: MIT
"""Few weighted orientations that stand for many."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize

from mlms_fenics.errors import InputError, require
from mlms_fenics.microstructure.harmonics import Coefficients
from mlms_fenics.microstructure.measured import Texture
from mlms_fenics.microstructure.pole_figure import FAMILIES, family_poles, pole_density

_CANDIDATES = 2000  # orientations to choose from
_ITERATIONS = 300
_SPREAD = 15.0  # smoothing of the pole figures that are compared, degrees
_MOST = 20_000  # orientations that coefficients and compared pole figures are made of


@dataclass(frozen=True)
class Reduction:
    """What `reduce` found.

    Attributes:
        texture: the few weighted orientations.
        pole_error: root mean square difference of the pole figures (of three families, smoothed
            over 15 degrees), in multiples of a uniform density; the largest of the families.
        plain_error: the same of as many orientations taken at even steps from the many.
    """

    texture: Texture
    pole_error: float
    plain_error: float


def reduce(
    texture: Texture, n: int, lattice: str | None = None, *, equal: bool = False
) -> Reduction:
    """Find `n` weighted orientations with the pole figures and the average response of many.

    Both depend on the harmonic coefficients of low degree. The orientations are first chosen one
    after the other among the given ones, so that the mean of their coefficients follows that of all
    (kernel herding: Chen, Welling & Smola 2010), then turned and weighted by L-BFGS to lessen the
    squared distance of the coefficients, degree by degree less and the more so the fewer
    orientations there are. Of more than 20,000 orientations, so many that stand for all are taken.
    The result depends on the arguments alone.

    Args:
        texture: of three dimensions.
        n: number of orientations, 1 to that of the texture.
        lattice: "cubic" or "hexagonal"; None: as the texture says.
        equal: keep the weights equal, for cells whose grains have equal volumes.

    Raises:
        InputError: n out of range, two dimensions, or no lattice known.
    """
    lattice = texture.lattice if lattice is None else lattice
    require(
        lattice in FAMILIES,
        f"lattice is {lattice!r}, but must be one of {', '.join(FAMILIES)}: give it where the "
        "texture does not say",
    )
    require(
        texture.orientations.shape[-1] == 3, "only orientations of three dimensions can be reduced"
    )
    if not 1 <= n <= len(texture):
        raise InputError(f"n is {n}, but must lie in 1 <= n <= {len(texture)}, the texture's own")
    degree = 8 if n <= 32 else 14
    C = Coefficients(lattice, degree, 60.0 * n ** (-1 / 3))
    whole = texture.resampled(_MOST)
    target = C.mean(whole.orientations, whole.weights)
    start = _herd(texture.resampled(_CANDIDATES).orientations, C, target, n)
    Q, weights = _polish(start, C, target, equal)
    said = (*texture.said, f"reduced from {len(texture)} orientations")
    found = Texture(Q, weights, lattice, said)
    figures = _figures(whole, lattice)
    return Reduction(
        found,
        _difference(_figures(found, lattice), figures),
        _difference(_figures(texture.resampled(n), lattice), figures),
    )


def _herd(candidates: np.ndarray, C: Coefficients, target: torch.Tensor, n: int) -> np.ndarray:
    """The candidates whose mean, one after the other, comes nearest to the target."""
    parts = torch.from_numpy(candidates).split(500)
    F = torch.cat([C(part) for part in parts])
    half = 0.5 * (F * F).sum(1)
    total = torch.zeros_like(target)
    left = torch.ones(len(F), dtype=torch.bool)
    chosen = []
    for k in range(n):
        if not left.any():  # fewer candidates than wanted
            left[:] = True
        gain = F @ ((k + 1) * target - total) - half
        best = int(torch.where(left, gain, -torch.inf).argmax())
        left[best] = False
        total = total + F[best]
        chosen.append(best)
    return candidates[chosen]


def _polish(
    start: np.ndarray, C: Coefficients, target: torch.Tensor, equal: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Turn and weight orientations to lessen the distance of their coefficients to the target."""
    n, Q0 = len(start), torch.from_numpy(start)
    scale = 1.0 / float((target @ target) + 1e-2)

    def at(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        turn = x[: 3 * n].reshape(n, 3)
        zero = torch.zeros_like(turn[:, 0])
        a, b, c = turn.T
        K = torch.stack((zero, -c, b, c, zero, -a, -b, a, zero), dim=-1).reshape(n, 3, 3)
        weights = torch.softmax(x[3 * n :], 0) if not equal else torch.full_like(zero, 1.0 / n)
        return torch.linalg.matrix_exp(K) @ Q0, weights

    def distance(values: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.tensor(values, requires_grad=True)
        Q, weights = at(x)
        error = weights @ C(Q) - target
        loss = scale * (error @ error)
        loss.backward()
        return float(loss.detach()), x.grad.numpy()

    zeros = np.zeros(3 * n if equal else 4 * n)
    options = {"maxiter": _ITERATIONS, "maxcor": 20, "ftol": 1e-10, "gtol": 1e-9}
    best = minimize(distance, zeros, jac=True, method="L-BFGS-B", options=options)
    Q, weights = at(torch.from_numpy(best.x))
    return Q.numpy(), weights.numpy()


def _figures(texture: Texture, lattice: str) -> list[np.ndarray]:
    """Densities of the families' poles, at points of equal area."""
    figures = []
    for indices in FAMILIES[lattice].values():
        normals = family_poles(lattice, indices)
        poles = np.einsum("gij,pj->gpi", texture.orientations, normals).reshape(-1, 3)
        share = np.repeat(texture.weights, len(normals))
        density = pole_density(poles, _SPREAD, 41, share)[1]
        figures.append(density[np.isfinite(density)])
    return figures


def _difference(figures: list[np.ndarray], others: list[np.ndarray]) -> float:
    pairs = zip(figures, others, strict=True)
    return max(float(np.sqrt(np.square(a - b).mean())) for a, b in pairs)
