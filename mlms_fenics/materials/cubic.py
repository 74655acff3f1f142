# SPDX-License-Identifier: MIT
"""Face-centred and body-centred cubic crystals, for parameters of one's own."""

from collections.abc import Mapping

from mlms_fenics.errors import require
from mlms_fenics.materials.crystal.families import SlipFamily, as_vectors
from mlms_fenics.materials.crystal.lattice import cubic_systems
from mlms_fenics.materials.crystal.law import CrystalLaw

CUBIC_FAMILIES = {"fcc": ("{111}<110>",), "bcc": ("{110}<111>", "{112}<111>", "{123}<111>")}


def cubic_crystal(
    lattice: str,
    *,
    shear_modulus: float,
    lambda_e: float,
    density: float,
    slip: Mapping[str, Mapping[str, float]],
    name: str = "",
    source: str = "",
) -> CrystalLaw:
    """A cubic crystal that slips on the families given.

    Slip on {112}⟨111⟩ is as easy in the twinning as in the anti-twinning sense.

    Args:
        lattice: "fcc" ({111}⟨110⟩) or "bcc" ({110}⟨111⟩, {112}⟨111⟩,
            {123}⟨111⟩).
        shear_modulus: G, GPa; the elasticity is isotropic.
        lambda_e: half the bulk modulus, GPa.
        density: mg/mm³.
        slip: of each family that is to slip, by its name as written above with <>, the parameters
            of `SlipFamily`: tau_0, rate, rate_exponent and, as wanted, hardening, saturation,
            latent.
        name, source: of the material and its parameters.

    Raises:
        InputError: unknown lattice or family, no family, or a parameter out of range.
    """
    require(
        lattice in CUBIC_FAMILIES,
        f"unknown cubic lattice {lattice!r}: take one of {', '.join(CUBIC_FAMILIES)}",
    )
    families = []
    for family, parameters in slip.items():
        require(
            family in CUBIC_FAMILIES[lattice],
            f"{lattice} has no family {family!r}: take from {', '.join(CUBIC_FAMILIES[lattice])}",
        )
        s, m = cubic_systems(family)
        families.append(
            SlipFamily(family, as_vectors(s), as_vectors(m), **parameters, source=source)
        )
    return CrystalLaw(
        name=name or lattice,
        dimension=3,
        shear_modulus=shear_modulus,
        lambda_e=lambda_e,
        density=density,
        slip=tuple(families),
        source=source,
    )
