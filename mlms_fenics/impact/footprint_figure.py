# SPDX-License-Identifier: MIT
"""Pictures of the feet of bars that have hit a wall."""

import os
from collections.abc import Mapping

import numpy as np

from mlms_fenics.files import replacing
from mlms_fenics.impact.footprint import silhouette
from mlms_fenics.io.layout import Snapshot


def draw_foot(
    path: str | os.PathLike, rims: Mapping[str, np.ndarray], radius: float, title: str = ""
) -> None:
    """Draw the rims of feet over the circle that they began as.

    Args:
        path: of the picture.
        rims: by law, positions of the rim's nodes, mm, *Shape* `(n, 2)`.
        radius: at rest, mm.
        title: above it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    turn = np.linspace(0.0, 2.0 * np.pi, 361)
    axis.plot(radius * np.cos(turn), radius * np.sin(turn), "--", color="grey", label="at rest")
    for name, rim in rims.items():
        rim = rim[np.argsort(np.arctan2(rim[:, 1], rim[:, 0]))]
        closed = np.concatenate((rim, rim[:1]))
        axis.plot(closed[:, 0], closed[:, 1], ".-", markersize=3.0, label=name)
    axis.set(aspect="equal", xlabel="x [mm]", ylabel="y [mm]")
    axis.legend(loc="center", fontsize=8)
    figure.suptitle(title, fontsize=9)
    with replacing(path) as beside:
        figure.savefig(beside, dpi=120)


def draw_silhouettes(
    path: str | os.PathLike, bodies: Mapping[str, Snapshot], angles: np.ndarray, title: str = ""
) -> None:
    """Draw half of the width of bars over their height, a panel for each direction.

    Args:
        path: of the picture.
        bodies: by law.
        angles: directions from x towards y, degrees.
        title: above it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 * len(angles) + 1.0, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.atleast_1d(figure.subplots(1, len(angles), sharey=True, sharex=True))
    for name, body in bodies.items():
        heights, widths = silhouette(body, angles)
        for axis, width in zip(axes, widths.T, strict=True):
            axis.plot(width, heights, label=name)
    for axis, angle in zip(axes, angles, strict=True):
        axis.set(xlabel="half width [mm]", title=f"{angle:g} degrees from x")
        axis.grid(alpha=0.3)
    axes[0].set(ylabel="z [mm]")
    axes[-1].legend(fontsize=8)
    figure.suptitle(title, fontsize=9)
    with replacing(path) as beside:
        figure.savefig(beside, dpi=120)
