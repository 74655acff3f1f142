# SPDX-License-Identifier: MIT
"""What laws from compiled subroutines of Abaqus have in common."""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch

from mlms_fenics.errors import InputError, SimulationError, require
from mlms_fenics.materials.base import Material, Time
from mlms_fenics.materials.external import load_library
from mlms_fenics.numbers import check_positive, check_whole


class AbaqusRoutine(Material):
    """A user's material subroutine in a shared library.

    Args:
        library: path of the shared library, with what the subroutine calls of Abaqus's.
        density: mg/mm³.
        bulk_modulus, shear_modulus: elastic, for the wave speed, GPa.
        states: number of its state variables.
        properties: its constants.
        time_unit: µs per unit of time of the subroutine.
        stress_unit: GPa per unit of its stress.
        name: of the material, for subroutines that look at it.

    Raises:
        InputError: no such library, no such subroutine in it, or a number out of range.
    """

    ROUTINE: str

    def __init__(
        self,
        library: str | os.PathLike[str],
        *,
        density: float,
        bulk_modulus: float,
        shear_modulus: float,
        states: int,
        properties: Sequence[float] = (),
        time_unit: float = 1.0,
        stress_unit: float = 1.0,
        name: str = "MATERIAL",
    ) -> None:
        self.library = Path(library)
        loaded, self.digest = load_library(self.library)
        symbol = f"{self.ROUTINE.lower()}_"
        try:
            self.routine = getattr(loaded, symbol)
        except AttributeError as error:
            raise InputError(
                f"library {self.library} has no {self.ROUTINE} (symbol {symbol})"
            ) from error
        self.routine.restype = None
        self.density = check_positive("density", density, "mg/mm³")
        self.bulk_modulus = check_positive("bulk_modulus", bulk_modulus, "GPa")
        self.shear_modulus = check_positive("shear_modulus", shear_modulus, "GPa")
        self.states = check_whole("states", states, 1)
        self.properties = np.array(properties, np.float64).ravel()
        require(bool(np.isfinite(self.properties).all()), "properties must be finite numbers")
        self.time_unit = check_positive("time_unit", time_unit, "µs")
        self.stress_unit = check_positive("stress_unit", stress_unit, "GPa")
        self.name = ctypes.c_char_p(name.ljust(80)[:80].encode())

    def to(self, device: torch.device | str) -> Self:
        """See `Material.to`; `InputError` for any device but the CPU, on which the library is."""
        if torch.device(device).type != "cpu":
            raise InputError(f"device {device}: the law of {self.library} computes on the CPU only")
        return super().to(device)

    def check_finite(self, stress: np.ndarray, time: Time) -> None:
        """`SimulationError` where a point's stress, `(n, components)`, is not finite."""
        bad = np.flatnonzero(~np.isfinite(stress).all(1))
        if len(bad):
            raise SimulationError(
                f"the {self.ROUTINE} of {self.library} gave point {bad[0]} a stress that is not "
                f"finite at {float(time):g} µs: see its own messages, or reduce the strain per step"
            )
