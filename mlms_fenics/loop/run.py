# SPDX-License-Identifier: MIT
"""A problem run to its end, with no FEniCSx and nothing looked at between blocks of steps."""

import warnings
from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import torch

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.loop.data import Problem
from mlms_fenics.loop.loop import Loop
from mlms_fenics.loop.resident import RUNAWAY, Resident
from mlms_fenics.materials import LawsByPart, Material
from mlms_fenics.materials.stiffness import (
    Stiffest,
    shorter,
    stable_share,
    stiffest_at_rest,
    stiffest_when_deformed,
)
from mlms_fenics.numbers import check_number


class Run:
    """The run of a problem that is all on one rank.

    Args:
        problem: from `files.read_bundle` or `blocks.block`.
        law: of it, on the loop's device.
        device: of the loop.
        safety: step over stable step, in (0, 1].
        block: steps that are taken without a look at any number.
        compiled: of `Loop.compile`.
        graph: of `Resident`.

    Attributes:
        loop: with the arrays of the motion.
        time, dt, stable_dt: µs; the last step and the stable one.
        step_count: steps done.

    Raises:
        InputError: numbers out of range, or a problem that the loop cannot take as a whole.
    """

    def __init__(
        self,
        problem: Problem,
        law: Material,
        device: torch.device | str = "cpu",
        *,
        safety: float = 0.8,
        block: int = 100,
        compiled: bool = False,
        graph: bool | None = None,
    ) -> None:
        check_number("safety", safety)
        require(0.0 < safety <= 1.0, f"safety is {safety:g}, but must be in (0, 1]: 0.8 is usual")
        require(block >= 1, f"block is {block} steps, but must be at least 1")
        require(
            not isinstance(law, LawsByPart),
            "a problem run without FEniCSx has one law: take ExplicitSolver for several",
        )
        self.loop = Loop(problem, law, device)
        require(
            self.loop.resident,
            f"the law is on {law.device} and the loop on {self.loop.device}, or something is a "
            "function of the time: put both on one device, and give constants",
        )
        self._safety, self._block, self._graph = safety, block, graph
        self.loop.deform()
        stable, bad = self.loop.answer(None)
        self.loop.push(0.0, None)
        require(
            int(bad) < 0 and 0.0 < float(stable) < inf,
            f"the stable step at the start is {float(stable)} µs: the problem has no sound element",
        )
        if compiled:
            self.loop.compile()
        self.time, self.dt, self.step_count = 0.0, 0.0, 0
        self._share, found = stable_share(self._stiffest, float(stable), safety)
        if self._share < 1.0:
            warnings.warn(shorter(self._share, found), stacklevel=2)
        self.stable_dt = self._first_dt = self._share * float(stable)
        self._start = self.energies()["kinetic"]

    def _stiffest(self, dt: float) -> Stiffest:
        law = self.loop.law
        rest, (ratio, strain) = stiffest_at_rest(law, dt), stiffest_when_deformed(law, dt)
        require(rest == rest, "the law returns a stress that is not finite at a strain of 0.1%")
        if ratio > rest:
            return ratio, f"at {100.0 * strain:.0f}% of strain", law
        return rest, "at rest", law

    def run(self, end_time: float, after_block: Callable[["Run"], Any] | None = None) -> None:
        """Step until `end_time` (µs) exactly, with `after_block(run)` after every block of steps.

        Raises:
            InputError: `end_time` is not after `time`, or the law cannot be used so long.
            SimulationError: an inverted element, a stress that is not finite, a collapsing step,
                or energy that grows without bound.
        """
        require(
            self.time < end_time < inf,
            f"end time is {end_time} µs, but must be finite and after {self.time:g} µs",
        )
        self.loop.law.check_end_time(end_time)
        resident = Resident(
            self.loop, end_time, self._safety, self._share, self._first_dt, graph=self._graph
        )
        while self.time < end_time:
            self.advance(resident, end_time)
            if after_block is not None:
                after_block(self)

    def advance(self, resident: Resident, end_time: float) -> None:
        """The next block of steps, fewer where the end is near."""
        left = 0.5 * (end_time - self.time) / (self._safety * self.stable_dt)
        steps = max(1, min(self._block, int(left)))
        resident.begin(self.time, self.dt, self.stable_dt)
        resident.take(steps)
        self.time, self.dt, self.stable_dt, failure = resident.end()
        self.step_count += steps
        if failure is not None:
            raise SimulationError(
                f"time {self.time:.6g} µs, step {self.step_count} at the latest: {failure.kind} "
                f"{failure.value:g} at point {failure.point}: the mesh is too coarse for the "
                "deformation, or the law was driven beyond what it is made for"
            )
        growth = self._growth()
        if not growth < RUNAWAY:
            raise SimulationError(
                f"time {self.time:.6g} µs, step {self.step_count}: energy has grown by "
                f"{100 * growth:.0f}%: a law stiffer than its moduli or a time step too long "
                "(lower the safety factor)"
            )

    def _growth(self) -> float:
        """Growth of the total energy over the largest energy involved."""
        e = self.energies()
        stored = e["kinetic"] + e["internal"]
        total = stored + e["hourglass"] + e["viscous"] - e["contact"] - e["external"]
        return (total - self._start) / max(self._start, abs(stored), 1e-300)

    def fields(self) -> dict[str, np.ndarray]:
        """Arrays of the motion at `time`, by name, points and nodes first.

        `u` and `v` (of half a step before) `(n_nodes, 3)`, `F` and `sigma` `(n_points, 3, 3)`, and
        the law's own fields.
        """
        loop = self.loop
        found = {"u": loop.u.T, "v": loop.v.T}
        found |= {"F": loop.F.permute(2, 0, 1), "sigma": loop.sigma.permute(2, 0, 1)}
        found |= loop.law.fields(loop.state)
        return {
            name: np.ascontiguousarray(values.detach().cpu().numpy())
            for name, values in found.items()
        }

    def energies(self) -> dict[str, float]:
        """Works so far and kinetic energy half a step before `time`, J, by name."""
        loop = self.loop
        work, viscous = loop.work.tolist()
        kinetic = 0.5 * float((loop.mass * (loop.v * loop.v).sum(0)).sum())
        parts = {"contact": loop.contacts, "external": [*loop.held, *loop.loads]}
        found = {"kinetic": kinetic, "internal": work - viscous, "viscous": viscous}
        found["hourglass"] = 0.0 if loop.hourglass is None else float(loop.hourglass.work)
        return found | {key: sum(float(p.work) for p in some) for key, some in parts.items()}
