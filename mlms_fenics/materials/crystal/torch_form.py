# SPDX-License-Identifier: MIT
"""The crystal law in batched torch: for GPUs, for derivatives, and as a second statement.

The same equations as the compiled kernel's (see `mlms_fenics.materials.crystal.law`), with resolved
shears, slip velocity and the twins' mirrors as matrix products. A state is a row of B = F_in⁻¹ (9),
twin fractions and accumulated slips.
"""

import numpy as np
import torch

from mlms_fenics.kinematics.tensors import cofactor, to_components
from mlms_fenics.materials.crystal.lattice import mirror
from mlms_fenics.materials.crystal.law import CrystalLaw


class CrystalTorch:
    """A crystal law's tensors on a device, and what can be computed from them.

    Args:
        law: the crystal.
        device, dtype: of all tensors.
    """

    def __init__(
        self,
        law: CrystalLaw,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
    ):
        self.law = law
        self.device, self.dtype = torch.device(device), dtype
        self.n_slip, self.n_twin = law.n_slip, law.n_twin
        put = self._put
        self.P = put(law.slip_schmid.reshape(-1, 9).T)
        self.T = put(law.twin_schmid.reshape(-1, 9).T)
        R = mirror(law.twin_normal)
        # Row-major vec(R X R) = (R ⊗ R) vec(X), less the identity, for all twins side by side.
        turn = np.einsum("bik,bjl->bijkl", R, R).reshape(-1, 9, 9) - np.eye(9)
        self.turn = put(turn.transpose(2, 0, 1).reshape(9, -1))
        self.tau_0, self.rate = put(law.per_slip("tau_0")), put(law.per_slip("rate"))
        self.power = put(1.0 / law.per_slip("rate_exponent"))
        self.h, self.saturation = put(law.per_slip("hardening")), put(law.per_slip("saturation"))
        ratio = np.divide(
            law.per_slip("hardening"),
            law.per_slip("saturation"),
            out=np.zeros(law.n_slip),
            where=law.per_slip("saturation") > 0,
        )
        self.ratio = put(ratio)
        self.H = put(_latent(law.slip))
        self.K = put(_latent(law.twins))
        self.h_twin = put(law.per_twin("hardening"))
        self.twin_tau_0, self.twin_rate = put(law.per_twin("tau_0")), put(law.per_twin("rate"))
        self.twin_power = put(1.0 / law.per_twin("rate_exponent"))
        self.shear = put(law.per_twin("shear"))

    def _put(self, values: np.ndarray) -> torch.Tensor:
        return torch.tensor(np.ascontiguousarray(values), dtype=self.dtype, device=self.device)

    def virgin(self, n: int) -> torch.Tensor:
        """States of `n` virgin points, *Shape* `(n, 9 + n_twin + n_slip)`."""
        y = torch.zeros(n, 9 + self.n_twin + self.n_slip, dtype=self.dtype, device=self.device)
        y[:, [0, 4, 8]] = 1.0
        return y

    def split(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """B `(n, 3, 3)`, twin fractions and slips of states."""
        B, twins, slips = y.split((9, self.n_twin, self.n_slip), dim=-1)
        return B.reshape(*B.shape[:-1], 3, 3), twins, slips

    def elastic_energy(self, A: torch.Tensor) -> torch.Tensor:
        """W_e(A), GPa, *Shape* `(n, 3, 3)` → `(n,)`."""
        J = torch.linalg.det(A)
        shape_change = (A * A).sum((-2, -1)) * J ** (-2.0 / 3.0) - 3.0
        return 0.5 * self.law.shear_modulus * shape_change + self.law.lambda_e * (J - 1.0) ** 2

    def stored_energy(self, twins: torch.Tensor, slips: torch.Tensor) -> torch.Tensor:
        """W_p + W_t, GPa, *Shape* `(n,)`."""
        some = self.saturation > 0
        length = torch.where(some, self.saturation / self.h.clamp(min=1e-300), 0.0)
        W_p = 0.5 * (slips * (slips @ self.H)).sum(-1) + (
            self.saturation * (slips + length * torch.exp(-self.ratio * slips))
        ).sum(-1)
        W_t = (twins * (twins @ self.K)).sum(-1) + 0.5 * (self.h_twin * twins**2).sum(-1)
        return W_p + W_t

    def elastic_stress(self, F: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """A, J and shear factor G J^{-2/3} at F `(n, 3, 3)`; det F_in = 1, so J = det F."""
        A = F @ self.split(y)[0]
        J = (F[..., 0, :] * cofactor(F)[..., 0, :]).sum(-1)
        return A, J, self.law.shear_modulus * (J * J) ** (-1.0 / 3.0)

    def cauchy_deviator(self, F: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Six components of dev σ, GPa, *Shape* `(n, 6)`."""
        A, J, factor = self.elastic_stress(F, y)
        return to_components(_deviator(A @ A.mT) * (factor / J)[:, None, None])

    def cauchy(self, F: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Cauchy stress, GPa, *Shape* `(n, 3, 3)`; in the frame of F's rows."""
        A, J, factor = self.elastic_stress(F, y)
        pressure = self.law.bulk_modulus * (J - 1.0)
        identity = torch.eye(3, dtype=F.dtype, device=F.device)
        return (
            _deviator(A @ A.mT) * (factor / J)[:, None, None] + pressure[:, None, None] * identity
        )

    def rates(self, F: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rates of the states, and a bound on their Jacobian's spectral radius, 1/µs.

        Args:
            F: in the crystal frame, *Shape* `(n, 3, 3)`.
            y: states, *Shape* `(n, 9 + n_twin + n_slip)`.
        """
        B, twins, slips = self.split(y)
        G = self.law.shear_modulus
        A, _, factor = self.elastic_stress(F, y)
        M = (_deviator(A.mT @ A) * factor[:, None, None]).reshape(-1, 9)
        tau = (M + self._twinned(M, twins)) @ self.P
        q = torch.exp(-self.ratio * slips)
        strength = slips @ self.H + self.saturation * (1.0 - q)
        over = ((tau.abs() - strength) / self.tau_0).clamp(min=0.0)
        p = over ** (self.power - 1.0)
        slip_rate = self.rate * p * over
        slope = torch.where(self.saturation > 0, self.h, 0.0) * q
        stiffness = (self.power * self.rate / self.tau_0 * p * (G + slope)).sum(-1)
        L = (slip_rate * tau.sign()) @ self.P.T
        L = L + self._twinned(L, twins)
        twin_rate, extra = self._twin_rates(M, twins)
        L = L + (twin_rate * self.shear) @ self.T.T
        dB = -B @ L.reshape(-1, 3, 3)
        return torch.cat((dB.reshape(-1, 9), twin_rate, slip_rate), dim=-1), stiffness + extra

    def _twinned(self, X: torch.Tensor, twins: torch.Tensor) -> torch.Tensor:
        """Σ_β λ_β (R_β X R_β - X), X flattened to nine."""
        if self.n_twin == 0:
            return torch.zeros_like(X)
        return (twins[:, :, None] * (X @ self.turn).reshape(-1, self.n_twin, 9)).sum(1)

    def _twin_rates(
        self, M: torch.Tensor, twins: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.n_twin == 0:
            return twins, torch.zeros_like(M[:, 0])
        drive = self.shear * (M @ self.T) - 2.0 * (twins @ self.K) - self.h_twin * twins
        drive = drive / self.twin_tau_0
        over = drive.clamp(min=0.0) * (twins.sum(-1, keepdim=True) < 1.0)
        if self.law.detwinning:
            over = over + (-drive).clamp(min=0.0) * (twins > 0.0)
        p = over ** (self.twin_power - 1.0)
        rate = self.twin_rate * p * over * drive.sign()
        weight = self.shear**2 * self.law.shear_modulus + self.h_twin + 2.0 * self.K.sum(0)
        return rate, (self.twin_power * self.twin_rate / self.twin_tau_0 * p * weight).sum(-1)


def _deviator(T: torch.Tensor) -> torch.Tensor:
    mean = T.diagonal(dim1=-2, dim2=-1).sum(-1) / 3.0
    return T - mean[:, None, None] * torch.eye(3, dtype=T.dtype, device=T.device)


def _latent(families: tuple) -> np.ndarray:
    """Block matrix of the families' off-diagonal coefficients, zero on the diagonal."""
    n = sum(len(f.direction) for f in families)
    matrix, start = np.zeros((n, n)), 0
    for family in families:
        end = start + len(family.direction)
        matrix[start:end, start:end] = family.latent
        start = end
    np.fill_diagonal(matrix, 0.0)
    return matrix
