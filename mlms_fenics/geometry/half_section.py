# SPDX-License-Identifier: MIT
"""The half section of the cylinder, for axisymmetric runs: radius first, axis second."""

from math import ceil
from typing import Any

from mlms_fenics.geometry.cylinder import FOOT, LATERAL, TOP, VOLUME, cylinder_divisions

AXIS = 5


def half_section_divisions(diameter: float, height: float, size: float) -> tuple[int, int]:
    """Numbers of elements along the radius and along the axis.

    Args:
        diameter, height: of the cylinder, mm.
        size: wanted edge length of the elements, mm.

    Raises:
        InputError: as of `cylinder_divisions`.
    """
    layers = cylinder_divisions(diameter, height, size)[2]
    return max(1, ceil(0.5 * diameter / size - 1e-9)), layers


def gmsh_half_section(model: Any, name: str, diameter: float, height: float, size: float) -> Any:
    """Add the half section of a cylinder to gmsh, as a model of its own, and mesh it.

    Quadrilaterals on [0, diameter/2] × [0, height] of the x-y plane. Physical groups: surface
    `VOLUME`; curves `FOOT` (y = 0), `TOP` (y = height), `LATERAL` (x = diameter/2), `AXIS` (x = 0).

    Args:
        model: `gmsh.model` of an initialised gmsh.
        name: of the new model.
        diameter, height, size: mm, see `half_section_divisions`.

    Returns:
        `model`, with the new model current.

    Raises:
        InputError: see `half_section_divisions`.
    """
    across, along = half_section_divisions(diameter, height, size)
    model.add(name)
    model.setCurrent(name)
    geo, radius = model.geo, 0.5 * diameter
    corners = ((0.0, 0.0), (radius, 0.0), (radius, height), (0.0, height))
    points = [geo.addPoint(x, y, 0.0) for x, y in corners]
    curves = [geo.addLine(points[k], points[(k + 1) % 4]) for k in range(4)]
    surface = geo.addPlaneSurface([geo.addCurveLoop(curves)])
    for curve, cells in zip(curves, (across, along, across, along), strict=True):
        geo.mesh.setTransfiniteCurve(curve, cells + 1)
    geo.mesh.setTransfiniteSurface(surface)
    geo.mesh.setRecombine(2, surface)
    geo.synchronize()
    model.addPhysicalGroup(2, [surface], tag=VOLUME, name="volume")
    groups = ((FOOT, "foot"), (LATERAL, "lateral"), (TOP, "top"), (AXIS, "axis"))
    for curve, (group, label) in zip(curves, groups, strict=True):
        model.addPhysicalGroup(1, [curve], tag=group, name=label)
    model.mesh.generate(2)
    return model


def half_section_mesh(
    comm: Any, diameter: float = 1.0, height: float = 5.0, size: float = 0.1
) -> Any:
    """dolfinx mesh of `gmsh_half_section`, built on rank 0 and shared out (collective).

    Args:
        comm: mpi4py communicator.
        diameter, height, size: mm, see `half_section_divisions`.

    Returns:
        Mesh, cell tags, facet tags (`FOOT`, `TOP`, `LATERAL`, `AXIS`).

    Raises:
        InputError: on every rank, see `half_section_divisions`.
    """
    half_section_divisions(diameter, height, size)
    from mlms_fenics.geometry.build import build_mesh

    return build_mesh(
        comm,
        lambda model: gmsh_half_section(model, "half section", diameter, height, size),
        dimension=2,
    )
