# SPDX-License-Identifier: MIT
"""A disc of quadrilaterals in gmsh, and bodies extruded from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Any

# Half-diagonal of the inner square over the radius, and how far its sides bulge towards arcs: these
# keep the corner angles of the section between 53° and 127° at every size.
_CORE, _BULGE = 0.56, 0.35
_ANGLES = [pi / 4.0 + k * pi / 2.0 for k in range(4)]


@dataclass(frozen=True)
class Disc:
    """gmsh tags of a disc: surfaces, and on its rim four points and the arcs between them."""

    centre: int
    surfaces: list[int]
    points: list[int]
    rim: list[int]


def disc_divisions(diameter: float, size: float) -> tuple[int, int]:
    """Elements along a side of the core and from there to the rim, for edges of about `size`."""
    return max(1, round(0.43 * diameter / size)), max(1, round(0.27 * diameter / size))


def add_disc(geo: Any, radius: float, side: int, ring: int) -> Disc:
    """An O-grid at z = 0: an inner square with bulged sides, four blocks around it.

    It has `side² + 4 side ring` elements. `geo` is `gmsh.model.geo`; transfinite settings are made.
    """
    centre = geo.addPoint(0.0, 0.0, 0.0)
    inner = [geo.addPoint(_CORE * radius * cos(a), _CORE * radius * sin(a), 0.0) for a in _ANGLES]
    outer = [geo.addPoint(radius * cos(a), radius * sin(a), 0.0) for a in _ANGLES]
    # The side opposite each bulge's centre: the farther the centre, the flatter the side.
    shift = _CORE * radius * (1.0 / _BULGE - 1.0)
    core, rim, spokes = [], [], []
    for k in range(4):
        middle = _ANGLES[k] + pi / 4.0
        bulge = geo.addPoint(-shift * cos(middle), -shift * sin(middle), 0.0)
        core.append(geo.addCircleArc(inner[k], bulge, inner[(k + 1) % 4]))
        rim.append(geo.addCircleArc(outer[k], centre, outer[(k + 1) % 4]))
        spokes.append(geo.addLine(inner[k], outer[k]))
    square = geo.addPlaneSurface([geo.addCurveLoop(core)])
    for curve in core + rim:
        geo.mesh.setTransfiniteCurve(curve, side + 1)
    for curve in spokes:
        geo.mesh.setTransfiniteCurve(curve, ring + 1)
    return Disc(centre, [square, *_blocks(geo, core, spokes, rim)], outer, rim)


def add_ring(geo: Any, disc: Disc, radius: float, side: int, cells: int, growth: float) -> Disc:
    """Four blocks around `disc`, `cells` elements that grow outwards by `growth` each."""
    outer = [geo.addPoint(radius * cos(a), radius * sin(a), 0.0) for a in _ANGLES]
    rim = [geo.addCircleArc(outer[k], disc.centre, outer[(k + 1) % 4]) for k in range(4)]
    spokes = [geo.addLine(disc.points[k], outer[k]) for k in range(4)]
    for curve in rim:
        geo.mesh.setTransfiniteCurve(curve, side + 1)
    for curve in spokes:
        geo.mesh.setTransfiniteCurve(curve, cells + 1, "Progression", growth)
    return Disc(disc.centre, [*disc.surfaces, *_blocks(geo, disc.rim, spokes, rim)], outer, rim)


def _blocks(geo: Any, inner: Sequence[int], spokes: Sequence[int], outer: Sequence[int]) -> list:
    loops = [[spokes[k], outer[k], -spokes[(k + 1) % 4], -inner[k]] for k in range(4)]
    return [geo.addPlaneSurface([geo.addCurveLoop(loop)]) for loop in loops]


def extrude_disc(
    model: Any,
    disc: Disc,
    height: float,
    layers: int,
    groups: Sequence[tuple[int, str]],
    recombine: bool = True,
) -> None:
    """Extrude along z and mesh; `recombine` makes hexahedra, otherwise there are tetrahedra.

    Args:
        model: `gmsh.model`.
        disc: of `model.geo`; its last four surfaces carry the rim.
        height: mm.
        layers: of elements.
        groups: tag and name of the volume and of the surfaces at z = 0, at z = height, at the rim.
    """
    geo = model.geo
    for surface in disc.surfaces:
        geo.mesh.setTransfiniteSurface(surface)
        if recombine:
            geo.mesh.setRecombine(2, surface)
    top, volumes, lateral = [], [], []
    for k, surface in enumerate(disc.surfaces):
        made = geo.extrude(
            [(2, surface)], 0.0, 0.0, height, numElements=[layers], recombine=recombine
        )
        top.append(made[0][1])
        volumes.append(made[1][1])
        if k >= len(disc.surfaces) - 4:  # sides come as the loop's curves: the second is the rim
            lateral.append(made[3][1])
    geo.synchronize()
    entities = ((3, volumes), (2, disc.surfaces), (2, top), (2, lateral))
    for (dimension, tags), (group, label) in zip(entities, groups, strict=True):
        model.addPhysicalGroup(dimension, tags, tag=group, name=label)
    model.mesh.generate(3)
