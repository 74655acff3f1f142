# SPDX-License-Identifier: MIT
"""Quick crystals as a material law."""

from typing import Any

import torch
from torch import Tensor, nn

from mlms_fenics.errors import require
from mlms_fenics.kinematics.strain import isometry_inverse
from mlms_fenics.kinematics.tensors import from_components, product, to_components, turned
from mlms_fenics.materials.base import State, Time
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.grains.cell import cayley
from mlms_fenics.surrogate.grains.frame import stretch_and_turn
from mlms_fenics.surrogate.quick.cell import CrystalSet
from mlms_fenics.surrogate.quick.crystal import LEAST, MOST, NEAR, RELAXED, TINY
from mlms_fenics.surrogate.quick.online import QuickStep
from mlms_fenics.surrogate.quick.tables import arrays

ELASTIC = 5


class QuickCrystals(LearntLaw):
    """σ = 2λ_e (J − 1) I + (2G/J) Σ w_g s_g, s_g led by sweeps over the slip systems.

    See `crystal` for the equations. The pressure is the Taylor average's own, in closed form.

    Raises:
        InputError: a crystal law that is none for sweeps, see `tables.obstacle`, or has another
            number of systems than the model.
    """

    architecture = "quick"
    network_class: type[nn.Module] = CrystalSet
    compiled_step = QuickStep

    def __init__(self, network: CrystalSet, **options: Any) -> None:
        super().__init__(network, **options)
        self.tables = arrays(self.law)
        found = len(self.tables[0])
        require(
            found == network.options["systems"],
            f"the model was made for {network.options['systems']} slip systems, its crystal law "
            f"has {found}",
        )

    def own_state(self, n: int) -> State:
        """Rotations, stresses, strengths and slips of all crystals, and U."""
        m, k = self.network.options["grains"], self.network.options["systems"]

        def zeros(rows: int) -> Tensor:
            return torch.zeros(n, rows, dtype=self.dtype, device=self.device)

        strength = self._table(12).repeat(m).expand(n, -1)
        stretch = zeros(6)
        stretch[:, :3] = 1.0
        return {
            "rotation": self.network.orientations.flatten().expand(n, -1).contiguous(),
            "stress": zeros(ELASTIC * m),
            "strength": strength.contiguous(),
            "slip": zeros(k * m),
            "stretch": stretch,
        }

    def _table(self, number: int) -> Tensor:
        return torch.as_tensor(self.tables[number]).to(self.device, self.dtype)

    def step(
        self, U: Tensor, strain: Tensor, time: Time, dt: Time, state: State
    ) -> tuple[Tensor, State]:
        """See `LearntLaw.step`; as `crystal.crystal_step`."""
        m = self.network.options["grains"]
        d, spin = stretch_and_turn(from_components(state["stretch"]).double(), U)
        basis = from_components(isometry_inverse(3, deviatoric=True).T.copy())
        basis = torch.as_tensor(basis.reshape(ELASTIC, 9), dtype=self.dtype, device=self.device)
        A = state["rotation"].unflatten(-1, (m, 3, 3))
        s, g, x = (state[name].unflatten(-1, (m, -1)) for name in ("stress", "strength", "slip"))
        D = (d.to(self.dtype) @ basis).unflatten(-1, (3, 3))[:, None]
        e = turned(A.mT, D).flatten(-2) @ basis.T
        size = _size(e, s)
        s, g, x = self._advanced(e, dt, s, g, x)
        W = self._table(4)
        A = product(A, cayley(-(x @ W.T)))
        A = product(spin.to(self.dtype)[:, None], A)
        S = turned(A, (s @ basis).unflatten(-1, (3, 3))) * self.network.weights[:, None, None]
        volume = strain[:, :3].sum(-1, keepdim=True)
        back = isometry_inverse(3, deviatoric=True).T.copy()
        back = torch.as_tensor(back, dtype=self.dtype, device=self.device)
        sigma = S.sum(1).flatten(-2) @ basis.T
        sigma = sigma * (2.0 * self.shear_modulus * torch.exp(-volume)) @ back
        pressure = self.bulk_modulus * torch.expm1(volume)
        sigma = sigma + torch.cat((pressure.expand(-1, 3), torch.zeros_like(sigma[:, 3:])), -1)
        new = {
            "rotation": A.flatten(1),
            "stress": s.flatten(1),
            "strength": g.flatten(1),
            "slip": (x / size).clamp(-MOST, MOST).flatten(1),
            "stretch": to_components(U).to(self.dtype),
        }
        return from_components(sigma), new

    def _advanced(
        self, e: Tensor, dt: Time, s: Tensor, g: Tensor, x: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Stress, strength and slips at the end of a step; e is the strain in the lattice."""
        P, back, H, exponents, _, slope, last, powers, Q = (self._table(i) for i in range(9))
        two_G, C, rates = float(self.tables[9]), self._table(10), self._table(11)
        size = _size(e, s)
        lead = (size / (dt * rates)).clamp(min=1e-30) ** exponents
        slips = list((x * size).unbind(-1))
        s = s + e @ C.T - torch.stack(slips, -1) @ back.T
        size = size[..., 0]
        for _ in range(self.network.sweeps):
            for a, old in enumerate(slips):
                m = exponents[a]
                trial = two_G * (s @ P[a]) + H[a] * old
                slip = torch.maximum(old.abs(), LEAST * size)
                needed = g[..., a] * lead[..., a] * (slip / size) ** m
                new = (trial.abs() - needed * (1.0 - m)) * slip / (H[a] * slip + m * needed)
                new = torch.where(trial > 0.0, 1.0, -1.0) * new.clamp(min=0.0)
                s = s - (new - old)[..., None] * back[:, a]
                slips[a] = new
        x = torch.stack(slips, -1)
        rest = (1.0 - g / last).clamp(min=NEAR) ** powers
        g = torch.minimum(g + slope * rest * (x.abs() @ Q.T), last)
        return s, g, x


def _size(e: Tensor, s: Tensor) -> Tensor:
    """Size of a step, *Shape* `(..., 1)`: of its strain and some elastic strain; never zero."""
    elastic = s.square().sum(-1, keepdim=True)
    return (e.square().sum(-1, keepdim=True) + RELAXED**2 * elastic + TINY**2).sqrt()
