# SPDX-License-Identifier: MIT
"""The picture of a training (matplotlib, without a display)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.files import replacing
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.evaluate import predict
from mlms_fenics.surrogate.fitting.data import TrainingData

_LABELS = {3: ("11", "22", "33", "12", "23", "13"), 2: ("11", "22", "12")}


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
    _draw_paths(axes[1:], law, data.U[rows], data.sigma[rows], data.time)
    _save(figure, path)


def _page(rows: int, columns: int) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.subplots(
        rows, columns, figsize=(4.2 * columns, 3.4 * rows), squeeze=False, layout="constrained"
    )


def _draw_paths(
    axes: Sequence[Any], law: LearntLaw, U: np.ndarray, sigma: np.ndarray, time: np.ndarray
) -> None:
    learnt = predict(law, U, float(time[-1]))[0]
    dimension = law.dimension
    # Deviator in components: drop the mean of the normal ones.
    mean = np.zeros((isometry(dimension).shape[1],) * 2)
    mean[:dimension, :dimension] = 1.0 / dimension
    for k, axis in enumerate(axes):
        for c, label in enumerate(_LABELS[dimension]):
            for values, style in ((sigma[k], "-"), (learnt[k], "--")):
                deviator = values @ (np.eye(len(mean)) - mean)
                axis.plot(
                    time,
                    1e3 * deviator[:, c],
                    style,
                    color=f"C{c}",
                    lw=1.0,
                    label=label if style == "-" else None,
                )
        axis.set(
            xlabel="time, µs", ylabel="deviatoric stress, MPa", title="line: cell, dashed: law"
        )
        axis.legend(fontsize=6, ncols=2)


def _save(figure: Any, path: Path) -> None:
    import matplotlib.pyplot as plt

    with replacing(path) as beside:
        figure.savefig(beside, dpi=120)
    plt.close(figure)
