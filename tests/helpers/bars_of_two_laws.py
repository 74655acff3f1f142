# SPDX-License-Identifier: MIT
"""A bar in two named volumes, "body" where x < 0 and "head" beyond."""

from typing import Any

import numpy as np

from mlms_fenics.geometry import NamedMesh
from mlms_fenics.geometry.arrays import ArrayGroup, MeshArrays, tidied
from mlms_fenics.geometry.named import share
from mlms_fenics.materials import NeoHookean

LENGTH = 5.5  # of each half, mm
ELASTIC = {
    "body": NeoHookean(shear_modulus=25.0, bulk_modulus=48.0, density=10.0),
    "head": NeoHookean(shear_modulus=20.0, bulk_modulus=40.0, density=3.0),
}


def bimetal_bar(comm: Any, n: int, across: int = 1, flat: bool = False) -> NamedMesh:
    """Equal cells along x, n in all; two volumes, the surface "face" at the left, all "both".

    Args:
        comm: mpi4py communicator.
        n: cells along the bar, even.
        across: cells along y and z, of the size of those along x.
        flat: quadrilaterals in the x-y plane.
    """
    size = 2.0 * LENGTH / n
    counts = (n, across, 0 if flat else across)

    def read() -> MeshArrays:
        axes = [np.arange(count + 1) * size for count in counts]
        grid = np.meshgrid(axes[0] - LENGTH, *axes[1:], indexing="ij")
        points = np.stack([g.ravel() for g in grid], axis=1)
        number = np.arange(len(points)).reshape([c + 1 for c in counts])
        # Corners in dolfinx's order: the first axis of the cell fastest.
        if flat:
            corners = [number[i : n + i, j : across + j, 0] for j in (0, 1) for i in (0, 1)]
        else:
            corners = [
                number[i : n + i, j : across + j, k : across + k]
                for k in (0, 1) for j in (0, 1) for i in (0, 1)
            ]  # fmt: skip
        cells = np.stack([c.ravel() for c in corners], axis=1)
        dimension = 2 if flat else 3
        right = points[cells].mean(axis=1)[:, 0] > 0.0
        low = cells[: len(cells) // n][:, ::2]
        groups = (
            ArrayGroup("body", dimension, 1, np.flatnonzero(~right)),
            ArrayGroup("head", dimension, 2, np.flatnonzero(right)),
            ArrayGroup("both", dimension, 3, np.arange(len(cells))),
            ArrayGroup("face", dimension - 1, 4, low),
        )
        cell = "quadrilateral" if flat else "hexahedron"
        return tidied(MeshArrays(points, cell, cells, groups), "the bar")

    return share(comm, read)
