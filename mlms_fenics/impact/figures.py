# SPDX-License-Identifier: MIT
"""Pictures that put several runs side by side."""

import os
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.errors import SimulationError
from mlms_fenics.files import replacing
from mlms_fenics.impact.snapshots import near_axis
from mlms_fenics.io.layout import Snapshot
from mlms_fenics.io.section import Section, cut
from mlms_fenics.io.section_figure import MEASURES, Panel

DPI = 110


def section_of(body: Snapshot, time: float, width: float = inf, height: float = inf) -> Section:
    """The axial section of a body within `width` mm of the axis and below z = `height` mm."""
    return near_axis(cut(body, time), width, height)


def difference(body: Snapshot, truth: Snapshot) -> Snapshot:
    """The truth's body with the differences of its scalar fields, body less truth."""
    shared = [key for key in truth.cell if key in body.cell and truth.cell[key].ndim == 1]
    return replace(truth, cell={key: body.cell[key] - truth.cell[key] for key in shared})


def draw_side_by_side(
    path: str | os.PathLike,
    columns: Sequence[tuple[str, Section]],
    differences: Sequence[tuple[str, Section]] = (),
    panels: Sequence[Panel] = MEASURES,
    *,
    title: str = "",
) -> None:
    """For each measure, sections with common colours, then differences with their own.

    Tall bodies stand side by side, with a row for each measure; wide ones are stacked, with a
    column for each.

    Args:
        path: of the picture.
        columns: name and section of each run.
        differences: likewise; drawn in colours symmetric about zero, and common to all.
        panels: the measures.
        title: above all.

    Raises:
        SimulationError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    everything = [*columns, *differences]
    low, high = _extent([section for _, section in everything])
    tall = (high - low)[1] >= (high - low)[0]
    n = len(everything)
    rows, across = (len(panels), n) if tall else (n, len(panels))
    size = (high - low) / (high - low).max() * (2.6 if tall else 4.2)
    if tall:
        bars = 1.0 if not differences else 2.0
        shape = (across * (size[0] + 0.2) + bars + 0.5, rows * (size[1] + 0.3) + 0.8)
    else:
        shape = (across * (size[0] + 0.3) + 0.4, rows * (size[1] + 0.4) + 1.9)
    figure = Figure(figsize=shape, layout="constrained")
    axes = figure.subplots(rows, across, squeeze=False, sharex=True, sharey=True)
    by_panel = list(axes if tall else axes.T)
    for panel, row in zip(panels, by_panel, strict=True):
        groups = ((columns, panel, row[: len(columns)]), (differences, None, row[len(columns) :]))
        for group, own, part in groups:
            if len(group) == 0:
                continue
            drawn = _draw_group(part, [section for _, section in group], panel, own is None)
            label = panel.label if own is not None else f"difference, {panel.label}"
            place = "right" if tall else "bottom"
            bar = figure.colorbar(
                drawn, ax=part.tolist(), label=label, location=place, shrink=0.85, extend="both"
            )
            bar.ax.tick_params(labelsize=7)
            bar.ax.locator_params(nbins=6)
            bar.set_label(label, fontsize=8)
        for (name, _), axis in zip(everything, row, strict=True):
            axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
            axis.tick_params(labelsize=7)
            if not tall or row is by_panel[0]:
                axis.set_title(name, fontsize=8)
    figure.suptitle(title, fontsize=10)
    save_figure(figure, Path(path))


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure, whole or not at all.

    Raises:
        SimulationError: the file cannot be written.
    """
    try:
        with replacing(path) as beside:
            figure.savefig(beside, dpi=DPI)
    except OSError as error:
        raise SimulationError(f"cannot write {str(path)!r}: {error.strerror}") from None


def _extent(sections: Sequence[Section]) -> tuple[np.ndarray, np.ndarray]:
    points = np.concatenate([p for section in sections for p in section.polygons])
    low, high = points.min(0), points.max(0)
    margin = 0.03 * (high - low).max()
    return low - margin, high + margin


def _draw_group(
    axes: Sequence[Any], sections: Sequence[Section], panel: Panel, is_difference: bool
) -> Any:
    from matplotlib.collections import PolyCollection

    values = panel.scale * np.concatenate([section.fields[panel.field] for section in sections])
    low, high = np.percentile(values, (0.5, 99.5))
    signed = panel.signed or is_difference
    if signed:
        high = max(abs(low), abs(high), 1e-12)
    low = -high if signed else min(low, 0.0)
    for axis, section in zip(axes, sections, strict=True):
        drawn = PolyCollection(
            section.polygons,
            array=panel.scale * section.fields[panel.field],
            cmap="PuOr_r" if is_difference else "RdBu_r" if signed else "viridis",
            edgecolors="face",
            linewidths=0.4,
        )
        drawn.set_clim(low, max(high, low + 1e-12))
        axis.add_collection(drawn)
    return drawn
