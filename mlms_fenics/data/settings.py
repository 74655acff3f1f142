# SPDX-License-Identifier: MIT
"""What describes a family of strain paths."""

from dataclasses import asdict, dataclass, fields

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.numbers import check_whole, check_within

INTERVALS = ("random", "fixed")
AMPLITUDES = ("fixed", "random")


@dataclass(frozen=True)
class PathSettings:
    """All that a path depends on besides the seed and its number; stored with the data.

    Attributes:
        protocol: a key of `mlms_fenics.data.PROTOCOLS`.
        dimension: 2 or 3.
        steps: increments of the stored history, which has `steps + 1` entries.
        max_strain: amplitude U_max of the walks; largest strain of the other protocols.
        max_volume: amplitude of ln J (log walk), largest |ln J| of uniaxial strain; None: the
            smaller of `max_strain` and 0.1.
        intervals: "random" or "fixed", walks only.
        n_intervals: N of the walks.
        shortest_interval: least length of a random interval as a part of the equal one, 0 to 1.
        min_stretch, min_det, max_det: bounds by which the paper's walk is accepted.
        amplitude: "fixed", each path reaches `max_strain`, or "random", uniform from a quarter of
            it up to all of it; not for the walks.
        direction: main direction of the protocols that have one; None: random.
        source: harvested paths only: digest of the strain histories in the user's file.
    """

    protocol: str = "log"
    dimension: int = 3
    steps: int = 200
    max_strain: float = 0.1
    max_volume: float | None = None
    intervals: str = "random"
    n_intervals: int = 10
    shortest_interval: float = 0.1
    min_stretch: float = 0.3
    min_det: float = 0.5
    max_det: float = 2.0
    amplitude: str = "fixed"
    direction: tuple[float, ...] | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        """Fill in what follows from the rest, and check.

        Raises:
            InputError: a value out of its range, named with the range.
        """
        check_within("max_strain", self.max_strain, 0.0, 1.0, open_left=True)
        if self.max_volume is None:
            object.__setattr__(self, "max_volume", min(self.max_strain, 0.1))
        if self.direction is not None:
            object.__setattr__(self, "direction", tuple(float(x) for x in self.direction))
        self._check()

    def _check(self) -> None:
        check_within("max_volume", self.max_volume, 0.0, 0.5)
        check_within("shortest_interval", self.shortest_interval, 0.0, 1.0)
        check_within("min_stretch", self.min_stretch, 0.0, 1.0, open_right=True)
        check_within("min_det", self.min_det, 0.0, 1.0, open_right=True)
        check_within("max_det", self.max_det, 1.0, np.inf, open_left=True, open_right=True)
        for name, choices in (("intervals", INTERVALS), ("amplitude", AMPLITUDES)):
            value = getattr(self, name)
            if value not in choices:
                raise InputError(f"{name} is '{value}', but must be one of {', '.join(choices)}")
        if check_whole("dimension", self.dimension, 2) > 3:
            raise InputError(f"dimension is {self.dimension}, but must be 2 or 3")
        for name, value, most in (
            ("steps", self.steps, 100_000),
            ("n_intervals", self.n_intervals, 1000),
        ):
            check_whole(name, value, 1, most)
        if self.direction is not None:
            good = len(self.direction) == self.dimension and np.isfinite(self.direction).all()
            if not good or not any(self.direction):
                raise InputError(
                    f"direction is {self.direction}, but must be {self.dimension} numbers, "
                    "not all zero"
                )

    def to_dict(self) -> dict:
        """JSON-able, complete."""
        values = asdict(self)
        values["direction"] = None if self.direction is None else list(self.direction)
        return values

    @classmethod
    def from_dict(cls, values: dict) -> "PathSettings":
        """The settings that `to_dict` described.

        Raises:
            InputError: unknown names or bad values.
        """
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise InputError(f"sampler settings hold unknown names: {', '.join(sorted(unknown))}")
        return cls(**values)
