# SPDX-License-Identifier: MIT
"""Pictures of a data set."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.data.dataset import Dataset
from mlms_fenics.data.measures import Measures
from mlms_fenics.tensors import COMPONENTS

SHOWN = 12


def draw_overview(dataset: Dataset, measures: Measures, path: str | os.PathLike) -> None:
    """Draw paths, stress-strain curves and distributions of strain and rate into one picture.

    Args:
        dataset: the data.
        measures: of a selection of its samples.
        path: a .png, .pdf or .svg file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3)
    time = dataset.time
    shown = range(min(SHOWN, len(measures.strain)))
    _one_path(axes[0, 0], dataset, measures, time)
    for k in shown:
        axes[0, 1].plot(time, 100 * measures.strain[k], linewidth=1)
        axes[0, 2].plot(100 * measures.strain[k], 1e3 * measures.stress[k], linewidth=1)
    axes[0, 1].set(
        title=f"{len(shown)} paths",
        xlabel="time, µs",
        ylabel="equivalent strain, %",
        ylim=(0, None),
    )
    axes[0, 2].set(
        title="their stress",
        xlabel="equivalent strain, %",
        ylabel="von Mises stress, MPa",
        xlim=(0, None),
        ylim=(0, None),
    )
    _histogram(axes[1, 0], 100 * measures.strain.ravel(), "equivalent strain, %", "all times")
    axes[1, 0].hist(
        100 * measures.strain.max(axis=1), 25, density=True, histtype="step", label="largest"
    )
    axes[1, 0].legend()
    _histogram(axes[1, 1], 100 * measures.volume.ravel(), "ln J, %", "all times")
    rates = measures.rate.ravel()
    _rates(axes[1, 2], rates[rates > 0])
    sampler = dataset.sampler
    figure.suptitle(
        f"{dataset.path.name}: {len(dataset)} samples, {dataset.attrs['cell']}, "
        f"{len(dataset.orientations)} grains, protocol {dataset.protocol}, "
        f"max strain {sampler['max_strain']:g}, T = {dataset.horizon:g} µs"
    )
    save(figure, path)


def _one_path(axis: Any, dataset: Dataset, measures: Measures, time: np.ndarray) -> None:
    for i, j in COMPONENTS[dataset.dimension]:
        axis.plot(time, 100 * measures.log_strain[0, :, i, j], label=f"{i + 1}{j + 1}", linewidth=1)
    axis.set(title="one path", xlabel="time, µs", ylabel="components of log U, %")
    axis.legend(ncols=2)


def _histogram(axis: Any, values: np.ndarray, name: str, label: str) -> None:
    axis.hist(values, 60, density=True, alpha=0.5, label=label)
    axis.set(xlabel=name, ylabel="density, 1/%", title=f"distribution of {name.split(',')[0]}")


def _rates(axis: Any, rates: np.ndarray) -> None:
    if len(rates):
        low, high = np.percentile(rates, (0.1, 100))
        axis.hist(rates, np.geomspace(max(low, high * 1e-8), high * 1.01, 60), alpha=0.5)
        axis.set_xscale("log")
    axis.set(xlabel="equivalent strain rate, 1/µs", ylabel="steps", title="distribution of rate")


def save(figure: Any, path: str | os.PathLike) -> None:
    """Write a figure, whole or not at all."""
    temporary = Path(path).with_name(f".{os.getpid()}.{Path(path).name}")
    figure.savefig(temporary, dpi=120)
    os.replace(temporary, path)
