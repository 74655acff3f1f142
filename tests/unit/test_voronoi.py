# SPDX-License-Identifier: MIT
"""Periodic Voronoi grains: against a tree search over explicit images, and their files."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure import (
    draw_grains,
    random_orientations,
    read_grains,
    voronoi_grains,
    write_grains,
)


@pytest.mark.parametrize("grid", [(24, 16), (12, 10, 8)])
def test_each_cell_belongs_to_the_nearest_of_all_images(grid):
    lengths = np.arange(1.0, len(grid) + 1.0)
    grains, seeds = voronoi_grains(grid, 9, seed=3, lengths=lengths, return_seeds=True)
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * len(grid), indexing="ij"), -1)
    images = (seeds + shifts.reshape(-1, 1, len(grid)) * lengths).reshape(-1, len(grid))
    centres = np.stack(
        np.meshgrid(
            *[(np.arange(n) + 0.5) / n * x for n, x in zip(grid, lengths, strict=True)],
            indexing="ij",
        ),
        -1,
    )
    _, nearest = cKDTree(images).query(centres)
    assert (nearest % 9 == grains).all()


@pytest.mark.parametrize("grid", [(16, 16), (8, 8, 8)])
def test_seeded_and_complete(grid):
    for seed in range(5):
        grains = voronoi_grains(grid, 40, seed)
        assert (np.unique(grains) == np.arange(40)).all()
        assert (grains == voronoi_grains(grid, 40, seed)).all()
    assert (voronoi_grains(grid, 40, 0) != voronoi_grains(grid, 40, 1)).any()


def test_crowded_grid():
    # 50 of 100 cells: most first draws leave grains without a cell.
    assert len(np.unique(voronoi_grains((10, 10), 50, 0))) == 50
    with pytest.raises(InputError, match="1 <= n_grains <= 100"):
        voronoi_grains((10, 10), 101, 0)
    with pytest.raises(InputError, match="two or three whole numbers"):
        voronoi_grains((10,), 2, 0)


@pytest.mark.parametrize("grid", [(9, 6), (5, 4, 3)])
def test_files_give_back_what_was_written(tmp_path, grid):
    d = len(grid)
    grains, Q = voronoi_grains(grid, 4, 1), random_orientations(4, 2, dimension=d)
    write_grains(tmp_path / "a.h5", grains, Q)
    write_grains(tmp_path / "a.vti", grains, Q)
    again, Q_again = read_grains(tmp_path / "a.h5")
    assert (again == grains).all() and (Q_again == Q).all()
    assert (read_grains(tmp_path / "a.vti")[0] == grains).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "a.vti"]


def test_paraview_reads_the_image(tmp_path):
    pyvista = pytest.importorskip("pyvista")
    grains, Q = voronoi_grains((6, 5, 4), 7, 1), random_orientations(7, 2)
    write_grains(tmp_path / "a.vti", grains, Q)
    image = pyvista.read(tmp_path / "a.vti")
    assert (image.cell_data["grain"].reshape(grains.shape, order="F") == grains).all()
    assert np.array_equal(image.cell_data["orientation"][0].reshape(3, 3), Q[grains[0, 0, 0]])


def test_wrong_files_are_named(tmp_path):
    grains = voronoi_grains((6, 5), 3, 1)
    with pytest.raises(InputError, match=r"must end in .h5 or .vti"):
        write_grains(tmp_path / "a.txt", grains)
    with pytest.raises(InputError, match="2 orientations for 3 grains"):
        write_grains(tmp_path / "a.h5", grains, random_orientations(2, 0, dimension=2))
    (tmp_path / "bad.vti").write_text("no")
    for name in ("bad.vti", "absent.h5"):
        with pytest.raises(InputError, match="cannot read"):
            read_grains(tmp_path / name)
    with pytest.raises(InputError, match="grain 1 is absent"):
        write_grains(tmp_path / "a.h5", np.array([[0, 2], [2, 0]]))


def test_picture(tmp_path):
    for grid in ((12, 8), (6, 6, 6)):
        draw_grains(voronoi_grains(grid, 5, 0), tmp_path / "a.png")
        assert (tmp_path / "a.png").stat().st_size > 5000
