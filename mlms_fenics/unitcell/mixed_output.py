# SPDX-License-Identifier: MIT
"""Curves of a test under mixed control: a table and a picture."""

import os

import numpy as np

from mlms_fenics.files import replacing
from mlms_fenics.unitcell.mixed_control import MixedResult

_COMPONENTS = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2))
_LEAST = 0.01  # of the largest stress: smaller components are not drawn


def write_curves(result: MixedResult, path: str | os.PathLike) -> None:
    """A CSV file: strain, time (s), Cauchy stress (MPa), F, slip and twin fraction by family."""
    columns = {"strain": result.loading.strain}
    columns["time_s"] = np.linspace(0.0, result.loading.duration, len(result.F)) * 1e-6
    columns |= {f"stress_{i + 1}{j + 1}_MPa": 1e3 * result.stress[:, i, j] for i, j in _COMPONENTS}
    columns |= {f"F_{i + 1}{j + 1}": result.F[:, i, j] for i in range(3) for j in range(3)}
    columns |= {f"slip {f.name}": result.slip[:, k] for k, f in enumerate(result.law.slip)}
    columns |= {
        f"twin fraction {f.name}": result.twin_fraction[:, k]
        for k, f in enumerate(result.law.twins)
    }
    with replacing(path) as beside:
        np.savetxt(
            beside,
            np.stack(list(columns.values()), axis=1),
            delimiter=",",
            header=",".join(columns),
            comments="",
            fmt="%.8g",
        )


def draw_curves(result: MixedResult, path: str | os.PathLike) -> None:
    """A picture: stress over strain, each family's share of the slip, twin fractions."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    twins = bool(result.law.twins)
    figure = Figure(figsize=(13.0 if twins else 9.0, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3 if twins else 2)
    strain = result.loading.strain
    largest = np.abs(result.stress).max()
    for i, j in _COMPONENTS:
        if np.abs(result.stress[:, i, j]).max() > _LEAST * largest:
            label = f"$\\sigma_{{{i + 1}{j + 1}}}$"
            axes[0].plot(strain, 1e3 * result.stress[:, i, j], label=label)
    axes[0].set(ylabel="Cauchy stress, MPa")
    _draw_shares(axes[1], result)
    if twins:
        for k, f in enumerate(result.law.twins):
            axes[2].plot(strain, result.twin_fraction[:, k], label=f.name)
        axes[2].set(ylabel="volume fraction of twins", ylim=(0.0, None))
    for axis in axes:
        axis.set(xlabel="strain")
        axis.legend()
        axis.grid(alpha=0.3)
    figure.suptitle(f"{result.law.name}, {result.of}")
    with replacing(path) as beside:
        figure.savefig(beside, dpi=150)


def _draw_shares(axis, result: MixedResult) -> None:
    """Share of each family in the shear of a step; twins count by their shear."""
    shears = [np.diff(result.slip, axis=0)]
    if result.law.twins:
        amount = np.array([f.shear for f in result.law.twins])
        shears.append(np.abs(np.diff(result.twin_fraction, axis=0)) * amount)
    shear = np.concatenate(shears, axis=1)
    total = shear.sum(1, keepdims=True)
    share = np.divide(shear, total, out=np.full_like(shear, np.nan), where=total > 0)
    middle = 0.5 * (result.loading.strain[1:] + result.loading.strain[:-1])
    for k, f in enumerate(result.law.families):
        axis.plot(middle, share[:, k], label=f.name)
    axis.set(ylabel="share in the shear rate", ylim=(-0.03, 1.03))
