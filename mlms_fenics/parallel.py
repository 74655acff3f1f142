# SPDX-License-Identifier: MIT
"""Errors that reach every rank, and nothing else of MPI.

Nothing here imports mpi4py unless a communicator is asked for, so that the package also runs where
there is no MPI.
"""

import functools
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from mlms_fenics.errors import InputError, SimulationError

T = TypeVar("T")


def on_rank_zero(comm: Any, function: Callable[[], T]) -> T:
    """Call `function` on rank 0 and give its result, or its error, to all ranks (collective).

    Args:
        comm: mpi4py communicator.
        function: takes nothing; its result must be picklable.

    Returns:
        What rank 0's call returned, on every rank.

    Raises:
        Exception: on every rank, the one that rank 0's call raised.
    """
    outcome: tuple[Any, Exception | None] = (None, None)
    if comm.rank == 0:
        try:
            outcome = (function(), None)
        except Exception as error:  # handed to all ranks, which raise it below
            outcome = (None, error)
    result, error = comm.bcast(outcome, root=0)
    if error is not None:
        raise error
    return result


def on_every_rank(comm: Any, function: Callable[[], T]) -> T:
    """Call `function` on every rank; if any rank's call fails, all raise (collective).

    The error raised is that of the lowest failing rank, so that all ranks say the same. `function`
    itself must not call collectives on `comm`, else a failing rank leaves the others waiting.
    """
    result, error = None, None
    try:
        result = function()
    except Exception as caught:  # agreed on by all ranks below
        error = caught
    for first in comm.allgather(error):
        if first is not None:
            raise first
    return result  # type: ignore[return-value]


def entry_point(main: Callable[..., Any]) -> Callable[..., int]:
    """Make `main` a command's entry: expected errors become one line and an exit status.

    `InputError` (status 2), `SimulationError` (status 3) and `Stopped` (status 4) must be raised on
    all ranks alike (see `on_rank_zero`, `on_every_rank`); rank 0 prints them once. Anything else is
    a defect: the rank prints its traceback and, under MPI, aborts all ranks so that none hangs.
    """

    @functools.wraps(main)
    def run(*args: Any, **kwargs: Any) -> int:
        try:
            return main(*args, **kwargs) or 0
        except (InputError, SimulationError) as error:
            if _rank() == 0:
                print(f"error: {error}", file=sys.stderr, flush=True)
            return 2 if isinstance(error, InputError) else error.status
        except Exception:
            traceback.print_exc()
            sys.stderr.flush()
            _abort_if_parallel()
            return 1

    return run


def _initialised_world() -> Any | None:
    mpi4py = sys.modules.get("mpi4py.MPI")
    if mpi4py is None or not mpi4py.Is_initialized() or mpi4py.Is_finalized():
        return None
    return mpi4py.COMM_WORLD


def _rank() -> int:
    world = _initialised_world()
    return 0 if world is None else world.rank


def _abort_if_parallel() -> None:
    world = _initialised_world()
    if world is not None and world.size > 1:
        world.Abort(1)
