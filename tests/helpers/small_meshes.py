# SPDX-License-Identifier: MIT
"""Small gmsh meshes with groups that overlap, miss or repeat, as they come from users."""

from collections.abc import Sequence
from pathlib import Path

from mlms_fenics.geometry import write_msh

Groups = Sequence[tuple[int, Sequence[int] | str, int, str]]


def two_boxes(path: Path, groups: Groups, version: float = 4.1, size: float = 0.5) -> None:
    """Unit boxes 1 (0 < z < 1) and 2 (1 < z < 2) of tetrahedra that share a face.

    Args:
        path: of the file.
        groups: dimension, entities, tag and name of each; "faces" are all, "outer" all but the one
            between the boxes, "low" the one at z = 0, "corner" and "edge" are at the origin.
        version: of the file's format.
        size: of the elements.
    """

    def build(model) -> None:
        import gmsh

        gmsh.option.setNumber("Mesh.MshFileVersion", version)
        gmsh.option.setNumber("Mesh.MeshSizeMax", size)
        model.add("boxes")
        low = model.occ.addBox(0.0, 0.0, 0.0, 1.0, 1.0, 1.0)
        high = model.occ.addBox(0.0, 0.0, 1.0, 1.0, 1.0, 1.0)
        model.occ.fragment([(3, low)], [(3, high)])
        model.occ.synchronize()
        chosen = entities(model)
        for dimension, which, tag, name in groups:
            tags = chosen[which] if isinstance(which, str) else which
            model.addPhysicalGroup(dimension, tags, tag, name=name)
        model.mesh.generate(3)

    write_msh(path, build)


def entities(model) -> dict[str, list[int]]:
    """Tags of entities of the two boxes by the words of `two_boxes`."""

    def at(dimension: int, *bounds: float) -> list[int]:
        found = model.getEntitiesInBoundingBox(*bounds, dimension)
        return [tag for _, tag in found]

    e = 1e-3
    faces = [tag for _, tag in model.getEntities(2)]
    between = at(2, -e, -e, 1.0 - e, 1.0 + e, 1.0 + e, 1.0 + e)
    return {
        "faces": faces,
        "outer": [tag for tag in faces if tag not in between],
        "low": at(2, -e, -e, -e, 1.0 + e, 1.0 + e, e),
        "edge": at(1, -e, -e, -e, e, e, 1.0 + e),
        "corner": at(0, -e, -e, -e, e, e, e),
    }


def two_squares(path: Path, groups: Groups, version: float = 4.1) -> None:
    """Unit squares 1 (0 < y < 1) and 2 (1 < y < 2) of quadrilaterals that share a side.

    Args:
        path: of the file.
        groups: as of `two_boxes`; "outer" are the curves but the one between, "low" the one at y=0,
            "corner" is at the origin.
        version: of the file's format.
    """

    def build(model) -> None:
        import gmsh

        gmsh.option.setNumber("Mesh.MshFileVersion", version)
        model.add("squares")
        geo = model.geo
        points = [geo.addPoint(x, y, 0.0) for y in (0.0, 1.0, 2.0) for x in (0.0, 1.0)]
        ends = ((0, 1), (1, 3), (3, 2), (2, 0), (3, 5), (5, 4), (4, 2))
        curves = [geo.addLine(points[a], points[b]) for a, b in ends]
        geo.addPlaneSurface([geo.addCurveLoop(curves[:4])], 1)
        geo.addPlaneSurface([geo.addCurveLoop([-curves[2], *curves[4:]])], 2)
        for curve in curves:
            geo.mesh.setTransfiniteCurve(curve, 4)
        for surface in (1, 2):
            geo.mesh.setTransfiniteSurface(surface)
            geo.mesh.setRecombine(2, surface)
        geo.synchronize()
        chosen = {
            "outer": [c for c in curves if c != curves[2]],
            "low": curves[:1],
            "corner": points[:1],
        }
        for dimension, which, tag, name in groups:
            tags = chosen[which] if isinstance(which, str) else which
            model.addPhysicalGroup(dimension, tags, tag, name=name)
        model.mesh.generate(2)

    write_msh(path, build)
