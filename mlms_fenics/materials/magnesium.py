# SPDX-License-Identifier: MIT
"""Magnesium: parameters of Liu et al. 2022, Table A.1 (after Chang & Kochmann 2015)."""

from mlms_fenics.materials.crystal.families import SlipFamily, TwinFamily, as_vectors
from mlms_fenics.materials.crystal.lattice import hexagonal_systems
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.units import KILOGRAM_PER_CUBIC_METRE, MEGAPASCAL, PER_SECOND

_TABLE = "Liu et al. 2022, Table A.1"
_ASSUMED_TAU_0 = f"{_TABLE}; tau_0: assumption (the table gives it for the pyramidal family only)"


def magnesium(
    *,
    tau_0_basal: float = 50.5 * MEGAPASCAL,
    tau_0_prismatic: float = 50.5 * MEGAPASCAL,
    tau_0_pyramidal: float = 50.5 * MEGAPASCAL,
    tau_0_twin: float = 50.5 * MEGAPASCAL,
    rate_exponent: float = 0.5,
    rate: float = 1.0e5 * PER_SECOND,
    c_over_a: float = 1.624,
    density: float = 1.0e4 * KILOGRAM_PER_CUBIC_METRE,
    detwinning: bool = False,
) -> CrystalLaw:
    """Magnesium with basal, prismatic and pyramidal slip and tensile twins.

    Args:
        tau_0_basal: reference stress of a family, GPa. Table A.1 prints τ_0 = 50.5 MPa for the
            pyramidal family alone; taking it for the others too is an assumption.
        tau_0_prismatic: as above.
        tau_0_pyramidal: as above, from the table.
        tau_0_twin: as above.
        rate_exponent: m of all families, in (0, 1].
        rate: reference rate of all families, 1/µs.
        c_over_a: axial ratio.
        density: mg/mm³. The default is the paper's; magnesium's own is 1.738.
        detwinning: whether twins may shrink; the paper's do not.

    Raises:
        InputError: a parameter out of its range.
    """
    common = {"rate": rate, "rate_exponent": rate_exponent}

    def systems(family: str) -> dict:
        s, m = hexagonal_systems(family, c_over_a)
        return {"name": family, "direction": as_vectors(s), "normal": as_vectors(m)}

    basal = SlipFamily(
        **systems("basal"),
        **common,
        tau_0=tau_0_basal,
        hardening=7.1,
        saturation=0.7 * MEGAPASCAL,
        latent=0.0,
        source=_ASSUMED_TAU_0,
    )
    prismatic = SlipFamily(
        **systems("prismatic"),
        **common,
        tau_0=tau_0_prismatic,
        hardening=40.0,
        saturation=170.0 * MEGAPASCAL,
        latent=20.0 * MEGAPASCAL,
        source=_ASSUMED_TAU_0,
    )
    pyramidal = SlipFamily(
        **systems("pyramidal"),
        **common,
        tau_0=tau_0_pyramidal,
        hardening=30.0,
        saturation=200.0 * MEGAPASCAL,
        latent=25.0 * MEGAPASCAL,
        source=_TABLE,
    )
    twin = TwinFamily(
        **systems("tensile_twin"),
        **common,
        tau_0=tau_0_twin,
        shear=0.129,
        hardening=7.0 * MEGAPASCAL,
        latent=40.0,
        source=_ASSUMED_TAU_0,
    )
    return CrystalLaw(
        name="magnesium",
        dimension=3,
        shear_modulus=25.0,
        lambda_e=24.0,
        density=density,
        slip=(basal, prismatic, pyramidal),
        twins=(twin,),
        detwinning=detwinning,
        source=_TABLE,
    )
