# SPDX-License-Identifier: MIT
"""Discrete gradients on a periodic grid, as wave vectors, and the Green operator made of them.

A gradient is the multiplication of the Fourier coefficients û by a vector k, the divergence that
by its conjugate, so that each divergence is minus the adjoint of its gradient. With ξ_j the phase
from one cell to the next along axis j, and h_j the cell's edge:

- "fourier": k_j = i ξ_j/h_j. At the Nyquist frequency of an even grid the sign of ξ_j is
  undetermined, so k_j = 0 there: the derivative of a real field stays real.
- "difference2", "difference4": central differences of second and fourth order, k_j = i sin ξ_j/h_j
  and i (8 sin ξ_j - sin 2ξ_j)/(6 h_j) (Vidyasagar, Tan & Kochmann 2017); k_j = 0 at Nyquist of
  itself.
- "rotated": displacements at the corners of the cells, gradients at their centres (Willot 2015),
  k_j = (e^{iξ_j} - 1)/h_j Π_{l≠j} (e^{iξ_l} + 1)/2. At the Nyquist frequency of one axis k is
  finite and real up to a common phase; where two axes are there it vanishes (hourglass modes).

Where k = 0 there is no gradient and no force, and the coefficient of the displacement stays zero.

"rotated" is the default because average stresses converge best with it on coarse grids (on fine
ones the plain one is as good) and it rings least at a contrast. On the paper's polycrystal in
plastic flow (`python -m mlms_fenics.benchmarks cell --refine 16 32 64 128`) the fields alternate
from point to point with every operator, the plain one included, which has no hourglass modes: a
two-slip crystal has a single plastic strain mode, and flow localises in bands without a length.
"""

from collections.abc import Sequence

import numba
import numpy as np

from mlms_fenics.errors import InputError

OPERATORS = ("rotated", "fourier", "difference2", "difference4")


def wave_vectors(
    grid: Sequence[int],
    lengths: Sequence[float],
    operator: str,
    part: tuple[slice, ...] | None = None,
) -> np.ndarray:
    """The wave vectors k of a gradient for real transforms.

    Args:
        grid: cells along each axis.
        lengths: edges of the unit cell.
        operator: one of `OPERATORS`.
        part: of the coefficients, along each axis; all where None.

    Returns:
        complex, *Shape* `(d, M)`, M the coefficients of `scipy.fft.rfftn` over the grid, flattened.

    Raises:
        InputError: unknown operator.
    """
    if operator not in OPERATORS:
        raise InputError(f"operator is '{operator}', but must be one of {', '.join(OPERATORS)}")
    d = len(grid)
    phases = [2 * np.pi * np.fft.fftfreq(n) for n in grid]
    phases[-1] = 2 * np.pi * np.arange(grid[-1] // 2 + 1) / grid[-1]
    if part is not None:
        phases = [x[here] for x, here in zip(phases, part, strict=True)]
    h = np.asarray(lengths, dtype=float) / np.asarray(grid)
    xi = np.meshgrid(*phases, indexing="ij")
    k = np.zeros((d, *xi[0].shape), dtype=complex)
    for j in range(d):
        if operator == "rotated":
            k[j] = (np.exp(1j * xi[j]) - 1.0) / h[j]
            for l in range(d):
                if l != j:
                    k[j] *= (np.exp(1j * xi[l]) + 1.0) / 2.0
        elif operator == "difference2":
            k[j] = 1j * np.sin(xi[j]) / h[j]
        elif operator == "difference4":
            k[j] = 1j * (8 * np.sin(xi[j]) - np.sin(2 * xi[j])) / (6 * h[j])
        else:
            nyquist = np.abs(np.abs(xi[j]) - np.pi) < 1e-12
            k[j] = np.where(nyquist, 0.0, 1j * xi[j] / h[j])
    k = k.reshape(d, -1)
    k[:, (np.abs(k) ** 2).sum(0) < 1e-20 / (h * h).min()] = 0.0
    return k


def multiplicity(grid: Sequence[int], part: tuple[slice, ...] | None = None) -> np.ndarray:
    """How many of the full transform's coefficients each of the real one's is, *Shape* `(M,)`.

    Only for a `part` of them, along each axis, where that is given.
    """
    n = grid[-1]
    last = np.full(n // 2 + 1, 2.0)
    last[0] = 1.0
    if n % 2 == 0:
        last[-1] = 1.0
    return np.broadcast_to(last, (*grid[:-1], n // 2 + 1))[part or ...].ravel()


@numba.njit(cache=True, error_model="numpy")
def gradient(y, k, scale, F_mean, F_hat):
    """F̂ = ⟨F⟩ + û k of displacements û = y/scale; `y` *Shape* `(d, M)`, `F_hat` `(d, d, M)`."""
    d, modes = y.shape
    for i in range(d):
        for m in range(modes):
            c = y[i, m] / scale[m]
            for j in range(d):
                F_hat[i, j, m] = c * k[j, m]
        for j in range(d):
            F_hat[i, j, 0] = F_mean[i, j]


@numba.njit(cache=True, error_model="numpy")
def correction(P_hat, k, scale, count, F_inverse, lame, shear, f):
    """Correction -K⁻¹ div P of the displacements, times `scale`, into `f`; returns ⟨|div P|²⟩.

    K is the acoustic tensor of an isotropic medium (`lame`, `shear`, GPa) deformed by the mean F:
    with a = F⁻ᵀ k, K = (λ + μ) a⊗a* + μ |a|² I.
    """
    d, modes = f.shape
    a = np.zeros(d, np.complex128)
    r = np.zeros(d, np.complex128)
    ratio = (lame + shear) / (lame + 2.0 * shear)
    total = 0.0
    for m in range(modes):
        a2 = 0.0
        for i in range(d):
            s = 0.0j
            t = 0.0j
            for j in range(d):
                s += F_inverse[j, i] * k[j, m]
                t += P_hat[i, j, m] * k[j, m].conjugate()
            a[i] = s
            r[i] = t
            a2 += s.real * s.real + s.imag * s.imag
            total += count[m] * (t.real * t.real + t.imag * t.imag)
        if a2 == 0.0:
            for i in range(d):
                f[i, m] = 0.0
            continue
        along = 0.0j
        for i in range(d):
            along += a[i].conjugate() * r[i]
        along *= ratio / a2
        c = -scale[m] / (shear * a2)
        for i in range(d):
            f[i, m] = c * (r[i] - a[i] * along)
    return total
