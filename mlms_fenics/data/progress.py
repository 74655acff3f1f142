# SPDX-License-Identifier: MIT
"""Progress of a generation: a bar on a terminal, a line now and then elsewhere."""

import sys
import time


class Progress:
    """Shows how many samples are finished, the rate and the time left.

    Args:
        total: samples to compute.
        shown: whether this process shows it (rank 0).
        present: samples that were finished before.
        every: seconds between lines where the output is no terminal; the first comes early.
    """

    def __init__(self, total: int, shown: bool, present: int = 0, every: float = 15.0) -> None:
        self.total, self.every = total, every
        self.shown = shown and total > 0
        self.start = time.perf_counter()
        self.last = self.start - every + min(every, 3.0)
        if self.shown and present:
            print(f"{present} samples are there already", file=sys.stderr, flush=True)
        self.bar = None
        if self.shown and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, unit="path", smoothing=0.05)

    def show(self, count: int, failures: int) -> None:
        """`count` samples are finished so far, `failures` of them failed."""
        if not self.shown:
            return
        if self.bar is not None:
            self.bar.update(count - self.bar.n)
            if failures:
                self.bar.set_postfix(failed=failures)
            return
        now = time.perf_counter()
        if now - self.last < self.every or count >= self.total:
            return
        self.last = now
        rate = count / (now - self.start)
        print(
            f"{count}/{self.total} paths, {rate:.3g} paths/s, "
            f"{duration((self.total - count) / rate)} left, {failures} failed",
            file=sys.stderr,
            flush=True,
        )

    def close(self, count: int, failures: int) -> None:
        """Show the end."""
        self.show(count, failures)
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
