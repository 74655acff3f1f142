# SPDX-License-Identifier: MIT
"""The reduced polycrystal in C, with the explicit steps of its grains."""

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.export.cells import Cell
from mlms_fenics.export.constants import array, scalar
from mlms_fenics.materials.crystal import kernel as ck
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.step import STABILITY
from mlms_fenics.materials.crystal.tables import ERROR_PER_STEP, crystal_tables
from mlms_fenics.surrogate.base import LearntLaw

_SLIP = (ck.TAU, ck.RATE, ck.EXPONENT, ck.HARDENING, ck.SATURATION, ck.RATIO, ck.LATENT)
_TWIN = (ck.TAU, ck.RATE, ck.EXPONENT, ck.HARDENING, ck.LATENT, ck.SHEAR)


def cell(law: LearntLaw) -> Cell:
    """See `Cell`; `InputError` for crystals whose steps must be implicit."""
    crystal, polycrystal = law.law, law.polycrystal
    require(
        crystal.source_form,
        f"the crystal {crystal.name!r} needs implicit steps (a power law of its strength, drag, "
        "evolving strengths or anisotropic elasticity), which the C file does not have: train a "
        "recurrent law or learnt grains on its data, and export that",
    )
    crystals = [crystal] if polycrystal.crystals is None else list(polycrystal.crystals)
    grains = len(polycrystal.orientations)
    numbers = {
        "GRAINS": grains,
        "CRYSTALS": len(crystals),
        "SLIPS": crystal.n_slip,
        "TWINS": crystal.n_twin,
        "DETWINNING": int(crystal.detwinning),
        "STABILITY": STABILITY,
        "STEP_TOLERANCE": ERROR_PER_STEP * polycrystal.tolerance,
        "LEAST_STRENGTH": float(polycrystal.initial_state(1)["scale"][0, 0]),
    }
    return Cell(
        templates=["crystal/crystal_rates.c", "crystal/crystal_step.c", "crystal/reduced.c"],
        constants=[
            *(scalar(name, value) for name, value in numbers.items()),
            array("ORIENTATIONS", polycrystal.orientations.reshape(-1, 9), "double"),
            array("WEIGHTS", polycrystal.weights, "double"),
            *_tables(crystals),
        ],
        states=_states(crystal, grains),
        pressure=law.bulk_modulus,
        double_only=True,
        notes=[
            "Its steps are explicit with error control: their price grows with the strain of a "
            "step, so that it is for explicit codes, which take short ones. State variables of "
            "grains that are times and stresses are in µs and GPa whatever the host's units are."
        ],
    )


def _tables(crystals: list[CrystalLaw]) -> list[str]:
    """Systems of each crystal; of no twins one that is not used, for C has no empty arrays."""
    slip, twin = (np.array(part) for part in zip(*map(crystal_tables, crystals), strict=True))
    if twin.shape[1] == 0:
        twin = np.zeros((len(crystals), 1, ck.N_COLUMNS))
    family = slip[0][:, [ck.FAMILY_START, ck.FAMILY_END]].astype(int)
    rows = ", ".join(f"{{{start}, {end}}}" for start, end in family)
    tables = [f"static const int FAMILY[][2] = {{{rows}}};"]
    for name, table, columns in (("SLIP", slip, _SLIP), ("TWIN", twin, _TWIN)):
        tables += [
            array(f"{name}_SYMMETRIC", table[..., ck.SYM : ck.SYM + 6], "double"),
            array(f"{name}_FULL", table[..., ck.FULL : ck.FULL + 9], "double"),
            array(f"{name}_NUMBERS", table[..., list(columns)], "double"),
        ]
    normals = twin[..., ck.NORMAL : ck.NORMAL + 3]
    return [*tables, array("TWIN_NORMAL", normals, "double")]


def _states(crystal: CrystalLaw, grains: int) -> list[str]:
    each = [f"(F_in^-1)_{i}{j}" for i in (1, 2, 3) for j in (1, 2, 3)]
    each += [f"twin fraction {k + 1}" for k in range(crystal.n_twin)]
    each += [f"accumulated slip {k + 1}" for k in range(crystal.n_slip)]
    each += ["substep to try next", "largest deviatoric stress so far"]
    return [f"{what} of grain {g + 1}" for g in range(grains) for what in each]
