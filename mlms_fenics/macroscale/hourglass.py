# SPDX-License-Identifier: MIT
"""Stabilisation of one-point hexahedra (Flanagan & Belytschko, Int. J. Numer. Meth. Eng. 1981)."""

from dataclasses import dataclass
from math import sqrt

import numba
import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.macroscale.element import Elements

FORMS = ("secant", "elastic", "viscous", "none")
# The four hourglass patterns ηζ, ζξ, ξη, ξηζ on a hexahedron's vertices in tensor-product order.
_PATTERNS = np.array(
    [
        [1, 1, -1, -1, -1, -1, 1, 1],
        [1, -1, 1, -1, -1, 1, -1, 1],
        [1, -1, -1, 1, 1, -1, -1, 1],
        [-1, 1, 1, -1, 1, -1, -1, 1],
    ]
) / sqrt(8.0)
# Deviatoric strain below which the secant modulus is taken as elastic.
_ELASTIC_STRAIN = 1.0e-3


@dataclass(frozen=True)
class Hourglass:
    """Which hourglass forces, and how strong.

    The hourglass displacements q = Σ γ_a u_a are orthogonal to every homogeneous deformation of the
    reference shape and turn with the body, so that forces k q γ_a vanish in both and do no harm to
    patch test or frame indifference.

    Attributes:
        form: "secant" takes k = c μ V tr(Σ ∇N ⊗ ∇N) with the element's own secant shear modulus
            μ = |dev σ| / (2 |dev strain|), which is the elastic one until the element yields and
            falls with plastic flow, for any law; "elastic" takes μ = G always (too stiff in plastic
            flow); "viscous" takes a force c ρ c_d V^{2/3} q̇ / 4; "none" is for tests.
        coefficient: c, dimensionless, in (0, 1]. A fully integrated cube of shear modulus μ has
            stiffnesses of c = 0.2 to 0.5 in these modes. The default, 0.3, was set by the copper
            Taylor bar (`demos/copper_taylor_bar.py`): foot radius and length hardly depend on c
            once the mesh is fine, and on coarse ones 0.3 comes nearest to the fine mesh with less
            than 4% of the internal energy spent on hourglassing.
    """

    form: str = "secant"
    coefficient: float = 0.3

    def __post_init__(self) -> None:
        require(
            self.form in FORMS,
            f"hourglass form is {self.form!r}, but must be one of {', '.join(FORMS)}",
        )
        require(
            0.0 < self.coefficient <= 1.0,
            f"hourglass coefficient is {self.coefficient:g}, but must be in (0, 1]",
        )


class HourglassControl:
    """Hourglass forces of a rank's cells.

    Attributes:
        work: done against the hourglass forces by this rank's cells, J.
    """

    def __init__(
        self, settings: Hourglass, elements: Elements, density: float, shear: float, speed: float
    ) -> None:
        X, volume = elements.coordinates[elements.dofs], elements.volume
        slopes = np.einsum("ma,cai->cmi", _PATTERNS, X)
        self._gamma = _PATTERNS - np.einsum("cmi,cai->cma", slopes, elements.gradients)
        self._dofs = elements.dofs
        n = len(volume)
        self._q, self._q_old, self._force = (np.zeros((n, 4, 3)) for _ in range(3))
        self._secant = settings.form == "secant"
        self._viscous = settings.form == "viscous"
        self._shear = shear
        if self._viscous:
            self._scale = 0.25 * settings.coefficient * density * speed * volume ** (2.0 / 3.0)
        else:
            trace = np.einsum("cii->c", elements.metric)
            self._scale = settings.coefficient * shear * volume * trace
        self._work = np.zeros(1)

    @property
    def work(self) -> float:
        return float(self._work[0])

    def add(
        self, u: np.ndarray, F: np.ndarray, sigma: np.ndarray, dt: float, force: np.ndarray
    ) -> None:
        """Add the nodal forces at the end of a step of length `dt` (µs) to `force` (kN)."""
        self._q, self._q_old = self._q_old, self._q
        _hourglass(
            u, self._dofs, self._gamma, self._q, self._q_old, self._force, F, sigma, self._scale,
            self._shear, self._secant, self._viscous, dt, force, self._work,
        )  # fmt: skip


@numba.njit(cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})
def _hourglass(
    u, dofs, gamma, q, q_old, modal, F, sigma, scale, shear, secant, viscous, dt, force, work
):
    total = 0.0
    h = np.empty((4, 3))
    for c in range(dofs.shape[0]):
        k = scale[c]
        if secant:
            k *= _secant_ratio(F[c], sigma[c], shear)
        elif viscous:
            k = k / dt if dt > 0.0 else 0.0
        for m in range(4):
            x, y, z = 0.0, 0.0, 0.0
            for a in range(8):
                node = dofs[c, a]
                g = gamma[c, m, a]
                x += g * u[node, 0]
                y += g * u[node, 1]
                z += g * u[node, 2]
            h[m, 0], h[m, 1], h[m, 2] = x, y, z
        for m in range(4):
            for i in range(3):
                change = h[m, i] - q_old[c, m, i]
                new = k * change if viscous else k * h[m, i]
                total += 0.5 * (new + modal[c, m, i]) * change
                modal[c, m, i] = new
                q[c, m, i] = h[m, i]
        for a in range(8):
            node = dofs[c, a]
            for i in range(3):
                f = 0.0
                for m in range(4):
                    f += gamma[c, m, a] * modal[c, m, i]
                force[node, i] -= f
    work[0] += total


@numba.njit(cache=True, error_model="numpy", inline="always")
def _secant_ratio(F, sigma, shear):
    """Secant over elastic shear modulus, in (0, 1]."""
    b00 = F[0, 0] * F[0, 0] + F[0, 1] * F[0, 1] + F[0, 2] * F[0, 2]
    b11 = F[1, 0] * F[1, 0] + F[1, 1] * F[1, 1] + F[1, 2] * F[1, 2]
    b22 = F[2, 0] * F[2, 0] + F[2, 1] * F[2, 1] + F[2, 2] * F[2, 2]
    b01 = F[0, 0] * F[1, 0] + F[0, 1] * F[1, 1] + F[0, 2] * F[1, 2]
    b12 = F[1, 0] * F[2, 0] + F[1, 1] * F[2, 1] + F[1, 2] * F[2, 2]
    b02 = F[0, 0] * F[2, 0] + F[0, 1] * F[2, 1] + F[0, 2] * F[2, 2]
    mean = (b00 + b11 + b22) / 3.0
    pressure = (sigma[0, 0] + sigma[1, 1] + sigma[2, 2]) / 3.0
    # dev b / (2 mean b): the small-strain deviator, and never much above one.
    b = (b00 - mean) ** 2 + (b11 - mean) ** 2 + (b22 - mean) ** 2
    strain = 0.5 / mean * sqrt(b + 2.0 * (b01 * b01 + b12 * b12 + b02 * b02))
    s = (
        (sigma[0, 0] - pressure) ** 2 + (sigma[1, 1] - pressure) ** 2
        + (sigma[2, 2] - pressure) ** 2
        + 2.0 * (sigma[0, 1] ** 2 + sigma[1, 2] ** 2 + sigma[0, 2] ** 2)
    )  # fmt: skip
    floor = 2.0 * shear * _ELASTIC_STRAIN
    return min(1.0, (sqrt(s) + floor) / (2.0 * shear * strain + floor))
