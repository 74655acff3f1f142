# SPDX-License-Identifier: MIT
"""Pole figures, equal-area projection."""

import os

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.materials.crystal.lattice import hexagonal_normal, unit
from mlms_fenics.microstructure.harmonics import lattice_rotations
from mlms_fenics.microstructure.measured import Texture
from mlms_fenics.weights import are_equal, check_weights

FAMILIES = {
    "hexagonal": {
        "(0001)": (0, 0, 1),
        "(10$\\bar{1}$0)": (1, 0, 0),
        "(10$\\bar{1}$2)": (1, 0, 2),
    },
    "cubic": {"(100)": (1, 0, 0), "(110)": (1, 1, 0), "(111)": (1, 1, 1)},
}
_DRAWN, _DOTS = 4000, 6000  # most orientations that a figure is made of, and most dots in it


def family_poles(
    lattice: str, indices: tuple[int, int, int], c_over_a: float = 1.624
) -> np.ndarray:
    """Unit normals of a family of planes, one of each pair ±normal, *Shape* `(n, 3)`.

    Args:
        lattice: "cubic" or "hexagonal".
        indices: h, k, l (hexagonal: without i).
        c_over_a: axial ratio of a hexagonal lattice.

    Raises:
        InputError: unknown lattice.
    """
    h, k, l = indices
    if lattice == "hexagonal":
        normal = hexagonal_normal(np.array([h, k, -h - k, l]), c_over_a)
    else:
        normal = unit(np.array([h, k, l], dtype=float))
    poles: list[np.ndarray] = []
    for pole in lattice_rotations(lattice) @ normal:
        if all(abs(abs(pole @ other) - 1.0) > 1e-9 for other in poles):
            poles.append(pole)
    return np.array(poles)


def hexagonal_poles(h: int, k: int, l: int, c_over_a: float = 1.624) -> np.ndarray:
    """`family_poles` of the hexagonal family {h k i l}, i = -h - k; a₁ along x, c along z."""
    return family_poles("hexagonal", (h, k, l), c_over_a)


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
    orientations: np.ndarray,
    path: str | os.PathLike,
    c_over_a: float = 1.624,
    *,
    lattice: str = "hexagonal",
    weights: np.ndarray | None = None,
) -> None:
    """Draw the pole figures of three families (see `FAMILIES`) into a picture.

    Looking along sample z, x to the right. Colour counts the poles in multiples of a uniform
    distribution, smoothed over about 10 degrees. Of more than 4000 orientations, 4000 that stand
    for all are drawn.

    Args:
        orientations: Q (lattice to sample), *Shape* `(n, 3, 3)`.
        path: a .png, .pdf or .svg file.
        c_over_a: axial ratio of a hexagonal lattice.
        lattice: "hexagonal" or "cubic".
        weights: volume fractions, *Shape* `(n,)`; None: all equal.

    Raises:
        InputError: no rotations in 3D, bad weights, unknown lattice.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    whole = Texture(orientations, weights, lattice)
    require(whole.orientations.shape[-1] == 3, "pole figures are of orientations in 3D")
    texture = whole.resampled(_DRAWN)
    figure = Figure(figsize=(10.5, 3.9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3)
    for axis, (name, indices) in zip(axes, FAMILIES[lattice].items(), strict=True):
        normals = family_poles(lattice, indices, c_over_a)
        poles = np.einsum("gij,pj->gpi", texture.orientations, normals).reshape(-1, 3)
        share = np.repeat(texture.weights, len(normals))
        grid, density = pole_density(poles, weights=share, reach=1.08)
        levels = np.linspace(0.0, max(2.0, float(np.nanmax(density))), 13)
        filled = axis.contourf(*grid, density, levels=levels, cmap="viridis")
        xy = project(poles[:: -(-len(poles) // _DOTS)])
        axis.plot(xy[:, 0], xy[:, 1], ".", color="white", markersize=1.5, alpha=0.7)
        turn = np.linspace(0, 2 * np.pi, 361)
        (rim,) = axis.fill(np.cos(turn), np.sin(turn), facecolor="none", edgecolor="black")
        filled.set_clip_path(rim)
        axis.set(aspect="equal", title=name, xlim=(-1.12, 1.12), ylim=(-1.12, 1.12))
        axis.axis("off")
        axis.text(1.03, 0, "x", ha="left", va="center")
        axis.text(0, 1.03, "y", ha="center", va="bottom")
        figure.colorbar(filled, ax=axis, shrink=0.75, label="times uniform", format="%.2g")
    weighted = "" if are_equal(whole.weights) else "weighted "
    figure.suptitle(f"{len(whole)} {weighted}orientations, equal-area projection along z")
    with replacing(path) as beside:
        figure.savefig(beside, dpi=150)


def pole_density(
    poles: np.ndarray,
    spread: float = 10.0,
    resolution: int = 81,
    weights: np.ndarray | None = None,
    reach: float = 1.0,
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Density of axes over the disc of the projection, 1 where they are uniform.

    Args:
        poles: unit vectors, *Shape* `(n, 3)`; ±pole are the same axis.
        spread: smoothing, degrees.
        resolution: grid points across the disc.
        weights: of the poles, *Shape* `(n,)`; None: all equal.
        reach: radius to which it is computed, from 1 to √2; beyond the disc it goes on smoothly.

    Returns:
        The grid (x, y) and the density, *Shape* `(resolution, resolution)`, NaN beyond
        the reach.
    """
    line = np.linspace(-reach, reach, resolution)
    x, y = np.meshgrid(line, line)
    radius2 = x * x + y * y
    inside = radius2 <= reach * reach
    z = 1.0 - radius2[inside]
    scale = np.sqrt(2.0 - radius2[inside])
    directions = np.stack((x[inside] * scale, y[inside] * scale, z), axis=-1)
    kappa = 1.0 / np.radians(spread) ** 2
    # Watson kernel on axes; its mean over the sphere normalises it.
    cosines = (np.arange(4000) + 0.5) / 4000
    norm = np.exp(kappa / 2 * (cosines**2 - 1.0)).mean()
    density = np.full(x.shape, np.nan)
    total = np.zeros(len(directions))
    share = check_weights(weights, len(poles))
    for rows in np.array_split(np.arange(len(poles)), max(1, len(poles) // 512)):
        cosines = directions @ poles[rows].T
        total += np.exp(kappa / 2 * (cosines**2 - 1.0)) @ share[rows]
    density[inside] = total / norm
    return (x, y), density
