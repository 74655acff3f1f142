# SPDX-License-Identifier: MIT
"""How many cells a device has room for at once."""

import torch

# Of a point of a cell in three dimensions at the peak of a solution, counted: 4100 to 4400 with 10³
# to 6³ points.
BYTES = 4500
# Of the free memory; the rest is for the transforms and for what is left between tensors.
_PART = 0.8


def cells_at_once(points: int, device: torch.device | None) -> int:
    """The most cells that are to be solved in one call, at least 1.

    Args:
        points: of a cell.
        device: None for the CPU, which solves one after the other.
    """
    if device is None:
        return 1
    if device.type == "cpu":
        return 2**31
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    free = torch.cuda.mem_get_info(device)[0] + kept
    return max(1, int(_PART * free) // (BYTES * points))
