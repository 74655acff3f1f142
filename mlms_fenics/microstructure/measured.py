# SPDX-License-Identifier: MIT
"""A texture as it is measured: orientations with weights, and what is known of where it is from."""

from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure.rotations import check_rotations
from mlms_fenics.weights import check_weights

LATTICES = ("cubic", "hexagonal")


@dataclass(frozen=True)
class Texture:
    """Weighted orientations.

    Attributes:
        orientations: Q (lattice to sample, F_crystal = F Q), float64, *Shape* `(n, d, d)`.
        weights: volume fractions with sum 1, *Shape* `(n,)`; of the constructor also None (all
            equal) or with another sum.
        lattice: "cubic", "hexagonal", or None where the source does not say.
        said: what was read and by which conventions, a phrase each.

    Raises:
        InputError: no rotations, bad weights, unknown lattice.
    """

    orientations: np.ndarray
    weights: np.ndarray | None = None
    lattice: str | None = None
    said: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Check, and fill in equal weights."""
        Q = check_rotations(self.orientations)
        object.__setattr__(self, "orientations", Q)
        object.__setattr__(self, "weights", check_weights(self.weights, len(Q)))
        if self.lattice not in (None, *LATTICES):
            raise InputError(f"lattice is '{self.lattice}', but must be one of {LATTICES}")

    def __len__(self) -> int:
        return len(self.orientations)

    def resampled(self, n: int) -> "Texture":
        """At most `n` orientations of equal weight that stand for all, taken at even steps of the
        summed weights; itself where it has no more than `n`.
        """
        if len(self) <= n:
            return self
        sums = np.cumsum(self.weights)
        some = np.searchsorted(sums, (np.arange(n) + 0.5) / n * sums[-1])
        return Texture(self.orientations[some], lattice=self.lattice, said=self.said)


@dataclass(frozen=True)
class ReadingOptions:
    """What a file may leave open; None: as its format has it. See `read_texture`."""

    block: int | None = None
    phase: str | int | None = None
    notation: str | None = None
    radians: bool | None = None
    frame: str | None = None

    def only(self, path: Path, kind: str, *used: str) -> None:
        """Raise `InputError` where an option is set that files of this kind have no use for."""
        for option in fields(self):
            if option.name not in used and getattr(self, option.name) is not None:
                raise InputError(
                    f"'{path}' is {kind}, which has no use for the option {option.name}: leave it "
                    "out"
                )
