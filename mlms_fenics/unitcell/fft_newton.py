# SPDX-License-Identifier: MIT
"""Newton's iteration for the equilibrium of one periodic cell, with a tangent that is kept.

The law is dear, transforms are cheap. So dP/dF is computed rarely, by differences, and kept over
many steps of time; the linear equations Div(D : grad δu) = -Div P are solved for the displacements
by GMRES, preconditioned by the discrete Green operator of the mean tangent.
"""

from collections.abc import Callable

import numba
import numpy as np

from mlms_fenics.unitcell.fft_grid import Grid
from mlms_fenics.unitcell.fft_solver import Fields

_FORCING = 0.1  # to what part of the residual a linear solve goes
_AIM = 0.3  # of the tolerance: there is no use in going below it
_KRYLOV = 40  # directions of a linear solve


class Linear:
    """Div(D : grad u) on a grid and its approximate inverse.

    Args:
        grid: of the cell.
        D: dP/dF, GPa, *Shape* `(d, d, d, d, N)`.
    """

    def __init__(self, grid: Grid, D: np.ndarray):
        self.grid = grid
        d = len(grid.shape)
        self.D = np.ascontiguousarray(D).reshape(d * d, d * d, -1)
        self.green = green_operator(grid.k, grid.average(D), grid.count)
        self.root = np.sqrt(grid.count)
        self.basis = np.empty((_KRYLOV + 1, 2 * grid.k.size))

    def solve(self, r: np.ndarray, target: float) -> tuple[np.ndarray, int]:
        """Displacement coefficients δû with |Div D : grad δû + r| ≤ `target`, as far as it goes.

        Also the number of directions that it took.

        Args:
            r: residual forces, weighted by √multiplicity, *Shape* `(d, M)`.
            target: absolute, in their norm.
        """
        grid, V, size = self.grid, self.basis, self.grid.norm(r)
        V[0] = r.view(float).ravel() / size
        R, g = np.zeros((_KRYLOV, _KRYLOV)), np.zeros(_KRYLOV + 1)
        cosine, sine = np.zeros(_KRYLOV), np.zeros(_KRYLOV)
        g[0], n = size, 0
        while n < _KRYLOV and abs(g[n]) > target:
            w = self._apply(V[n].view(complex).reshape(r.shape)).view(float).ravel()
            h = grid.sum(V[: n + 1] @ w)
            w -= h @ V[: n + 1]
            again = grid.sum(V[: n + 1] @ w)
            w -= again @ V[: n + 1]
            h += again
            norm = grid.norm(w)
            for i in range(n):
                h[i], h[i + 1] = (
                    cosine[i] * h[i] + sine[i] * h[i + 1],
                    cosine[i] * h[i + 1] - sine[i] * h[i],
                )
            length = np.hypot(h[n], norm)
            if not length > 0.0:
                break
            cosine[n], sine[n] = h[n] / length, norm / length
            h[n] = length
            R[: n + 1, n] = h
            g[n + 1], g[n] = -sine[n] * g[n], cosine[n] * g[n]
            n += 1
            if norm == 0.0:
                break
            V[n] = w / norm
        y = np.linalg.solve(R[:n, :n], g[:n])
        z = -(y @ V[:n]).view(complex).reshape(r.shape)
        u = np.empty_like(z)
        _precondition(z, self.green, u)
        return u, n

    def _apply(self, v: np.ndarray) -> np.ndarray:
        grid, d = self.grid, len(self.grid.shape)
        H = np.empty((d * d, grid.k.shape[1]), complex)
        _gradient_of(v, self.green, grid.k, H)
        G = grid.backward(H.reshape(1, d, d, -1))
        _contract(self.D, G.reshape(d * d, -1))
        P_hat = grid.spectrum_of(G)[0]
        out = np.empty_like(v)
        divergence(P_hat, grid.k, self.root, out)
        return out


