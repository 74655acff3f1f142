# SPDX-License-Identifier: MIT
"""Where laws, training and data are computed: what the user says, the CPU by default."""

import re

import torch

from mlms_fenics.errors import InputError, require

NAMES = "cpu, cuda (or cuda: and the number of a GPU) or auto"
HELP = "cpu, cuda, cuda:1, ..., or auto: a GPU where there is one (default: cpu)"


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
