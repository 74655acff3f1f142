# SPDX-License-Identifier: MIT
"""The one contract between a constitutive law and whatever drives it."""

import copy
from abc import ABC, abstractmethod
from math import inf
from typing import Any, Self

import torch

from mlms_fenics.checks import check_times, real_array
from mlms_fenics.device import place
from mlms_fenics.errors import InputError, require

State = dict[str, torch.Tensor]
Time = float | torch.Tensor  # µs; see `Material.update`


class Material(ABC):
    """A constitutive law at a batch of material points.

    A law holds parameters only; the history lives in `State`, a dict of plain tensors whose first
    axis is the point, so that any driver can save, copy or split it.

    Attributes:
        density: reference mass density, mg/mm³.
        bulk_modulus: at zero strain, GPa.
        shear_modulus: largest instantaneous (elastic) one, GPa.
        dtype: floating type in which `update` computes and returns stress. F is float64 whatever
            it is: small strains would be lost in a rounding before they are taken out of F.
        device: where `update` wants F and keeps state.
        longest_tensor_step: the longest step, µs, that may be given as a tensor: longer ones are
            divided by a law that needs it, into as many parts as `for_steps` says.
    """

    density: float
    bulk_modulus: float
    shear_modulus: float
    dtype: torch.dtype = torch.float64
    device: torch.device = torch.device("cpu")
    longest_tensor_step: float = inf

    @abstractmethod
    def initial_state(self, n: int) -> State:
        """State of `n` virgin points at F = I (an empty dict where the law has no memory)."""

    @abstractmethod
    def update(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """Stress and state at the end of a step.

        A law on a device apart waits for nothing there: no value is looked at by the host, and all
        shapes follow from F's, so that a step can be captured as a CUDA graph. What is refused or
        fails on a CPU is NaN in the stress of its point there.

        Args:
            F: deformation gradients at the end of the step, *Shape* `(n, 3, 3)`, float64; not to
                be kept, since the driver may use its memory again.
            time: at the end of the step, µs: a number, or a tensor without axes, float64, on the
                law's device.
            dt: length of the step, µs, > 0; likewise.
            state: at the beginning of the step; left unchanged.

        Returns:
            Cauchy stress in GPa, *Shape* `(n, 3, 3)`, symmetric, and the new state.

        Raises:
            InputError: the step is beyond what the law is made for.
            SimulationError: it cannot be computed.
        """

    def linearise(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """`update`, and how the stress at the end of the step depends on the F asked for there.

        The derivative is that of the algorithm (the consistent tangent of Simo & Taylor, Comput.
        Methods Appl. Mech. Eng. 48, 1985), with the step's beginning held, so that Newton's method
        on F converges quadratically. P = J σ F⁻ᵀ is the first Piola-Kirchhoff stress.

        Args:
            F, time, dt, state: as `update`'s.

        Returns:
            Cauchy stress and new state as `update` gives them, and ∂P_iJ/∂F_kL at [n, i, J, k, L],
            GPa, *Shape* `(n, d, d, d, d)`, float64, d that of F (2 for learnt laws in plane
            strain, otherwise 3). It is not symmetric in (iJ, kL) for every law.

        Raises:
            InputError: the law has no tangent; or as `update`.
            SimulationError: as `update`.
        """
        raise InputError(
            f"the law {type(self).__name__} has no tangent: implicit solvers need one; take a law "
            "that has, use the explicit solver, or give the law a method `linearise` (of torch's "
            "operations: `materials.linearise_by_torch`)"
        )

    def tangent(self, F: torch.Tensor, time: float, dt: float, state: State) -> torch.Tensor:
        """∂P/∂F of the step alone, *Shape* `(n, d, d, d, d)`: see `linearise`."""
        return self.linearise(F, time, dt, state)[2]

    def for_steps(self, longest: float) -> "Material":
        """The law, made ready for steps of up to `longest`, µs, that are given as tensors.

        How far it then goes is its `longest_tensor_step`.
        """
        return self

    def check_end_time(self, end_time: float) -> None:
        """Raise `InputError` where the law cannot be used up to `end_time` (µs)."""
        return None

    def fields(self, state: State) -> State:
        """Scalars per point worth output, by name, each of *Shape* `(n,)`; none by default."""
        return {}

    @property
    def tensors(self) -> dict[str, Any]:
        """Type and device of the law's tensors, as torch's functions take them."""
        return {"dtype": self.dtype, "device": self.device}

    def to(self, device: torch.device | str) -> Self:
        """A copy of the law on another device: `update` takes F and keeps state there."""
        law = copy.copy(self)
        law.device = place(device)
        return law

    @property
    def wave_speed(self) -> float:
        """Elastic longitudinal wave speed √((K + 4G/3)/ρ), mm/µs."""
        return ((self.bulk_modulus + 4.0 * self.shear_modulus / 3.0) / self.density) ** 0.5


def drive(material: Material, F: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    """Drive a law along prescribed deformation histories, without a mesh.

    Args:
        material: the law.
        F: histories, *Shape* `(n, n_t + 1, 3, 3)`; the first entry is the virgin state, F = I.
        time: *Shape* `(n_t + 1,)`, µs, each entry after the one before.

    Returns:
        Cauchy stress histories in GPa, *Shape* `(n, n_t + 1, 3, 3)`, zero at the first entry.

    Raises:
        InputError: shapes that do not fit, times that do not increase, or an F that is not finite
            with positive determinant.
    """
    if not isinstance(F, torch.Tensor):
        F = torch.from_numpy(real_array("F", F))
    times = check_times(time)
    require(
        F.ndim == 4
        and F.shape[1] >= 1
        and F.shape[2:] in ((3, 3), (2, 2))
        and times.shape == F.shape[1:2],
        f"F has shape {tuple(F.shape)} and time {times.shape}: must be (n, n_t + 1, 3, 3) "
        "and (n_t + 1,)",
    )
    bad = (~(torch.linalg.det(F.double()) > 0)).nonzero()
    if len(bad):
        n, k = bad[0].tolist()
        raise InputError(
            f"F of history {n}, entry {k}, must be finite with positive determinant, but is "
            f"{F[n, k].tolist()}"
        )
    sigma = torch.zeros(F.shape, dtype=material.dtype, device=material.device)
    F = F.to(dtype=torch.float64, device=material.device)
    state = material.initial_state(F.shape[0])
    for n in range(1, F.shape[1]):
        t0, t1 = float(times[n - 1]), float(times[n])
        sigma[:, n], state = material.update(F[:, n], t1, t1 - t0, state)
    return sigma
