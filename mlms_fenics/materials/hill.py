# SPDX-License-Identifier: MIT
"""Hill's orthotropic plasticity of 1948 at finite strain, with material axes that turn along."""

from collections.abc import Sequence
from math import exp, inf, log, sqrt

import numba
import numpy as np
import torch

from mlms_fenics.checks import check_orientations
from mlms_fenics.device import scalar
from mlms_fenics.errors import InputError
from mlms_fenics.gpu.launch import over_points
from mlms_fenics.kinematics.piola import rotated_tangent
from mlms_fenics.kinematics.tensors import polar, product, turned
from mlms_fenics.materials.base import Material, State, Time
from mlms_fenics.materials.hill_tangent import mode_slopes, stretch_slopes
from mlms_fenics.materials.radial_return import isotropic_moduli, store_stress
from mlms_fenics.numbers import check_positive, check_within

ISOTROPIC = (0.5, 0.5, 0.5, 1.5, 1.5, 1.5)
_NAMES = "FGHLMN"


class Hill(Material):
    """Associated flow with the equivalent stress of Hill (Proc. R. Soc. A 193, 1948, 281), σ̄:

    σ̄² = F (σy − σz)² + G (σz − σx)² + H (σx − σy)² + 2 L τyz² + 2 M τzx² + 2 N τxy²

    of the Kirchhoff stress in the material's axes, which turn with the R of F = R U. Flow stress as
    Johnson and Cook have it, without temperature: σ̄ = (A + B ε^n)(1 + C ln ε̇/ε̇_0), the last
    factor taken as 1 below ε̇_0; ε is the equivalent plastic strain, ∫ σ:D_p dt / σ̄.

    The deviator is elastic in rates (Green and Naghdi's), 2 G times the deviator of D − D_p in the
    frame that turns with R; the pressure is that of `radial_return`. A step takes D as constant,
    sym(ΔU Ū⁻¹) of the mean stretch Ū, and returns implicitly: in the five modes in which Hill's
    form is diagonal that is one scalar equation.

    Args:
        young: E, GPa, > 0.
        poisson: ν, in (-1, 0.5).
        density: mg/mm³, > 0.
        coefficients: F, G, H, L, M, N, dimensionless; (1/2, 1/2, 1/2, 3/2, 3/2, 3/2) is von
            Mises's. With G + H = 1 the flow stress is that along x. See `hill_coefficients`.
        A: flow stress without strain at ε̇_0, GPa, > 0.
        B: hardening, GPa, >= 0.
        n: its exponent, in (0, 1].
        C: rate sensitivity, >= 0.
        reference_rate: ε̇_0, 1/µs, > 0; the default is 1/s.
        axes: columns are the material's x, y and z at rest, a rotation, *Shape* `(3, 3)`; None:
            those of the body.

    Raises:
        InputError: a parameter is out of its range, or a stress without pressure would never yield.
    """

    def __init__(
        self,
        *,
        young: float,
        poisson: float,
        density: float,
        coefficients: Sequence[float] = ISOTROPIC,
        A: float,
        B: float = 0.0,
        n: float = 1.0,
        C: float = 0.0,
        reference_rate: float = 1.0e-6,
        axes: np.ndarray | None = None,
    ) -> None:
        self.shear_modulus, self.bulk_modulus = isotropic_moduli(young, poisson)
        self.density = check_positive("density", density, "mg/mm³")
        self.coefficients = _check_coefficients(coefficients)
        self.A = check_positive("yield stress A", A, "GPa")
        self.B = check_within("hardening B", B, 0.0, inf, open_right=True)
        self.n = check_within("hardening exponent n", n, 0.0, 1.0, open_left=True)
        self.C = check_within("rate sensitivity C", C, 0.0, inf, open_right=True)
        self.reference_rate = check_positive("reference rate", reference_rate, "1/µs")
        self.axes = check_orientations(np.eye(3)[None] if axes is None else [axes], 3)[0]
        self._values, self._normal = _modes(self.coefficients)
        self._there: tuple[torch.Tensor, ...] | None = None

    def equivalent_stress(self, sigma: np.ndarray) -> np.ndarray:
        """σ̄ of stresses in the body's axes at rest, *Shape* `(..., 3, 3)`, unit of `sigma`."""
        s = self.axes.T @ np.asarray(sigma, dtype=float) @ self.axes
        F, G, H, L, M, N = self.coefficients
        x, y, z = (s[..., i, i] for i in range(3))
        square = F * (y - z) ** 2 + G * (z - x) ** 2 + H * (x - y) ** 2
        shear = L * s[..., 1, 2] ** 2 + M * s[..., 0, 2] ** 2 + N * s[..., 0, 1] ** 2
        return np.sqrt(square + 2.0 * shear)

    def flow_stress(self, strain: float, rate: float) -> float:
        """σ̄ of flow, GPa, of plastic strain and its rate, 1/µs."""
        speed = 1.0 + self.C * log(max(rate / self.reference_rate, 1.0))
        return (self.A + self.B * strain**self.n) * speed

    def initial_state(self, n: int) -> State:
        """See `Material`; `modes` is the Kirchhoff stress's deviator in the modes of the law."""
        return {
            "U": torch.eye(3, **self.tensors).repeat(n, 1, 1),
            "modes": torch.zeros(n, 5, **self.tensors),
            "plastic_strain": torch.zeros(n, **self.tensors),
            "plastic_strain_rate": torch.zeros(n, **self.tensors),
        }

    def update(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `Material`.

        Raises:
            InputError: some det F is not positive.
        """
        R, U = polar(F)
        A, values, normal = self._on(self.device)
        stretch = turned(A.T, U).contiguous()
        sigma = torch.empty_like(stretch)
        new = {name: torch.empty_like(value) for name, value in state.items() if name != "U"}
        over_points(
            _loop,
            self.device,
            len(F),
            stretch,
            turned(A.T, state["U"]).contiguous(),
            *(state[name] for name in _STATE),
            sigma,
            *(new[name] for name in _STATE),
            values,
            normal,
            (self.shear_modulus, self.bulk_modulus, self.A, self.B, self.n, self.C),
            scalar(dt, F).view(1),
            self.reference_rate,
            scratch=5,
        )
        return turned(product(R, A), sigma), {"U": U, **new}

    def linearise(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """See `Material.linearise`; in closed form."""
        sigma, new = self.update(F, time, dt, state)
        axes, values, normal = self._on(self.device)
        q, step = new["modes"], new["plastic_strain_rate"] * dt
        x = torch.where(step > 0.0, step, 1.0)
        strain = state["plastic_strain"] + x
        power, still = self.B * strain**self.n, dt * self.reference_rate
        speed = 1.0 + self.C * torch.log((x / still).clamp(min=1.0))
        hardening = self.n * power / strain * speed
        hardening += torch.where(x > still, (self.A + power) * self.C / x, 0.0)
        R, U = polar(F)
        U, before = axes.T @ U @ axes, axes.T @ state["U"] @ axes
        slopes = mode_slopes(q, values, step, hardening, self.shear_modulus)
        slope = stretch_slopes(
            U, before, q, slopes, normal, self.shear_modulus, self.bulk_modulus
        )  # fmt: skip
        # Of F and P with their second index in the material's axes.
        A = rotated_tangent(R @ axes, U, axes.T @ R.mT @ sigma @ R @ axes, slope)
        return sigma, new, torch.einsum("niMkN,JM,LN->niJkL", A, axes, axes)

    def _on(self, device: torch.device) -> tuple[torch.Tensor, ...]:
        """Axes, eigenvalues and modes of normal stresses as tensors there, copied once."""
        if self._there is None or self._there[0].device != device:
            arrays = (self.axes, self._values, self._normal)
            self._there = tuple(torch.from_numpy(x).to(device) for x in arrays)
        return self._there

    def fields(self, state: State) -> State:
        """Plastic strain and its rate (1/µs)."""
        return {name: state[name] for name in _STATE[1:]}


def hill_coefficients(
    x: float, y: float, z: float, yz: float = 1.0, zx: float = 1.0, xy: float = 1.0
) -> tuple[float, ...]:
    """F, G, H, L, M, N of yield stresses relative to that of the flow stress.

    Args:
        x, y, z: tensile yield stress along each axis over σ̄, > 0.
        yz, zx, xy: shear yield stress in each plane over σ̄/√3, > 0.

    Returns:
        The coefficients of `Hill`: all ratios 1 is von Mises's.

    Raises:
        InputError: a ratio that is not positive.
    """
    named = zip(("x", "y", "z", "yz", "zx", "xy"), (x, y, z, yz, zx, xy), strict=True)
    a, b, c, p, q, r = (check_positive(f"yield stress ratio {k}", v) ** -2 for k, v in named)
    normal = 0.5 * (b + c - a), 0.5 * (c + a - b), 0.5 * (a + b - c)
    return (*normal, 1.5 * p, 1.5 * q, 1.5 * r)


def _check_coefficients(values: Sequence[float]) -> tuple[float, ...]:
    if len(values) != 6:
        raise InputError(f"Hill's coefficients are {values}, but must be six: F, G, H, L, M, N")
    named = zip(_NAMES, values, strict=True)
    F, G, H, *shear = (check_within(f"Hill's {k}", v, -inf, inf) for k, v in named)
    for name, value in zip("LMN", shear, strict=True):
        check_positive(f"Hill's {name}", value)
    # The form is positive on deviators.
    if not (F + G + H > 0.0 and F * G + G * H + H * F > 0.0):
        raise InputError(
            f"Hill's F, G, H are {F:g}, {G:g}, {H:g}, but F + G + H and FG + GH + HF must be "
            "positive: else some stress without pressure would never yield"
        )
    return (F, G, H, *shear)


def _modes(coefficients: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues of Hill's form on deviators, the two of normal stresses first, and their modes.

    Shear modes xy, yz, zx count √2 times the component, so that all are orthonormal.
    """
    F, G, H, L, M, N = coefficients
    form = np.array([[G + H, -H, -G], [-H, F + H, -F], [-G, -F, F + G]])
    plane = np.array([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]]) / np.sqrt([[2.0], [6.0]])
    values, turn = np.linalg.eigh(plane @ form @ plane.T)
    return np.array([*values, N, L, M]), np.ascontiguousarray(turn.T @ plane)


