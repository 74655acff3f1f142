# SPDX-License-Identifier: MIT
"""The cylinder of the Taylor anvil: structured, all hexahedra, foot at z = 0."""

from math import ceil, isfinite, pi
from typing import Any

from mlms_fenics.errors import require
from mlms_fenics.geometry.disc import add_disc, disc_divisions, extrude_disc
from mlms_fenics.numbers import check_number

VOLUME, FOOT, TOP, LATERAL = 1, 2, 3, 4
MAX_ELEMENTS = 50_000_000


def cylinder_divisions(diameter: float, height: float, size: float) -> tuple[int, int, int]:
    """Numbers of elements along a side of the core, from the core to the surface, and the axis.

    Args:
        diameter, height: of the cylinder, mm.
        size: wanted edge length of the elements, mm.

    Returns:
        `(side, ring, layers)`: the section has `side² + 4 side ring` elements.

    Raises:
        InputError: a length is not positive, or `size` makes no elements or too many to handle.
    """
    for name, value in (("diameter", diameter), ("height", height), ("mesh size", size)):
        check_number(name, value, "mm")
        require(
            isfinite(value) and value > 0.0,
            f"{name} is {value:g} mm, but must be positive and finite: give a length in mm",
        )
    largest = min(diameter / 2.0, height)
    require(
        size <= largest,
        f"mesh size {size:g} mm makes no elements in a cylinder of diameter {diameter:g} mm and "
        f"height {height:g} mm: give one in (0, {largest:g}] mm",
    )
    estimate = pi / 4.0 * diameter**2 * height / size**3
    require(
        estimate <= MAX_ELEMENTS,
        f"mesh size {size:g} mm would make about {estimate:.2g} elements, more than the "
        f"{MAX_ELEMENTS:.0e} that are allowed: give a larger size",
    )
    side, ring = disc_divisions(diameter, size)
    return side, ring, max(1, ceil(height / size - 1e-9))


def gmsh_cylinder(
    model: Any,
    name: str,
    diameter: float,
    height: float,
    size: float,
    cell: str = "hexahedron",
) -> Any:
    """Add a cylinder to gmsh, as a model of its own, and mesh it.

    The section is an O-grid (an inner square with bulged sides, four blocks around it); it is
    extruded along z from the foot at z = 0. Physical groups: volume `VOLUME`; surfaces `FOOT`
    (z = 0), `TOP` (z = height), `LATERAL`.

    Args:
        model: `gmsh.model` of an initialised gmsh.
        name: of the new model.
        diameter, height, size: mm, see `cylinder_divisions`.
        cell: "hexahedron", or "tetrahedron" for six of them in place of each hexahedron.

    Returns:
        `model`, with the new model current.

    Raises:
        InputError: see `cylinder_divisions`.
    """
    side, ring, layers = cylinder_divisions(diameter, height, size)
    require(
        cell in ("hexahedron", "tetrahedron"),
        f"cell is {cell!r}, but must be 'hexahedron' or 'tetrahedron'",
    )
    model.add(name)
    model.setCurrent(name)
    disc = add_disc(model.geo, diameter / 2.0, side, ring)
    groups = ((VOLUME, "volume"), (FOOT, "foot"), (TOP, "top"), (LATERAL, "lateral"))
    extrude_disc(model, disc, height, layers, groups, recombine=cell == "hexahedron")
    return model


def cylinder_mesh(
    comm: Any,
    diameter: float = 1.0,
    height: float = 5.0,
    size: float = 0.1,
    cell: str = "hexahedron",
) -> Any:
    """dolfinx mesh of `gmsh_cylinder`, built on rank 0 and shared out (collective).

    The default, 1 mm by 5 mm at 0.1 mm, has 3200 elements.

    Args:
        comm: mpi4py communicator.
        diameter, height, size: mm, see `cylinder_divisions`.
        cell: see `gmsh_cylinder`.

    Returns:
        Mesh, cell tags, facet tags (`FOOT`, `TOP`, `LATERAL`).

    Raises:
        InputError: on every rank, see `cylinder_divisions`.
    """
    cylinder_divisions(diameter, height, size)
    from mlms_fenics.geometry.build import build_mesh

    return build_mesh(
        comm, lambda model: gmsh_cylinder(model, "cylinder", diameter, height, size, cell)
    )
