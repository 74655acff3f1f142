# SPDX-License-Identifier: MIT
"""Whole histories by a compiled kernel and its adjoint: one differentiable operation of torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

_free: list["WorkSpace"] = []


class WorkSpace:
    """Arrays that are used again: fresh memory costs more than what is done in it.

    Each run holds one of its own from its forward to its backward pass.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}

    def __call__(self, name: str, *shape: int) -> np.ndarray:
        """A float32 array of this name and shape, with whatever it held before."""
        size = int(np.prod(shape))
        if name not in self.arrays or self.arrays[name].size < size:
            self.arrays[name] = np.empty(size, np.float32)
        return self.arrays[name][:size].reshape(shape)


Forward = Callable[[list[np.ndarray], WorkSpace], tuple[np.ndarray, tuple[Any, ...]]]
Backward = Callable[..., tuple[np.ndarray, ...]]


def walked(forward: Forward, backward: Backward, *weights: Tensor) -> Tensor:
    """Result of a kernel, with gradients in its weights.

    Args:
        forward: from arrays of the weights and a work space to the result and what `backward`
            needs beside the weights.
        backward: from the result's gradient, the weights and that to the weights' gradients.
        weights: in float32 on the CPU.
    """
    return _Walk.apply(forward, backward, torch.is_grad_enabled(), *weights)


class _Walk(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, forward: Forward, backward: Backward, learning: bool, *weights: Tensor
    ) -> Tensor:  # type: ignore[override]
        arrays = [np.ascontiguousarray(w.detach().numpy()) for w in weights]
        space = _free.pop() if _free else WorkSpace()
        out, kept = forward(arrays, space)
        if learning:
            ctx.rest = (space, backward, arrays, kept)
        else:
            _free.append(space)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        space, backward, arrays, kept = ctx.rest
        found = backward(np.ascontiguousarray(gradient.numpy()), arrays, kept)
        _free.append(space)
        del ctx.rest
        return None, None, None, *(torch.from_numpy(x) for x in found)
