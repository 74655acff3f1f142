# SPDX-License-Identifier: MIT
"""The CPU's element loops on a GPU: each thread calls them for one cell after the other.

By PyTorch's operations the elements of a step are some 375 kernels that pass each intermediate
number through the device's memory; here they are three: F, stress, forces. A thread gives the
compiled functions the rows of its cell alone, so that no formula stands here, and no two threads
write to the same number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import inf

import numba
import numpy as np
import torch
from numba import cuda

from mlms_fenics.gpu.launch import THREADS, launch
from mlms_fenics.gpu.twins import twin
from mlms_fenics.loop.compiled import axisymmetric, hourglass_plane, kernels
from mlms_fenics.loop.compiled.assembly import add_internal_force
from mlms_fenics.loop.compiled.hourglass import hourglass_forces, moduli_of_modes
from mlms_fenics.loop.data import Problem
from mlms_fenics.loop.hourglass import Hourglassing
from mlms_fenics.loop.stresses import Moduli, Number

MOST = 4096  # blocks, whose threads take cells in turn and leave one number of each sum
_NONE = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Arrays:
    """What a problem's cells are, on the device, with components first and cells or points last.

    Attributes:
        dofs: nodes of each cell, `(n, n_cells)`.
        gradients: `(n, 3, n_points)`.
        metric: `(3, 3, n_points)`.
        volume: `(n_points,)`.
        mass: smallest nodal share of each cell's mass, mg, `(n_cells,)`.
        parts: where forces of cells on their nodes go, kN, `(3, n, n_cells)`.
    """

    dofs: torch.Tensor
    gradients: torch.Tensor
    metric: torch.Tensor
    volume: torch.Tensor
    mass: torch.Tensor
    parts: torch.Tensor


class CellKernels:
    """Three kernels for the cells of a problem.

    Args:
        problem: whose.
        arrays: of it.
        moduli: of its law, at the points.
        hourglass: stabilisation, or None.
    """

    def __init__(
        self, problem: Problem, arrays: Arrays, moduli: Moduli, hourglass: Hourglassing | None
    ) -> None:
        self._device = device = arrays.volume.device
        self._arrays, self._per_cell, self._hourglass = arrays, problem.per_cell, hourglass
        n, self._cells = arrays.dofs.shape
        self._blocks = min(-(-self._cells // THREADS), MOST)
        threads, real = self._blocks * THREADS, {"dtype": torch.float64, "device": device}
        self._dofs = arrays.dofs.T
        self._gradients = arrays.gradients.permute(2, 0, 1)
        self._metric = arrays.metric.permute(2, 0, 1)
        self._parts = arrays.parts.permute(2, 1, 0)
        lame = moduli.bulk - 2.0 * moduli.shear / 3.0
        every = slice(None, None, self._per_cell)
        columns = (moduli.density, lame, moduli.shear, moduli.speed)
        self._moduli = torch.stack([x[every] for x in columns]).T
        self._parameters = (moduli.linear, moduli.quadratic, moduli.shape, moduli.hoop)
        self._points = torch.arange(self._per_cell, device=device)
        self._real = torch.zeros(threads, **real)
        self._sums = torch.zeros(2, threads, **real)
        self._where = torch.zeros(threads, dtype=torch.int64, device=device)
        turned = problem.axisymmetric
        kind = "none" if hourglass is None else "plane" if problem.flat else "solid"
        self._deform, self._push = _deformation(turned), _forces(turned, n, kind)

    def deform(self, u: torch.Tensor, F: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Set F; its least determinant and a point of that cell, 0-d."""
        self._launch(
            self._deform, u.T, self._dofs, self._gradients, F.permute(2, 0, 1), self._per_cell,
            self._real, self._where,
        )  # fmt: skip
        smallest, thread = self._real.min(dim=0)  # of NaN and others, NaN
        return smallest, torch.take(self._where, thread) * self._per_cell

    def stresses(
        self,
        F: torch.Tensor,
        F_old: torch.Tensor,
        sigma: torch.Tensor,
        P: torch.Tensor,
        viscous: torch.Tensor,
        dt: Number | None,
        work: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `stresses.stresses`; the point is the first of its cell."""
        given = (x.permute(2, 0, 1) for x in (F, F_old, sigma, P))
        self._launch(
            _stresses(), *given, self._points, self._metric, self._arrays.volume,
            self._arrays.mass, viscous, self._moduli, *self._parameters, self._length(dt),
            self._real, self._where, self._sums,
        )  # fmt: skip
        work += self._sums.sum(1)
        first = self._where.min()
        return self._real.min(), torch.where(first < _NONE, first * self._per_cell, -1)

    def forces(
        self,
        u: torch.Tensor,
        F: torch.Tensor,
        sigma: torch.Tensor,
        P: torch.Tensor,
        dt: Number | None,
    ) -> None:
        """Set the parts of the nodal forces: internal ones and those against hourglassing."""
        control, arrays = self._hourglass, self._arrays
        given = (
            u.T, self._dofs, P.permute(2, 0, 1), self._points, self._gradients, arrays.volume,
            self._parts, self._per_cell,
        )  # fmt: skip
        if control is None:
            self._launch(self._push, *given)
            return
        self._launch(
            self._push, *given, F.permute(2, 0, 1), sigma.permute(2, 0, 1), *control.tables,
            control.q.permute(2, 1, 0), control.k, control.form == "secant",
            control.form == "viscous", self._length(dt), self._real,
        )  # fmt: skip
        control.work += self._real.sum()

    def _length(self, dt: Number | None) -> torch.Tensor:
        """The step, µs, where a kernel finds it, `(1,)`; 0 at the very start."""
        if isinstance(dt, torch.Tensor):
            return dt.reshape(1)
        return torch.full((1,), dt or 0.0, dtype=torch.float64, device=self._device)

    def _launch(self, kernel: Callable, *arguments: object) -> None:
        launch(kernel, self._device, self._cells, *arguments, most=MOST)


@lru_cache(maxsize=2)
def _deformation(turned: bool) -> Callable:
    deform = twin(axisymmetric.deformation if turned else kernels.deformation)

    @cuda.jit
    def kernel(u, dofs, gradients, F, per_cell, smallest, where):  # type: ignore[no-untyped-def]
        thread = cuda.grid(1)
        least, at = inf, -1
        for c in range(thread, dofs.shape[0], cuda.gridsize(1)):
            begin, end = c * per_cell, (c + 1) * per_cell
            det, _ = deform(u, dofs[c : c + 1], gradients[begin:end], F[begin:end])
            if not det >= least:  # also true for NaN
                least, at = det, c
                if not abs(det) < kernels.HUGE:
                    break
        smallest[thread], where[thread] = least, at

    return kernel


@lru_cache(maxsize=1)
def _stresses() -> Callable:
    stresses = twin(kernels.stresses)

    @cuda.jit
    def kernel(  # type: ignore[no-untyped-def]
        F, F_old, sigma, P, points, metric, volume, mass, viscous, moduli, linear, quadratic,
        shape, hoop, dt, stable, bad, sums,
    ):  # fmt: skip
        thread, per_cell = cuda.grid(1), points.shape[0]
        work = cuda.local.array(2, numba.float64)
        work[0] = work[1] = 0.0
        least, first = inf, _NONE
        for c in range(thread, mass.shape[0], cuda.gridsize(1)):
            begin, end = c * per_cell, (c + 1) * per_cell
            step, wrong = stresses(
                F[begin:end], F_old[begin:end], sigma[begin:end], P[begin:end], points,
                metric[begin:end], volume[begin:end], mass[c : c + 1], viscous[begin:end],
                moduli[c : c + 1], (linear, quadratic, shape, hoop), dt[0], work,
            )  # fmt: skip
            least = min(least, step)
            if wrong >= 0 and first == _NONE:
                first = c
        stable[thread], bad[thread] = least, first
        sums[0, thread], sums[1, thread] = work[0], work[1]

    return kernel


@lru_cache(maxsize=8)
def _forces(turned: bool, n: int, kind: str) -> Callable:
    """A thread gathers and collects in rows of its own, so that its cell's nodes are 0, 1, ..."""
    internal = twin(axisymmetric.add_internal_force if turned else add_internal_force)
    solid, plane = twin(hourglass_forces), twin(hourglass_plane.plane_hourglass)
    stiffness = twin(moduli_of_modes)
    own, shape = np.arange(n)[None], (n, 3)

    @cuda.jit
    def unhindered(u, dofs, P, points, gradients, volume, parts, per_cell):  # type: ignore[no-untyped-def]
        push = cuda.local.array(shape, numba.float64)
        for c in range(cuda.grid(1), dofs.shape[0], cuda.gridsize(1)):
            begin, end = c * per_cell, (c + 1) * per_cell
            for a in range(n):
                for i in range(3):
                    push[a, i] = 0.0
            internal(P[begin:end], points, gradients[begin:end], volume[begin:end], own, push)
            for a in range(n):
                for i in range(3):
                    parts[c, a, i] = push[a, i]

    @cuda.jit
    def stabilised(  # type: ignore[no-untyped-def]
        u, dofs, P, points, gradients, volume, parts, per_cell,
        F, sigma, slopes, scale, shear, q, k, secant, viscous, dt, works,
    ):  # fmt: skip
        mine = cuda.local.array(shape, numba.float64)
        push = cuda.local.array(shape, numba.float64)
        before = cuda.local.array(1, numba.float64)
        work = 0.0
        for c in range(cuda.grid(1), dofs.shape[0], cuda.gridsize(1)):
            d = c + 1
            for a in range(n):
                for i in range(3):
                    mine[a, i] = u[dofs[c, a], i]
                    push[a, i] = 0.0
            internal(P[c:d], points, gradients[c:d], volume[c:d], own, push)
            if flat:
                before[0] = k[c]
                stiffness(
                    F[c:d], sigma[c:d], scale[c:d], shear[c:d], secant, viscous, dt[0], k[c:d]
                )
                work += plane(
                    mine, own, slopes[c:d], gradients[c:d], q[c:d], before, k[c:d], viscous, push
                )
            else:
                work += solid(
                    mine, own, slopes[c:d], gradients[c:d], q[c:d], k[c:d], F[c:d], sigma[c:d],
                    scale[c:d], shear[c:d], secant, viscous, dt[0], push,
                )  # fmt: skip
            for a in range(n):
                for i in range(3):
                    parts[c, a, i] = push[a, i]
        works[cuda.grid(1)] = work

    flat = kind == "plane"
    return unhindered if kind == "none" else stabilised
