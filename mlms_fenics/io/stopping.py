# SPDX-License-Identifier: MIT
"""Ending a run early: signals and a limit on its wall time."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from time import perf_counter
from types import FrameType

from mlms_fenics.errors import require
from mlms_fenics.macroscale import ExplicitSolver
from mlms_fenics.numbers import check_number

# mpirun passes SIGUSR1 on to its ranks; SIGTERM it answers by killing them within a second or so.
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
WALL_TIME = 1


def reason(stop: int) -> str:
    """What a solver's `stop` means."""
    return "the wall time is over" if stop == WALL_TIME else signal.Signals(stop).name


@contextmanager
def stopping(solver: ExplicitSolver) -> Iterator[None]:
    """Within it, SIGTERM and SIGUSR1 on any rank request a stop of the solver on all ranks."""

    def handle(number: int, _: FrameType | None) -> None:
        solver.request_stop(number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class WallTime:
    """Requests a stop once a given time has passed.

    Args:
        solver: to be stopped.
        limit: s, > 0; infinity for none.

    Raises:
        InputError: `limit` is not positive.
    """

    def __init__(self, solver: ExplicitSolver, limit: float) -> None:
        check_number("wall time", limit, "s")
        require(limit > 0.0, f"wall time is {limit:g} s, but must be positive")
        self._solver, self._limit, self._start = solver, limit, perf_counter()

    def check(self) -> None:
        """To be called after every step, by any rank."""
        if self._limit < inf and perf_counter() - self._start > self._limit:
            self._solver.request_stop(WALL_TIME)
