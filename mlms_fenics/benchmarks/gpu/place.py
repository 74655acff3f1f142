# SPDX-License-Identifier: MIT
"""Where a benchmark runs, how it takes time there, and what a part of it has found."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch

from mlms_fenics.device import treated_as_apart
from mlms_fenics.errors import SimulationError


@dataclass(frozen=True)
class Place:
    """A device to be measured.

    Attributes:
        device: a GPU, or the CPU treated as a device apart.
        quick: smallest sizes, for a machine without a GPU.
        patience: longest time for one figure, s.
    """

    device: torch.device
    quick: bool
    patience: float = 0.5

    @property
    def is_gpu(self) -> bool:
        """Whether there is one."""
        return self.device.type == "cuda"

    def sizes(self, *whole: int) -> tuple[int, ...]:
        """Numbers of points or elements; a quick round takes a few of them only."""
        return (64,) if self.quick else whole

    def there(self) -> AbstractContextManager[None]:
        """A context for what is done on the device; outside of it the CPU is itself."""
        return nullcontext() if self.is_gpu else treated_as_apart()

    def finish(self) -> None:
        """Wait for all that is queued."""
        if self.is_gpu:
            torch.cuda.synchronize(self.device)

    def seconds(self, call: Callable[[], Any]) -> float:
        """Wall time of a call, s: mean of as many as `patience` allows, after a first one."""
        call()
        one = self._of(call, 1)
        return self._of(call, min(max(int(self.patience / one), 1), 1000))

    def _of(self, call: Callable[[], Any], count: int) -> float:
        """Mean of so many calls in a row, s; the device has done them all."""
        self.finish()
        begin = time.perf_counter()
        for _ in range(count):
            call()
        self.finish()
        return (time.perf_counter() - begin) / count

    def captured(self, call: Callable[[], Any]) -> Callable[[], None] | None:
        """The call as one CUDA graph; None without a GPU, or where it cannot be captured."""
        if not self.is_gpu:
            return None
        try:
            other = torch.cuda.Stream(self.device)
            other.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(other):
                call()
            torch.cuda.current_stream(self.device).wait_stream(other)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                call()
        except RuntimeError:
            torch.cuda.synchronize(self.device)
            return None
        return graph.replay


def _nowhere(found: "Found", line: str) -> None:
    """Of a part that nobody follows."""


@dataclass
class Found:
    """What a part found.

    Attributes:
        checks: of the device against the CPU: name, value, limit.
        figures: name, value, unit.
        follow: called with this and a line about it whenever something was found.
    """

    checks: list[tuple[str, float, float]] = field(default_factory=list)
    figures: list[tuple[str, float, str]] = field(default_factory=list)
    follow: Callable[["Found", str], None] = field(default=_nowhere, repr=False)

    def check(self, name: str, value: float, limit: float) -> None:
        """Note a difference from the CPU, and the largest that is allowed."""
        self.checks.append((name, float(value), limit))
        self.follow(self, f"{name}: {value:.2g} from the CPU's, allowed {limit:g}")

    def figure(self, name: str, value: float, unit: str) -> None:
        """Note what was measured."""
        self.figures.append((name, float(value), unit))
        self.follow(self, f"{name}: {value:.4g} {unit}")

    def failed(self) -> list[str]:
        """Checks that were not passed; NaN passes none."""
        return [
            f"{name}: {value:.3g}, allowed {limit:g}"
            for name, value, limit in self.checks
            if not value <= limit
        ]


HERE = Place(torch.device("cpu"), quick=False)


def difference(expected: torch.Tensor, found: torch.Tensor) -> float:
    """Largest difference over the largest entry, in float64 on the CPU."""
    a, b = expected.detach().cpu().double(), found.detach().cpu().double()
    return float((a - b).abs().max() / a.abs().max().clamp(min=1e-300))


def within_memory(call: Callable[[], None]) -> bool:
    """Whether the call had memory enough on its device."""
    try:
        call()
    except torch.cuda.OutOfMemoryError:
        torch.cuda.empty_cache()
        return False
    except SimulationError as error:
        raise SimulationError(f"the benchmark's own path failed: {error}") from error
    return True
