# SPDX-License-Identifier: MIT
"""The crystal law at the points of many cells on a torch device; `fft_points` without tangents."""

from functools import lru_cache

import numba
import numpy as np
import torch
from numba import cuda

from mlms_fenics.device import uploaded
from mlms_fenics.errors import require
from mlms_fenics.gpu.launch import launch, numpy_view, usable
from mlms_fenics.gpu.twins import twin
from mlms_fenics.kinematics.tensors import cofactor, from_components
from mlms_fenics.materials.crystal.gpu_engine import (
    BLOCKS_PER_PROCESSOR,
    processors,
    take_atomically,
)
from mlms_fenics.materials.crystal.step import rows_of
from mlms_fenics.unitcell import fft_law
from mlms_fenics.unitcell.fft_points import AIM, BOUND, MOST, RISE, Points


class PointsThere:
    """`Points` of B cells on a device, all in one call.

    Args:
        points: virgin, on the host.
        device: of all tensors.

    Raises:
        InputError: a law that needs implicit steps, which only the CPU has; or a GPU that numba
            cannot compile for.
    """

    def __init__(self, points: Points, device: torch.device) -> None:
        for law, stiff in zip(points.laws, points.implicit, strict=True):
            require(
                not stiff,
                f"law {law.name!r} needs implicit steps, which cells on a device do not have: "
                "leave the device out",
            )
        require(
            device.type == "cpu" or usable(device),
            f"cells on {device} need numba's CUDA target, which sees no GPU: install numba-cuda, "
            "or leave the device out",
        )
        put = self._put
        self.laws, self.tolerance, self.device = points.laws, points.tolerance, device
        self.phase = [put(points.phase == p) for p in range(len(self.laws))]
        self.tables = [[put(x) for x in tables] for tables in points.tables]
        self.Q, self.bulk = put(points.Q), put(np.array([x.bulk_modulus for x in self.laws]))
        self.bulk = self.bulk[put(points.phase)]  # (B, N)
        self.state, self.rate, self.scale = put(points.state), put(points.rate), put(points.scale)
        self.count = put(points.count)
        self.evaluations = np.zeros(len(points.phase), np.int64)

    def _put(self, x: np.ndarray) -> torch.Tensor:
        return uploaded(np.ascontiguousarray(x), self.device)

    def begin(self, cells: np.ndarray, F_start: torch.Tensor, dt: np.ndarray) -> None:
        """Trials of a step of these cells, from their committed states, are to come.

        Args:
            cells: their numbers, b of them.
            F_start: at the step's beginning, *Shape* `(b, d, d, N)`.
            dt: lengths of the steps, µs, *Shape* `(b,)`.
        """
        self._cells, self._at = cells, uploaded(cells, self.device)
        self._F_start, self._dt = _points_last(F_start), uploaded(dt, self.device)
        self._start = [x[self._at].flatten(0, 1) for x in (self.state, self.rate, self.scale)]
        self._phase = [x[self._at].flatten() for x in self.phase]
        self._Q = self.Q[self._at].flatten(0, 1)
        self._count = self.count[self._at]
        self._first = self._count
        n = self._count.numel()
        like = {"dtype": torch.float64, "device": self.device}
        self._trial = [torch.empty_like(x) for x in self._start]
        self._deviator, self._error = torch.zeros(n, 6, **like), torch.zeros(n, **like)

    def trial(
        self, F: torch.Tensor, active: torch.Tensor, first: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`Points.trial` of those of the cells begun that are active.

        Args:
            F: at the step's end, *Shape* `(b, d, d, N)`.
            active: *Shape* `(b,)`.
            first: whether it is the step's first trial.

        Returns:
            P, GPa, *Shape* `(b, d, d, N)`; its component 33, *Shape* `(b, N)`.
        """
        count = self._count
        bound, most = (1.0, torch.full_like(count, MOST)) if first else (
            BOUND, (RISE * self._first).clamp(max=MOST)
        )  # fmt: skip
        end, active = _points_last(F), active[:, None]
        self._integrate(end, torch.where(active, count, 0))
        self.evaluations[self._cells[active[:, 0].cpu().numpy()]] += 1
        while True:
            error = self._error.view(count.shape)
            wrong = active & ~(error <= bound)
            stuck = (wrong & (count >= most)).any(1, keepdim=True)
            again = wrong & (count < most) & ~stuck
            if not bool(again.any()):
                break
            part = torch.where(again, torch.minimum(_substeps(count, error), most), 0)
            count = torch.where(again, part, count)
            self._integrate(end, part)
        if first:
            self._first = count
        self._count = torch.where(active & ~wrong.any(1, keepdim=True), count, self._count)
        deviator = torch.where(wrong[..., None], torch.nan, self._deviator.view(*count.shape, 6))
        return _first_piola(F, deviator, self.bulk[self._at])

    def commit(self, rows: np.ndarray) -> None:
        """Make the last trial of some of the cells begun, by their places, their state."""
        here = uploaded(rows, self.device)
        cells, shape = self._at[here], self._count.shape
        for committed, trial in zip((self.state, self.rate, self.scale), self._trial, strict=True):
            committed[cells] = trial.unflatten(0, shape)[here]
        self.count[cells] = _substeps(self._count[here], self._error.view(shape)[here])

    def _integrate(self, F: torch.Tensor, count: torch.Tensor) -> None:
        for p, law in enumerate(self.laws):
            chosen = torch.where(self._phase[p], count.flatten(), 0).contiguous()
            given = (
                self._F_start, F, self._Q, self._dt, chosen, *self.tables[p], law.detwinning,
                law.shear_modulus, self.tolerance, *self._start, *self._trial, self._deviator,
                self._error,
            )  # fmt: skip
            if usable(self.device):
                queue = torch.zeros(1, dtype=torch.int64, device=self.device)
                most = BLOCKS_PER_PROCESSOR * processors(self.device)
                kernel = _kernel(law.n_slip, law.n_twin)
                launch(kernel, self.device, len(chosen), queue, *given, most=most)
            else:
                fft_law.substeps_kernel(*(numpy_view(x) for x in given))


def _points_last(F: torch.Tensor) -> torch.Tensor:
    """`(b, d, d, N)` as `(d, d, b N)`, contiguous."""
    return F.permute(1, 2, 0, 3).flatten(2).contiguous()


def _substeps(count: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
    """How many substeps bring the third-order error from `error` to what is aimed at."""
    factor = torch.where(torch.isfinite(error), error / AIM, torch.inf) ** (1.0 / 3.0)
    return torch.ceil(count * factor.clamp(0.2, 5.0)).clamp(1, MOST).long()


def _first_piola(
    F: torch.Tensor, deviator: torch.Tensor, bulk: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """P = J σ F⁻ᵀ and P_33, σ = deviator + bulk (J - 1) I; NaN where J ≤ 0.

    Args:
        F: *Shape* `(b, d, d, N)`.
        deviator: *Shape* `(b, N, 6)`.
        bulk: GPa, *Shape* `(b, N)`.
    """
    b, d, _, N = F.shape
    full = torch.zeros(b, N, 3, 3, dtype=F.dtype, device=F.device)
    full[..., 2, 2] = 1.0
    full[..., :d, :d] = F.permute(0, 3, 1, 2)
    cof = cofactor(full)
    J = (full[..., 0, :] * cof[..., 0, :]).sum(-1)
    J = torch.where(J > 0.0, J, torch.nan)
    one = torch.eye(3, dtype=F.dtype, device=F.device)
    sigma = from_components(deviator) + (bulk * (J - 1.0))[..., None, None] * one
    P = sigma @ cof + 0.0 * J[..., None, None]
    return P[..., :d, :d].permute(0, 2, 3, 1).contiguous(), P[..., 2, 2]


@lru_cache(maxsize=16)
def _kernel(n_slip: int, n_twin: int):  # type: ignore[no-untyped-def]
    own = rows_of(n_slip, n_twin)
    run = twin(fft_law.run_points, L=1, take=take_atomically, **own)
    rows, states, size = fft_law.ROWS, own["STATE_ROWS"], fft_law.MARKS

    @cuda.jit
    def kernel(
        queue, F_start, F_end, Q, dt, count, slip, twins, detwinning, G, tolerance,
        state, rate, scale, state_end, rate_end, scale_end, deviator, error,
    ):  # fmt: skip
        w = cuda.local.array(rows, numba.float64)
        S = cuda.local.array(states, numba.float64)
        marks = cuda.local.array(size, numba.int64)
        run(
            w, S, marks, queue, F_start, F_end, Q, dt, count, slip, twins, detwinning, G, tolerance,
            state, rate, scale, state_end, rate_end, scale_end, deviator, error,
        )  # fmt: skip

    return kernel
