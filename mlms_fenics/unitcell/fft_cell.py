# SPDX-License-Identifier: MIT
"""The full-field unit cell: crystal plasticity on a periodic polycrystal, solved by FFT."""

import os
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch

from mlms_fenics.checks import check_orientations, check_paths, real_array
from mlms_fenics.device import place
from mlms_fenics.errors import InputError, SimulationError, require
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.microstructure.voronoi import check_grains
from mlms_fenics.numbers import check_positive
from mlms_fenics.unitcell.apart.march import MarchThere
from mlms_fenics.unitcell.fft_files import write_cell_state
from mlms_fenics.unitcell.fft_grid import Grid
from mlms_fenics.unitcell.fft_operators import OPERATORS
from mlms_fenics.unitcell.fft_path import March, Observer, Settings
from mlms_fenics.unitcell.fft_points import Points
from mlms_fenics.unitcell.fft_results import CellResults, cell_results
from mlms_fenics.unitcell.fft_slabs import make_grid

_ITERATIONS = {"newton": 20, "anderson": 60, "basic": 1000}  # of a step, before it is halved
_FLOOR = 1e-5  # of the shear modulus: the stress below which residuals are not relative any more


class FFTCell:
    """A periodic cell of grains whose mean deformation gradient is prescribed.

    Args:
        law: the crystal, or a sequence of them, one for each grain (phases); the grid has the law's
            dimension.
        grains: number of the grain of each grid cell, *Shape* the grid's.
        orientations: rotations Q from lattice to sample, F_crystal = F Q, *Shape*
            `(n_grains, 3, 3)` (or `(n_grains, 2, 2)` for a two-dimensional law).
        lengths: edges of the unit cell (any unit: only their ratios matter); grid cells are cubes
            where None.
        operator: discrete gradient, "rotated" (Willot 2015), "fourier", "difference2" or
            "difference4" (Vidyasagar et al. 2017); see `fft_operators`.
        method: "newton" (tangents kept over many steps, GMRES); "anderson", or "basic" for the
            plain fixed-point scheme.
        comm: mpi4py communicator whose ranks share the grid in slabs (needs mpi4py-fft), each
            with the same arguments and the same averages; None for one process. Observed
            `Fields`, `evaluations` and `seconds` are those of a rank's own slab.
        device: torch device on which cells are solved, all in one call, by method "anderson" or
            "basic"; None: the CPU, one after the other.

    Raises:
        InputError: an argument that is not as said above.
    """

    def __init__(
        self,
        law: CrystalLaw | Sequence[CrystalLaw],
        grains: np.ndarray,
        orientations: np.ndarray,
        *,
        lengths: Sequence[float] | None = None,
        operator: str = "rotated",
        method: str = "newton",
        comm: Any = None,
        device: torch.device | str | None = None,
    ):
        self.laws = (law,) if isinstance(law, CrystalLaw) else tuple(law)
        require(len(self.laws) > 0, "law is an empty sequence")
        self.law = self.laws[0]
        self.dimension = self.law.dimension
        self.grains = check_grains(grains, self.dimension)
        self.orientations = check_orientations(orientations, self.dimension)
        n = int(self.grains.max()) + 1
        require(
            len(self.orientations) == n,
            f"{len(self.orientations)} orientations for {n} grains",
        )
        require(
            len(self.laws) in (1, n) and all(x.dimension == self.dimension for x in self.laws),
            f"{len(self.laws)} laws for {n} grains: give one, or one for each grain, all of one "
            "dimension",
        )
        require(operator in OPERATORS, f"operator '{operator}' is none of {', '.join(OPERATORS)}")
        require(method in _ITERATIONS, f"method '{method}' is none of {', '.join(_ITERATIONS)}")
        edges = real_array("lengths", self.grains.shape if lengths is None else lengths)
        self.lengths = tuple(float(x) for x in edges.ravel())
        require(
            len(self.lengths) == self.dimension and all(0 < x < np.inf for x in self.lengths),
            f"lengths is {lengths}, but must be {self.dimension} positive numbers",
        )
        self.operator, self.method, self.comm = operator, method, comm
        self.device = None if device is None else place(device)
        require(
            device is None or (method != "newton" and comm is None),
            f"cells on a device ({device}) are solved by method anderson or basic and by one rank, "
            f"but method is {method!r} and comm {comm!r}",
        )

    def stress(
        self,
        U: np.ndarray,
        horizon: float,
        tolerance: float = 1e-4,
        *,
        failure_file: str | os.PathLike = "fft_cell_last_state.h5",
    ) -> np.ndarray:
        """Average Cauchy stress ⟨P⟩ Fᵀ/det F along strain paths, F = U.

        Args:
            U: right stretch, *Shape* `(..., n_t + 1, d, d)`, linear in time between n_t + 1 equally
                spaced entries, the first the identity. A two-dimensional law takes d = 2, or d = 3
                in plane strain.
            horizon: duration of the paths, µs.
            tolerance: of the equilibrium residual ‖div P‖ L/‖⟨P⟩‖ at every step; the law
                is integrated more precisely, so that this can be met.
            failure_file: where the last good state goes if a step cannot be solved.

        Returns:
            Cauchy stress, GPa, in U's shape.

        Raises:
            InputError: a path is not admissible (the message names it) or a number out of range.
            SimulationError: a step could not be solved; names step and residual.
        """
        paths = check_paths(U, self.dimension)
        results, march = self._solve(paths, horizon, tolerance, None)
        failed = np.flatnonzero(results.status != 1)
        if failed.size:
            write_cell_state(failure_file, self, march, int(failed[0]))
            raise SimulationError(
                f"path {failed[0]}: {results.message[failed[0]]}; the last good state, at "
                f"t = {march.time[failed[0]]:.6g} µs, is in '{failure_file}'"
            )
        d = np.shape(U)[-1]
        return results.stress[..., :d, :d].reshape(np.shape(U))

    def solve(
        self,
        U: np.ndarray,
        horizon: float,
        tolerance: float = 1e-4,
        *,
        observe: Observer | None = None,
    ) -> CellResults:
        """As `stress`, with statistics, and going on with the others where a path fails.

        Args:
            U, horizon, tolerance: as `stress`'s. U need not be symmetric: any history of the mean
                deformation gradient with positive determinant will do.
            observe: called after each increment with the path's number, time (µs), increment and
                `Fields`.

        Raises:
            InputError: as `stress`.
        """
        results, _ = self._solve(self._check_history(U), horizon, tolerance, observe)
        shape, d = np.shape(U)[:-3], np.shape(U)[-1]
        n_t = results.iterations.shape[-1]
        return CellResults(
            results.stress[..., :d, :d].reshape(*shape, n_t + 1, d, d),
            results.status.reshape(shape),
            results.message,
            results.substeps.reshape(shape),
            results.rejected.reshape(shape),
            results.smallest_step.reshape(shape),
            results.P.reshape(*shape, n_t + 1, self.dimension, self.dimension),
            results.iterations.reshape(*shape, n_t),
            results.residual.reshape(*shape, n_t),
            results.seconds,
            results.evaluations.reshape(shape),
            results.directions.reshape(shape),
        )

    def _check_history(self, F: np.ndarray) -> np.ndarray:
        F, d = real_array("U", F), self.dimension
        sizes = ((d, d), (3, 3))
        require(
            F.ndim >= 3 and F.shape[-2:] in sizes and F.shape[-3] >= 2,
            f"U must have shape (..., n_t + 1, {d}, {d}) with n_t ≥ 1, got {F.shape}",
        )
        F = F.reshape(-1, *F.shape[-3:])
        good = np.isfinite(F).all() and (np.linalg.det(F) > 0).all()
        require(bool(good), "U must be finite with positive determinant throughout")
        start = np.abs(F[:, 0] - np.eye(F.shape[-1])).max(initial=0.0)
        require(start <= 1e-6, "U does not start at the identity: cells start undeformed")
        if F.shape[-1] > d:
            out = np.abs(F[..., 2, :] - np.eye(3)[2]).max(initial=0.0)
            out += np.abs(F[..., :2, 2]).max(initial=0.0)
            require(out <= 1e-9, "U is not in plane strain, which a 2D law needs")
        return F

    def _solve(
        self, F: np.ndarray, horizon: float, tolerance: float, observe: Observer | None
    ) -> tuple[CellResults, March]:
        if len(F):
            return solve_cells([self] * len(F), F, horizon, tolerance, observe)
        rest = np.broadcast_to(np.eye(F.shape[-1]), (1, *F.shape[1:]))  # gives the results' shapes
        results, march = solve_cells([self], rest, horizon, tolerance)
        per_path = {
            f.name: getattr(results, f.name)[:0] for f in fields(results) if f.name != "seconds"
        }
        return replace(results, **per_path), march


