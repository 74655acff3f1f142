# SPDX-License-Identifier: MIT
"""A crystal law as the explicit kernels want it, on the CPU and on a GPU."""

from functools import lru_cache

import numpy as np

from mlms_fenics.materials.crystal import kernel as ck
from mlms_fenics.materials.crystal.law import CrystalLaw

# A substep's share of the tolerance: with it the measured error of the stress at the end of it all
# is about the tolerance, from 1e-3 to 1e-6 and 1/m from 1 to 20 (see the verification tests).
ERROR_PER_STEP = 0.2


@lru_cache(maxsize=256)
def crystal_tables(law: CrystalLaw) -> tuple[np.ndarray, np.ndarray]:
    """The law's systems as the kernel wants them, *Shape* `(n_slip or n_twin, N_COLUMNS)`.

    Made once for each law, so not to be changed in place.
    """
    slip = np.zeros((law.n_slip, ck.N_COLUMNS))
    twin = np.zeros((law.n_twin, ck.N_COLUMNS))
    for table, schmid, per in (
        (slip, law.slip_schmid, law.per_slip),
        (twin, law.twin_schmid, law.per_twin),
    ):
        if len(table) == 0:
            continue
        for k, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2))):
            table[:, k] = schmid[:, i, j] + (schmid[:, j, i] if i != j else 0.0)
        table[:, ck.FULL : ck.FULL + 9] = schmid.reshape(-1, 9)
        table[:, ck.TAU] = per("tau_0")
        table[:, ck.RATE] = per("rate")
        table[:, ck.EXPONENT] = 1.0 / per("rate_exponent")
        table[:, ck.HARDENING] = per("hardening")
        table[:, ck.LATENT] = per("latent")
    saturation = law.per_slip("saturation")
    slip[:, ck.SATURATION] = saturation
    some = saturation > 0
    slip[some, ck.RATIO] = slip[some, ck.HARDENING] / saturation[some]
    start = 0
    for family in law.slip:
        end = start + len(family.direction)
        slip[start:end, ck.FAMILY_START], slip[start:end, ck.FAMILY_END] = start, end
        start = end
    if law.n_twin:
        twin[:, ck.NORMAL : ck.NORMAL + 3] = law.twin_normal
        twin[:, ck.SHEAR] = law.per_twin("shear")
    return slip, twin


def virgin_state(law: CrystalLaw, n: int) -> np.ndarray:
    """States of `n` virgin points in the kernel's order, *Shape* `(n, n_state)`."""
    state = np.zeros((n, law.n_state))
    state[:, [0, 4, 8]] = 1.0
    return state
