# SPDX-License-Identifier: MIT
"""The foot of a bar that has hit a wall: half axes of its outline, and the bar's silhouette."""

from dataclasses import dataclass

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.io.layout import Snapshot


@dataclass(frozen=True)
class Footprint:
    """The ellipse that fits the rim of the foot best.

    Attributes:
        major, minor: half axes, mm.
        direction: of the major axis from x towards y, degrees, in [0, 180).
        misfit: root mean square distance of the rim from the ellipse, mm.
    """

    major: float
    minor: float
    direction: float
    misfit: float

    @property
    def aspect(self) -> float:
        """Major over minor half axis."""
        return self.major / self.minor

    def reach(self, angle: float) -> float:
        """From the middle to the ellipse, mm, in a direction from x towards y, degrees."""
        turn = np.radians(angle - self.direction)
        return float(np.hypot(np.cos(turn) / self.major, np.sin(turn) / self.minor) ** -1)


def fit_ellipse(points: np.ndarray) -> Footprint:
    """Fit an ellipse about the points' middle.

    a (x² + y²) + b (x² − y²) + 2 c x y = 1 in the least squares.

    Args:
        points: of the outline, mm, *Shape* `(n, 2)`, all around it.

    Raises:
        InputError: fewer than five points, or no ellipse fits.
    """
    if len(points) < 5:
        raise InputError(f"an ellipse needs at least 5 points of the rim, got {len(points)}")
    # The middle of the outline: opposite extremes, which do not depend on how it is sampled.
    x, y = (points - 0.5 * (points.min(0) + points.max(0))).T
    columns = np.stack((x * x + y * y, x * x - y * y, 2.0 * x * y), axis=1)
    a, b, c = np.linalg.lstsq(columns, np.ones(len(x)), rcond=None)[0]
    values, vectors = np.linalg.eigh([[a + b, c], [c, a - b]])
    if not values[0] > 0.0:
        raise InputError("no ellipse fits the rim of the foot: it is torn or folded")
    major, minor = values**-0.5
    along = vectors[:, 0]
    distance = np.hypot(x, y)
    fitted = 1.0 / np.sqrt(columns @ [a, b, c] / distance**2)
    direction = float(np.round(np.degrees(np.arctan2(along[1], along[0])), 6) % 180.0)
    misfit = float(np.sqrt(np.mean((distance - fitted) ** 2)))
    return Footprint(float(major), float(minor), direction, misfit)


def rim_of_foot(body: Snapshot) -> np.ndarray:
    """Deformed positions across the axis of the foot's outermost nodes, mm, *Shape* `(n, 2)`.

    The foot are the nodes lowest along z at rest, its rim those farthest from the z axis there.
    """
    X = body.points
    foot = X[:, 2] < X[:, 2].min() + 1e-6 * np.ptp(X[:, 2])
    radius = np.hypot(X[:, 0], X[:, 1])
    rim = foot & (radius > (1.0 - 1e-6) * radius[foot].max())
    return (X + body.nodal["u"])[rim, :2]


def silhouette(body: Snapshot, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the bar reaches in given directions, layer by layer of nodes.

    Args:
        body: a bar meshed in layers along z.
        angles: directions from x towards y, degrees, *Shape* `(m,)`.

    Returns:
        Mean deformed height of each layer, mm, *Shape* `(layers,)`, and half of the width of its
        projection on each direction, mm, *Shape* `(layers, m)`.
    """
    heights, layer = np.unique(np.round(body.points[:, 2], 9), return_inverse=True)
    x = body.points + body.nodal["u"]
    turn = np.radians(np.asarray(angles, dtype=float))
    along = x[:, :2] @ np.stack((np.cos(turn), np.sin(turn)))
    widths = np.stack([0.5 * np.ptp(along[layer == k], axis=0) for k in range(len(heights))])
    return np.array([x[layer == k, 2].mean() for k in range(len(heights))]), widths


def bulge(body: Snapshot) -> dict[str, float]:
    """The back of a plate that was hit at its middle along +z.

    Args:
        body: whose back, the nodes highest along z at rest, has nodes along the x and y axes.

    Returns:
        "deflection [mm]" of the back's middle, and "half width along x [mm]" and "along y": how far
        from the middle, at rest, the deflection has fallen to half of it, by linear interpolation
        between the nodes within 10 degrees of the axis; NaN where it does not.
    """
    X, u = body.points, body.nodal["u"][:, 2]
    back = X[:, 2] > X[:, 2].max() - 1e-6 * np.ptp(X[:, 2])
    x, y, moved = X[back, 0], X[back, 1], u[back]
    radius = np.hypot(x, y)
    top = float(moved[radius.argmin()])
    found = {"deflection [mm]": top}
    for name, along, across in (("x", x, y), ("y", y, x)):
        near = np.abs(across) <= np.tan(np.radians(10.0)) * np.abs(along) + 1e-9
        order = np.argsort(radius[near])
        r, share = radius[near][order], moved[near][order] / top
        below = np.flatnonzero(share < 0.5)
        half = np.nan
        if len(below) and below[0] > 0:
            k = below[0]
            part = (share[k - 1] - 0.5) / (share[k - 1] - share[k])
            half = float(r[k - 1] + part * (r[k] - r[k - 1]))
        found[f"half width along {name} [mm]"] = half
    return found
