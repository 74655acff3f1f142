# SPDX-License-Identifier: MIT
"""The two-dimensional two-slip crystal of Liu et al. 2022, Section 3 and Table 1."""

from mlms_fenics.materials.crystal.families import SlipFamily
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.units import KILOGRAM_PER_CUBIC_METRE, MEGAPASCAL, PER_SECOND


def two_slip_crystal(
    *,
    tau_0: float = 100.0 * MEGAPASCAL,
    rate_exponent: float = 0.5,
    rate: float = 1.0 * PER_SECOND,
    density: float = 1.0e4 * KILOGRAM_PER_CUBIC_METRE,
) -> CrystalLaw:
    """Plane-strain crystal with two orthogonal slip systems, no twins and no hardening.

    The paper prints the second normal as (0, -1), which is parallel to its direction; it is taken
    as (-1, 0). Its Table 1 prints 1/m: m = 0.5 is its "2" and 0.2 its "5".

    Args:
        tau_0: reference stress, GPa.
        rate_exponent: m, in (0, 1].
        rate: reference rate, 1/µs (the paper's 1/s; its horizon is 1 s = 1e6 µs).
        density: mg/mm³; assumption: that of the paper's magnesium.

    Raises:
        InputError: a parameter out of its range.
    """
    family = SlipFamily(
        name="in-plane",
        direction=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
        normal=((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)),
        tau_0=tau_0,
        rate=rate,
        rate_exponent=rate_exponent,
        source="Liu et al. 2022, Table 1; second normal corrected",
    )
    return CrystalLaw(
        name="two-slip crystal",
        dimension=2,
        shear_modulus=19.0,
        lambda_e=24.0,
        density=density,
        slip=(family,),
        source="Liu et al. 2022, Table 1",
    )