_STATE = ("modes", "plastic_strain", "plastic_strain_rate")
_jit = numba.njit(cache=True, error_model="numpy")


@_jit
def _loop(
    first, stride, q,
    U, U_before, modes, strain, rate, sigma, new_modes, new_strain, new_rate, values, normal,
    parameters, step_length, reference_rate,
):  # fmt: skip
    G, K, A, B, n, C = parameters
    root2, dt = sqrt(2.0), step_length[0]
    for p in range(first, U.shape[0], stride):
        J = _store_elastic(U[p], U_before[p], modes[p], normal, G, q)
        theta, step = _return(
            q, values, G, strain[p], rate[p] * dt, A, B, n, C, dt * reference_rate
        )
        for i in range(5):
            q[i] /= 1.0 + theta * values[i]
            new_modes[p, i] = q[i]
        new_strain[p] = strain[p] + step
        new_rate[p] = step / dt
        store_stress(
            J,
            q[0] * normal[0, 0] + q[1] * normal[1, 0],
            q[0] * normal[0, 1] + q[1] * normal[1, 1],
            q[0] * normal[0, 2] + q[1] * normal[1, 2],
            q[2] / root2, q[3] / root2, q[4] / root2, 1.0, K, sigma[p],
        )  # fmt: skip


@_jit
def _store_elastic(U, before, modes, normal, G, q):
    """Deviator in modes where nothing flows in the step, into `q`; det U."""
    a, d = 0.5 * (U[0, 0] + before[0, 0]), 0.5 * (U[0, 1] + before[0, 1])
    b, e = 0.5 * (U[1, 1] + before[1, 1]), 0.5 * (U[1, 2] + before[1, 2])
    c, f = 0.5 * (U[2, 2] + before[2, 2]), 0.5 * (U[0, 2] + before[0, 2])
    K0, K1, K2 = b * c - e * e, a * c - f * f, a * b - d * d
    K3, K4, K5 = e * f - c * d, d * f - a * e, d * e - b * f
    inverse = 1.0 / (a * K0 + d * K3 + f * K5)
    x, y, z = U[0, 0] - before[0, 0], U[1, 1] - before[1, 1], U[2, 2] - before[2, 2]
    u, v, w = U[0, 1] - before[0, 1], U[1, 2] - before[1, 2], U[0, 2] - before[0, 2]
    D0 = inverse * (x * K0 + u * K3 + w * K5)
    D1 = inverse * (u * K3 + y * K1 + v * K4)
    D2 = inverse * (w * K5 + v * K4 + z * K2)
    D3 = 0.5 * inverse * ((x * K3 + u * K1 + w * K4) + (u * K0 + y * K3 + v * K5))
    D4 = 0.5 * inverse * ((u * K5 + y * K4 + v * K2) + (w * K3 + v * K1 + z * K4))
    D5 = 0.5 * inverse * ((x * K5 + u * K4 + w * K2) + (w * K0 + v * K3 + z * K5))
    # The modes of normal stresses have no trace, so that they take the deviator.
    for i in range(2):
        q[i] = modes[i] + 2.0 * G * (normal[i, 0] * D0 + normal[i, 1] * D1 + normal[i, 2] * D2)
    scale = 2.0 * G * sqrt(2.0)
    q[2] = modes[2] + scale * D3
    q[3] = modes[3] + scale * D4
    q[4] = modes[4] + scale * D5
    return (
        U[0, 0] * (U[1, 1] * U[2, 2] - U[1, 2] * U[1, 2])
        - U[0, 1] * (U[0, 1] * U[2, 2] - U[1, 2] * U[0, 2])
        + U[0, 2] * (U[0, 1] * U[1, 2] - U[1, 1] * U[0, 2])
    )


