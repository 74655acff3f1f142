# SPDX-License-Identifier: MIT
"""Make a data set: `mpirun -n 4 python -m mlms_fenics.data.generate taylor --out FILE.h5`."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from mpi4py import MPI

from mlms_fenics.data.cells import CELLS
from mlms_fenics.data.dataset import Dataset
from mlms_fenics.data.generator import Summary, compute, generate
from mlms_fenics.data.harvested import HarvestedPaths, read_paths
from mlms_fenics.data.laws import law_from_options
from mlms_fenics.data.microstructure import microstructure_from_options
from mlms_fenics.data.options import build_parser
from mlms_fenics.data.paths import sample_path
from mlms_fenics.data.recipe import Recipe
from mlms_fenics.data.settings import PathSettings
from mlms_fenics.data.store import Store
from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.materials import CrystalLaw
from mlms_fenics.parallel import entry_point, on_rank_zero
from mlms_fenics.progress import duration, size


@dataclass(frozen=True)
class _Job:
    """What the command line asks for, checked."""

    recipe: Recipe
    samples: int
    out: str
    block: int
    device: str | None
    dry_run: bool
    paths: HarvestedPaths | None

    def source(self, k: int) -> np.ndarray:
        if self.paths is not None:
            return self.paths.U[k]
        return sample_path(self.recipe.paths, self.recipe.seed, k)


@entry_point
def main(arguments: Sequence[str] | None = None) -> int:
    """The command; see its `--help`."""
    comm = MPI.COMM_WORLD
    job = on_rank_zero(comm, lambda: _prepare(arguments))
    if job is None:  # --help
        return 0
    cell = CELLS[job.recipe.cell].build(job.recipe, job.device)
    if job.dry_run:
        on_rank_zero(comm, lambda: _estimate(job, cell, comm.size))
        return 0
    store = Store(job.out, job.recipe)
    summary = generate(comm, store, job.source, cell, job.samples, job.block)
    on_rank_zero(comm, lambda: _report(job, summary))
    return 0


def _tolerance(options: argparse.Namespace, law: CrystalLaw) -> float:
    """The one asked for; by default that which suits the law's rate exponents."""
    if options.tolerance is not None:
        return options.tolerance
    nearly_rate_independent = any(1.0 / f.rate_exponent > 5.0 for f in law.families)
    return 1e-3 if nearly_rate_independent and not CELLS[options.cell].full_field else 1e-4


def _prepare(arguments: Sequence[str] | None) -> _Job | None:
    """Read and check everything; rank 0 only, so that all ranks end alike."""
    try:
        options = build_parser().parse_args(arguments)
    except SystemExit:
        return None
    law = law_from_options(options.law, options.exponent, options.set)
    paths = None
    if options.protocol == "harvested":
        if options.paths is None:
            raise InputError("--protocol harvested needs --paths FILE")
        paths = read_paths(options.paths)
        if paths.U.shape[-1] != law.dimension:
            raise InputError(
                f"--paths: the paths are {paths.U.shape[-1]}D, but the law is {law.dimension}D"
            )
    elif options.paths is not None:
        raise InputError(f"--paths is for --protocol harvested, not {options.protocol}")
    microstructure = microstructure_from_options(options, CELLS[options.cell], law.dimension)
    recipe = Recipe(
        cell=options.cell,
        law=law.to_dict(),
        orientations=microstructure.orientations,
        paths=_path_settings(options, law.dimension, paths),
        seed=_seed(options.seed),
        horizon=_horizon(options.horizon, law.dimension, paths),
        tolerance=_tolerance(options, law),
        grains=microstructure.grains,
        weights=microstructure.weights,
        cell_settings=microstructure.settings,
    )
    if not 0.0 < recipe.tolerance <= 0.1:
        raise InputError(f"--tolerance is {recipe.tolerance}, but must lie in (0, 0.1]")
    devices = CELLS[options.cell].devices
    if options.device is not None:
        from mlms_fenics.device import chosen  # torch takes a second to import

        device = str(chosen(options.device))
        if device.split(":")[0] not in devices:
            raise InputError(
                f"--device is '{options.device}', but must be one of {', '.join(devices)}"
            )
        options.device = device
    apart = options.device is not None and not options.device.startswith("cpu")
    own = CELLS[options.cell].device_block if apart else CELLS[options.cell].block
    block = own if options.block is None else options.block
    if block < 1:
        raise InputError(f"--block is {block}, but must be at least 1")
    store = Store(options.out, recipe)
    store.check()
    samples = _samples(options, store, paths)
    job = _Job(recipe, samples, options.out, block, options.device, options.dry_run, paths)
    try:
        job.source(0)
    except SimulationError as error:  # bounds that no path keeps to
        raise InputError(str(error)) from None
    if microstructure.said:
        print(f"orientations: {'; '.join(microstructure.said)}", flush=True)
    return job


