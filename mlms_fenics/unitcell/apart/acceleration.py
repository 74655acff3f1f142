# SPDX-License-Identifier: MIT
"""Anderson's acceleration and extrapolation of many iterations at once (`fft_acceleration`)."""

import numpy as np
import torch

from mlms_fenics.device import uploaded

_ORDER = 3  # as in fft_acceleration


class AndersonThere:
    """`fft_acceleration.Anderson` of B cells: vectors on the device, small matrices on the host.

    Args:
        cells: B.
        size: of the vectors.
        memory: pairs of differences that are kept; 0: the basic iteration.
        device: of the vectors.
    """

    def __init__(self, cells: int, size: int, memory: int, device: torch.device) -> None:
        like = {"dtype": torch.float64, "device": device}
        self.memory, self.device = memory, device
        self.dx, self.df = (torch.zeros(cells, memory, size, **like) for _ in range(2))
        self.gram = np.zeros((cells, memory, memory))
        self.count, self.next = np.zeros(cells, int), np.zeros(cells, int)
        self.last = tuple(torch.zeros(cells, size, **like) for _ in range(2))
        self.begun = np.zeros(cells, bool)

    def begin(self, cells: np.ndarray) -> None:
        """A new function f of these cells: differences across the change mean nothing."""
        self.begun[cells] = False

    def forget(self, cells: np.ndarray) -> None:
        """Drop all that was learnt of these cells."""
        self.count[cells] = self.next[cells] = 0
        self.begun[cells] = False

    def step(self, cells: np.ndarray, x: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
        """The next iterates of these cells, of their iterates and corrections `(b, size)`."""
        if self.memory == 0 or len(cells) == 0:
            return x + f
        there = uploaded(cells, self.device)
        own = np.flatnonzero(self.begun[cells])
        if len(own):
            which, rows = cells[own], uploaded(own, self.device)
            slot, slots = self.next[which], uploaded(self.next[which], self.device)
            here = there[rows]
            self.dx[here, slots] = x[rows] - self.last[0][here]
            self.df[here, slots] = f[rows] - self.last[1][here]
            products = torch.einsum("bms,bs->bm", self.df[here], self.df[here, slots])
            products = products.cpu().numpy()
            self.next[which] = (slot + 1) % self.memory
            self.count[which] = np.minimum(self.count[which] + 1, self.memory)
            used = np.arange(self.memory) < self.count[which][:, None]
            products = np.where(used, products, 0.0)
            self.gram[which, slot] = products
            self.gram[which, :, slot] = products
        self.last[0][there], self.last[1][there] = x, f
        self.begun[cells] = True
        right = torch.einsum("bms,bs->bm", self.df[there], f).cpu().numpy()
        used = np.arange(self.memory) < self.count[cells][:, None]
        gram = np.where(used[:, :, None] & used[:, None], self.gram[cells], 0.0)
        size = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
        size = np.where(size > 0, size, 1.0)
        gram = gram / (size[:, :, None] * size[:, None])
        # Nearly dependent differences are common close to the solution: leave them out.
        inverse = np.linalg.pinv(gram, rcond=1e-13, hermitian=True)
        right = np.where(used, right, 0.0) / size
        weights = (inverse @ right[:, :, None])[:, :, 0] / size
        taken = uploaded(weights, self.device)
        return x + f - torch.einsum("bm,bms->bs", taken, self.dx[there] + self.df[there])


class ExtrapolationThere:
    """`fft_acceleration.Extrapolation` of B cells, each with times of its own.

    Args:
        start: the vectors at time 0, *Shape* `(B, size)`.
    """

    def __init__(self, start: torch.Tensor) -> None:
        cells = len(start)
        self.device = start.device
        self.values = torch.zeros(
            cells, _ORDER + 1, start.shape[1], dtype=start.dtype, device=self.device
        )
        self.values[:, 0] = start
        self.times = np.zeros((cells, _ORDER + 1))
        self.known = np.ones(cells, int)  # entries, the newest first
        self.best = np.zeros(cells, int)

    def guess(self, cells: np.ndarray, times: np.ndarray) -> torch.Tensor:
        """The vectors expected at `times`, µs, *Shape* `(b, size)`."""
        rows = zip(cells, times, strict=True)
        weights = [self._weights(c, min(self.best[c], self.known[c] - 1), t) for c, t in rows]
        there = uploaded(cells, self.device)
        return torch.einsum(
            "bk,bks->bs", uploaded(np.array(weights), self.device), self.values[there]
        )

    def last(self, cells: np.ndarray) -> torch.Tensor:
        """The vectors at the end of the last step."""
        return self.values[uploaded(cells, self.device), 0]

    def add(self, cells: np.ndarray, times: np.ndarray, found: torch.Tensor) -> None:
        """Take in the vectors found at `times`, µs."""
        there = uploaded(cells, self.device)
        weights = np.zeros((len(cells), _ORDER + 1, _ORDER + 1))
        for row, (c, t) in enumerate(zip(cells, times, strict=True)):
            for order in range(min(_ORDER, self.known[c] - 1) + 1):
                weights[row, order] = self._weights(c, order, t)
        said = torch.einsum("bok,bks->bos", uploaded(weights, self.device), self.values[there])
        errors = (said - found[:, None]).square().sum(-1).cpu().numpy()
        for row, c in enumerate(cells):
            orders = min(_ORDER, self.known[c] - 1) + 1
            self.best[c] = int(np.argmin(errors[row, :orders]))
            if self.known[c] == 2:  # nothing has been tried yet at two points but a constant
                self.best[c] = max(self.best[c], 1)
        self.values[there] = torch.cat((found[:, None], self.values[there][:, :-1]), dim=1)
        self.times[cells] = np.concatenate((times[:, None], self.times[cells][:, :-1]), axis=1)
        self.known[cells] = np.minimum(self.known[cells] + 1, _ORDER + 1)

    def _weights(self, c: int, order: int, time: float) -> np.ndarray:
        """Of the newest `order` + 1 vectors in the polynomial through them at `time`."""
        weights, times = np.zeros(_ORDER + 1), self.times[c, : order + 1]
        for i, t in enumerate(times):
            others = np.delete(times, i)
            weights[i] = np.prod((time - others) / (t - others))
        return weights