def green_operator(k: np.ndarray, D: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Inverse acoustic tensors of a homogeneous medium, over √multiplicity; zero where k is.

    Args:
        k: wave vectors, *Shape* `(d, M)`.
        D: its tangent, GPa, *Shape* `(d, d, d, d)`.
        count: multiplicity of the coefficients, *Shape* `(M,)`.

    Returns:
        complex, *Shape* `(d, d, M)`.
    """
    d = len(k)
    K = np.einsum("jm,ijkl,lm->mik", k.conj(), D, k)
    zero = (np.abs(k) ** 2).sum(0) == 0
    K[zero] = np.eye(d)
    inverse = np.linalg.inv(K) / np.sqrt(count)[:, None, None]
    inverse[zero] = 0.0
    return np.ascontiguousarray(inverse.transpose(1, 2, 0))


def newton(
    grid: Grid,
    respond: Callable[[np.ndarray, bool], tuple[np.ndarray, np.ndarray]],
    tangent: Callable[[np.ndarray, np.ndarray], np.ndarray],
    memory: "Memory",
    F_mean: np.ndarray,
    guess: np.ndarray,
    tolerance: float,
    floor: float,
    max_iterations: int,
) -> Fields:
    """Iterate a cell to equilibrium.

    Args:
        grid: of the cell.
        respond: `respond(F, first)` gives P and P33, F `(d, d, N)`.
        tangent: `tangent(F, P)` gives dP/dF after `respond(F)` gave P.
        memory: the cell's, with the tangent that is kept.
        F_mean: *Shape* `(d, d)`.
        guess: unknowns to start from.
        tolerance, floor, max_iterations: as of `fft_solver.equilibrate`.

    Returns:
        Whether it converged is told by its residual.
    """
    d = len(F_mean)
    y, best, damping = guess.copy(), None, 1.0
    step = np.zeros_like(y)
    r = best_r = np.empty((d, grid.k.shape[1]), complex)
    memory.begin()
    for iteration in range(1, max_iterations + 1):
        F = grid.deformation(y[None], F_mean[None])[0]
        P, P33 = grid.timed("law", respond, F, iteration == 1)
        P_hat = grid.spectrum_of(P[None])[0]
        divergence(P_hat, grid.k, memory.root, r)
        scale = max(np.linalg.norm(grid.mean(P_hat)), floor)
        residual = grid.norm(r) / scale
        if not np.isfinite(residual):
            residual = np.inf
        reduction = 1.0 if best is None else residual / best.residual
        if best is None or reduction < 1.0:
            best, best_r, best_scale = Fields(y, F, P, P33, residual), r, scale
            r = np.empty_like(r)
        best.iterations = iteration
        if best.residual <= tolerance or best.residual == np.inf:
            break  # where the guess itself is out of bounds the caller takes a smaller step
        left = 1.0 if iteration == 1 else iterations_left(reduction, best.residual / tolerance)
        if memory.stale(left, reduction < 1.0, d * d):
            memory.linear = Linear(grid, grid.timed("law", tangent, best.F, best.P))
            memory.refreshed(d * d)
        elif reduction >= 1.0 and iteration > 1:
            damping *= 0.3
            if damping < 0.02:
                break
            y = best.y + damping * step
            continue
        damping = 1.0
        aim = max(_FORCING * best.residual, _AIM * tolerance)
        u, directions = memory.linear.solve(best_r, aim * best_scale)
        memory.directions += directions
        step = (u * grid.scale).view(float).ravel()
        y = best.y + step
    return best


def iterations_left(reduction: float, excess: float) -> float:
    """How many iterations that each reduce a residual so far take away its excess."""
    return float(np.log(excess) / -np.log(reduction)) if reduction < 1.0 else np.inf


class Memory:
    """The tangent of a cell that is kept until it costs more than a new one.

    It is renewed when the mean cost of a step, in evaluations of the law, begins to rise, and where
    an iteration in the step converged badly.
    """

    def __init__(self, grid: Grid):
        self.linear: Linear | None = None
        self.root = np.sqrt(grid.count)
        self.directions = 0  # of all linear solves
        self._cost, self._steps, self._now, self._young = 0, 0, 0, False
        self._wanted = True

    def begin(self) -> None:
        """A new step."""
        if self._steps > 1 and self._now * self._steps > self._cost + self._now:
            self._wanted = True
        self._cost += self._now
        self._steps += 1
        self._now, self._young = 0, False

    def stale(self, left: float, moved: bool, price: int) -> bool:
        """Whether a new tangent is due.

        Args:
            left: iterations that the present one will still take in this step.
            moved: whether the last iteration led to a new best state.
            price: evaluations of the law for a new one.
        """
        self._now += 1
        self._young &= not moved
        slow = left > price + 2 and not self._young
        return self.linear is None or self._wanted or slow

    def refreshed(self, evaluations: int) -> None:
        """The tangent is new, and took so many evaluations of the law."""
        self._wanted, self._young = False, True
        self._cost, self._steps = evaluations, 1

    def forget(self) -> None:
        """The next step begins with a new tangent."""
        self._wanted = True


@numba.njit(cache=True, error_model="numpy")
def divergence(P_hat, k, weight, r):
    """r = weight k* P̂; `P_hat` *Shape* `(d, d, M)`, `k` `(d, M)`, `weight` `(M,)`, `r` `(d, M)`."""
    d, modes = k.shape
    for i in range(d):
        for m in range(modes):
            s = 0.0j
            for j in range(d):
                s += P_hat[i, j, m] * k[j, m].conjugate()
            r[i, m] = weight[m] * s


@numba.njit(cache=True, error_model="numpy")
def _precondition(v, green, u):
    d, modes = v.shape
    for i in range(d):
        for m in range(modes):
            s = 0.0j
            for j in range(d):
                s += green[i, j, m] * v[j, m]
            u[i, m] = s


@numba.njit(cache=True, error_model="numpy")
def _gradient_of(v, green, k, H):
    """Gradient of the preconditioned v, *Shape* `(d, M)`, into H `(d², M)`."""
    d, modes = v.shape
    for i in range(d):
        for m in range(modes):
            s = 0.0j
            for j in range(d):
                s += green[i, j, m] * v[j, m]
            for j in range(d):
                H[i * d + j, m] = s * k[j, m]


@numba.njit(cache=True, error_model="numpy", fastmath={"contract"})
def _contract(D, G):
    """G ← D : G at every point; D `(d², d², N)`, G `(d², N)`."""
    n, N = G.shape
    block = 256
    old = np.empty((n, block))
    for start in range(0, N, block):
        size = min(block, N - start)
        for b in range(n):
            for p in range(size):
                old[b, p] = G[b, start + p]
        for a in range(n):
            for p in range(size):
                G[a, start + p] = 0.0
            for b in range(n):
                for p in range(size):
                    G[a, start + p] += D[a, b, start + p] * old[b, p]
