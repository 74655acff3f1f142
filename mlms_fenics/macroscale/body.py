# SPDX-License-Identifier: MIT
"""A body and what acts on it: all that stays as it is while the body moves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from dolfinx import mesh

from mlms_fenics.macroscale import plane
from mlms_fenics.macroscale.constraints import BoundVelocity, PrescribedVelocity, boundary_nodes
from mlms_fenics.macroscale.contact import Contact, RigidBody
from mlms_fenics.macroscale.element import Elements, build_elements, lumped
from mlms_fenics.macroscale.hourglass import Hourglass, HourglassControl, hourglass_control
from mlms_fenics.macroscale.loads import BoundLoad, Load
from mlms_fenics.macroscale.placed_laws import Moduli, moduli_of
from mlms_fenics.materials import Material


@dataclass(frozen=True)
class Body:
    """Elements, masses and bound parts of a body on one rank.

    Nodes are this rank's own first, then ghosts; points are those of its own cells.

    Attributes:
        elements: of the mesh.
        moduli: of its law in each cell.
        mass: lumped, of all nodes, mg, `(n_nodes,)`.
        inverse_mass: 1/mg, `(n_nodes,)`.
        contacts: with rigid bodies.
        constraints: prescribed velocities; a later one wins on a shared component.
        loads: given forces.
        hourglass: stabilisation of one-point cells; None where there is none.
        others: what else has a memory of the motion, each with its name.
    """

    elements: Elements
    moduli: Moduli
    mass: np.ndarray
    inverse_mass: np.ndarray
    contacts: list[Contact]
    constraints: list[BoundVelocity]
    loads: list[BoundLoad]
    hourglass: HourglassControl | None
    others: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def mesh(self) -> mesh.Mesh:
        return self.elements.space.mesh

    @property
    def comm(self) -> Any:
        """Communicator of the body's ranks."""
        return self.mesh.comm

    @property
    def owned(self) -> int:
        """Number of this rank's own nodes."""
        return self.elements.space.dofmap.index_map.size_local

    @property
    def flat(self) -> bool:
        """Whether the body is one of two dimensions, which stays in its plane."""
        return self.mesh.topology.dim == 2

    def parts(self) -> list[tuple[str, Any]]:
        """What has a memory of the motion, each with its name; a restart needs its `saved_...`."""
        parts: list[tuple[str, Any]] = []
        parts += [(f"contact {k}", part) for k, part in enumerate(self.contacts)]
        parts += [(f"load {k}", part) for k, part in enumerate(self.loads)]
        parts += [(f"constraint {k}", part) for k, part in enumerate(self.constraints)]
        parts += [("hourglass", self.hourglass)] if self.hourglass is not None else []
        return parts + self.others


def build_body(
    domain: mesh.Mesh,
    material: Material,
    *,
    part: np.ndarray | None = None,
    contacts: Sequence[RigidBody] = (),
    constraints: Sequence[PrescribedVelocity] = (),
    loads: Sequence[Load] = (),
    hourglass: Hourglass | None = None,
    quadrature: str | None = None,
    degree: int = 1,
    two_dimensional: str | None = None,
) -> Body:
    """A body and what acts on it (collective); arguments as of `ExplicitSolver`.

    `part` has the number of the law of each own cell, `(n_cells,)`, where there are several laws.

    Raises:
        InputError: on every rank: cells that the elements cannot have, or marks that mark nothing.
    """
    elements = build_elements(domain, quadrature, degree, two_dimensional)
    space = elements.space
    owned = space.dofmap.index_map.size_local
    moduli = moduli_of(material, np.zeros(len(elements.dofs), np.int64) if part is None else part)
    mass = lumped(elements, moduli.density)
    boundary = boundary_nodes(space) if contacts else np.zeros(0, dtype=np.int64)
    held = [*constraints, *plane.axis(elements, domain.comm)]
    return Body(
        elements=elements,
        moduli=moduli,
        mass=mass,
        inverse_mass=1.0 / mass,
        contacts=[
            body.bind(boundary, owned, elements.coordinates, domain.comm) for body in contacts
        ],
        constraints=[BoundVelocity(given, space, owned) for given in held],
        loads=[load.bind(elements, mass, owned) for load in loads],
        hourglass=hourglass_control(hourglass, elements, moduli),
    )
