# SPDX-License-Identifier: MIT
"""A block pressed or pulled slowly: its loading, its section, its curve."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import require
from mlms_fenics.macroscale import (
    ImplicitSolver,
    PrescribedDisplacement,
    PrescribedVelocity,
    RigidPlane,
    Steps,
    symmetry_plane,
)
from mlms_fenics.materials import Material
from mlms_fenics.numbers import check_positive, check_whole, check_within

LOADINGS = ("compression", "tension", "channel-die")


@dataclass(frozen=True)
class SlowLoading:
    """A block whose z axis is the loading's, 1 mm × 1 mm × `height`, its middle on that axis.

    Attributes:
        kind: of `LOADINGS`: "compression" between rigid planes; "tension" by its ends, which stay
            flat and free to contract; "channel-die", compression between planes that also hold the
            faces across y.
        strain: change of height over the height, in (0, 0.9).
        rate: of the height, over the height, 1/µs, > 0.
        height: mm, > 0.
        friction: Coulomb's coefficient at all planes.
        divisions: elements along x and y.
        steps: at least so many.
    """

    kind: str = "compression"
    strain: float = 0.1
    rate: float = 1e-3
    height: float = 1.0
    friction: float = 0.0
    divisions: int = 4
    steps: int = 10

    def __post_init__(self) -> None:
        require(
            self.kind in LOADINGS,
            f"loading is {self.kind!r}, but must be one of {', '.join(LOADINGS)}",
        )
        check_within("strain of the loading", self.strain, 0.0, 0.9, open_left=True)
        check_positive("rate of the loading", self.rate, "1/µs")
        check_positive("height of the block", self.height, "mm")
        check_within("coefficient of friction", self.friction, 0.0, 10.0)
        check_whole("divisions of the block", self.divisions, 1)
        check_whole("steps of the loading", self.steps, 1)

    @property
    def end_time(self) -> float:
        """µs."""
        return self.strain / self.rate

    def solver(self, comm: Any, law: Material, linear: str = "direct") -> ImplicitSolver:
        """The block at rest (collective)."""
        n, height = self.divisions, self.height
        layers = max(1, round(n * height))
        domain = mesh.create_box(
            comm, [[-0.5, -0.5, 0.0], [0.5, 0.5, height]], [n, n, layers], mesh.CellType.hexahedron
        )
        speed = self.rate * height
        ends = []
        planes = []
        if self.kind == "tension":
            ends = [
                symmetry_plane(2),
                PrescribedDisplacement(
                    lambda x: np.isclose(x[2], height), lambda t: speed * t, components=(2,)
                ),
            ]
        else:
            planes = [
                RigidPlane((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), friction=self.friction),
                RigidPlane(
                    (0.0, 0.0, height), (0.0, 0.0, -1.0), velocity=speed, friction=self.friction
                ),
            ]
        if self.kind == "channel-die":
            planes += [
                RigidPlane((0.0, side, 0.0), (0.0, -2.0 * side, 0.0), friction=self.friction)
                for side in (-0.5, 0.5)
            ]
        first = self.end_time / self.steps
        return ImplicitSolver(
            domain, law, steps=Steps(0.2 * first, largest=first), contacts=planes,
            constraints=[*ends, *self._holds()], linear=linear, tolerance=1e-6,
        )  # fmt: skip

    def _holds(self) -> list[PrescribedVelocity]:
        """What keeps the block from drifting and spinning about z, no more: corners of its foot."""

        def corner(x: float):
            return lambda X: (np.abs(X - np.array([[x], [-0.5], [0.0]])) < 1e-9).all(axis=0)

        return [
            PrescribedVelocity(corner(-0.5), components=(0, 1)),
            PrescribedVelocity(corner(0.5), components=(1,)),
        ]

    def force(self, solver: ImplicitSolver) -> float:
        """Axial force on the block's end, kN, positive in tension (collective)."""
        if self.kind == "tension":
            return float(solver.reaction(1)[2])
        contact = solver.contacts[1]
        return float(solver.comm.allreduce(contact.force[2], op=MPI.SUM))


def section(solver: ImplicitSolver, height: float) -> np.ndarray:
    """Outline of the block at half its height, all around, mm, *Shape* `(n, 2)` (collective)."""
    X = solver.elements.coordinates[: solver.body.owned]
    x = X + solver.u.x.array.reshape(-1, 3)[: len(X)]
    levels = np.unique(np.round(np.concatenate(solver.comm.allgather(X[:, 2])), 9))
    middle = levels[np.abs(levels - 0.5 * height).argmin()]
    rim = np.isclose(X[:, 2], middle) & (np.abs(X[:, :2]).max(axis=1) > 0.5 - 1e-9)
    at_rest = np.concatenate(solver.comm.allgather(X[rim, :2]))
    found = np.concatenate(solver.comm.allgather(x[rim, :2]))
    return found[np.argsort(np.arctan2(at_rest[:, 1], at_rest[:, 0]))]


def spans(outline: np.ndarray) -> tuple[float, float]:
    """Mean widths of a section along x and y, mm: its area over the other largest width."""
    x, y = outline.T
    area = 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))
    return area / float(np.ptp(y)), area / float(np.ptp(x))
