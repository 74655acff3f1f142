# SPDX-License-Identifier: MIT
"""The recurrent neural operator as a material law: causal, without horizon, any time step."""

from functools import lru_cache

import numpy as np
import torch
from torch import nn

from mlms_fenics.device import scalar
from mlms_fenics.kinematics.strain import isometry, isometry_inverse
from mlms_fenics.kinematics.tensors import from_components
from mlms_fenics.materials.base import State, Time
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.online import RecurrentStep
from mlms_fenics.surrogate.recurrent.step_there import RecurrentThere


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
    compiled_step = RecurrentStep
    step_there = RecurrentThere
    offers = ("own", "tf32")

    def own_state(self, n: int) -> State:
        """Scaled elastic strain and internal variables, all zero at rest."""
        zero = torch.zeros(self.network.state, n, dtype=self.dtype, device=self.device)
        return {"internal": zero.mT}

    def step(
        self, U: torch.Tensor, strain: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `LearntLaw.step`."""
        cell, d = self.network, self.dimension
        to_elastic, to_stress = _maps(d, self.dtype, self.device)
        e0, e1 = state["strain"] @ to_elastic, strain @ to_elastic
        v = strain[:, :d].sum(-1, keepdim=True)
        step = scalar(dt / self.horizon, strain)
        drivers, increment = cell.drivers(e0, e1, v, step), (e1 - e0) / cell.elastic_scale
        y = cell(state["internal"], drivers, increment, step)
        s = cell.elastic_strain(y) * cell.elastic_scale
        sigma = (s * (2.0 * self.shear_modulus * torch.exp(-v))) @ to_stress
        sigma[:, :d] += self.bulk_modulus * torch.expm1(v)
        return from_components(sigma), {"internal": y}
