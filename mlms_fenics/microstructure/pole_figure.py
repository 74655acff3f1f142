# SPDX-License-Identifier: MIT
"""Pole figures of hexagonal crystals, equal-area projection."""

import os

import numpy as np

from mlms_fenics.files import replacing
from mlms_fenics.microstructure.rotations import check_rotations

FAMILIES = {
    "(0001)": (0, 0, 1),
    "(10$\\bar{1}$0)": (1, 0, 0),
    "(10$\\bar{1}$2)": (1, 0, 2),
}


def hexagonal_poles(h: int, k: int, l: int, c_over_a: float = 1.624) -> np.ndarray:
    """Unit normals of the family {h k i l}, lattice frame with a₁ along x and c along z.

    Args:
        h, k, l: Miller-Bravais indices (i = -h - k).
        c_over_a: axial ratio; the default is magnesium's.

    Returns:
        *Shape* `(n, 3)`: one of each pair ±normal.
    """
    reciprocal = np.array(
        [[1.0, 1.0 / np.sqrt(3.0), 0.0], [0.0, 2.0 / np.sqrt(3.0), 0.0], [0.0, 0.0, 1.0 / c_over_a]]
    )
    first = np.array([h, k, l], dtype=float) @ reciprocal
    first /= np.linalg.norm(first)
    poles: list[np.ndarray] = []
    for mirror in (1.0, -1.0):
        for sixth in range(6):
            c, s = np.cos(sixth * np.pi / 3), np.sin(sixth * np.pi / 3)
            x, y = first[0], mirror * first[1]
            pole = np.array([c * x - s * y, s * x + c * y, first[2]])
            if all(abs(abs(pole @ other) - 1.0) > 1e-9 for other in poles):
                poles.append(pole)
    return np.array(poles)


def project(directions: np.ndarray) -> np.ndarray:
    """Lambert's equal-area projection of axes, along z, onto the unit disc.

    An axis and its opposite are the same; the end in the upper half space is drawn.

    Args:
        directions: unit vectors, *Shape* `(..., 3)`.

    Returns:
        *Shape* `(..., 2)`.
    """
    upper = np.where(directions[..., 2:] < 0, -directions, directions)
    return upper[..., :2] / np.sqrt(1.0 + upper[..., 2:])


def draw_pole_figures(
    orientations: np.ndarray, path: str | os.PathLike, c_over_a: float = 1.624
) -> None:
    """Draw the (0001), (10-10) and (10-12) pole figures into a picture.

    Looking along sample z, x to the right. Colour counts the poles in multiples of a uniform
    distribution, smoothed over about 10 degrees.

    Args:
        orientations: Q (lattice to sample), *Shape* `(n, 3, 3)`.
        path: a .png, .pdf or .svg file.
        c_over_a: axial ratio.

    Raises:
        InputError: no rotations in 3D.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    Q = check_rotations(orientations)
    figure = Figure(figsize=(10.5, 3.9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3)
    for axis, (name, indices) in zip(axes, FAMILIES.items(), strict=True):
        normals = hexagonal_poles(*indices, c_over_a)
        poles = np.einsum("gij,pj->gpi", Q, normals).reshape(-1, 3)
        grid, density = pole_density(poles)
        levels = np.linspace(0.0, max(2.0, float(np.nanmax(density))), 13)
        filled = axis.contourf(*grid, density, levels=levels, cmap="viridis")
        xy = project(poles)
        axis.plot(xy[:, 0], xy[:, 1], ".", color="white", markersize=1.5, alpha=0.7)
        turn = np.linspace(0, 2 * np.pi, 361)
        axis.plot(np.cos(turn), np.sin(turn), color="black", linewidth=1)
        axis.set(aspect="equal", title=name, xlim=(-1.12, 1.12), ylim=(-1.12, 1.12))
        axis.axis("off")
        axis.text(1.03, 0, "x", ha="left", va="center")
        axis.text(0, 1.03, "y", ha="center", va="bottom")
        figure.colorbar(filled, ax=axis, shrink=0.75, label="times uniform")
    figure.suptitle(f"{len(Q)} orientations, equal-area projection along z")
    with replacing(path) as beside:
        figure.savefig(beside, dpi=150)


def pole_density(
    poles: np.ndarray, spread: float = 10.0, resolution: int = 81
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Density of axes over the disc of the projection, 1 where they are uniform.

    Args:
        poles: unit vectors, *Shape* `(n, 3)`; ±pole are the same axis.
        spread: smoothing, degrees.
        resolution: grid points across the disc.

    Returns:
        The grid (x, y) and the density, *Shape* `(resolution, resolution)`, NaN off the disc.
    """
    line = np.linspace(-1.0, 1.0, resolution)
    x, y = np.meshgrid(line, line)
    radius2 = x * x + y * y
    inside = radius2 <= 1.0
    z = 1.0 - radius2[inside]
    scale = np.sqrt(2.0 - radius2[inside])
    directions = np.stack((x[inside] * scale, y[inside] * scale, z), axis=-1)
    kappa = 1.0 / np.radians(spread) ** 2
    # Watson kernel on axes; its mean over the sphere normalises it.
    cosines = (np.arange(4000) + 0.5) / 4000
    norm = np.exp(kappa / 2 * (cosines**2 - 1.0)).mean()
    density = np.full(x.shape, np.nan)
    total = np.zeros(len(directions))
    for block in np.array_split(poles, max(1, len(poles) // 512)):
        total += np.exp(kappa / 2 * ((directions @ block.T) ** 2 - 1.0)).sum(axis=1)
    density[inside] = total / (len(poles) * norm)
    return (x, y), density
