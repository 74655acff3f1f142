# SPDX-License-Identifier: MIT
"""Pictures of grain maps."""

import os
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.files import replacing
from mlms_fenics.microstructure.voronoi import check_grains


def draw_grains(
    grains: np.ndarray, path: str | os.PathLike, values: np.ndarray | None = None, label: str = ""
) -> None:
    """Draw a grain map, of a 3D one the three sections through its middle.

    Args:
        grains: *Shape* the grid's.
        path: a .png, .pdf or .svg file; replaced whole.
        values: one number for each grain to colour it by; its own number where None.
        label: of the values.

    Raises:
        InputError: no grain map, or not one value for each grain.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    grains = check_grains(grains)
    n = int(grains.max()) + 1
    if values is not None and np.shape(values) != (n,):
        raise InputError(f"values has the shape {np.shape(values)}, but there are {n} grains")
    shown = grains if values is None else np.asarray(values, dtype=float)[grains]
    middle = [size // 2 for size in grains.shape]
    if grains.ndim == 2:
        sections = [(shown, grains, "xy")]
    else:
        cuts = ((2, "xy"), (1, "xz"), (0, "yz"))
        sections = [(shown.take(middle[a], a), grains.take(middle[a], a), t) for a, t in cuts]
    figure = Figure(figsize=(4.6 * len(sections) + 0.8, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(sections), squeeze=False)[0]
    limits = {"vmin": shown.min(), "vmax": shown.max()}
    for axis, (colour, owner, title) in zip(axes, sections, strict=True):
        image = axis.imshow(
            colour.T, origin="lower", cmap="turbo", interpolation="nearest", **limits
        )
        draw_boundaries(axis, owner)
        axis.set(xlabel=title[0], ylabel=title[1])
    figure.colorbar(image, ax=list(axes), shrink=0.8, label=label or "grain")
    with replacing(path) as beside:
        figure.savefig(beside, dpi=150)


def draw_boundaries(axis: Any, owner: np.ndarray) -> None:
    """Add black lines to an image, along the faces between cells of different grains.

    Args:
        axis: matplotlib axes that show an array of owner's shape, transposed, origin below.
        owner: grain of each cell, *Shape* `(n, m)`.
    """
    from matplotlib.collections import LineCollection

    i, j = np.nonzero(owner[:-1] != owner[1:])
    upright = np.stack((np.stack((i + 0.5, j - 0.5), -1), np.stack((i + 0.5, j + 0.5), -1)), 1)
    k, l = np.nonzero(owner[:, :-1] != owner[:, 1:])
    flat = np.stack((np.stack((k - 0.5, l + 0.5), -1), np.stack((k + 0.5, l + 0.5), -1)), 1)
    axis.add_collection(LineCollection([*upright, *flat], colors="black", linewidths=0.8))
