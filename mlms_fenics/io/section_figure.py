# SPDX-License-Identifier: MIT
"""Pictures of plane sections, coloured by fields of the cells."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.errors import SimulationError
from mlms_fenics.files import replacing
from mlms_fenics.io.section import Section


@dataclass(frozen=True)
class Panel:
    """What to draw of a field.

    Attributes:
        field: its name.
        label: of the colour bar, with unit.
        scale: factor on the values, such as 1000 for MPa from GPa.
        signed: whether the sign matters: colours are then symmetric about zero.
    """

    field: str
    label: str
    scale: float = 1.0
    signed: bool = False


# The measures of the paper's Figs. 4 and 6.
MEASURES = (
    Panel("sigma_M", r"$\sigma_M$ [MPa]", scale=1000.0),
    Panel("e_d", r"$e_d$ [-]"),
    Panel("e_v", r"$e_v$ [-]", signed=True),
)


def draw_run(
    folder: Path, sections: Sequence[Section], title: str, outline: np.ndarray | None
) -> list[Path]:
    """Draw a run's last section and, if there are several, all of them; the files written.

    Args:
        folder: gets section.png and section_times.png.
        sections: in the order of time.
        title, outline: see `draw_sections`; the time is added to the title of the last one.
    """
    files = [folder / "section.png", folder / "section_times.png"]
    last = sections[-1]
    draw_sections(files[0], [last], title=f"{title}, {last.time:.3g} µs", outline=outline)
    if len(sections) == 1:
        return files[:1]
    draw_sections(files[1], sections, title=title, outline=outline)
    return files


def draw_sections(
    path: str | os.PathLike,
    sections: Sequence[Section],
    panels: Sequence[Panel] = MEASURES,
    *,
    title: str = "",
    outline: np.ndarray | None = None,
) -> None:
    """Draw sections as a picture, atomically.

    One section: its panels side by side (stacked where the body is wide). Several: rows of panels
    and columns of times (transposed where the body is wide), with colours common to all times.

    Args:
        path: of the picture, such as "section.png".
        sections: in the order of time, at least one.
        panels: what to draw.
        title: above all.
        outline: corners of the undeformed section, mm, *Shape* `(n, 2)`, drawn as a dashed line.

    Raises:
        SimulationError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    low, high = _extent(sections, outline)
    tall, several = (high - low)[1] >= (high - low)[0], len(sections) > 1
    panels_are_columns = tall != several
    shape = (len(panels), len(sections))
    rows, columns = shape[::-1] if panels_are_columns else shape
    width, height = _panel_size(high - low, several, panels_are_columns)
    # Wide bodies at several times: room for a title above each row and for the bars below.
    each, bars = (0.3, 1.4) if several and not tall else (0.0, 0.7)
    figure = Figure(
        figsize=(columns * width + 0.5, rows * (height + each) + bars), layout="constrained"
    )
    # Equal aspect narrows the axes after the layout, which then cuts their outer labels.
    figure.get_layout_engine().set(rect=(0.02, 0.0, 0.96, 1.0))
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    by_panel = axes.T if panels_are_columns else axes
    for panel, row in zip(panels, by_panel, strict=True):
        lowest, highest, extend = _limits(panel, sections)
        for section, axis in zip(sections, row, strict=True):
            drawn = _draw(axis, section, panel, outline)
            drawn.set_clim(lowest, highest)
            axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        place = "bottom" if panels_are_columns and several else "right"
        bar = figure.colorbar(
            drawn, ax=row.tolist(), label=panel.label, extend=extend, location=place, shrink=0.8
        )
        bar.ax.tick_params(labelsize=8)
    if several:
        for section, axis in zip(sections, by_panel[0], strict=True):
            axis.set_title(f"{section.time:.3g} µs", fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("x [mm]")
    for axis in axes[:, 0]:
        axis.set_ylabel("z [mm]")
    figure.suptitle(title, fontsize=11)
    _save(figure, Path(path))


def _extent(sections: Sequence[Section], outline: np.ndarray | None) -> tuple[Any, Any]:
    corners = [polygon for section in sections for polygon in section.polygons]
    everything = np.concatenate(corners if outline is None else [*corners, outline])
    low, high = everything.min(0), everything.max(0)
    margin = 0.03 * (high - low).max()
    return low - margin, high + margin


def _panel_size(extent: np.ndarray, several: bool, with_bar: bool) -> tuple[float, float]:
    width, height = extent / extent.max() * (4.5 if several else 6.5)
    return max(width + (0.9 if with_bar else 0.5), 1.0), max(height, 1.0)


def _limits(panel: Panel, sections: Sequence[Section]) -> tuple[float, float, str]:
    values = panel.scale * np.concatenate([section.fields[panel.field] for section in sections])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0, "neither"
    # A few extreme cells must not take the colours from all others.
    low, high = np.percentile(values, (0.5, 99.5))
    if panel.signed:
        high = max(abs(low), abs(high), 1e-12)
        low = -high
    else:
        low, high = min(low, 0.0), max(high, 1e-12)
    below, above = bool(values.min() < low), bool(values.max() > high)
    return (
        low,
        high,
        {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above],
    )


def _draw(axis: Any, section: Section, panel: Panel, outline: np.ndarray | None) -> Any:
    from matplotlib.collections import PolyCollection

    drawn = PolyCollection(
        section.polygons,
        array=panel.scale * section.fields[panel.field],
        cmap="RdBu_r" if panel.signed else "viridis",
        edgecolors="face",
        linewidths=0.5,
    )
    axis.add_collection(drawn)
    if outline is not None:
        closed = np.vstack([outline, outline[:1]])
        axis.plot(closed[:, 0], closed[:, 1], color="0.6", linewidth=0.6, linestyle="--", zorder=0)
    return drawn


def _save(figure: Any, path: Path) -> None:
    try:
        with replacing(path) as beside:
            figure.savefig(beside, dpi=150)
    except OSError as error:
        raise SimulationError(f"cannot write {str(path)!r}: {error.strerror}") from None
