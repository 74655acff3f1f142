# SPDX-License-Identifier: MIT
"""Where the time of a step goes."""

from collections.abc import Callable, Sequence
from time import perf_counter


class Stopwatch:
    """Seconds spent in each part of a loop on this rank.

    Args:
        parts: their names.

    Attributes:
        seconds: by part.
        clock: that they are measured with.
    """

    def __init__(self, parts: Sequence[str]) -> None:
        self.seconds = dict.fromkeys(parts, 0.0)
        self.clock: Callable[[], float] = perf_counter
        self._last = 0.0

    def start(self) -> float:
        """Begin the next part; the clock's time."""
        self._last = self.clock()
        return self._last

    def lap(self, part: str) -> float:
        """End `part` and begin the next one; the clock's time."""
        now = self.clock()
        self.seconds[part] += now - self._last
        self._last = now
        return now
