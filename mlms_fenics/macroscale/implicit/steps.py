# SPDX-License-Identifier: MIT
"""How long the steps of an implicit run are: cut back where one fails, longer where it is easy."""

from dataclasses import dataclass
from math import inf

from mlms_fenics.errors import require
from mlms_fenics.numbers import check_positive, check_whole, check_within


@dataclass(frozen=True)
class Steps:
    """The control of the steps.

    Attributes:
        first: length of the first step, µs, > 0; later ones are found by the run.
        largest: no step is longer, µs; infinity for no limit.
        smallest: a run is given up where a step would have to be shorter, µs; None is 1e-6 of the
            first.
        growth: of the next step over one that took at most `few` iterations, >= 1.
        cut: of a step that failed, in (0, 1).
        few: iterations.
        most: iterations of Newton's method after which a step has failed.
        extrapolate: whether a step's first guess goes on as the last step went.
    """

    first: float
    largest: float = inf
    smallest: float | None = None
    growth: float = 1.5
    cut: float = 0.4
    few: int = 6
    most: int = 15
    extrapolate: bool = True

    def __post_init__(self) -> None:
        check_positive("first step", self.first, "µs")
        require(
            self.largest >= self.first,
            f"largest step is {self.largest} µs, but must be at least the first, {self.first} µs",
        )
        if self.smallest is not None:
            check_positive("smallest step", self.smallest, "µs", self.first)
        check_within("growth of a step", self.growth, 1.0, inf, open_right=True)
        check_within("cut of a step", self.cut, 0.0, 1.0, open_left=True, open_right=True)
        check_whole("most iterations of a step", self.most, 1)
        check_whole("few iterations of a step", self.few, 0, self.most)

    @property
    def least(self) -> float:
        """`smallest`, as it is meant, µs."""
        return 1e-6 * self.first if self.smallest is None else self.smallest

    def after(self, dt: float, iterations: int) -> float:
        """Length of the step after one of `dt` µs that took so many iterations, µs."""
        return min(dt * self.growth if iterations <= self.few else dt, self.largest)
