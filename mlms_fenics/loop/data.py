# SPDX-License-Identifier: MIT
"""A problem of explicit dynamics as plain arrays and numbers, of one rank."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class HourglassData:
    """How one-point cells are stabilised; see `macroscale.hourglass`.

    Attributes:
        form: "secant", "elastic" or "viscous".
        coefficient: dimensionless.
        patterns: Γ on a cell's nodes, `(n_patterns, n)`.
        slopes: Γ · X of each cell, mm, `(n_cells, n_patterns, 3)`.
        size: of each cell, `(n_cells,)`: V tr Σ ∇N ⊗ ∇N in mm, or V^{2/3} / 4 in mm² if viscous.
    """

    form: str
    coefficient: float
    patterns: np.ndarray
    slopes: np.ndarray
    size: np.ndarray


@dataclass(frozen=True)
class PlaneData:
    """Contact with a rigid plane.

    Attributes:
        nodes: that may touch it, `(n,)`.
        gap: their distances at the start, mm, `(n,)`.
        normal: unit vector, `(3,)`.
        speed: of the plane along it, mm/µs.
        friction: Coulomb's coefficient.
    """

    nodes: np.ndarray
    gap: np.ndarray
    normal: np.ndarray
    speed: float
    friction: float


@dataclass(frozen=True)
class CylinderData:
    """Contact with a rigid, flat-ended cylinder.

    Attributes:
        nodes: that may touch it, `(n,)`.
        offset: their places relative to the centre of its face at the start, mm, `(n, 3)`.
        axis: unit vector out of the face, `(3,)`.
        radius: mm.
        velocity: along the axis at the start, mm/µs.
        mass: mg; None keeps its velocity.
        friction: Coulomb's coefficient.
    """

    nodes: np.ndarray
    offset: np.ndarray
    axis: np.ndarray
    radius: float
    velocity: float
    mass: float | None
    friction: float


@dataclass(frozen=True)
class HeldData:
    """Prescribed velocity.

    Attributes:
        nodes: `(n,)`.
        components: of 0, 1, 2, `(k,)`.
        value: mm/µs, or a function of mid-step time and step, µs, that returns it.
    """

    nodes: np.ndarray
    components: np.ndarray
    value: float | Callable[[float, float], float]


@dataclass(frozen=True)
class DeadLoadData:
    """A force that does not follow the body.

    Attributes:
        nodes: `(n,)`.
        weights: mm², `(n,)`; None for a force per mass.
        value: GPa, or mm/µs² of a force per mass, `(3,)`, or a function of the time, µs.
    """

    nodes: np.ndarray
    weights: np.ndarray | None
    value: np.ndarray | Callable[[float], np.ndarray]


@dataclass(frozen=True)
class PressureData:
    """Pressure on the deformed surface; arrays as of `macroscale.pressure`.

    Attributes:
        facets: nodes of each, `(n, m)`.
        weights: of the points of a facet, `(q,)`.
        shape: N_a at the points, `(n, q, m)`.
        first, second: its derivatives along the facet, likewise.
        signs: 1 where first × second points outwards, otherwise −1, `(n,)`.
        value: GPa, or a function of the time, µs, that returns it.
    """

    facets: np.ndarray
    weights: np.ndarray
    shape: np.ndarray
    first: np.ndarray
    second: np.ndarray
    signs: np.ndarray
    value: float | Callable[[float], float]


@dataclass(frozen=True)
class Problem:
    """All that the loop needs of a body on one rank, but its law.

    Points are those of this rank's own cells, those of a cell together; nodes are its own first,
    then ghosts.

    Attributes:
        cell: "hexahedron", "tetrahedron" or "quadrilateral".
        per_cell: points of each cell.
        mean_dilatation: whether the law is given the cell's mean change of volume.
        axisymmetric: whether cells of two dimensions are turned about the second axis.
        owned: number of this rank's own nodes.
        viscosity: linear and quadratic coefficient of the bulk viscosity.
        coordinates: of the nodes, mm, `(n_nodes, 3)`.
        velocity: of the nodes at the start, mm/µs, `(n_nodes, 3)`.
        dofs: nodes of each cell, `(n_cells, n)`.
        gradients: ∇N_a at each point, 1/mm, `(n_points, n, 3)`.
        metric: Σ_a w_a ∇N_a ⊗ ∇N_a, 1/mm², `(n_points, 3, 3)`, see `compiled.kernels`.
        volume: of each point, mm³, `(n_points,)`.
        shares: of each cell's volume in its nodes' masses, mm³, `(n_cells, n)`.
        hourglass: stabilisation of one-point cells, or None.
        contacts: with rigid bodies.
        held: prescribed velocities; a later one wins on a shared component.
        loads: given forces.
    """

    cell: str
    per_cell: int
    mean_dilatation: bool
    axisymmetric: bool
    owned: int
    viscosity: tuple[float, float]
    coordinates: np.ndarray
    velocity: np.ndarray
    dofs: np.ndarray
    gradients: np.ndarray
    metric: np.ndarray
    volume: np.ndarray
    shares: np.ndarray
    hourglass: HourglassData | None = None
    contacts: list[PlaneData | CylinderData] = field(default_factory=list)
    held: list[HeldData] = field(default_factory=list)
    loads: list[DeadLoadData | PressureData] = field(default_factory=list)

    @property
    def flat(self) -> bool:
        """Whether the body is one of two dimensions, which stays in its plane."""
        return self.cell == "quadrilateral"

    @property
    def timed(self) -> bool:
        """Whether something is a function of the time, which is called on the host."""
        return any(callable(part.value) for part in (*self.held, *self.loads))
