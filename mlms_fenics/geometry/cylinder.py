# SPDX-License-Identifier: MIT
"""The cylinder of the Taylor anvil: structured, all hexahedra, foot at z = 0."""

from math import ceil, cos, isfinite, pi, sin
from typing import Any

from mlms_fenics.errors import require

VOLUME, FOOT, TOP, LATERAL = 1, 2, 3, 4
MAX_ELEMENTS = 50_000_000

# Half-diagonal of the inner square over the radius, and how far its sides bulge towards arcs: these
# keep the corner angles of the section between 53° and 127° at every size.
_CORE, _BULGE = 0.56, 0.35


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
    side = max(1, round(0.43 * diameter / size))
    ring = max(1, round(0.27 * diameter / size))
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
    recombine = cell == "hexahedron"
    model.add(name)
    model.setCurrent(name)
    geo = model.geo
    radius = diameter / 2.0
    angles = [pi / 4.0 + k * pi / 2.0 for k in range(4)]
    centre = geo.addPoint(0.0, 0.0, 0.0)
    inner = [geo.addPoint(_CORE * radius * cos(a), _CORE * radius * sin(a), 0.0) for a in angles]
    outer = [geo.addPoint(radius * cos(a), radius * sin(a), 0.0) for a in angles]
    # The side opposite each bulge's centre: the farther the centre, the flatter the side.
    shift = _CORE * radius * (1.0 / _BULGE - 1.0)
    core, rim, spokes = [], [], []
    for k in range(4):
        middle = angles[k] + pi / 4.0
        bulge = geo.addPoint(-shift * cos(middle), -shift * sin(middle), 0.0)
        core.append(geo.addCircleArc(inner[k], bulge, inner[(k + 1) % 4]))
        rim.append(geo.addCircleArc(outer[k], centre, outer[(k + 1) % 4]))
        spokes.append(geo.addLine(inner[k], outer[k]))
    loops = [core] + [[spokes[k], rim[k], -spokes[(k + 1) % 4], -core[k]] for k in range(4)]
    surfaces = [geo.addPlaneSurface([geo.addCurveLoop(loop)]) for loop in loops]
    for curve in core + rim:
        geo.mesh.setTransfiniteCurve(curve, side + 1)
    for curve in spokes:
        geo.mesh.setTransfiniteCurve(curve, ring + 1)
    for surface in surfaces:
        geo.mesh.setTransfiniteSurface(surface)
        if recombine:
            geo.mesh.setRecombine(2, surface)
    top, volumes, lateral = [], [], []
    for k, surface in enumerate(surfaces):
        made = geo.extrude(
            [(2, surface)], 0.0, 0.0, height, numElements=[layers], recombine=recombine
        )
        top.append(made[0][1])
        volumes.append(made[1][1])
        if k > 0:  # sides come in the order of the loop's curves: the second is the rim
            lateral.append(made[3][1])
    geo.synchronize()
    for dimension, tags, group, label in (
        (3, volumes, VOLUME, "volume"),
        (2, surfaces, FOOT, "foot"),
        (2, top, TOP, "top"),
        (2, lateral, LATERAL, "lateral"),
    ):
        model.addPhysicalGroup(dimension, tags, tag=group, name=label)
    model.mesh.generate(3)
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