def solve_cells(
    cells: Sequence[FFTCell],
    F: np.ndarray,
    horizon: float,
    tolerance: float = 1e-4,
    observe: Observer | None = None,
) -> tuple[CellResults, March]:
    """Solve several cells at once, each along its own path, as if each were alone.

    Args:
        cells: of one dimension, grid shape, lengths, operator and method; laws may differ.
        F: mean deformation gradients, one history for each cell, *Shape* `(B, n_t + 1, d, d)`.
        horizon, tolerance, observe: as of `FFTCell`.

    Returns:
        The results (stress `(B, n_t + 1, 3, 3)`), and the cells' final states.

    Raises:
        InputError: no cells, cells that do not go together, F of another shape, or a number out of
            range.
    """
    require(len(cells) > 0, "there are no cells to solve: give at least one")
    first = cells[0]
    horizon = check_positive("horizon", horizon, "µs")
    tolerance = check_positive("tolerance", tolerance, largest=0.1)
    for cell in cells:
        for name in ("dimension", "lengths", "operator", "method", "comm", "device"):
            if getattr(cell, name) != getattr(first, name):
                raise InputError(f"cells solved together must agree in {name}")
        require(cell.grains.shape == first.grains.shape, "cells must have one grid shape")
    F, d = real_array("F", F), first.dimension
    require(
        F.ndim == 4 and F.shape[1] >= 2 and F.shape[2:] in ((d, d), (3, 3)),
        f"F must have shape ({len(cells)}, n_t + 1, {d}, {d}) with n_t ≥ 1, got {F.shape}",
    )
    require(len(F) == len(cells), f"{len(F)} histories for {len(cells)} cells")
    started = time.perf_counter()
    grid, points, settings = prepared(cells, tolerance)
    if first.device is None:
        march = March(grid, points, F[..., :d, :d], horizon, settings)
        march.run(observe)
    else:
        require(observe is None, "cells on a device show no fields along their paths")
        march = MarchThere(grid, points, F[..., :d, :d], horizon, settings, first.device)
        march.run()
    seconds = {**grid.seconds, "total": time.perf_counter() - started}
    return cell_results(march, seconds), march


def prepared(cells: Sequence[FFTCell], tolerance: float) -> tuple[Grid, Points, Settings]:
    """Grid, virgin points and settings of cells that are solved together; see `solve_cells`."""
    first = cells[0]
    grid = make_grid(first.grains.shape, first.lengths, first.operator, first.comm)
    laws = list(dict.fromkeys(law for cell in cells for law in cell.laws))
    phase, Q = [], []
    for cell in cells:
        owner = grid.local(cell.grains).ravel()
        of_grain = [laws.index(law) for law in cell.laws]
        phase.append(
            np.array(of_grain * (1 if len(of_grain) > 1 else len(cell.orientations)))[owner]
        )
        Q.append(cell.orientations[owner])
    points = Points(tuple(laws), np.stack(phase), np.stack(Q), tolerance)
    shear = np.array([law.shear_modulus for law in laws])
    bulk = np.array([law.bulk_modulus for law in laws])
    lame = bulk - 2.0 / 3.0 * shear
    settings = Settings(
        tolerance,
        _FLOOR * float(shear.min()),
        (float(lame.min() + lame.max()) / 2, float(shear.min() + shear.max()) / 2),
        first.method,
        max_iterations=_ITERATIONS[first.method],
    )
    return grid, points, settings
