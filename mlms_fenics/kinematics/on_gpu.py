# SPDX-License-Identifier: MIT
"""Rotation, stretch and logarithmic strain on a GPU, a thread to a point: `strain_kernel`'s code.

By torch's operations they are some two hundred kernels of a few numbers each, that pass each number
through the device's memory as often; here they are one.
"""

from math import nan

import numba
import torch

from mlms_fenics.gpu.launch import over_points
from mlms_fenics.kinematics.strain_kernel import GROWTH, ROTATION, kinematics, load

_WORK = 38  # 9 rows of F, 12 of `kinematics`'s work space, its 17 rows; one point


@numba.njit(error_model="numpy")
def _loop(first, stride, work, F, R, U, strain):  # type: ignore[no-untyped-def]
    f, e, k = work[0:9], work[9:21], work[21:38]
    for p in range(first, F.shape[0], stride):
        load(F, p, 1, f)
        kinematics(f, e, k)
        # NaN where det F is not positive, and where F is not finite.
        bad = 0.0 if 1.0 + k[GROWTH] > 0.0 else nan
        for i in range(3):
            for j in range(3):
                R[p, i, j] = k[ROTATION + 3 * i + j] + bad
        for i in range(3):
            for j in range(i + 1):
                a = R[p, 0, i] * F[p, 0, j] + R[p, 1, i] * F[p, 1, j] + R[p, 2, i] * F[p, 2, j]
                b = R[p, 0, j] * F[p, 0, i] + R[p, 1, j] * F[p, 1, i] + R[p, 2, j] * F[p, 2, i]
                U[p, i, j] = U[p, j, i] = 0.5 * (a + b)
        for i in range(6):
            strain[p, i] = k[i] + bad


def decomposed(F: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """R and U of F = R U, and the components of log U; NaN where det F is not positive.

    Args:
        F: *Shape* `(n, 3, 3)`, float64, on a device that `gpu.launch.usable` knows.

    Returns:
        *Shape* `(n, 3, 3)`, `(n, 3, 3)`, `(n, 6)`, float64.
    """
    F = F.contiguous()
    R, U = torch.empty_like(F), torch.empty_like(F)
    strain = F.new_empty(len(F), 6)
    over_points(_loop, F.device, len(F), F, R, U, strain, scratch=_WORK, _N=1)
    return R, U, strain


def takes(F: torch.Tensor, usable: bool) -> bool:
    """Whether `decomposed` may stand for torch's operations: in 3D, and where none is recorded."""
    recorded = F.requires_grad and torch.is_grad_enabled()
    return usable and F.shape[-1] == 3 and not recorded
