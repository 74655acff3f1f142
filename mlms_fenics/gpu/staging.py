# SPDX-License-Identifier: MIT
"""A step's numbers on their way to a device and back, through memory that it can fetch by itself.

Pages that the system cannot move ("pinned") are copied by the device while the host goes on; any
others are copied twice, and the host waits. One copy goes up a step and one comes down.
"""

import numpy as np
import torch


class Staging:
    """Copies of one array to a device and of one from there.

    Args:
        device: where to. On a CPU nothing is copied on the way up, and once on the way down.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._up: torch.Tensor | None = None
        self._down: torch.Tensor | None = None
        self._there: torch.Tensor | None = None

    def up(self, values: np.ndarray) -> torch.Tensor:
        """The values on the device; the same memory there every time, so that graphs find it."""
        given = torch.from_numpy(values)
        if self.device.type == "cpu":
            return given
        if self._up is None or self._up.shape != given.shape:
            self._up = torch.empty_like(given, pin_memory=True)
            self._there = torch.empty_like(given, device=self.device)
        self._up.copy_(given)  # the copy up that went before is over: `down` has waited since
        self._there.copy_(self._up, non_blocking=True)
        return self._there

    def down(self, values: torch.Tensor, out: np.ndarray) -> None:
        """Fill `out` with the values, whatever their precision; waits for them."""
        into = torch.from_numpy(out)
        if values.device.type == "cpu":
            into.copy_(values)
            return
        if self._down is None or self._down.shape != values.shape:
            self._down = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        self._down.copy_(values, non_blocking=True)
        torch.cuda.current_stream(values.device).synchronize()
        into.copy_(self._down)
