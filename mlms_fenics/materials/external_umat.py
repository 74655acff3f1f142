# SPDX-License-Identifier: MIT
"""A law from a compiled UMAT, the material subroutine of Abaqus/Standard."""

import ctypes

import numpy as np
import torch

from mlms_fenics.errors import SimulationError
from mlms_fenics.kinematics.piola import spatial_tangent
from mlms_fenics.kinematics.tensors import from_components, refuse_inverted, to_components
from mlms_fenics.materials.abaqus_routine import AbaqusRoutine
from mlms_fenics.materials.base import State, Time

# Abaqus/Standard has shears 12, 13, 23, the package 12, 23, 13; each is the other's.
_ORDER = [0, 1, 2, 3, 5, 4]


class ExternalUmat(AbaqusRoutine):
    """A user's UMAT in a shared library, called as Abaqus calls it, three-dimensionally, NLGEOM.

    It is given F at both ends of the step, the strain increment D = sym G with G = ΔF F̄⁻¹, F̄ the
    mean of both F, stress and strain of the step's beginning turned by the step's rotation
    (I − W/2)⁻¹ (I + W/2), W the skew part of G (Hughes & Winget, Int. J. Numer. Methods Eng. 15,
    1980), and that rotation. Fields, temperatures and coordinates are zero. Its DDSDDE is the
    tangent, so that Newton's method is as good as that is. Points are called one by one.
    State: "variables" (n, states), "gradient" (n, 3, 3), "stress" and "strain" (n, 6) in the fixed
    frame, and "energy" (n, 3): elastic, plastic and creep; in the units of the UMAT.
    Arguments are those of `AbaqusRoutine`.
    """

    ROUTINE = "UMAT"

    def initial_state(self, n: int) -> State:
        """State of `n` virgin points at F = I."""
        zeros = {"variables": self.states, "stress": 6, "strain": 6, "energy": 3}
        return {
            **{key: torch.zeros(n, size, dtype=torch.float64) for key, size in zeros.items()},
            "gradient": torch.eye(3, dtype=torch.float64).repeat(n, 1, 1),
        }

    def update(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `Material.update`.

        Raises:
            InputError: some det F is not positive.
            SimulationError: the UMAT asks for a shorter step, or a stress is not finite.
        """
        return self._step(F, time, dt, state)[:2]

    def linearise(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """See `Material.linearise`; raises as `update`."""
        sigma, new, slope = self._step(F, time, dt, state)
        return sigma, new, spatial_tangent(F.detach().double(), sigma, slope)

    def _step(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """Stress, GPa, new state, and DDSDDE in the package's order, GPa, `(n, 6, 6)`."""
        F, old = F.detach().double(), state["gradient"]
        bad = torch.nonzero(~(torch.linalg.det(F) > 0.0))
        if len(bad):
            refuse_inverted(F[bad[0, 0]])
        G = torch.linalg.solve(0.5 * (old + F), F - old, left=False)
        W, one = 0.5 * (G - G.mT), torch.eye(3, dtype=F.dtype)
        turn = torch.linalg.solve(one - 0.5 * W, one + 0.5 * W)
        strain = turn @ from_components(_tensor(state["strain"])) @ turn.mT
        stress = turn @ from_components(state["stress"]) @ turn.mT
        # Fortran's matrices go by columns, hence the transposes.
        a = {
            "stress": to_components(stress)[:, _ORDER],
            "variables": state["variables"],
            "slope": torch.zeros(len(F), 6, 6, dtype=F.dtype),
            "energy": state["energy"],
            "strain": _engineering(to_components(strain))[:, _ORDER],
            "increment": _engineering(to_components(0.5 * (G + G.mT)))[:, _ORDER],
            "turn": turn.mT,
            "F0": old.mT,
            "F1": F.mT,
        }
        given = {key: np.array(value.numpy(), order="C") for key, value in a.items()}
        self._call(given, float(time) / self.time_unit, float(dt) / self.time_unit)
        self.check_finite(given["stress"], time)
        back = {key: torch.from_numpy(given[key]) for key in given}
        own = back["stress"][:, _ORDER]
        new = {
            "variables": back["variables"],
            "stress": own,
            "strain": (back["strain"] + back["increment"])[:, _ORDER],
            "energy": back["energy"],
            "gradient": F.clone(),
        }
        slope = back["slope"].mT[:, _ORDER][:, :, _ORDER] * self.stress_unit
        return from_components(own) * self.stress_unit, new, slope

    def _call(self, a: dict[str, np.ndarray], end: float, dt: float) -> None:
        """All points; stress, variables, slope and energy of `a` are changed in place."""
        zero, times, step = np.zeros(36), np.array([end - dt, end - dt]), np.ones(4, np.int32)
        unused, at_times, at_step = _at(zero), _at(times), _at(step)
        properties = _at(self.properties)
        sizes = (3, 3, 6, self.states, len(self.properties), 1)
        ndi, nshr, ntens, nstatv, nprops, one = (ctypes.byref(ctypes.c_int(k)) for k in sizes)
        length, dtime = (ctypes.byref(ctypes.c_double(x)) for x in (1.0, dt))
        for point in range(len(a["stress"])):
            at = {key: _at(values[point]) for key, values in a.items()}
            sse, spd, scd = (_at(a["energy"][point, k:]) for k in range(3))
            shorter = ctypes.c_double(1.0)
            self.routine(
                at["stress"], at["variables"], at["slope"], sse, spd, scd, *[unused] * 4,
                at["strain"], at["increment"], at_times, dtime, *[unused] * 4, self.name,
                ndi, nshr, ntens, nstatv, properties, nprops, unused, at["turn"],
                ctypes.byref(shorter), length, at["F0"], at["F1"],
                ctypes.byref(ctypes.c_int(point + 1)), one, one, one, at_step, one,
                ctypes.c_size_t(80),
            )  # fmt: skip
            if shorter.value < 1.0:
                raise SimulationError(
                    f"the UMAT of {self.library} asks for a step of {shorter.value:g} times the "
                    f"length at point {point}: reduce the strain per step"
                )

    def fields(self, state: State) -> State:
        """`energy`: elastic and dissipated energy per volume, in the units of the UMAT."""
        return {"energy": state["energy"].sum(1)}


def _at(values: np.ndarray) -> ctypes.c_void_p:
    """Where an array's numbers are; the array has to be kept."""
    return ctypes.c_void_p(values.ctypes.data)


def _engineering(components: torch.Tensor) -> torch.Tensor:
    """Shear components as engineering strains, twice the tensor's."""
    return components * torch.tensor([1.0, 1, 1, 2, 2, 2], dtype=components.dtype)


def _tensor(components: torch.Tensor) -> torch.Tensor:
    """Back from `_engineering`."""
    return components * torch.tensor([1.0, 1, 1, 0.5, 0.5, 0.5], dtype=components.dtype)
