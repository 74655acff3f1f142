# SPDX-License-Identifier: MIT
"""All parts one after the other, each kept when it is done; the table of what was found."""

import json
import platform
import time
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import torch

from mlms_fenics import __version__
from mlms_fenics.benchmarks.gpu import (
    cells,
    copies,
    crystal,
    laws,
    loop,
    metals,
    specimens,
    training,
)
from mlms_fenics.benchmarks.gpu.place import Found, Place
from mlms_fenics.device import chosen
from mlms_fenics.errors import SimulationError, require
from mlms_fenics.files import replacing

PARTS: dict[str, Callable[[Place, Found], None]] = {
    "copies": copies.measure,
    "learnt": partial(laws.measure, made=specimens.learnt),
    "loop": loop.measure,
    "crystal": crystal.measure,
    "laws": partial(laws.measure, made=specimens.homogeneous),
    "polycrystals": partial(laws.measure, made=specimens.polycrystals),
    "cells": cells.measure,
    "training": training.measure,
}
ON_GPUS: dict[str, Callable[[Place, Found], None]] = {"metals": metals.measure}
FILE = "gpu.json"
MINUTES = 6.0
PART_MINUTES = 1.5  # that a part has where others come after it


class _OutOfTime(Exception):
    """A part is stopped at what it found last."""


def run(
    device: str,
    quick: bool,
    folder: Path,
    parts: Sequence[str] = (),
    minutes: float | None = None,
    follow: Callable[[str], None] | None = None,
) -> list[str]:
    """Run the parts that the folder does not hold yet, and write what they found there.

    Args:
        device: as of `device.chosen`; "cpu" is treated as a device apart.
        quick: smallest sizes.
        folder: for gpu.json and gpu.md; made where it is missing. A part that is there, of the same
            device and sizes, is not run again; one that was stopped is begun anew.
        parts: of `PARTS` and, on a GPU, `ON_GPUS`; none: all, and none of them takes longer than
            `PART_MINUTES` at its first try.
        minutes: after this time what runs is stopped at what it finds next, and nothing is begun;
            None: 6, but a quick round, which has one point to a check, is done whole.
        follow: called with a line about each thing found.

    Returns:
        Lines of the table.

    Raises:
        InputError: no such part or device.
        SimulationError: a check failed; all results are written before.
    """
    threads, begin = torch.get_num_threads(), time.monotonic()
    bounded = not quick or minutes is not None
    last = begin + 60.0 * (minutes or MINUTES) if bounded else inf
    place = Place(chosen(device), quick, 0.02 if quick else 0.2)
    there = {**PARTS, **ON_GPUS} if place.is_gpu and not quick else PARTS
    for name in parts:
        require(name in there, f"part {name!r} is none of {', '.join(there)}")
    folder.mkdir(parents=True, exist_ok=True)
    about = {**describe(place), "quick": quick, "version": __version__}
    kept = _kept(folder / FILE, about)
    torch.set_num_threads(1)  # what stands beside a device is one core
    try:
        for name in parts or there:
            started, end = time.monotonic(), last
            if kept.get(name, {}).get("done", False) or started >= last:
                continue
            if bounded and not parts and name not in kept:
                end = min(end, started + 60.0 * PART_MINUTES)

            def keep(
                found: Found, line: str, name: str = name, started: float = started, end=end
            ) -> None:
                now = time.monotonic()
                kept[name] = _kept_of(found, now - started)
                _write(folder / FILE, about, kept)
                if follow is not None:
                    follow(f"{name}: {line}")
                if now > end:
                    raise _OutOfTime

            try:
                there[name](place, Found(follow=keep))
            except _OutOfTime:
                continue
            kept[name]["done"] = True
            _write(folder / FILE, about, kept)
    finally:
        torch.set_num_threads(threads)
    lines = table(about, kept)
    with replacing(folder / "gpu.md") as file:
        file.write_text("\n".join([*lines, ""]))
    failed = [text for part in kept.values() for text in Found(**_lists(part)).failed()]
    if failed:
        raise SimulationError(f"the device differs from the CPU; {'; '.join(failed)}")
    return lines


def describe(place: Place) -> dict[str, Any]:
    """The device, and what it was measured with."""
    found = {"device": str(place.device), "torch": torch.__version__, "host": platform.machine()}
    if place.is_gpu:
        properties = torch.cuda.get_device_properties(place.device)
        found["name"] = properties.name
        found["memory_gb"] = round(properties.total_memory / 1e9, 1)
        found["processors"] = properties.multi_processor_count
    return found


def table(about: dict[str, Any], parts: dict[str, Any]) -> list[str]:
    """Markdown of what was found."""
    name = about.get("name", "the CPU in place of a device")
    lines = [f"# {name}, torch {about['torch']}, mlms_fenics {about['version']}"]
    for part, values in parts.items():
        found = Found(**_lists(values))
        rest = "" if values.get("done") else ", stopped: the same command again takes all of it"
        lines += ["", f"## {part} ({values['seconds']:.0f} s{rest})", ""]
        lines += ["| check against the CPU | difference | allowed |", "|---|---|---|"]
        lines += [f"| {text} | {value:.2g} | {limit:g} |" for text, value, limit in found.checks]
        lines += ["", "| measured | | |", "|---|---|---|"]
        lines += [f"| {text} | {value:.4g} | {unit} |" for text, value, unit in found.figures]
    return lines


def _kept(file: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Parts that a former call, of the same device and sizes, finished."""
    try:
        stored = json.loads(file.read_text())
        return dict(stored["parts"]) if stored["about"] == about else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _kept_of(found: Found, seconds: float) -> dict[str, Any]:
    """What is written of a part that is not done yet."""
    kept = {"checks": found.checks, "figures": found.figures}
    return {**kept, "seconds": seconds, "done": False}


def _write(path: Path, about: dict[str, Any], parts: dict[str, Any]) -> None:
    with replacing(path) as file:
        file.write_text(json.dumps({"about": about, "parts": parts}, indent=1))


def _lists(part: dict[str, Any]) -> dict[str, Any]:
    return {name: [tuple(row) for row in part[name]] for name in ("checks", "figures")}
