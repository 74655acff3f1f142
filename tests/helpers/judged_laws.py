# SPDX-License-Identifier: MIT
"""Learnt laws whose faults are known, to judge the judges."""

import numpy as np
import surrogate_histories as histories
import torch
from torch import nn

from mlms_fenics.kinematics.strain import volume_ratio
from mlms_fenics.kinematics.tensors import deviator, from_components, to_components
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.trust import TrustMeasure


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.options = {}
        self.nothing = nn.Parameter(torch.zeros(1))


class ElasticLaw(LearntLaw):
    """Hencky's elastic law, J σ = 2G dev log U + K J (J − 1) I, and what is wrong with it.

    Args:
        viscosity: of dev log U, GPa µs; negative: it makes energy.
        favourite: GPa, stress 11 that grows with the strain 11: not isotropic.
        per_step: GPa, deviator per step taken: depends on the steps.
        seen: share of the future's end strain that the off-line form puts into the stress, GPa.
        limited: whether it has a horizon.
    """

    architecture = "elastic"
    network_class = Network

    def __init__(self, *, viscosity=0.0, favourite=0.0, per_step=0.0, seen=None, limited=False):
        super().__init__(
            Network(),
            law=histories.law(),
            orientations=histories.orientations(),
            horizon=1.0,
            trust=TrustMeasure(3, 1.0),
        )
        self.viscosity, self.favourite, self.per_step = viscosity, favourite, per_step
        self.has_horizon = limited
        if seen is not None:
            self.stress_given_future = lambda U, horizon: self._given_future(U, horizon, seen)

    def own_state(self, n):
        return {"steps": torch.zeros(n, dtype=self.dtype)}

    def step(self, U, strain, time, dt, state):
        self.check_end_time(time)
        steps = state["steps"] + 1.0
        J = 1.0 + volume_ratio(strain)[:, None, None]
        e = deviator(from_components(strain))
        rate = (e - deviator(from_components(state["strain"]))) / dt
        sigma = (2.0 * self.shear_modulus * e + self.viscosity * rate) / J
        sigma = sigma + self.bulk_modulus * (J - 1.0) * torch.eye(3)
        extra = torch.zeros_like(sigma)
        extra[:, 0, 0] = self.favourite * strain[:, 0]
        extra[:, 0, 1] = extra[:, 1, 0] = self.per_step * steps
        return sigma + extra, {"steps": steps}

    def _given_future(self, U, horizon, seen):
        end = deviator(U[..., -1:, :, :])
        return self.stress(U, horizon) + seen * end


def elastic_stress(U: np.ndarray) -> np.ndarray:
    """Components of the law's stress without faults, GPa."""
    law = ElasticLaw().to(dtype=torch.float64)
    return to_components(law.stress(from_components(np.asarray(U, np.float64)), 1.0))
