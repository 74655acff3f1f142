# SPDX-License-Identifier: MIT
"""Generation of a data set on all ranks."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlms_fenics.data.counters import SharedCounters
from mlms_fenics.data.dataset import DONE, FAILED
from mlms_fenics.data.store import Block, Store
from mlms_fenics.errors import SimulationError
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.parallel import on_every_rank, on_rank_zero
from mlms_fenics.progress import Progress

NEXT, FINISHED, FAILURES = 0, 1, 2
_STOP = 2**40

Source = Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Summary:
    """What one call of `generate` did; the same on all ranks.

    Attributes:
        computed: samples computed by this call.
        failed: how many of those failed.
        seconds: wall time of the computation.
    """

    computed: int
    failed: int
    seconds: float


def generate(
    comm: Any, store: Store, source: Source, cell: Any, samples: int, block: int
) -> Summary:
    """Compute all samples that `store` does not hold yet, and put the file together (collective).

    Ranks take blocks of samples from a shared counter, so that none waits for another whatever a
    path costs. Which rank computes a sample, and with which others, has no influence on it.

    Args:
        comm: mpi4py communicator.
        store: the files.
        source: path number k -> U, float64 `(steps + 1, d, d)`.
        cell: see `cells.CellType.build`.
        samples: number of samples the file shall hold in the end.
        block: samples of one piece of work.

    Raises:
        InputError: the file cannot be written or holds other data.
        SimulationError: a rank could not write its results.
    """
    on_rank_zero(comm, store.open)
    try:
        done = on_rank_zero(comm, lambda: store.finished(samples))
        blocks = _blocks(done, block)
        counters = SharedCounters(comm, 3)
        start = time.perf_counter()
        progress = show_from(int((~done).sum()), int(done.sum()), comm.rank == 0)
        try:
            on_every_rank(comm, lambda: _work(counters, blocks, store, source, cell, progress))
            summary = Summary(
                counters.read(FINISHED), counters.read(FAILURES), time.perf_counter() - start
            )
        finally:
            progress.close()
            counters.free()
        summary = comm.bcast(summary, root=0)
        on_rank_zero(comm, lambda: _finish(store, samples))
        return summary
    finally:
        store.close()


def show_from(missing: int, present: int, shown: bool, every: float = 15.0) -> Progress:
    """Progress of a generation, having said how many samples are there already.

    Args:
        missing, present: numbers of samples.
        shown: whether this process shows it (rank 0).
        every: see `Progress`.
    """
    if shown and missing and present:
        print(f"{present} samples are there already", file=sys.stderr, flush=True)
    return Progress(missing, "paths", shown, every=every)


def _blocks(done: np.ndarray, block: int) -> list[np.ndarray]:
    """Numbers of the missing samples, split where a multiple of `block` begins."""
    missing = np.flatnonzero(~done)
    cuts = np.flatnonzero(np.diff(missing // block)) + 1
    return [piece for piece in np.split(missing, cuts) if len(piece)]


def _work(
    counters: SharedCounters,
    blocks: list[np.ndarray],
    store: Store,
    source: Source,
    cell: Any,
    progress: Progress,
) -> None:
    """Take and compute blocks until none is left."""
    try:
        while (turn := counters.add(NEXT, 1)) < len(blocks):
            finished = compute(blocks[turn], source, cell, store.recipe)
            store.write_block(finished)
            failed = int((finished.values["status"] == FAILED).sum())
            failures = counters.add(FAILURES, failed) + failed
            count = counters.add(FINISHED, len(finished.index)) + len(finished.index)
            progress.show(count, note=f"{failures} failed")
    except OSError as error:
        counters.add(NEXT, _STOP)
        raise SimulationError(
            f"cannot write in '{store.parts}': {error.strerror or error}; what is finished is "
            "kept: make room and run the same command again"
        ) from error
    except BaseException:
        counters.add(NEXT, _STOP)
        raise


def compute(index: np.ndarray, source: Source, cell: Any, recipe: Any) -> Block:
    """Paths and stresses of the samples `index`; what fails is marked as failed, with the reason.

    The strain is rounded to float32 before the stress is computed, so that the stored stress
    belongs to the stored strain.
    """
    n, steps, d = len(index), recipe.paths.steps, recipe.paths.dimension
    U = np.tile(np.eye(d), (n, steps + 1, 1, 1))
    status = np.full(n, DONE, np.int8)
    message = [""] * n
    for row, k in enumerate(index):
        try:
            U[row] = source(int(k)).astype(np.float32)
        except SimulationError as error:
            status[row], message[row] = FAILED, str(error)
    stored = to_components(U).astype(np.float32)
    sigma = np.full(stored.shape, np.nan, np.float32)
    counts = {name: np.zeros(n) for name in ("substeps", "rejected", "smallest_step")}
    rows = np.flatnonzero(status == DONE)
    if len(rows):
        result = cell.solve(
            from_components(stored[rows].astype(np.float64)), recipe.horizon, recipe.tolerance
        )
        sigma[rows] = to_components(np.asarray(result.stress))
        for name, values in counts.items():
            values[rows] = getattr(result, name)
        for row, state, reason in zip(rows, result.status, result.message, strict=True):
            if state != DONE:
                status[row], message[row] = FAILED, reason or "the cell gave no reason"
            elif not np.isfinite(sigma[row]).all():
                status[row], message[row] = FAILED, "the stress is not finite"
    sigma[status == FAILED] = np.nan
    return Block(index, {"U": stored, "sigma": sigma, "status": status, **counts}, message)


def _finish(store: Store, samples: int) -> None:
    missing = int((~store.finished(samples)).sum())
    if missing:
        raise SimulationError(f"{missing} samples are missing; run the same command again")
    # Nothing to do where the file is complete, and has been since before this call.
    if store.in_file() < samples:
        store.assemble(max(samples, store.in_file()))
    store.clear()
