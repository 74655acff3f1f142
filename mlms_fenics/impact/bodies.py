# SPDX-License-Identifier: MIT
"""The bodies of Liu et al. 2022, section 4: a cylinder on a wall, a plate under a projectile."""

from typing import Any

import torch

from mlms_fenics.errors import require
from mlms_fenics.geometry import LATERAL, RIM, NamedMesh, cylinder_mesh, plate_mesh
from mlms_fenics.impact.own_mesh import bounds
from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity, RigidCylinder, RigidPlane
from mlms_fenics.materials import Material
from mlms_fenics.numbers import check_finite, check_number
from mlms_fenics.units import METRE_PER_SECOND


def check_speed(law: Material, velocity: float) -> None:
    """Refuse an impact that is faster than the law's waves.

    Matter at rest learns of a rigid body that hits it by a wave, behind which it moves along: the
    front cell would have to become smaller than nothing.

    Args:
        law: of the body.
        velocity: of the impact, m/s.

    Raises:
        InputError: with both speeds.
    """
    check_number("velocity", velocity, "m/s")
    waves = law.wave_speed / METRE_PER_SECOND
    require(
        velocity < waves,
        f"velocity is {velocity:g} m/s, but the elastic waves of this law run at {waves:.4g} m/s "
        "and the impact must be slower than they are: velocities are in m/s, is it the right unit?",
    )


def anvil_solver(
    comm: Any,
    law: Material,
    *,
    velocity: float = 200.0,
    diameter: float = 1.0,
    height: float = 5.0,
    size: float = 0.1,
    hold_lateral: bool = False,
    safety: float = 0.8,
    body: NamedMesh | None = None,
    foot: str | None = None,
    device: torch.device | str = "cpu",
    loop: str | None = None,
) -> ExplicitSolver:
    """A cylinder, or any body, that flies along -z into a rigid, frictionless wall (collective).

    The wall is where the cylinder's foot is, at z = 0, or the lowest point of the body or its foot.

    Args:
        comm: mpi4py communicator.
        law: of the cylinder.
        velocity: m/s.
        diameter, height, size: mm, see `geometry.cylinder_mesh`.
        hold_lateral: hold the lateral surface: uniaxial strain; of the cylinder only.
        safety: step over stable step.
        body: of a mesh of one's own, in place of the cylinder; it may have a `LawsByPart`.
        foot: name of its surface that touches the wall.
        device, loop: of `ExplicitSolver`.

    Raises:
        InputError: on every rank, for anything out of range; an impact faster than the law's waves.
    """
    check_speed(law, velocity)
    wall, held = 0.0, []
    if body is None:
        mesh, _, facets = cylinder_mesh(comm, diameter, height, size)
        held = [PrescribedVelocity((facets, LATERAL), components=(0, 1))]
    else:
        mesh = body
        wall = float(bounds(body, body.surface(foot) if foot else None)[0][2])
    return ExplicitSolver(
        mesh,
        law,
        velocity=(0.0, 0.0, -velocity * METRE_PER_SECOND),
        contacts=[RigidPlane(point=(0.0, 0.0, wall), normal=(0.0, 0.0, 1.0))],
        constraints=held if hold_lateral else [],
        safety=safety,
        device=device,
        loop=loop,
    )


def plate_mesh_size(diameter: float, thickness: float) -> float:
    """Edge length of the elements, mm, that makes about 11,500 of them in a plate 1 mm thick.

    That is so for projectiles of 2 and of 4 mm, the two readings of the paper's D_p; thin plates
    have at least five layers.

    Args:
        diameter: of the projectile, mm.
        thickness: of the plate, mm.

    Raises:
        InputError: one of them is not positive.
    """
    for name, value in (("projectile diameter", diameter), ("plate thickness", thickness)):
        check_finite(name, value, "mm")
        require(value > 0.0, f"{name} is {value:g} mm, but must be positive")
    return min(0.1 if diameter <= 3.0 else 0.15, thickness / 5.0)


def plate_solver(
    comm: Any,
    law: Material,
    *,
    velocity: float = 200.0,
    diameter: float = 2.0,
    thickness: float = 1.0,
    radius: float = 8.0,
    size: float = 0.1,
    mass: float | None = None,
    safety: float = 0.8,
    body: NamedMesh | None = None,
    clamp: str = "rim",
    device: torch.device | str = "cpu",
    loop: str | None = None,
) -> ExplicitSolver:
    """A round plate, or any body, at rest that a rigid, flat-ended cylinder hits (collective).

    The projectile moves along +z on the z axis from the lowest point of the body (of the plate:
    z = 0) and is frictionless; the plate's rim is simply supported.

    Args:
        comm: mpi4py communicator.
        law: of the plate.
        velocity: of the projectile, m/s.
        diameter: of the projectile, mm.
        thickness, radius, size: of the plate and its elements, mm, see `geometry.plate_mesh`.
        mass: of the projectile, mg; None keeps its velocity.
        safety: step over stable step.
        body: of a mesh of one's own, in place of the plate; it may have a `LawsByPart`.
        clamp: name of its surface, curve or set of nodes that is held along z.
        device, loop: of `ExplicitSolver`.

    Raises:
        InputError: on every rank, for anything out of range; an impact faster than the law's waves.
    """
    check_speed(law, velocity)
    check_number("projectile diameter", diameter, "mm")
    if body is None:
        mesh, _, facets = plate_mesh(comm, thickness, radius, 0.5 * diameter, size)
        front, rim = 0.0, (facets, RIM)
    else:
        mesh, front, rim = body, float(bounds(body)[0][2]), body.nodes(clamp)
    projectile = RigidCylinder(
        centre=(0.0, 0.0, front),
        axis=(0.0, 0.0, 1.0),
        radius=0.5 * diameter,
        velocity=velocity * METRE_PER_SECOND,
        mass=mass,
    )
    return ExplicitSolver(
        mesh,
        law,
        contacts=[projectile],
        constraints=[PrescribedVelocity(rim, components=(2,))],
        safety=safety,
        device=device,
        loop=loop,
    )