def _path_settings(options, dimension: int, paths: HarvestedPaths | None) -> PathSettings:
    steps = options.steps
    if paths is not None:
        if steps not in (None, paths.U.shape[1] - 1):
            raise InputError(f"--steps is {steps}, but --paths has {paths.U.shape[1] - 1}")
        steps = paths.U.shape[1] - 1
    return PathSettings(
        protocol=options.protocol,
        dimension=dimension,
        steps=PathSettings.steps if steps is None else steps,
        max_strain=options.max_strain,
        max_volume=options.max_volume,
        intervals=options.intervals,
        n_intervals=options.n_intervals,
        min_stretch=options.min_stretch,
        min_det=options.det_range[0],
        max_det=options.det_range[1],
        amplitude=options.amplitude,
        direction=options.direction,
        source=None if paths is None else paths.digest,
    )


def _seed(seed: int) -> int:
    if not 0 <= seed < 2**63:
        raise InputError(f"--seed is {seed}, but must lie in 0 <= seed < 2**63")
    return seed


def _horizon(horizon: float | None, dimension: int, paths: HarvestedPaths | None) -> float:
    if horizon is None and paths is not None:
        horizon = paths.horizon
    if horizon is None:
        horizon = 1.0 if dimension == 3 else 1.0e6
    if not 0.0 < horizon < np.inf:
        raise InputError(f"--horizon is {horizon} µs, but must be positive and finite")
    return float(horizon)


def _samples(options, store: Store, paths: HarvestedPaths | None) -> int:
    samples = options.samples
    if samples is None:
        samples = 400 if paths is None else len(paths.U)
    if not 1 <= samples <= 10**8:
        raise InputError(f"--samples is {samples}, but must lie in 1 <= samples <= 10^8")
    if options.append:
        samples += store.in_file()
    if paths is not None and samples > len(paths.U):
        raise InputError(f"{samples} samples are asked for, but --paths holds {len(paths.U)}")
    return samples


def _bytes(recipe: Recipe, samples: int) -> int:
    entries = (recipe.paths.steps + 1) * (3 if recipe.paths.dimension == 2 else 6)
    return samples * (entries * 8 + 49)


def _begin(job: _Job, steps: int) -> tuple[Callable[[int], np.ndarray], Recipe]:
    """Source and recipe of the first `steps` increments of the job's paths."""
    whole = job.recipe
    steps = min(steps, whole.paths.steps)
    recipe = replace(
        whole,
        paths=replace(whole.paths, steps=steps),
        horizon=whole.horizon * steps / whole.paths.steps,
    )
    return (lambda k: job.source(k)[: steps + 1]), recipe


def _estimate(job: _Job, cell, ranks: int) -> None:
    """Compute a few of the paths and print what all of them would take; nothing is written."""
    steps = job.recipe.paths.steps
    source, recipe = _begin(job, 2)
    compute(np.array([0]), source, cell, recipe)  # compiles
    # Of full-field cells, which are slow, the first tenth of a path has to do.
    source, recipe = _begin(job, steps // 10 + 2 if CELLS[job.recipe.cell].full_field else steps)
    count, start = 0, time.perf_counter()
    while count < min(32, job.samples) and time.perf_counter() - start < 5.0:
        compute(np.array([count]), source, cell, recipe)
        count += 1
    each = (time.perf_counter() - start) / count * steps / recipe.paths.steps
    missing = int((~Store(job.out, job.recipe).finished(job.samples)).sum())
    print(
        f"{missing} paths to compute, {len(job.recipe.orientations)} grains, "
        f"{job.recipe.paths.steps} steps each\n"
        f"  measured on {count}: {duration(each)} a path on one rank\n"
        f"  all: about {duration(each * missing / ranks)} on {ranks} rank(s) with a core each\n"
        f"  '{job.out}': {size(_bytes(job.recipe, job.samples))}; while it is made, twice that\n"
        "dry run: nothing was written"
    )


def _report(job: _Job, summary: Summary) -> None:
    with Dataset(job.out) as dataset:
        print(
            f"'{job.out}': {len(dataset.status)} samples, {len(dataset.failures)} failed, "
            f"{size(dataset.path.stat().st_size)}"
        )
        for k, reason in list(dataset.failures.items())[:10]:
            print(f"  sample {k} failed: {reason}")
    if summary.computed == 0:
        print("  all samples were there already")
    else:
        rate = summary.computed / summary.seconds
        took = duration(summary.seconds)
        print(f"  computed now: {summary.computed} in {took} ({rate:.3g} paths/s)")


if __name__ == "__main__":
    sys.exit(main())
