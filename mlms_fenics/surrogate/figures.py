# SPDX-License-Identifier: MIT
"""The picture of a training (matplotlib, without a display)."""

from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.files import replacing
from mlms_fenics.kinematics.tensors import deviator, from_components, to_components
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.histories import run

_LABELS = {6: ("11", "22", "33", "12", "23", "13"), 3: ("11", "22", "12")}


def training_picture(law: LearntLaw, data: TrainingData, path: Path, paths: int = 3) -> None:
    """Loss curves and the deviatoric stress of some test paths, true and learnt; PNG."""
    figure, axes = _page(1, paths + 1)
    axes = axes[0]
    record = law.report.get("training", {})
    axes[0].semilogy(record.get("loss", []), label="training loss")
    axes[0].semilogy(record.get("validation", []), label="validation error")
    axes[0].set(xlabel="epoch", title=law.architecture)
    axes[0].legend()
    rows = data.test[np.linspace(0, len(data.test) - 1, paths).astype(int)]
    for axis, row in zip(axes[1:], rows, strict=True):
        time = data.time_of(data.source[row])
        learnt = run(law, data.U[[row]], time)[0][0]
        draw_deviators(axis, time, data.sigma[row], learnt)
        axis.set_title("line: cell, dashed: law")
    _save(figure, path)


def _page(rows: int, columns: int) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(
        rows, columns, figsize=(4.2 * columns, 3.4 * rows), squeeze=False, layout="constrained"
    )


def draw_deviators(axis: Any, time: np.ndarray, truth: np.ndarray, learnt: np.ndarray) -> None:
    """Components of the deviatoric stress of one path in MPa, true (line) and learnt (dashed).

    Args:
        axis: of matplotlib.
        time: *Shape* `(n_t + 1,)`, µs.
        truth, learnt: components of the stress, *Shape* `(n_t + 1, c)`, GPa.
    """
    for values, style in ((truth, "-"), (learnt, "--")):
        curves = 1e3 * to_components(deviator(from_components(values)))
        for c, curve in enumerate(curves.T):
            label = _LABELS[len(curves.T)][c] if style == "-" else None
            axis.plot(time, curve, style, color=f"C{c}", lw=1.1, label=label)
    axis.set(xlabel="time, µs", ylabel="deviatoric stress, MPa")
    axis.legend(fontsize=7, ncols=2)


def _save(figure: Any, path: Path) -> None:
    import matplotlib.pyplot as plt

    with replacing(path) as beside:
        figure.savefig(beside, dpi=120)
    plt.close(figure)
