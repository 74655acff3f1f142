# SPDX-License-Identifier: MIT
"""Where laws, training and data are computed: what the user says, the CPU by default."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from mlms_fenics.errors import InputError, require

NAMES = "cpu, cuda (or cuda: and the number of a GPU) or auto"
HELP = "cpu, cuda, cuda:1, ..., or auto: a GPU where there is one (default: cpu)"

_apart = False  # see `treated_as_apart`


def chosen(name: str | torch.device | None = None, local_rank: int = 0) -> torch.device:
    """The device that a user asks for.

    Args:
        name: "cpu" or None, "cuda", "cuda:" and a number, or "auto": a GPU where torch sees one,
            else the CPU.
        local_rank: among the ranks of a machine, which share its GPUs in turn where `name` gives
            no number.

    Raises:
        InputError: no such kind of device, or it cannot be used here.
    """
    name = "cpu" if name is None else str(name)
    require(
        re.fullmatch(r"cpu|auto|cuda(:\d+)?", name) is not None,
        f"--device is {name!r}, but must be {NAMES}",
    )
    gpus = torch.cuda.device_count() if name != "cpu" else 0
    if name == "auto" and not gpus:
        name = "cpu"
    if name == "auto" or (name == "cuda" and gpus):
        name = f"cuda:{local_rank % gpus}"
    try:
        return torch.zeros(1, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"--device {name} cannot be used here ({reason}; torch sees {gpus} GPUs); cpu can"
        ) from None


def place(device: str | torch.device) -> torch.device:
    """The device as its tensors name it: "cuda" is the present one of the GPUs, with its number."""
    found = torch.device(device)
    if found.type != "cuda" or found.index is not None:
        return found
    return torch.device("cuda", torch.cuda.current_device())


def at_hand(where: torch.Tensor | torch.device) -> bool:
    """Whether values there may be looked at without waiting for a device: on a CPU they may.

    A law may check its input, or stop an iteration by its error, only where this is true; elsewhere
    each look would stop the host until the device has caught up.
    """
    device = where.device if isinstance(where, torch.Tensor) else where
    return device.type == "cpu" and not _apart


@contextmanager
def treated_as_apart() -> Iterator[None]:
    """In this context the CPU is treated as a device apart: the way to check without a GPU."""
    global _apart
    before, _apart = _apart, True
    try:
        yield
    finally:
        _apart = before


def scalar(value: float | torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """`value` as a tensor without axes of `like`'s type and device, filled there, not copied to."""
    if isinstance(value, torch.Tensor):
        return value.to(like.dtype)
    return torch.full((), value, dtype=like.dtype, device=like.device)


def uploaded(values: np.ndarray | torch.Tensor, device: torch.device) -> torch.Tensor:
    """Values of the host as a tensor on the device, to which they go while the host goes on."""
    given = torch.from_numpy(values) if isinstance(values, np.ndarray) else values
    if device.type == "cpu":
        return given
    return given.pin_memory().to(device, non_blocking=True)
