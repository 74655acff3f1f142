# SPDX-License-Identifier: MIT
"""The trust measure's step on a GPU, a thread to a point: the code of `compiled.trust`."""

from collections.abc import Callable
from functools import lru_cache

import torch
from numba import cuda, from_dtype
from torch import Tensor

from mlms_fenics.gpu.launch import launch, numpy_type
from mlms_fenics.gpu.twins import twin
from mlms_fenics.surrogate.compiled.trust import measure


def trust_there(
    trust: tuple[Tensor, ...], now: Tensor, before: Tensor, memory: Tensor, distance: Tensor
) -> tuple[Tensor, Tensor]:
    """Memory and largest distance after a step.

    Args:
        trust: of `TrustMeasure.tensors`.
        now, before: log U at its end and its beginning, *Shape* `(c, n)`, contiguous.
        memory: at its beginning, *Shape* `(times c + 2, n)`, contiguous.
        distance: largest so far, *Shape* `(n,)`.

    Returns:
        As `memory` and `distance`.
    """
    after, largest = torch.empty_like(memory), torch.empty_like(distance)
    kernel = _kernel(len(now), trust[3].shape[1], now.dtype)
    given = (*trust, now, before, memory, distance, after, largest)
    launch(kernel, now.device, len(distance), *given)
    return after, largest


@lru_cache(maxsize=16)
def _kernel(c: int, times: int, dtype: torch.dtype) -> Callable:
    step, kind, rows = twin(measure, _N=1), from_dtype(numpy_type(dtype)), times * c + 2
    one, memories, work = (c, 1), (rows, 1), (c + times + 1, 1)

    @cuda.jit
    def kernel(
        scale, mean, whitening, lags, size, lag_mean, lag_whitening, numbers,
        now, before, memory, distance, after, largest,
    ):  # fmt: skip
        p = cuda.grid(1)
        if p >= distance.shape[0]:
            return
        trust = (scale, mean, whitening, lags, size, lag_mean, lag_whitening, numbers)
        here = cuda.local.array(one, kind)
        old = cuda.local.array(one, kind)
        kept = cuda.local.array(memories, kind)
        new = cuda.local.array(memories, kind)
        space = cuda.local.array(work, kind)
        far = cuda.local.array(1, kind)
        for i in range(now.shape[0]):
            here[i, 0] = now[i, p]
        step(
            trust, here, before, memory, distance, p, 1, (old, kept, new, space, far), after,
            largest,
        )  # fmt: skip

    return kernel
