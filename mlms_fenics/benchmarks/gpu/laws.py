# SPDX-License-Identifier: MIT
"""Points per second of every law, of one step of an impact."""

from collections.abc import Callable
from dataclasses import replace

import torch

from mlms_fenics.benchmarks.gpu.copies import memory_bandwidth, product_rate
from mlms_fenics.benchmarks.gpu.place import HERE, Found, Place, difference, within_memory
from mlms_fenics.benchmarks.gpu.specimens import Specimen
from mlms_fenics.materials import Material
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw

_SIZES = (3_200, 100_000, 1_000_000, 10_000_000)
_DT = 1e-3  # µs, of the order of an impact's steps


def measure(place: Place, found: Found, made: Callable[[bool], list[Specimen]]) -> None:
    """Each law against itself on the CPU, then its speed, alone and as a CUDA graph.

    Args:
        place: device.
        found: filled in.
        made: of `specimens`, the laws; called with whether the round is a quick one.
    """
    bounds = memory_bandwidth(place), product_rate(place, torch.float32)
    for specimen in made(place.quick):
        _check(found, place, specimen)
        _measure(found, place, specimen, *bounds)


def deformations(n: int, device: torch.device, size: float = 0.003) -> list[torch.Tensor]:
    """F at the ends of three plastic steps with rotation, each *Shape* `(n, 3, 3)`, float64."""
    random = torch.Generator().manual_seed(4)
    A = size * torch.randn(min(n, 10_000), 3, 3, generator=random, dtype=torch.float64)
    A = A.repeat(-(-n // len(A)), 1, 1)[:n].to(device)
    one = torch.eye(3, dtype=torch.float64, device=device)
    return [one + k * A for k in (1.0, 2.0, 3.0)]


def _walk(law: Material, F: list[torch.Tensor]) -> torch.Tensor:
    state, time = law.initial_state(len(F[0])), 0.0
    for here in F:
        time += _DT
        sigma, state = law.update(here, time, _DT, state)
    return sigma


def _check(found: Found, place: Place, specimen: Specimen) -> None:
    n = 8 if place.quick else 256
    F = deformations(n, torch.device("cpu"))
    expected = _walk(specimen.law, F)
    with place.there():
        law = specimen.law.to(device=place.device)
        there = _walk(law, [x.to(place.device) for x in F])
    limit = specimen.limit or (1e-10 if specimen.law.dtype == torch.float64 else 1e-5)
    found.check(f"stress of {specimen.name}", difference(expected, there), limit)


def _measure(
    found: Found, place: Place, specimen: Specimen, bandwidth: float, products: float
) -> None:
    core = replace(HERE, patience=0.05 if place.quick else place.patience)
    n = min(64 if place.quick else 3_200, specimen.most)
    rate = _points_per_second(core, specimen.law, n)[0]
    found.figure(f"{specimen.name}, {n:.1e}, one core", rate, "points/s")
    for n in place.sizes(*(n for n in _SIZES if n <= specimen.most)):
        rates: list[float] = []

        def run(n: int = n, rates: list[float] = rates) -> None:
            with place.there():
                law = specimen.law.to(device=place.device)
                rates.extend(_points_per_second(place, law, n))

        name = f"{specimen.name}, {n:.1e}"
        if not within_memory(run):
            found.figure(f"{name}: the memory is too small", 0.0, "points/s")
            continue
        own, graph, size = rates
        found.figure(name, own, "points/s")
        if graph:
            found.figure(f"{name}, as a CUDA graph", graph, "points/s")
        share = 100.0 * max(own, graph) * size / bandwidth
        found.figure(f"{name}, of the memory's bandwidth", share, "%")
        if operations := _operations(specimen.law):
            share = 100.0 * max(own, graph) * operations / products
            found.figure(f"{name}, of the rate of float32 products", share, "%")


def _operations(law: Material) -> int:
    """Multiplications and additions of a recurrent law's network in float32; 0 of other laws."""
    if not isinstance(law, RecurrentLaw) or law.dtype != torch.float32:
        return 0
    return 2 * sum(x.numel() for x in law.network.parameters() if x.ndim == 2)


def _points_per_second(place: Place, law: Material, n: int) -> tuple[float, float, float]:
    """Of a step by itself; as a graph (0 without); and bytes that a point's step must move."""
    F = deformations(n, place.device)
    _, state = law.update(F[0], _DT, _DT, law.initial_state(n))
    dt = torch.full((), _DT, dtype=torch.float64, device=place.device)
    time = 2.0 * dt

    def step() -> None:
        law.update(F[1], time, dt, state)

    own = place.seconds(step)
    graph = place.captured(step)
    replayed = 0.0 if graph is None else place.seconds(graph)
    moved = 2 * sum(x.nbytes for x in state.values()) + F[0].nbytes + 9 * n * law.dtype.itemsize
    return n / own, (n / replayed if replayed else 0.0), moved / n
