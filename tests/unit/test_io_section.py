# SPDX-License-Identifier: MIT
"""Sections against the geometry of a box, and pictures that show what they should."""

import numpy as np
import pytest
from dolfinx import mesh
from matplotlib.image import imread
from mpi4py import MPI

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.io.layout import gatherer
from mlms_fenics.io.section import Section, cut
from mlms_fenics.io.section_figure import Panel, draw_sections

COMM = MPI.COMM_SELF
CELLS = [mesh.CellType.hexahedron, mesh.CellType.tetrahedron]


def snapshot(cell=mesh.CellType.hexahedron, stretch=0.0):
    """A box of 2 by 2 by 3 whose middle plane y = 0 lies on faces of cells."""
    domain = mesh.create_box(COMM, [[-1, -1, 0], [1.0, 1.0, 3.0]], [4, 4, 6], cell_type=cell)
    x = domain.geometry.x
    centre = x[domain.geometry.dofmap].mean(axis=1)
    u = np.zeros_like(x)
    u[:, 2] = stretch * x[:, 2]
    return gatherer(domain)({"u": u}, {"height": centre[:, 2], "T": np.zeros((len(centre), 3, 3))})


def area(polygon):
    x, y = polygon.T
    return 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("stretch", [0.0, 0.5])
def test_section_covers_the_plane_once(cell, stretch):
    section = cut(snapshot(cell, stretch), 0.5)
    assert sum(map(area, section.polygons)) == pytest.approx(6.0 * (1.0 + stretch), rel=1e-4)
    corners = np.concatenate(section.polygons)
    np.testing.assert_allclose(corners.min(0), [-1.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(corners.max(0), [1.0, 3.0 * (1.0 + stretch)], atol=1e-9)


def test_polygons_carry_their_cells_values():
    section = cut(snapshot(), 0.5)
    assert list(section.fields) == ["height"]
    assert len(section.polygons) == 24
    for polygon, height in zip(section.polygons, section.fields["height"], strict=True):
        assert polygon[:, 1].mean() == pytest.approx(height, abs=1e-6)


def test_other_plane_and_undeformed_shape():
    section = cut(snapshot(stretch=0.5), 0.0, normal=(1, 0, 0), axes=(1, 2), displacement=None)
    assert sum(map(area, section.polygons)) == pytest.approx(6.0, rel=1e-4)


def test_a_line_is_refused():
    domain = mesh.create_unit_interval(COMM, 2)
    body = gatherer(domain)({"u": np.zeros((3, 3))}, {})
    with pytest.raises(InputError, match="two or three dimensions"):
        cut(body, 0.0)


def checkerboard(time, values):
    squares = [
        np.array([[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]], dtype=float)
        for i in range(2)
        for j in range(4)
    ]
    return Section(time, squares, {"f": np.asarray(values, dtype=float)})


def test_picture_shows_the_fields(tmp_path):
    panel = (Panel("f", "f [-]"),)
    pictures = []
    for number, values in enumerate((np.zeros(8), np.arange(8), np.arange(8)[::-1])):
        path = tmp_path / f"{number}.png"
        draw_sections(path, [checkerboard(0.5, values)], panel, title="test")
        pictures.append(imread(path)[..., :3])
    colours = [len(np.unique(np.round(p.reshape(-1, 3), 1), axis=0)) for p in pictures]
    assert min(colours) > 5
    body = [p[p.shape[0] // 4 : -p.shape[0] // 4, : p.shape[1] // 2] for p in pictures]
    assert np.abs(body[1] - body[0]).mean() > 0.05
    assert np.abs(body[1] - body[2]).mean() > 0.05
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize("turned", [False, True])
def test_several_times_and_wide_bodies(tmp_path, turned):
    sections = [checkerboard(t, np.arange(8) * t) for t in (0.1, 0.2, 0.3)]
    if turned:
        sections = [Section(s.time, [p[:, ::-1] for p in s.polygons], s.fields) for s in sections]
    panels = (Panel("f", "f [-]"), Panel("f", "f [MPa]", scale=1000.0, signed=True))
    outline = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 4.0], [0.0, 4.0]])
    draw_sections(tmp_path / "a.png", sections, panels, outline=outline)
    assert imread(tmp_path / "a.png").std() > 0.1


def test_values_that_are_not_finite_do_not_stop_the_picture(tmp_path):
    draw_sections(tmp_path / "a.png", [checkerboard(0.1, [np.nan] * 8)], (Panel("f", "f"),))
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_unwritable_picture(tmp_path):
    with pytest.raises(SimulationError, match="cannot write"):
        draw_sections(tmp_path / "no" / "a.png", [checkerboard(0.1, np.ones(8))], (Panel("f", ""),))
