# SPDX-License-Identifier: MIT
"""How far a long task has come: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from math import inf


def say(text: str) -> None:
    """A line on standard error, with the CPU seconds that this process has spent."""
    print(f"[{time.process_time():6.1f} s] {text}", file=sys.stderr, flush=True)


class Progress:
    """Shows work done, its speed and the time left, on standard error.

    Args:
        total: amount of work that ends the task, in `unit`.
        unit: such as "paths", "epochs" or "µs".
        shown: whether this process shows it (rank 0).
        begin: amount done before.
        every: seconds between lines where standard error is no terminal; the first comes early.
        end: whether there is a line for the end too.
    """

    def __init__(
        self,
        total: float,
        unit: str,
        shown: bool = True,
        begin: float = 0.0,
        every: float = 15.0,
        end: bool = False,
    ) -> None:
        self.end = end
        self.total, self.unit, self.begin, self.every = total, unit, begin, every
        self.shown = shown and total > begin
        self.start = time.perf_counter()
        self.last = self.start - every + min(every, 3.0)
        self.bar = None
        if self.shown and sys.stderr.isatty():
            from tqdm import tqdm

            form = (
                "{percentage:3.0f}%|{bar}| {n:.6g}/{total:.6g} " + unit + " "
                "[{elapsed}<{remaining}{postfix}]"
            )
            self.bar = tqdm(total=total, initial=begin, bar_format=form, smoothing=0.05)

    def show(
        self, done: float, speed: str | None = None, note: str = "", within: float = inf
    ) -> None:
        """The task has come to `done`.

        Args:
            done: in `unit`, with what was done before.
            speed: for a reader; None: `unit` per second.
            note: whatever else is worth saying.
            within: seconds after which the task ends in any case.
        """
        if not self.shown:
            return
        now = time.perf_counter()
        rate = (done - self.begin) / max(now - self.start, 1e-9)
        said = f"{rate:.3g} {self.unit}/s" if speed is None else speed
        if self.bar is not None:
            self.bar.set_postfix_str(f"{said}, {note}" if note else said, refresh=False)
            self.bar.update(done - self.bar.n)
        elif (
            self.end if done == self.total else now - self.last >= self.every
        ) and self.begin < done <= self.total:
            self.last = now
            left = f"{duration(max(min((self.total - done) / rate, within), 0.0))} left"
            text = ", ".join(part for part in (said, left, note) if part)
            text = f"{done:.4g}/{self.total:.4g} {self.unit}, {text}"
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the terminal in order."""
        if self.bar is not None:
            self.bar.close()


def duration(seconds: float) -> str:
    """A time for a reader: 8.2 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"


def size(n_bytes: float) -> str:
    """A number of bytes for a reader: 1.3 kB, 290 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000 or unit == "GB":
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    raise AssertionError
