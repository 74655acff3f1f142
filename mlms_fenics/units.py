# SPDX-License-Identifier: MIT
"""The one consistent unit system of the package: mm, µs, GPa, mg.

Derived: velocity mm/µs = km/s, density mg/mm³ = g/cm³, force kN, energy J, rate 1/µs.
Multiply by a constant to enter a value given in another unit: `200 * METRE_PER_SECOND` is 0.2.
"""

SYSTEM = "mm us GPa mg"

MILLIMETRE = 1.0
METRE = 1.0e3
MICROSECOND = 1.0
SECOND = 1.0e6
GIGAPASCAL = 1.0
MEGAPASCAL = 1.0e-3
METRE_PER_SECOND = 1.0e-3
KILOGRAM_PER_CUBIC_METRE = 1.0e-3
PER_SECOND = 1.0e-6
