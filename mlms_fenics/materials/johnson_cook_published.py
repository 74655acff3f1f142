# SPDX-License-Identifier: MIT
"""Published parameters of the Johnson-Cook law.

Strength, density, specific heat and melting temperature: Johnson & Cook, "A constitutive model and
data for metals subjected to large strains, high strain rates and high temperatures", 7th Int. Symp.
Ballistics, The Hague 1983, table 1; those of copper and 4340 steel again in Eng. Fract. Mech. 21
(1985) 31-48. Room temperature and ε̇_0 = 1/s as there. The elastic constants are handbook values
(copper 124 GPa, 0.34; steel 200 GPa, 0.29; aluminium 73.1 GPa, 0.33): the paper gives none.
"""

from typing import Any

from mlms_fenics.errors import InputError
from mlms_fenics.materials.johnson_cook import JohnsonCook

PUBLISHED: dict[str, dict[str, float]] = {
    "OFHC copper": {
        "young": 124.0, "poisson": 0.34, "density": 8.96,
        "A": 0.090, "B": 0.292, "n": 0.31, "C": 0.025, "m": 1.09,
        "melting_temperature": 1356.0, "specific_heat": 383.0e-6,
    },
    "4340 steel": {
        "young": 200.0, "poisson": 0.29, "density": 7.83,
        "A": 0.792, "B": 0.510, "n": 0.26, "C": 0.014, "m": 1.03,
        "melting_temperature": 1793.0, "specific_heat": 477.0e-6,
    },
    "2024-T351 aluminium": {
        "young": 73.1, "poisson": 0.33, "density": 2.77,
        "A": 0.265, "B": 0.426, "n": 0.34, "C": 0.015, "m": 1.00,
        "melting_temperature": 775.0, "specific_heat": 875.0e-6,
    },
}  # fmt: skip


def johnson_cook(name: str, **changes: Any) -> JohnsonCook:
    """The law of a published metal.

    Args:
        name: one of `PUBLISHED`.
        **changes: arguments of `JohnsonCook` to change, such as `taylor_quinney=0.0`.

    Raises:
        InputError: another name, or a parameter out of its range.
    """
    if name not in PUBLISHED:
        raise InputError(
            f"no Johnson-Cook parameters of {name!r} are known, but of {', '.join(PUBLISHED)}: "
            "give JohnsonCook your own"
        )
    return JohnsonCook(**{**PUBLISHED[name], **changes})
