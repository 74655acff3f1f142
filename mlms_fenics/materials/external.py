# SPDX-License-Identifier: MIT
"""A law from a shared library with the C interface of `mlms_fenics.export`."""

import ctypes
import hashlib
import os
from pathlib import Path
from typing import NoReturn, Self

import numpy as np
import torch

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.kinematics.piola import spatial_tangent
from mlms_fenics.kinematics.tensors import from_components, refuse_inverted
from mlms_fenics.materials.base import Material, State, Time

_DOUBLES = ctypes.POINTER(ctypes.c_double)
_BAD_STEP, _BEYOND_HORIZON = -1, -2
_NUMBERS = (
    "density",
    "bulk_modulus",
    "shear_modulus",
    "horizon",
    "unit_time",
    "unit_stress",
    "unit_density",
)


class ExternalLaw(Material):
    """A law that a shared library computes, in whatever units it says it has.

    The library offers, with `name` before each: `_update` and the constants of the header that
    `python -m mlms_fenics.export` writes; one compiled from such an export, or written by hand.
    State: "variables" (n, number of state variables), zero at rest.

    Args:
        library: path of the shared library.
        name: that its functions begin with; None: the library's own, without "lib" and its ending.

    Raises:
        InputError: no such library, or one that does not offer what it must.
    """

    def __init__(self, library: str | os.PathLike[str], name: str | None = None) -> None:
        self.library = Path(library)
        self.name = self.library.name.split(".")[0].removeprefix("lib") if name is None else name
        loaded, self.digest = load_library(self.library)
        try:
            self._update = getattr(loaded, f"{self.name}_update")
            self.states = ctypes.c_int.in_dll(loaded, f"{self.name}_states").value
            numbers = {
                key: ctypes.c_double.in_dll(loaded, f"{self.name}_{key}").value for key in _NUMBERS
            }
        except (AttributeError, ValueError) as error:
            raise InputError(
                f"library {self.library} does not offer a law {self.name!r} ({error}): name the "
                "one that it was exported with"
            ) from error
        self._update.restype = ctypes.c_int
        self._tangent = getattr(loaded, f"{self.name}_tangent", None)
        self._time, self._stress = numbers["unit_time"], numbers["unit_stress"]
        self.density = numbers["density"] * numbers["unit_density"]
        self.bulk_modulus = numbers["bulk_modulus"] * self._stress
        self.shear_modulus = numbers["shear_modulus"] * self._stress
        self._horizon = numbers["horizon"] * self._time

    def to(self, device: torch.device | str) -> Self:
        """See `Material.to`; `InputError` for any device but the CPU, on which the library is."""
        if torch.device(device).type != "cpu":
            raise InputError(f"device {device}: the law of {self.library} computes on the CPU only")
        return super().to(device)

    def initial_state(self, n: int) -> State:
        """State of `n` virgin points at F = I."""
        return {"variables": torch.zeros(self.states, n, dtype=torch.float64).T}

    def update(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `Material.update`.

        Raises:
            InputError: some det F is not positive, or the law has a horizon and `time` is beyond.
            SimulationError: the library could not integrate a point.
        """
        n, time, dt = len(F), float(time), float(dt)
        rows = F.detach().double().reshape(n, 9).T.contiguous().numpy()
        old = state["variables"].T.contiguous().numpy()
        new, sigma = np.empty((self.states, n)), np.empty((6, n))
        failed = self._update(
            ctypes.c_int(n),
            ctypes.c_double(time / self._time),
            ctypes.c_double(dt / self._time),
            *(array.ctypes.data_as(_DOUBLES) for array in (rows, old, new, sigma)),
        )
        if failed:
            self._refuse(failed, F, time, dt)
        components = torch.from_numpy(sigma).T * self._stress
        return from_components(components), {"variables": torch.from_numpy(new).T}

    def linearise(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """See `Material.linearise`: the library's own tangent, right to about 1e-7 of the moduli.

        Raises:
            InputError: the library has none; or as `update`.
            SimulationError: as `update`.
        """
        if self._tangent is None:
            raise InputError(
                f"law {self.name!r} of {self.library} has no tangent, which implicit solvers need: "
                "export it with `--precision float64`"
            )
        sigma, new = self.update(F, time, dt, state)
        F, slopes = F.detach().double(), np.empty((len(F), 6, 6))
        for f, own, slope in zip(
            F.contiguous().numpy(), state["variables"].contiguous().numpy(), slopes, strict=True
        ):
            self._tangent(
                ctypes.c_double(time / self._time),
                ctypes.c_double(dt / self._time),
                *(array.ctypes.data_as(_DOUBLES) for array in (f, own, slope)),
            )
        return sigma, new, spatial_tangent(F, sigma, torch.from_numpy(slopes) * self._stress)

    def _refuse(self, failed: int, F: torch.Tensor, time: float, dt: float) -> NoReturn:
        if failed > 0:
            own = F[failed - 1].double()
            if not bool(torch.linalg.det(own) > 0.0):
                refuse_inverted(own)
            raise SimulationError(
                f"law {self.name!r} of {self.library}: point {failed - 1} could not be integrated "
                f"over a step of {dt:g} µs; reduce the strain per step"
            )
        if failed == _BAD_STEP:
            raise InputError(f"dt is {dt} µs, but must be positive and finite")
        if failed == _BEYOND_HORIZON:
            self.check_end_time(time)
        raise SimulationError(f"law {self.name!r} of {self.library} returned {failed}")

    def check_end_time(self, end_time: float) -> None:
        """Raise `InputError` where the law has a horizon and `end_time` (µs) lies beyond it."""
        if self._horizon > 0.0 and end_time > self._horizon * (1.0 + 1e-9):
            raise InputError(
                f"end time {end_time:g} µs: law {self.name!r} of {self.library} was made for "
                f"histories of {self._horizon:g} µs; shorten the run"
            )

    def fields(self, state: State) -> State:
        """`distance`: largest distance from the training data so far; above 1 is outside them."""
        return {"distance": state["variables"][:, 1]}


def load_library(path: Path) -> tuple[ctypes.CDLL, str]:
    """A shared library and a digest of its file, by which a restart knows it; or `InputError`."""
    if not path.is_file():
        raise InputError(f"library {path} does not exist: compile the exported law first")
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        return ctypes.CDLL(str(path.absolute())), digest
    except OSError as error:
        raise InputError(f"{path} is not a shared library of this machine: {error}") from error
