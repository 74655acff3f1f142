# SPDX-License-Identifier: MIT
"""A law from a compiled VUMAT, the material subroutine of Abaqus/Explicit."""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from mlms_fenics.errors import InputError, SimulationError, require
from mlms_fenics.kinematics.tensors import from_components, polar, to_components
from mlms_fenics.materials.base import Material, State, Time
from mlms_fenics.materials.external import load_library
from mlms_fenics.numbers import check_positive, check_whole

# Points that Abaqus hands over at once at most: VUMATs have arrays of that size.
BLOCK = 136
# F as VUMATs have it: 11, 22, 33, 12, 23, 31, 21, 32, 13.
_GRADIENT = [0, 4, 8, 1, 5, 6, 3, 7, 2]


class ExternalVumat(Material):
    """A user's VUMAT in a shared library, called as Abaqus calls it, three-dimensionally.

    With F = R U it is given U, F, the strain increment (the symmetric part of ΔU U⁻¹ in the middle
    of the step) and, as `relSpinInc`, the axis of its skew part; its stress is in the frame that
    turns with R. Fields and temperatures are zero.
    State: "variables" (n, states), "gradient" and "stretch" (n, 3, 3), "stress" (n, 6) of that
    frame and "energy" (n, 2), internal and dissipated, per mass; in the units of the VUMAT.

    Args:
        library: path of the shared library, with what the VUMAT calls of Abaqus's.
        density: mg/mm³.
        bulk_modulus, shear_modulus: elastic, for the wave speed, GPa.
        states: number of its state variables.
        properties: its constants.
        time_unit: µs per unit of time of the VUMAT.
        stress_unit: GPa per unit of its stress.
        name: of the material, for VUMATs that look at it.

    Raises:
        InputError: no such library, no VUMAT in it, or a number out of range.
    """

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
        try:
            self._vumat = loaded.vumat_
        except AttributeError as error:
            raise InputError(f"library {self.library} has no VUMAT (symbol vumat_)") from error
        self._vumat.restype = None
        self.density = check_positive("density", density, "mg/mm³")
        self.bulk_modulus = check_positive("bulk_modulus", bulk_modulus, "GPa")
        self.shear_modulus = check_positive("shear_modulus", shear_modulus, "GPa")
        self.states = check_whole("states", states, 1)
        self.properties = np.array(properties, np.float64).ravel()
        require(bool(np.isfinite(self.properties).all()), "properties must be finite numbers")
        self.time_unit = check_positive("time_unit", time_unit, "µs")
        self.stress_unit = check_positive("stress_unit", stress_unit, "GPa")
        self._name = name.ljust(80)[:80].encode()

    def to(self, device: torch.device | str) -> "ExternalVumat":
        """See `Material.to`; `InputError` for any device but the CPU, on which the library is."""
        if torch.device(device).type != "cpu":
            raise InputError(f"device {device}: the law of {self.library} computes on the CPU only")
        return super().to(device)

    def initial_state(self, n: int) -> State:
        """State of `n` virgin points at F = I."""
        one = torch.eye(3, dtype=torch.float64).repeat(n, 1, 1)
        zeros = {"variables": self.states, "stress": 6, "energy": 2}
        return {
            **{key: torch.zeros(n, size, dtype=torch.float64) for key, size in zeros.items()},
            "gradient": one,
            "stretch": one.clone(),
        }

    def update(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `Material.update`.

        Raises:
            InputError: some det F is not positive.
            SimulationError: a stress of the VUMAT is not finite.
        """
        F = F.detach().double()
        R, U = polar(F)
        rate = torch.linalg.solve(0.5 * (state["stretch"] + U), U - state["stretch"], left=False)
        spin = rate - rate.mT
        given = {
            "strain": to_components(0.5 * (rate + rate.mT)),
            "spin": 0.5 * torch.stack((spin[:, 2, 1], spin[:, 0, 2], spin[:, 1, 0]), 1),
            "stretch_old": to_components(state["stretch"]),
            "gradient_old": state["gradient"].reshape(-1, 9)[:, _GRADIENT],
            "stress_old": state["stress"],
            "state_old": state["variables"],
            "energy_old": state["energy"],
            "stretch_new": to_components(U),
            "gradient_new": F.reshape(-1, 9)[:, _GRADIENT],
        }
        rows = {key: value.T.contiguous().numpy() for key, value in given.items()}
        n = len(F)
        found = {key: np.zeros((size, n)) for key, size in
                 (("stress", 6), ("variables", self.states), ("energy", 2))}  # fmt: skip
        times = float(time) / self.time_unit, float(dt) / self.time_unit
        for first in range(0, n, BLOCK):
            part = slice(first, min(n, first + BLOCK))
            new = self._block({key: np.ascontiguousarray(a[:, part]) for key, a in rows.items()},
                              *times)  # fmt: skip
            for key, values in new.items():
                found[key][:, part] = values
        if not np.isfinite(found["stress"]).all():
            point = int(np.argwhere(~np.isfinite(found["stress"]).all(0))[0, 0])
            raise SimulationError(
                f"the VUMAT of {self.library} gave point {point} a stress that is not finite at "
                f"{float(time):g} µs: see its own messages, or reduce the strain per step"
            )
        kept = {key: torch.from_numpy(values).T for key, values in found.items()}
        sigma = from_components(kept["stress"]) * self.stress_unit
        return R @ sigma @ R.mT, {**kept, "gradient": F.clone(), "stretch": U}

    def _block(self, a: dict[str, np.ndarray], time: float, dt: float) -> dict[str, np.ndarray]:
        """One call; arrays are `(components, points)`, which are Fortran's (points, components)."""
        n = a["strain"].shape[1]
        zero, ones = np.zeros((3, n)), np.ones(n)
        new = {
            "stress": np.zeros((6, n)),
            "variables": np.zeros((self.states, n)),
            "energy": np.zeros((2, n)),
        }
        # In the VUMAT's units: density follows from those of time and stress (length stays mm).
        density = np.full(n, self.density / self.stress_unit / self.time_unit**2)
        integers = (n, 3, 3, self.states, 1, len(self.properties), 0)
        self._vumat(
            *(ctypes.byref(ctypes.c_int(value)) for value in integers),
            *(ctypes.byref(ctypes.c_double(value)) for value in (time, time, dt)),
            ctypes.c_char_p(self._name),
            *(
                values.ctypes.data_as(ctypes.c_void_p)
                for values in (
                    zero, ones, self.properties, density, a["strain"], a["spin"],
                    zero, a["stretch_old"], a["gradient_old"], zero,
                    a["stress_old"], a["state_old"], a["energy_old"][0], a["energy_old"][1],
                    zero, a["stretch_new"], a["gradient_new"], zero,
                    new["stress"], new["variables"], new["energy"][0], new["energy"][1],
                )
            ),
            ctypes.c_size_t(80),
        )  # fmt: skip
        return new

    def fields(self, state: State) -> State:
        """`energy`: internal energy per mass, in the units of the VUMAT."""
        return {"energy": state["energy"][:, 0]}
