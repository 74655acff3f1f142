# SPDX-License-Identifier: MIT
"""The structured cylinder."""

import numpy as np
import pytest
import ufl
from dolfinx import fem
from mpi4py import MPI

from mlms_fenics import _compat
from mlms_fenics.errors import InputError
from mlms_fenics.geometry import FOOT, LATERAL, TOP, VOLUME, cylinder_divisions, cylinder_mesh


def scaled_jacobians(domain) -> np.ndarray:
    """Smallest of each cell over its corners: 1 for a box."""
    x = domain.geometry.x[_compat.geometry_dofmap(domain)]
    values = []
    for corner in range(8):
        edges = [x[:, corner ^ (1 << k)] - x[:, corner] for k in range(3)]
        edges = [e * (-1.0 if corner >> k & 1 else 1.0) for k, e in enumerate(edges)]
        lengths = np.prod([np.linalg.norm(e, axis=1) for e in edges], axis=0)
        values.append(np.einsum("ci,ci->c", edges[0], np.cross(edges[1], edges[2])) / lengths)
    return np.abs(np.min(values, axis=0))


def test_default_cylinder_has_the_size_of_the_paper() -> None:
    domain, cells, facets = cylinder_mesh(MPI.COMM_WORLD)
    assert _compat.cell_name(domain) == "hexahedron"
    assert domain.topology.index_map(3).size_global == pytest.approx(3200, rel=0.05)
    assert len(cells.find(VOLUME)) == 3200
    assert scaled_jacobians(domain).min() > 0.7
    x = domain.geometry.x
    assert x.min(axis=0) == pytest.approx([-0.5, -0.5, 0.0], abs=0.02)
    assert x.max(axis=0) == pytest.approx([0.5, 0.5, 5.0], abs=0.02)
    assert np.hypot(x[:, 0], x[:, 1]).max() == pytest.approx(0.5)
    ds = ufl.Measure("ds", domain=domain, subdomain_data=facets)
    area = {t: fem.assemble_scalar(fem.form(1.0 * ds(t))) for t in (FOOT, TOP, LATERAL)}
    polygon = 0.5 * 16 * 0.25 * np.sin(2 * np.pi / 16)  # 16 sides on the circle
    assert area[FOOT] == pytest.approx(polygon) and area[TOP] == pytest.approx(polygon)
    assert area[LATERAL] == pytest.approx(16 * np.sin(np.pi / 16) * 5.0)
    z = [np.unique(x[_compat.geometry_dofmap(domain)][:, :, 2].round(9))]
    assert len(z[0]) == 51


@pytest.mark.parametrize("size", [0.5, 0.3, 0.2, 0.13, 0.08])
def test_every_size_makes_well_shaped_hexahedra(size: float) -> None:
    domain, _, _ = cylinder_mesh(MPI.COMM_WORLD, 1.0, 1.0, size)
    side, ring, layers = cylinder_divisions(1.0, 1.0, size)
    assert domain.topology.index_map(3).size_global == (side**2 + 4 * side * ring) * layers
    assert scaled_jacobians(domain).min() > 0.6
    edges = np.pi / 4 / size**3  # elements of exactly that size
    assert 0.4 * edges < domain.topology.index_map(3).size_global < 2.5 * edges


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ((1.0, 5.0, 0.6), "makes no elements"),
        ((1.0, 0.1, 0.2), "makes no elements"),
        ((1.0, 5.0, 0.0), "mesh size"),
        ((1.0, 5.0, -0.1), "mesh size"),
        ((1.0, 5.0, float("nan")), "mesh size"),
        ((0.0, 5.0, 0.1), "diameter"),
        ((1.0, float("inf"), 0.1), "height"),
        ((1.0, 5.0, 1e-4), "more than"),
    ],
)
def test_impossible_cylinders_are_refused(lengths, words: str) -> None:
    with pytest.raises(InputError, match=words):
        cylinder_mesh(MPI.COMM_WORLD, *lengths)


def test_tetrahedra_take_the_place_of_hexahedra() -> None:
    whole, _, _ = cylinder_mesh(MPI.COMM_WORLD, 1.0, 2.0, 0.25)
    split, _, facets = cylinder_mesh(MPI.COMM_WORLD, 1.0, 2.0, 0.25, cell="tetrahedron")
    assert _compat.cell_name(split) == "tetrahedron"
    count = [mesh.topology.index_map(3).size_global for mesh in (whole, split)]
    assert count[1] == 6 * count[0]
    volume = [fem.assemble_scalar(fem.form(fem.Constant(m, 1.0) * ufl.dx)) for m in (whole, split)]
    assert volume[1] == pytest.approx(volume[0], rel=1e-12)
    assert len(facets.find(FOOT)) == len(facets.find(TOP)) > 0
    with pytest.raises(InputError, match="cell is"):
        cylinder_mesh(MPI.COMM_WORLD, 1.0, 2.0, 0.25, cell="prism")
