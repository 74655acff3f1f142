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
    """

    def __init__(self, end_time: float, shown: bool, every: float = 10.0) -> None:
        self.end_time, self.shown, self.every = end_time, shown, every
        self.start = self.last = perf_counter()
        self.bar = None
        if shown and sys.stderr.isatty():
            from tqdm import tqdm

            form = (
                "{percentage:3.0f}%|{bar}| {n:.3f}/{total:.3f} µs [{elapsed}<{remaining}{postfix}]"
            )
            self.bar = tqdm(total=end_time, bar_format=form, smoothing=0.05)

    def show(self, time: float, steps: int) -> None:
        """The run is at `time` (µs) after `steps` steps."""
        if not self.shown:
            return
        now = perf_counter()
        if self.bar is not None:
            self.bar.set_postfix_str(f"step {steps}", refresh=False)
            self.bar.update(time - self.bar.n)
        elif now - self.last >= self.every and time > 0.0:
            self.last = now
            left = (now - self.start) * (self.end_time - time) / time
            print(
                f"{time:.4g}/{self.end_time:.4g} µs, step {steps}, {duration(left)} left",
                file=sys.stderr,
                flush=True,
            )

    def close(self) -> None:
        """Leave the terminal in order."""
        if self.bar is not None:
            self.bar.close()
