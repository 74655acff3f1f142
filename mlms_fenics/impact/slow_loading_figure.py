# SPDX-License-Identifier: MIT
"""Pictures of slow loading: curves and sections of several laws."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlms_fenics.files import replacing


def draw_loading(
    path: str | os.PathLike,
    curves: Mapping[str, Mapping[str, Any]],
    outlines: Mapping[str, np.ndarray],
    title: str = "",
) -> None:
    """Draw nominal stress over nominal strain, and the section at half height over its first shape.

    Args:
        path: of the picture.
        curves: by law, "strain" and "stress" (GPa), equally long.
        outlines: by law, mm, *Shape* `(n, 2)`.
        title: above it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for name, curve in curves.items():
        left.plot(
            curve["strain"], 1e3 * np.asarray(curve["stress"]), ".-", markersize=4, label=name
        )
    left.set(xlabel="nominal strain [-]", ylabel="nominal stress [MPa]")
    left.grid(alpha=0.3)
    left.legend(fontsize=8)
    square = 0.5 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    right.plot(*square.T, "--", color="grey", label="at rest")
    for name, outline in outlines.items():
        closed = np.concatenate((outline, outline[:1]))
        closed = closed - 0.5 * (outline.min(axis=0) + outline.max(axis=0))
        right.plot(*closed.T, label=name)
    right.set(aspect="equal", xlabel="x [mm]", ylabel="y [mm]", title="section at half height")
    right.legend(fontsize=8, loc="center")
    figure.suptitle(title, fontsize=9)
    with replacing(path) as beside:
        figure.savefig(beside, dpi=120)
