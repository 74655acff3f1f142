# SPDX-License-Identifier: MIT
"""The recurrent law's step on a GPU: what is before its network, the network, and what is after.

The first and the last are kernels with a thread to a point, of the code of `recurrent.update`; the
network between them is `gpu.perceptron`. All arrays have their points last, so that neighbouring
threads read and write neighbouring numbers.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from math import nan

import numpy as np
import torch
from numba import cuda, float32, float64
from torch import Tensor

from mlms_fenics.gpu.launch import launch
from mlms_fenics.gpu.perceptron import Perceptron
from mlms_fenics.gpu.twins import twin
from mlms_fenics.kinematics.strain_kernel import GROWTH, ROTATION, ROWS, kinematics, load
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.compiled.step_there import StepThere
from mlms_fenics.surrogate.compiled.stress import STRESS_ROWS, turned_stress
from mlms_fenics.surrogate.recurrent.cell import FAST, RecurrentCell
from mlms_fenics.surrogate.recurrent.flow import drives, move, speed
from mlms_fenics.surrogate.recurrent.online import step_numbers
from mlms_fenics.surrogate.recurrent.parts_there import parts_kernel
from mlms_fenics.surrogate.recurrent.run import network_weights
from mlms_fenics.surrogate.recurrent.update import features, strain_and_time

_ELASTIC = 5
_TURN = 10  # J − 1 and the rotation


class RecurrentThere(StepThere):
    """The step of a `RecurrentCell`."""

    network_class = RecurrentCell

    def prepare(self, law: LearntLaw) -> None:
        """See `StepThere`."""
        cell = law.network
        weights = network_weights(cell)
        self._network = Perceptron(weights, law.products == "tf32")
        outputs, inputs = len(weights[4]), weights[0].shape[1]
        self._kernels = _kernels(cell.branches, cell.state, inputs, outputs)
        self._features = inputs - cell.state
        low, numbers = step_numbers(law)
        self._low = float(low)
        sizes = (cell.branches, cell.state, inputs, outputs, len(weights[0]))
        self._again = parts_kernel(*sizes) if law.by_strain else None
        self._most = np.float32(law.longest_strain)
        like = {"dtype": torch.float64, "device": law.device}
        self._numbers = torch.from_numpy(numbers).to(**like)
        # What goes with the step's length, and what with one over it.
        self._by_length = torch.tensor([0.0] * 6 + [FAST, 1.0, low, 0.0], **like)
        first = 0.0 if low else 1.0 / float(cell.rate_scale)
        self._by_inverse = torch.tensor([first] + [0.0] * 9, **like)

    def advance(
        self, F: Tensor, fraction: Tensor, own: Tensor, strain: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See `StepThere`."""
        before, after = self._kernels
        n, like = len(F), {"dtype": own.dtype, "device": own.device}
        c = self._numbers + self._by_length * fraction + self._by_inverse / fraction
        c = c.to(own.dtype)
        z = torch.empty(self._features + len(own), n, **like)
        increment, turn = torch.empty(_ELASTIC, n, **like), torch.empty(_TURN, n, **like)
        now, new = torch.empty_like(strain), torch.empty_like(own)
        sigma = torch.empty(n, 3, 3, **like)
        launch(before, F.device, n, F, own, strain, c, z, increment, now, turn)
        flow = self._network(z)
        launch(after, F.device, n, c, own, increment, flow, turn, new, sigma)
        return sigma, new, now

    def divide(
        self, F: Tensor, fraction: Tensor, begun: tuple[Tensor, Tensor], ended: tuple[Tensor, ...]
    ) -> None:
        """See `StepThere`."""
        if self._again is None:
            return
        (own, strain), (sigma, new, now) = begun, ended
        launch(
            self._again, F.device, len(F), F, own, strain, now, self._numbers.to(own.dtype),
            self._low, self.longest, fraction.reshape(1), self._most,
            *self._network.weights, new, sigma,
        )  # fmt: skip


@lru_cache(maxsize=16)
def _kernels(branches: int, states: int, inputs: int, outputs: int) -> tuple[Callable, Callable]:
    """What is before the network, and what is after it."""
    there = {"_N": 1, "exp": math.exp}
    enter, decompose, describe = (twin(f, **there) for f in (load, kinematics, features))
    drive_of, step_of, speed_of, move_of, turn_of = (
        twin(f, **there) for f in (drives, strain_and_time, speed, move, turned_stress)
    )
    first, six = inputs - states, 6
    one, rows, wide = (_ELASTIC, 1), (states, 1), (outputs, 1)
    squares, driven = (branches, 1), (branches + 1, 1)

    @cuda.jit
    def before(F, own, strain, c, z, increment, now, turn):
        p = cuda.grid(1)
        if p >= F.shape[0]:
            return
        f = cuda.local.array(9, float64)
        e = cuda.local.array(12, float64)
        k = cuda.local.array(ROWS, float64)
        old = cuda.local.array(six, float32)
        new = cuda.local.array(six, float32)
        x = cuda.local.array(first, float32)
        change = cuda.local.array(one, float32)
        bad = enter(F, p, 1, f)
        decompose(f, e, k)
        if bad >= 0:
            for i in range(ROWS):
                k[i] = nan
        for i in range(six):
            old[i] = strain[i, p]
        describe(k, old, c, new, x, change)
        for i in range(six):
            now[i, p] = new[i]
        for i in range(first):
            z[i, p] = x[i]
        for i in range(states):
            z[first + i, p] = own[i, p]
        for i in range(_ELASTIC):
            increment[i, p] = change[i, 0]
        turn[0, p] = k[GROWTH]
        for i in range(9):
            turn[1 + i, p] = k[ROTATION + i]

    @cuda.jit
    def after(c, own, increment, flow, turn, new_own, sigma):
        p = cuda.grid(1)
        if p >= sigma.shape[0]:
            return
        k = cuda.local.array(ROWS, float32)
        y = cuda.local.array(rows, float32)
        new = cuda.local.array(rows, float32)
        out = cuda.local.array(wide, float32)
        change = cuda.local.array(one, float32)
        square = cuda.local.array(squares, float32)
        drive = cuda.local.array(driven, float32)
        by_strain = cuda.local.array(1, float32)
        by_time = cuda.local.array(1, float32)
        scale = cuda.local.array(1, float32)
        s = cuda.local.array(_ELASTIC, float32)
        work = cuda.local.array(STRESS_ROWS, float32)
        k[GROWTH] = turn[0, p]
        for i in range(9):
            k[ROTATION + i] = turn[1 + i, p]
        for i in range(states):
            y[i, 0] = own[i, p]
        for i in range(outputs):
            out[i, 0] = flow[i, p]
        for i in range(_ELASTIC):
            change[i, 0] = increment[i, p]
        drive_of(y, change, branches, square, drive)
        step_of(change, c, by_strain, by_time)
        speed_of(out, 2 * states, by_strain, by_time, scale)
        move_of(y, out, change, branches, scale, square, drive, new)
        for i in range(states):
            new_own[i, p] = new[i, 0]
        for i in range(_ELASTIC):
            s[i] = new[i, 0]
            for branch in range(1, branches):
                s[i] += new[branch * _ELASTIC + i, 0]
        turn_of(k, s, c[4], c[5], p, 1, work, sigma)

    return before, after
