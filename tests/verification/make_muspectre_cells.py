# SPDX-License-Identifier: MIT
"""Writes muspectre_cells.json; no test. Needs muSpectre (made with 0.27.0 on Python 3.11).

Periodic cells of elastic grains, solved by muSpectre's projection and Newton-CG. Its material is
that of Saint Venant and Kirchhoff, whose moduli at small strain any elastic law can be given; the
mean deformation is a large rotation after a small stretch, and a large stretch.
"""

import json
from pathlib import Path

import muSpectre as mu
import numpy as np

STIFFNESS = ((20.0, 60.0), (5.0, 8.0), (1.0, 3.0))  # shear and bulk modulus, GPa
GRIDS = {2: (15, 13), 3: (7, 9, 5)}  # odd: codes differ in what they do at the Nyquist frequency
GRAINS = 9


def grains_of(grid):
    """Nearest of random seeds, periodically; edges of the cell are as the grid's numbers."""
    x = np.stack(np.meshgrid(*(np.arange(n) for n in grid), indexing="ij"), -1)
    seeds = np.random.default_rng(len(grid)).random((GRAINS, len(grid))) * grid
    d = np.abs(x[..., None, :] - seeds)
    return (np.minimum(d, np.array(grid) - d) ** 2).sum(-1).argmin(-1)


def rotated(d):
    """Differences across the pixel along one axis, averaged over its corners (Willot 2015)."""
    stencils = []
    for axis in range(d):
        s = np.ones((2,) * d) / 2 ** (d - 1)
        s[(slice(None),) * axis + (0,)] *= -1
        stencils.append(mu.DiscreteDerivative([0] * d, s))
    return stencils


def average_stress(grains, F, gradient):
    """Average first Piola-Kirchhoff stress, GPa."""
    d = grains.ndim
    cell = mu.Cell(
        grains.shape,
        [float(n) for n in grains.shape],
        mu.Formulation.finite_strain,
        None if gradient == "fourier" else rotated(d),
        fft="pocketfft",
    )
    make = getattr(mu.material, f"MaterialLinearElastic1_{d}d").make
    phases = []
    for k, (G, K) in enumerate(STIFFNESS):
        phases.append(
            make(cell, str(k), 9 * K * G / (3 * K + G), (3 * K - 2 * G) / (6 * K + 2 * G))
        )
    for pixel in cell.pixel_indices:  # numbered with the first axis fastest
        phases[grains.ravel(order="F")[pixel] % len(STIFFNESS)].add_pixel(pixel)
    cell.initialise()
    quiet = mu.Verbosity.Silent
    krylov = mu.solvers.KrylovSolverCG(cell, 1e-10, 5000, verbose=quiet)
    found = mu.solvers.newton_cg(cell, F - np.eye(d), krylov, 1e-8, 1e-9, quiet)
    assert found.success
    F_mean = np.asarray(cell.strain).reshape(d, d, -1).mean(-1)
    assert np.abs(F_mean - F).max() < 1e-12
    return np.asarray(cell.stress).reshape(d, d, -1).mean(-1)


if __name__ == "__main__":
    E = np.array([[0.8, 0.5, -0.2], [0.5, -0.6, 0.3], [-0.2, 0.3, 0.4]])
    c, s = np.cos(0.7), np.sin(0.7)
    R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    mean = {"small": R @ (np.eye(3) + 1e-5 * E), "large": np.eye(3) + 0.15 * E}
    out = {"stiffness": STIFFNESS}
    for d, grid in GRIDS.items():
        grains = grains_of(grid)
        assert len(np.unique(grains)) == GRAINS
        one = {"grains": grains.tolist()}
        for size, F in mean.items():
            F = F[:d, :d]
            one[size] = {"F": F.tolist()}
            for operator in ("fourier", "rotated"):
                one[size][operator] = average_stress(grains, F, operator).tolist()
        out[f"{d}D"] = one
    path = Path(__file__).with_name("muspectre_cells.json")
    path.write_text(json.dumps(out) + "\n")
