# SPDX-License-Identifier: MIT
"""A short animation of a section over time."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.files import replacing
from mlms_fenics.io.section import Section
from mlms_fenics.io.section_figure import Panel


def animate(
    path: str | os.PathLike,
    sections: Sequence[Section],
    panel: Panel,
    *,
    title: str = "",
    seconds: float = 0.1,
) -> None:
    """Write a GIF of one measure; the last frame stays for a second.

    Args:
        path: of the animation, ending in ".gif".
        sections: in the order of time.
        panel: what to draw; colours are common to all frames.
        title: above each frame, before the time.
        seconds: that a frame stays.

    Raises:
        InputError: no sections.
        SimulationError: the file cannot be written.
    """
    from matplotlib.animation import PillowWriter
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure

    require(len(sections) > 0, "an animation needs at least one section")
    points = np.concatenate([p for section in sections for p in section.polygons])
    low, high = points.min(0), points.max(0)
    margin = 0.03 * (high - low).max()
    values = panel.scale * np.concatenate([section.fields[panel.field] for section in sections])
    top = max(float(np.percentile(values, 99.5)), 1e-12)
    size = (high - low) / (high - low).max() * 4.2
    shape = (max(size[0], 1.2) + 1.6, max(size[1], 0.9) + 1.1)
    figure = Figure(figsize=shape, layout="constrained")
    axis, bar = figure.subplots(), None
    axis.set(
        xlim=(low[0] - margin, high[0] + margin),
        ylim=(low[1] - margin, high[1] + margin),
        aspect="equal",
        xlabel="x [mm]",
        ylabel="z [mm]",
    )
    try:
        with replacing(Path(path)) as beside:
            writer = PillowWriter(fps=round(1.0 / seconds))
            writer.setup(figure, str(beside), dpi=72)
            for k, section in enumerate(sections):
                drawn = PolyCollection(
                    section.polygons,
                    array=panel.scale * section.fields[panel.field],
                    cmap="RdBu_r" if panel.signed else "viridis",
                    edgecolors="face",
                    linewidths=0.4,
                )
                drawn.set_clim(-top if panel.signed else 0.0, top)
                axis.add_collection(drawn)
                bar = bar or figure.colorbar(drawn, ax=axis, label=panel.label, extend="max")
                axis.set_title(f"{title}\n{section.time:.3f} µs", fontsize=9)
                for _ in range(1 if k < len(sections) - 1 else round(1.0 / seconds)):
                    writer.grab_frame()
                drawn.remove()
            writer.finish()
    except OSError as error:
        raise SimulationError(f"cannot write {str(path)!r}: {error}") from None
