# SPDX-License-Identifier: MIT
"""Steps whose length and time stay on the device: nothing waits for it between them."""

from dataclasses import dataclass
from math import inf

import torch

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.loop.loop import Loop

# A step this much shorter than the first one means that an element collapses.
COLLAPSE = 1.0e-5
# Growth of the total energy over the largest energy involved at which a run is given up.
RUNAWAY = 0.25
_WARMING = 3
_KINDS = ("", "determinant", "stress", "collapse", "overrun")


@dataclass(frozen=True)
class Failure:
    """The first thing that went wrong.

    Attributes:
        kind: "determinant" (not positive, or not finite), "stress" (not finite) or "collapse" (of
            the stable step).
        point: where.
        value: determinant, or stable step in µs.
    """

    kind: str
    point: int
    value: float = 0.0


class Resident:
    """Steps towards an end, as `ExplicitSolver.run` takes them.

    Args:
        loop: that is `resident`.
        end_time: µs.
        safety: step over stable step.
        share: of the step that the law's moduli allow.
        first_dt: stable step at the start of the run, µs.
        graph: on a GPU, record a step once as a CUDA graph and play it again, which saves the time
            of starting hundreds of kernels; the law must be one that can be recorded. None: where
            that can be done.

    Raises:
        InputError: a graph is wanted on a CPU.
    """

    def __init__(
        self,
        loop: Loop,
        end_time: float,
        safety: float,
        share: float,
        first_dt: float,
        graph: bool | None = None,
    ) -> None:
        require(
            not graph or loop.device.type == "cuda",
            f"graphs are of CUDA, but the loop is on {loop.device}: leave them out",
        )
        self._records, self._must = graph is not False and loop.device.type == "cuda", graph
        self._graph: torch.cuda.CUDAGraph | None = None
        self._longest = inf
        self._loop, self._end, self._safety, self._share = loop, end_time, safety, share
        self._least = COLLAPSE * first_dt
        # Time, last step and stable step in µs; what failed: kind, point, value.
        self._numbers = torch.zeros(3, dtype=torch.float64, device=loop.device)
        self._failed = torch.zeros(3, dtype=torch.float64, device=loop.device)
        self._kinds = torch.arange(len(_KINDS), dtype=torch.float64, device=loop.device)
        self._nowhere = torch.full((), -1, device=loop.device)

    def begin(self, time: float, dt: float, stable: float) -> None:
        """Start from a time, with the last step and the present stable step, all in µs.

        The law is made ready for steps as long as the first one; longer ones are cut to what it
        then takes.
        """
        law = self._loop.law.for_steps(min(self._safety * stable, self._end - time))
        if law.longest_tensor_step != self._longest:
            self._graph = None  # what was recorded divides steps otherwise
        self._loop.ready_law, self._longest = law, law.longest_tensor_step
        self._numbers.copy_(torch.tensor([time, dt, stable], dtype=torch.float64))
        self._failed.zero_()

    def take(self, steps: int) -> None:
        """So many steps; nothing here waits for the device."""
        if self._records and self._graph is None and steps > _WARMING:
            self._record()
            steps -= _WARMING
        for _ in range(steps):
            if self._graph is None:
                self.step()
            else:
                self._graph.replay()

    def _record(self) -> None:
        """Take `_WARMING` steps and record one."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):  # what is made at the first call must not be recorded
            for _ in range(_WARMING):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self.step()
        except Exception:  # of torch or of numba, as what cannot be recorded is of any kind
            if self._must:
                raise
            torch.cuda.synchronize()
            self._records = False
        else:
            self._graph = graph

    def step(self) -> None:
        """One step; nothing here waits for the device."""
        loop, end = self._loop, self._end
        before, last, stable = self._numbers.unbind(0)
        allowed, left = self._safety * stable, end - before
        # Two halves rather than a whole step and a tiny one.
        dt = torch.where(left >= 2.0 * allowed, allowed, 0.5 * left)
        dt = torch.where(left <= allowed, left, dt)
        dt = torch.clamp(dt, max=self._longest)
        self._note(4, ~(left > 0.0), self._nowhere, left)
        loop.move(0.5 * (last + dt), dt, before)
        time = before + dt
        time = torch.where((time - end).abs() <= 1e-12 * end, end, time)
        smallest, where = loop.deform()
        self._note(1, ~((smallest > 0.0) & (smallest < torch.inf)), where, smallest)
        loop.ask_law(time, dt)
        stable, bad = loop.answer(dt)
        self._note(2, bad >= 0, bad, stable)
        stable = self._share * stable
        self._note(3, stable < self._least, self._nowhere, stable)
        loop.push(time, dt)
        self._numbers.copy_(torch.stack((time, dt, stable)))

    def end(self) -> tuple[float, float, float, Failure | None]:
        """Time, last step and stable step, µs, and the first failure; waits for the device.

        Raises:
            SimulationError: more steps were taken than the end time has room for.
        """
        *numbers, kind, point, value = torch.cat((self._numbers, self._failed)).tolist()
        if _KINDS[int(kind)] == "overrun":
            raise SimulationError(
                "the stable step has more than doubled within the steps that were taken at once: "
                "take fewer of them"
            )
        failure = Failure(_KINDS[int(kind)], int(point), value) if kind else None
        return (*numbers, failure)

    def _note(
        self, kind: int, wrong: torch.Tensor, point: torch.Tensor, value: torch.Tensor
    ) -> None:
        """Keep what is wrong, if nothing was before."""
        found = torch.stack((self._kinds[kind], point.double(), value))
        first = wrong & (self._failed[0] == 0.0)
        self._failed.copy_(torch.where(first, found, self._failed))
