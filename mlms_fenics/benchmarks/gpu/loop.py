# SPDX-License-Identifier: MIT
"""The whole explicit step by size of the body, and an impact with a polycrystal at every point."""

import time
from functools import partial
from math import prod
from tempfile import TemporaryDirectory

import torch

from mlms_fenics.benchmarks.gpu.place import Found, Place, difference, within_memory
from mlms_fenics.errors import SimulationError
from mlms_fenics.loop.blocks import block
from mlms_fenics.loop.data import Problem
from mlms_fenics.loop.files import read_bundle, write_bundle
from mlms_fenics.loop.resident import Resident
from mlms_fenics.loop.run import Run
from mlms_fenics.materials import Material, NeoHookean, Polycrystal, magnesium
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate import load_model

_END = 1.0  # µs, as the source's impacts
_SAFETY = 0.8
_MOST = 2_000_000  # elements with both laws


def measure(place: Place, found: Found) -> None:
    """The loop against itself on the CPU, then the time of a step and of a whole impact."""
    learnt, metal = load_model(), magnesium()
    elastic = NeoHookean(metal.shear_modulus, metal.bulk_modulus, metal.density)
    # In float64 a law of many rates takes a step whole there, and by its strain in parts here.
    wide = load_model("one-microsecond").to(dtype=torch.float64)
    grains = Polycrystal(metal, random_orientations(2, seed=1), tolerance=1e-3)
    for name, law, limit in (
        ("neo-Hookean", elastic, 1e-10),
        ("recurrent, one rate", wide, 1e-10),
        ("polycrystal", grains, 1e-8),  # its substeps hang on differences
    ):
        _check(found, place, name, law, limit)
    sizes = ((4, 4, 4),) if place.quick else ((16, 16, 13), (46, 46, 47), (100,) * 3, (160,) * 3)
    for counts in sizes:
        problem = block(counts)
        for name, law in (("neo-Hookean", elastic), ("recurrent", learnt)):
            if law is elastic and prod(counts) > _MOST:
                continue
            _time_step(found, place, f"{name}, {prod(counts):.1e}", problem, law)
    _impact(found, place, metal)


def _check(found: Found, place: Place, name: str, law: Material, limit: float) -> None:
    counts, end = ((2, 2, 3), 0.3) if place.quick else ((6, 6, 8), 1.5)
    if isinstance(law, Polycrystal):
        end = 0.3 * end
    with TemporaryDirectory() as folder:  # as problems come to a machine without FEniCSx
        write_bundle(block(counts), f"{folder}/block.h5")
        problem = read_bundle(f"{folder}/block.h5")
    here = Run(problem, law)
    here.run(end)
    with place.there():
        there = Run(problem, law.to(device=place.device), place.device)
        there.run(end)
    value = difference(here.loop.u, there.loop.u)
    found.check(f"displacement after {here.step_count} steps, {name}", value, limit)


def _time_step(found: Found, place: Place, name: str, problem: Problem, law: Material) -> None:
    seconds: list[float] = []

    def run(by_torch: bool = False) -> None:
        with place.there():
            own = Run(problem, law.to(device=place.device), place.device)
            if by_torch:
                own.loop.kernels = None
            resident = Resident(own.loop, _END, _SAFETY, 1.0, own.stable_dt)
            resident.begin(0.0, 0.0, own.stable_dt)
            seconds.append(place.seconds(resident.step))
            graph = place.captured(resident.step)
            seconds.append(0.0 if graph is None else place.seconds(graph))

    if not within_memory(run):
        found.figure(f"step of {name} elements: the memory is too small", 0.0, "ms")
        return
    found.figure(f"step of {name} elements", 1e3 * seconds[0], "ms")
    if seconds[1]:
        found.figure(f"step of {name} elements, as a CUDA graph", 1e3 * seconds[1], "ms")
    if place.is_gpu and isinstance(law, NeoHookean):
        seconds.clear()
        if within_memory(partial(run, by_torch=True)) and seconds[1]:
            title = f"step of {name} elements by PyTorch's operations, as a CUDA graph"
            found.figure(title, 1e3 * seconds[1], "ms")


def _impact(found: Found, place: Place, metal) -> None:
    counts, end, grains = ((2, 2, 2), 0.004, 2) if place.quick else ((10, 10, 32), _END, 128)
    Q = random_orientations(grains, seed=1)
    with place.there():
        law = Polycrystal(metal, Q, tolerance=1e-3).to(place.device)
        run = Run(block(counts), law, place.device)
        begin = time.perf_counter()
        run.run(end)
        place.finish()
        seconds = time.perf_counter() - begin
    name = f"impact over {end:g} µs, {grains} grains at each of {prod(counts)} points"
    found.figure(name, seconds, "s")
    found.figure(f"{name}, a step of {run.step_count}", 1e3 * seconds / run.step_count, "ms")
    energies = run.energies()
    if not all(abs(value) < float("inf") for value in energies.values()):
        raise SimulationError(f"the impact's energies are {energies}")
