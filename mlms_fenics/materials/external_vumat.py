# SPDX-License-Identifier: MIT
"""A law from a compiled VUMAT, the material subroutine of Abaqus/Explicit."""

import ctypes

import numpy as np
import torch

from mlms_fenics.kinematics.tensors import from_components, polar, to_components
from mlms_fenics.materials.abaqus_routine import AbaqusRoutine
from mlms_fenics.materials.base import State, Time
from mlms_fenics.materials.by_differences import linearise_by_differences

# Points that Abaqus hands over at once at most: VUMATs have arrays of that size.
BLOCK = 136
# F as VUMATs have it: 11, 22, 33, 12, 23, 31, 21, 32, 13.
_GRADIENT = [0, 4, 8, 1, 5, 6, 3, 7, 2]


class ExternalVumat(AbaqusRoutine):
    """A user's VUMAT in a shared library, called as Abaqus calls it, three-dimensionally.

    With F = R U it is given U, F, the strain increment (the symmetric part of ΔU U⁻¹ in the middle
    of the step) and, as `relSpinInc`, the axis of its skew part; its stress is in the frame that
    turns with R. Fields and temperatures are zero.
    State: "variables" (n, states), "gradient" and "stretch" (n, 3, 3), "stress" (n, 6) of that
    frame and "energy" (n, 2), internal and dissipated, per mass; in the units of the VUMAT.
    Its tangent is by central differences, of 19 calls a point: see `linearise_by_differences`.
    Arguments are those of `AbaqusRoutine`.
    """

    ROUTINE = "VUMAT"

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
        self.check_finite(found["stress"].T, time)
        kept = {key: torch.from_numpy(values).T for key, values in found.items()}
        sigma = from_components(kept["stress"]) * self.stress_unit
        return R @ sigma @ R.mT, {**kept, "gradient": F.clone(), "stretch": U}

    def linearise(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """See `Material.linearise`; raises as `update`."""
        return linearise_by_differences(self, F, time, dt, state)

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
        self.routine(
            *(ctypes.byref(ctypes.c_int(value)) for value in integers),
            *(ctypes.byref(ctypes.c_double(value)) for value in (time, time, dt)),
            self.name,
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
