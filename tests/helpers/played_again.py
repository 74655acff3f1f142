# SPDX-License-Identifier: MIT
"""What a CUDA graph does, on a CPU: the same operations on the same memory, whatever is in it."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Tape(TorchDispatchMode):
    """Notes all operations of torch, those of a gradient among them.

    Nothing of Python's is noted: a value that was looked at, or a shape that followed from one,
    stays in the arguments as it was.
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Any, ...]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self._calls.append((func, args, kwargs or {}, out))
        return out

    def play(self) -> None:
        """All of it again, its results where they were before."""
        with torch.no_grad():
            for func, args, kwargs, out in self._calls:
                _into(out, func(*args, **kwargs))


def _into(before: Any, now: Any) -> None:
    if isinstance(now, torch.Tensor):
        # Views are where they were, and so is what changed in place.
        if now.untyped_storage().data_ptr() != before.untyped_storage().data_ptr():
            before.copy_(now)
    elif isinstance(now, tuple | list):
        for a, b in zip(before, now, strict=True):
            _into(a, b)


def captured(
    compute: Callable[[], Any], device: torch.device, pool: Any
) -> tuple[Callable[[], Any], Any]:
    """In place of `surrogate.fitting.recorded._captured`: a tape instead of a graph."""
    tape = Tape()
    with tape:
        outputs = compute()

    def play() -> Any:
        tape.play()
        return outputs

    return play, pool
