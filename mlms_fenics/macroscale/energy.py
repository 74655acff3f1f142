# SPDX-License-Identifier: MIT
"""The energy balance of a run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Energies:
    """Energies of the whole body, J (sums over all ranks).

    Attributes:
        kinetic: ½ Σ m |v|² at the time of the stress.
        internal: work of the law's stress so far, stored and dissipated.
        hourglass: work against the hourglass forces so far.
        viscous: dissipated by bulk viscosity so far.
        contact: work done on the body by contact so far; negative where nodes are stopped.
        external: work done on the body by prescribed velocities and loads so far.
        initial: kinetic energy at the start.
    """

    kinetic: float
    internal: float
    hourglass: float
    viscous: float
    contact: float
    external: float
    initial: float

    @property
    def total(self) -> float:
        """Kinetic + internal + hourglass + viscous − contact − external, J; constant ideally."""
        return (
            self.kinetic + self.internal + self.hourglass + self.viscous
            - self.contact - self.external
        )  # fmt: skip

    @property
    def balance(self) -> float:
        """(total − initial) over the largest of the energies involved; zero ideally."""
        scale = max(abs(self.initial), abs(self.kinetic) + abs(self.internal), 1e-300)
        return (self.total - self.initial) / scale
