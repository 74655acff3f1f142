# SPDX-License-Identifier: MIT
"""Pictures of a data set."""

import os
from typing import Any

import numpy as np

from mlms_fenics.data.dataset import Dataset
from mlms_fenics.data.measures import Measures
from mlms_fenics.files import replacing
from mlms_fenics.kinematics.tensors import COMPONENTS

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

    columns = 3 if dataset.grains is None else 4
    figure = Figure(figsize=(13 * columns / 3, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, columns)
    if dataset.grains is not None:
        _grain_map(axes[0, 3], dataset.grains)
        _grain_sizes(axes[1, 3], dataset.grains)
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
    most = 100 * measures.strain.max(axis=1)
    strains = {"all times": 100 * measures.strain.ravel(), "largest of each path": most}
    _histogram(axes[1, 0], strains, (0.0, 1.05 * most.max()), "equivalent strain, %")
    volume = 100 * measures.volume.ravel()
    reach = max(0.1, 1.05 * np.abs(volume).max())  # %: isochoric paths show as one bar
    _histogram(axes[1, 1], {"all times": volume}, (-reach, reach), "ln J, %")
    _rates(axes[1, 2], measures.rate.ravel())
    sampler = dataset.sampler
    figure.suptitle(
        f"{dataset.path.name}: {len(dataset)} samples, {dataset.attrs['cell']}, "
        f"{len(dataset.orientations)} grains, protocol {dataset.protocol}, "
        f"max strain {sampler['max_strain']:g}, T = {dataset.horizon:g} µs"
    )
    save(figure, path)


def _grain_map(axis: Any, grains: np.ndarray) -> None:
    middle = grains if grains.ndim == 2 else grains[:, :, grains.shape[2] // 2]
    # Neighbours in number are often neighbours in space: colours far apart tell them apart.
    colour = np.random.default_rng(0).permutation(int(grains.max()) + 1)[middle]
    axis.imshow(colour.T, origin="lower", cmap="turbo", interpolation="nearest")
    place = "" if grains.ndim == 2 else ", section through the middle"
    axis.set(title=f"grains{place}", xlabel="x, grid cells", ylabel="y, grid cells")


def _grain_sizes(axis: Any, grains: np.ndarray) -> None:
    shares = np.sort(np.bincount(grains.ravel()) / grains.size)[::-1]
    axis.bar(np.arange(len(shares)), 100 * shares, alpha=0.5)
    axis.axhline(100 / len(shares), color="black", linewidth=0.8, linestyle="--")
    axis.set(title="volume of the grains", xlabel="grain, by size", ylabel="share, %")


def _one_path(axis: Any, dataset: Dataset, measures: Measures, time: np.ndarray) -> None:
    for i, j in COMPONENTS[dataset.dimension]:
        axis.plot(time, 100 * measures.log_strain[0, :, i, j], label=f"{i + 1}{j + 1}", linewidth=1)
    axis.set(title="one path", xlabel="time, µs", ylabel="components of log U, %")
    axis.legend(ncols=2)


def _histogram(
    axis: Any, samples: dict[str, np.ndarray], bounds: tuple[float, float], name: str
) -> None:
    for label, values in samples.items():
        axis.hist(values, 40, range=bounds, weights=_share(values), alpha=0.5, label=label)
    axis.set(xlabel=name, ylabel="share, %", title=f"distribution of {name.split(',')[0]}")
    axis.legend()


def _rates(axis: Any, rates: np.ndarray) -> None:
    moving = rates[rates > 1e-6 * rates.max()]  # a held strain has no place on a log axis
    if len(moving):
        low, middle, high = np.percentile(moving, (0.1, 50, 100))
        bins = np.geomspace(min(low, middle / 5) / 1.1, max(high, middle * 5) * 1.1, 50)
        weights = _share(moving) * len(moving) / len(rates)
        axis.hist(moving, bins, weights=weights, alpha=0.5)
        axis.set_xscale("log")
    axis.set(xlabel="equivalent strain rate, 1/µs", ylabel="share, %", title="distribution of rate")


def _share(values: np.ndarray) -> np.ndarray:
    return np.full(len(values), 100.0 / max(1, len(values)))


def save(figure: Any, path: str | os.PathLike) -> None:
    """Write a figure, whole or not at all."""
    with replacing(path) as beside:
        figure.savefig(beside, dpi=120)
