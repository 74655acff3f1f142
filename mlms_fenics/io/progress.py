# SPDX-License-Identifier: MIT
"""How far a run has come: a bar on a terminal, a line now and then elsewhere."""

import sys
from time import perf_counter

from mlms_fenics.data.progress import duration


class Progress:
    """Shows simulated time, steps and the time left, on one rank.

    Args:
        end_time: µs.
        shown: whether this process shows it (rank 0).
        every: seconds between lines where stderr is no terminal.
        begin: simulated time from which on the run goes, µs.
        elements: of the mesh, for the speed shown.
    """

    def __init__(
        self,
        end_time: float,
        shown: bool,
        every: float = 10.0,
        begin: float = 0.0,
        elements: int = 0,
    ) -> None:
        self.end_time, self.shown, self.every = end_time, shown, every
        self.begin, self.elements = begin, elements
        self.start = self.last = perf_counter()
        self.bar = None
        if shown and sys.stderr.isatty():
            from tqdm import tqdm

            form = (
                "{percentage:3.0f}%|{bar}| {n:.3f}/{total:.3f} µs [{elapsed}<{remaining}{postfix}]"
            )
            self.bar = tqdm(total=end_time, initial=begin, bar_format=form, smoothing=0.05)

    def show(self, time: float, steps: int) -> None:
        """The run is at `time` (µs) after `steps` steps since its begin."""
        if not self.shown:
            return
        now = perf_counter()
        if self.bar is not None:
            self.bar.set_postfix_str(self._speed(now, steps), refresh=False)
            self.bar.update(time - self.bar.n)
        elif now - self.last >= self.every and time > self.begin:
            self.last = now
            left = (now - self.start) * (self.end_time - time) / (time - self.begin)
            print(
                f"{time:.4g}/{self.end_time:.4g} µs, {self._speed(now, steps)}, "
                f"{duration(left)} left",
                file=sys.stderr,
                flush=True,
            )

    def _speed(self, now: float, steps: int) -> str:
        speed = self.elements * steps / max(now - self.start, 1e-9)
        return f"step {steps}" + (f", {speed:.2g} element-steps/s" if self.elements else "")

    def close(self) -> None:
        """Leave the terminal in order."""
        if self.bar is not None:
            self.bar.close()