@_jit
def _equivalent(q, values, theta):
    """σ̄ of q_i/(1 + θ a_i), and its derivative by θ."""
    square, slope = 0.0, 0.0
    for i in range(5):
        r = q[i] / (1.0 + theta * values[i])
        square += values[i] * r * r
        slope += values[i] * values[i] * r * r / (1.0 + theta * values[i])
    f = sqrt(square)
    return f, -slope / max(f, 1e-300)


@_jit
def _flow_stress(strain, step, A, B, n, C, still):
    """Flow stress after a plastic strain `step` > 0, and its derivative by it."""
    power = B * exp(n * log(strain + step))
    hard, dhard = A + power, n * power / (strain + step)
    if step <= still:
        return hard, dhard
    speed = 1.0 + C * log(step / still)
    return hard * speed, dhard * speed + hard * C / step


@_jit
def _return(q, values, G, strain, guess, A, B, n, C, still):
    """θ = 2G Δε/σ̄ and the plastic strain Δε of the step, by Newton's method kept in a bracket.

    D_p is Δε a_i q_i/σ̄ by mode, so that q_i = trial/(1 + θ a_i); σ̄ falls and Δε grows with θ.
    `still` is the Δε below which the rate has no effect.
    """
    f, _ = _equivalent(q, values, 0.0)
    start = A + (B * exp(n * log(strain)) if strain > 0.0 else 0.0)
    if not f > start:
        return 0.0, 0.0
    low, high = 0.0, inf
    theta = 2.0 * G * (guess if guess > 0.0 else (f - start) / (3.0 * G)) / start
    step = 0.0
    for _ in range(100):
        f, df = _equivalent(q, values, theta)
        step, dstep = theta * f / (2.0 * G), (f + theta * df) / (2.0 * G)
        strength, hardening = _flow_stress(strain, step, A, B, n, C, still)
        residual = f - strength
        change = -residual / (df - hardening * dstep)
        if residual > 0.0:
            low = theta
        else:
            high = theta
        # The next one would be its square; or no double lies between the bounds.
        if abs(change) <= 1e-8 * theta or high - low <= 4e-16 * low:
            theta += change
            break
        theta += change
        if not low < theta < high:
            theta = 0.5 * (low + high) if high < inf else 2.0 * low
    f, _ = _equivalent(q, values, theta)
    return theta, theta * f / (2.0 * G)
