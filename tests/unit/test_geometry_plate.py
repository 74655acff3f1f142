# SPDX-License-Identifier: MIT
"""The structured plate."""

import numpy as np
import pytest
import ufl
from dolfinx import fem
from mpi4py import MPI

from mlms_fenics import _compat
from mlms_fenics.errors import InputError
from mlms_fenics.geometry import BACK, FRONT, RIM, VOLUME, plate_divisions, plate_mesh
from mlms_fenics.macroscale.element import build_elements


def test_default_plate_has_the_size_of_the_paper_and_is_fine_under_the_projectile() -> None:
    domain, cells, facets = plate_mesh(MPI.COMM_WORLD)
    assert _compat.cell_name(domain) == "hexahedron"
    count = domain.topology.index_map(3).size_global
    assert count == len(cells.find(VOLUME)) == pytest.approx(11552, rel=0.05)
    side, ring, outer, layers = plate_divisions(1.0, 8.0, 1.0, 0.1)
    assert count == (side**2 + 4 * side * (ring + outer)) * layers
    elements = build_elements(domain)
    assert elements.degree == 1  # one point passes the patch test on an extruded mesh
    x = elements.coordinates
    assert np.hypot(x[:, 0], x[:, 1]).max() == pytest.approx(8.0)
    assert x[:, 2].min() == pytest.approx(0.0, abs=1e-12) and x[:, 2].max() == pytest.approx(1.0)
    centres = x[elements.dofs].mean(axis=1)
    under = np.hypot(centres[:, 0], centres[:, 1]) < 1.0
    edge = np.cbrt(elements.volume)
    assert edge[under].min() > 0.07 and edge[under].max() < 0.13
    assert edge[~under].max() > 3.0 * edge[under].max()
    ds = ufl.Measure("ds", domain=domain, subdomain_data=facets)
    area = {t: fem.assemble_scalar(fem.form(1.0 * ds(t))) for t in (FRONT, BACK, RIM)}
    n = 4 * side
    polygon = 0.5 * n * 64.0 * np.sin(2.0 * np.pi / n)
    assert area[FRONT] == pytest.approx(polygon) and area[BACK] == pytest.approx(polygon)
    assert area[RIM] == pytest.approx(n * 16.0 * np.sin(np.pi / n))
    everything = fem.assemble_scalar(fem.form(fem.Constant(domain, 1.0) * ufl.ds))
    assert sum(area.values()) == pytest.approx(everything)
    assert elements.volume.sum() == pytest.approx(polygon * 1.0)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0.0, 8.0, 1.0, 0.1), "plate thickness"),
        ((1.0, np.nan, 1.0, 0.1), "plate radius"),
        ((1.0, 8.0, -1.0, 0.1), "projectile radius"),
        ((1.0, 8.0, 1.0, 0.0), "mesh size"),
        ((1.0, 1.5, 1.0, 0.1), "at least twice"),
        ((0.1, 8.0, 1.0, 0.2), "makes no elements"),
        ((1.0, 8.0, 1.0, 1e-4), "more than"),
    ],
)
def test_impossible_plates_are_refused(numbers, words) -> None:
    with pytest.raises(InputError, match=words):
        plate_mesh(MPI.COMM_WORLD, *numbers)
