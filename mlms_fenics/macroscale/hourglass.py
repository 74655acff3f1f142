# SPDX-License-Identifier: MIT
"""Stabilisation of one-point hexahedra and quadrilaterals.

After Flanagan & Belytschko, Int. J. Numer. Meth. Eng. 17 (1981) 679-706.
"""

from dataclasses import dataclass

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.loop import HourglassData
from mlms_fenics.loop.blocks import PATTERNS
from mlms_fenics.loop.compiled import hourglass_plane
from mlms_fenics.loop.compiled.hourglass import hourglass_forces, moduli_of_modes
from mlms_fenics.macroscale.element import Elements
from mlms_fenics.macroscale.placed_laws import Moduli
from mlms_fenics.numbers import check_number

FORMS = ("secant", "elastic", "viscous", "none")


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
        check_number("hourglass coefficient", self.coefficient)
        require(
            0.0 < self.coefficient <= 1.0,
            f"hourglass coefficient is {self.coefficient:g}, but must be in (0, 1]",
        )


class HourglassControl:
    """Hourglass forces of a rank's cells.

    Attributes:
        q: hourglass displacements, mm, `(n_cells, n_patterns, 3)`.
        k: stiffness of the modes, kN/mm, or of their change where viscous, `(n_cells,)`.
        work: done against the hourglass forces by this rank's cells, J.
        saved_cell, saved_nodal, saved_sums, saved_common: what a restart needs, as of `Contact`;
            `saved_cell` is per own cell.
    """

    saved_nodal: tuple[str, ...] = ()
    saved_cell: tuple[str, ...] = ("q", "k")
    saved_sums: tuple[str, ...] = ("work",)
    saved_common: tuple[str, ...] = ()

    def __init__(
        self,
        settings: Hourglass,
        elements: Elements,
        density: np.ndarray | float,
        shear: np.ndarray | float,
        speed: np.ndarray | float,
    ) -> None:
        X, volume = elements.coordinates[elements.dofs], elements.volume
        self._plane = elements.cell == "quadrilateral"
        self._patterns = patterns = hourglass_plane.PATTERNS if self._plane else PATTERNS
        slopes = np.einsum("ma,cai->cmi", patterns, X)
        self._slopes = np.ascontiguousarray(slopes)
        self._gradients = elements.gradients
        self._dofs = elements.dofs
        n = len(volume)
        self.q, self.k = np.zeros((n, len(patterns), 3)), np.zeros(n)
        self._settings = settings
        self._secant = settings.form == "secant"
        self._viscous = settings.form == "viscous"
        self._shear = np.broadcast_to(np.asarray(shear, dtype=float), n).copy()
        if self._viscous:
            self._size = 0.25 * volume ** (2.0 / 3.0)
            self._scale = settings.coefficient * density * speed * self._size
        else:
            g = elements.gradients[..., :2] if self._plane else elements.gradients
            self._size = volume * np.einsum("cai,cai->c", g, g)
            self._scale = settings.coefficient * shear * self._size
        self.work = 0.0

    def data(self) -> HourglassData:
        """What the loop on a device needs to know of it."""
        form, coefficient = self._settings.form, float(self._settings.coefficient)
        return HourglassData(form, coefficient, self._patterns, self._slopes, self._size)

    def add(
        self, u: np.ndarray, F: np.ndarray, sigma: np.ndarray, dt: float, force: np.ndarray
    ) -> None:
        """Add the nodal forces at the end of a step of length `dt` (µs) to `force` (kN)."""
        if self._plane:
            before = self.k.copy()
            given = (self._scale, self._shear, self._secant, self._viscous)
            moduli_of_modes(F, sigma, *given, dt, self.k)
            self.work += hourglass_plane.plane_hourglass(
                u, self._dofs, self._slopes, self._gradients, self.q, before, self.k,
                self._viscous, force,
            )  # fmt: skip
            return
        self.work += hourglass_forces(
            u, self._dofs, self._slopes, self._gradients, self.q, self.k, F, sigma, self._scale,
            self._shear, self._secant, self._viscous, dt, force,
        )  # fmt: skip


def hourglass_control(
    settings: Hourglass | None, elements: Elements, moduli: Moduli
) -> HourglassControl | None:
    """Control of one-point hexahedra and quadrilaterals; None for others, or where not wanted."""
    settings = settings or Hourglass()
    if settings.form == "none" or elements.cell == "tetrahedron" or elements.per_cell > 1:
        return None
    return HourglassControl(settings, elements, moduli.density, moduli.shear, moduli.wave_speed)
