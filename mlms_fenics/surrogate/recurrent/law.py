# SPDX-License-Identifier: MIT
"""The recurrent neural operator as a material law: causal, without horizon, any time step."""

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import torch
from torch import nn

from mlms_fenics.kinematics.strain import isometry, isometry_inverse, log_strain
from mlms_fenics.kinematics.tensors import from_components
from mlms_fenics.materials.base import State
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.online import CompiledStep, compiles
from mlms_fenics.surrogate.recurrent.run import advance


def elastic_coordinates(dimension: int) -> np.ndarray:
    """Rows that map components of log U to coordinates of its deviator.

    In 3D these are the five of the deviator. In plane strain they are the three in-plane ones of
    the three-dimensional deviator, whose 33 component is minus a third of the trace.

    Args:
        dimension: 2 or 3.

    Returns:
        *Shape* `(5, 6)` or `(3, 3)`; the Euclidean norm of coordinates is a Frobenius norm.
    """
    if dimension == 3:
        return isometry(3, deviatoric=True)
    third = np.eye(3)
    third[:2, :2] -= 1.0 / 3.0
    return isometry(2) @ third


@lru_cache(maxsize=16)
def _maps(
    dimension: int, dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Transposes of `elastic_coordinates` and of the map from coordinates to stress components."""
    back = isometry_inverse(dimension, deviatoric=dimension == 3)
    options = {"dtype": dtype, "device": device}
    return (
        torch.as_tensor(elastic_coordinates(dimension).T.copy(), **options),
        torch.as_tensor(back.T.copy(), **options),
    )


class RecurrentLaw(LearntLaw):
    """σ = 2λ_e (J − 1) I + (2G/J) s with the elastic strain s of a `RecurrentCell`.

    The pressure is the Taylor average's own, in closed form; stress at rest is exactly zero.
    """

    architecture = "recurrent"
    network_class: type[nn.Module] = RecurrentCell
    has_horizon = False

    def own_state(self, n: int) -> State:
        """Scaled elastic strain and internal variables, all zero at rest."""
        zero = torch.zeros(n, self.network.state, dtype=self.dtype, device=self.device)
        return {"internal": zero}

    @torch.no_grad()
    def update(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `LearntLaw.update`; compiled as a whole in float32 on a CPU, in 3D."""
        if not compiles(self):
            return super().update(F, time, dt, state)
        return self._compiled()(F, dt, state, self._divisions(dt / self.horizon))

    @torch.no_grad()
    def advance(
        self, U: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `LearntLaw.advance`."""
        if not compiles(self):
            return super().advance(U, time, dt, state)
        return self._compiled()(U, dt, state, self._divisions(dt / self.horizon))

    def _compiled(self) -> CompiledStep:
        """The compiled step, prepared anew where weights have changed."""
        prepared = getattr(self, "_prepared", None)
        if prepared is None or prepared.stale(self):
            self._prepared = prepared = CompiledStep(self)
        return prepared

    def step(
        self, U: torch.Tensor, strain: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `LearntLaw.step`; a step longer than those learnt is divided, U linear in it."""
        cell, d = self.network, self.dimension
        to_elastic, to_stress = _maps(d, self.dtype, self.device)
        y, before = state["internal"], state["strain"]
        for part, share in self._parts(U, strain, dt / self.horizon, before):
            e0, e1 = before @ to_elastic, part @ to_elastic
            v = part[:, :d].sum(-1, keepdim=True)
            step = torch.as_tensor(share, dtype=self.dtype, device=self.device)
            features = cell.features(e0, e1, v, step)
            y = advance(cell, y, features, (e1 - e0) / cell.elastic_scale, step)
            before = part
        s = cell.elastic_strain(y) * cell.elastic_scale
        sigma = (s * (2.0 * self.shear_modulus * torch.exp(-v))) @ to_stress
        sigma[:, :d] += self.bulk_modulus * torch.expm1(v)
        return from_components(sigma), {"internal": y}

    def _parts(
        self, U: torch.Tensor, strain: torch.Tensor, step: float, before: torch.Tensor
    ) -> Iterator[tuple[torch.Tensor, float]]:
        """Log U at the end of each part of a step, and its length over the horizon."""
        n = self._divisions(step)
        if n > 1:
            start = torch.linalg.matrix_exp(from_components(before.double()))
            for part in range(1, n):
                yield log_strain(torch.lerp(start, U, part / n)).to(self.dtype), step / n
        yield strain, step / n

    def _divisions(self, step: float) -> int:
        """Number of parts of a step, given over the horizon."""
        longest = self.network.longest_step
        return 1 if longest is None else max(1, math.ceil(step / longest - 1e-6))
