# SPDX-License-Identifier: MIT
"""Pictures of the feet of bars that have hit a wall."""

import os
from collections.abc import Mapping

import numpy as np

from mlms_fenics.files import replacing


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
