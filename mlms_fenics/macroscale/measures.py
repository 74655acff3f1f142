# SPDX-License-Identifier: MIT
"""The three local measures that the paper plots (Liu et al. 2022, section 5)."""

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.kinematics.tensors import von_mises

__all__ = ["deviatoric_strain", "volumetric_strain", "von_mises"]

EXPONENTS = {"isochoric": 2.0 / 3.0, "printed": 2.0}


def volumetric_strain(F: np.ndarray) -> np.ndarray:
    """e_v = det F − 1, *Shape* `(...)` for `(..., 3, 3)`."""
    return np.linalg.det(F) - 1.0


def deviatoric_strain(F: np.ndarray, form: str = "isochoric") -> np.ndarray:
    """e_d = |FᵀF / (det F)^p − I| / 2 with the Frobenius norm.

    Args:
        F: deformation gradients, *Shape* `(..., 3, 3)`.
        form: "isochoric" is p = 2/3, which is zero for a pure change of volume; "printed" is p = 2,
            as the paper has it.

    Returns:
        *Shape* `(...)`.

    Raises:
        InputError: another `form`.
    """
    if form not in EXPONENTS:
        raise InputError(f"form is {form!r}, but must be one of {sorted(EXPONENTS)}")
    C = np.swapaxes(F, -1, -2) @ F
    scaled = C / np.linalg.det(F)[..., None, None] ** EXPONENTS[form]
    return 0.5 * np.linalg.norm(scaled - np.eye(3), axis=(-2, -1))
