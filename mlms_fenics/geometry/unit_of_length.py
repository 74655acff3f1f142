# SPDX-License-Identifier: MIT
"""The unit of length of a mesh file: from it to mm."""

import warnings
from math import inf

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.geometry.arrays import MeshArrays
from mlms_fenics.numbers import check_number

# Bodies under impact that are smaller than this, mm, are rarer than meshes in metres.
_SMALL = 0.2


def check_scale(scale: float) -> None:
    """Raise `InputError` unless a scale is positive and finite."""
    check_number("scale", scale)
    require(0.0 < scale < inf, f"scale is {scale:g}, but must be positive and finite")


def looked_at(mesh: MeshArrays, scale: float) -> MeshArrays:
    """The same mesh; warns where it is so small that it may be in metres and `scale` is 1."""
    size = np.ptp(mesh.points[:, : mesh.dimension], axis=0)
    if scale == 1.0 and size.max(initial=0.0) < _SMALL:
        as_is, in_metres = (" by ".join(f"{s:.4g}" for s in k * size) for k in (1.0, 1000.0))
        warnings.warn(
            f"the body of the mesh is {as_is} mm. If its file is in metres, give a scale of 1000: "
            f"the body then is {in_metres} mm",
            stacklevel=2,
        )
    return mesh
