# SPDX-License-Identifier: MIT
"""The round plate that a projectile hits: hexahedra, finer under the projectile, front at z = 0."""

from math import ceil, isfinite, log
from typing import Any

from mlms_fenics.errors import require
from mlms_fenics.geometry.cylinder import MAX_ELEMENTS, VOLUME
from mlms_fenics.geometry.disc import add_disc, add_ring, disc_divisions, extrude_disc
from mlms_fenics.numbers import check_number

FRONT, BACK, RIM = 2, 3, 4

# The fine disc over the projectile's radius, and by how much elements grow outside of it.
_FINE, _GROWTH = 1.25, 1.17


def plate_divisions(
    thickness: float, radius: float, projectile: float, size: float
) -> tuple[int, int, int, int]:
    """Numbers of elements along a side of the core, to the fine disc's edge, to the rim, in z.

    Args:
        thickness: of the plate, mm.
        radius: of the plate, mm, at least twice the projectile's.
        projectile: its radius, mm; elements are fine up to 1.25 times as far out.
        size: wanted edge length there and through the thickness, mm.

    Returns:
        `(side, ring, outer, layers)`: the plate has `(side² + 4 side (ring + outer)) layers`
        elements.

    Raises:
        InputError: a length is not positive, the plate is too small, or `size` makes no elements
            or too many to handle.
    """
    for name, value in (
        ("plate thickness", thickness),
        ("plate radius", radius),
        ("projectile radius", projectile),
        ("mesh size", size),
    ):
        check_number(name, value, "mm")
        require(
            isfinite(value) and value > 0.0,
            f"{name} is {value:g} mm, but must be positive and finite: give a length in mm",
        )
    require(
        radius >= 2.0 * projectile,
        f"plate radius is {radius:g} mm, but must be at least twice that of the projectile, "
        f"{projectile:g} mm",
    )
    largest = min(thickness, projectile)
    require(
        size <= largest,
        f"mesh size {size:g} mm makes no elements in a plate {thickness:g} mm thick under a "
        f"projectile of radius {projectile:g} mm: give one in (0, {largest:g}] mm",
    )
    fine = _FINE * projectile
    side, ring = disc_divisions(2.0 * fine, size)
    outer = ceil(log(1.0 + (radius - fine) * (_GROWTH - 1.0) / size) / log(_GROWTH))
    layers = ceil(thickness / size - 1e-9)
    count = (side**2 + 4 * side * (ring + outer)) * layers
    require(
        count <= MAX_ELEMENTS,
        f"mesh size {size:g} mm would make {count:.2g} elements, more than the {MAX_ELEMENTS:.0e} "
        "that are allowed: give a larger size",
    )
    return side, ring, outer, layers


def gmsh_plate(
    model: Any, name: str, thickness: float, radius: float, projectile: float, size: float
) -> Any:
    """Add a round plate of hexahedra to gmsh, as a model of its own, and mesh it.

    Physical groups: volume `VOLUME`; surfaces `FRONT` (z = 0, to be hit), `BACK` (z = thickness),
    `RIM`. The rim may be simply supported by `PrescribedVelocity((facets, RIM), components=(2,))`.

    Args:
        model: `gmsh.model` of an initialised gmsh.
        name: of the new model.
        thickness, radius, projectile, size: mm, see `plate_divisions`.

    Returns:
        `model`, with the new model current.

    Raises:
        InputError: see `plate_divisions`.
    """
    side, ring, outer, layers = plate_divisions(thickness, radius, projectile, size)
    model.add(name)
    model.setCurrent(name)
    disc = add_disc(model.geo, _FINE * projectile, side, ring)
    disc = add_ring(model.geo, disc, radius, side, outer, _GROWTH)
    groups = ((VOLUME, "volume"), (FRONT, "front"), (BACK, "back"), (RIM, "rim"))
    extrude_disc(model, disc, thickness, layers, groups)
    return model


def plate_mesh(
    comm: Any,
    thickness: float = 1.0,
    radius: float = 8.0,
    projectile: float = 1.0,
    size: float = 0.1,
) -> Any:
    """dolfinx mesh of `gmsh_plate`, built on rank 0 and shared out (collective).

    The default, 1 mm thick under a projectile of 2 mm diameter, has about 11,500 elements.

    Args:
        comm: mpi4py communicator.
        thickness, radius, projectile, size: mm, see `plate_divisions`.

    Returns:
        Mesh, cell tags, facet tags (`FRONT`, `BACK`, `RIM`).

    Raises:
        InputError: on every rank, see `plate_divisions`.
    """
    plate_divisions(thickness, radius, projectile, size)
    from mlms_fenics.geometry.build import build_mesh

    return build_mesh(
        comm, lambda model: gmsh_plate(model, "plate", thickness, radius, projectile, size)
    )
