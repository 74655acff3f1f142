# SPDX-License-Identifier: MIT
"""The periodic cell by finite elements: another discretisation for the FFT solver to agree with."""

from types import SimpleNamespace

import basix
import basix.ufl
import numpy as np
import ufl
from dolfinx import fem, mesh
from dolfinx.fem.petsc import assemble_matrix
from mpi4py import MPI
from petsc4py import PETSc

from mlms_fenics.materials.crystal.points import CrystalState, advance

_PROBE = 1e-6  # of F, for the tangent


class PointLaws:
    """The project's law at n points in plane strain: P(F) after a step from the committed state.

    Args:
        laws: number p of each point is that of its law, *Shape* `(n,)` in `phase`.
        Q: lattice to sample, *Shape* `(n, 2, 2)`.
        tolerance: of the law.
    """

    def __init__(self, laws, phase, Q, tolerance):
        n, self.tolerance = len(phase), tolerance
        self.Q = np.tile(np.eye(3), (n, 1, 1))
        self.Q[:, :2, :2] = Q
        self.rows = [np.flatnonzero(phase == p) for p in range(len(laws))]
        self.states = [
            CrystalState.virgin(law, len(rows)) for law, rows in zip(laws, self.rows, strict=True)
        ]
        self.F = np.tile(np.eye(3), (n, 1, 1))

    def step(self, F, dt):
        """P, GPa, *Shape* `(n, 2, 2)`, and the states at the end of the step; F likewise."""
        full = np.tile(np.eye(3), (len(F), 1, 1))
        full[:, :2, :2] = F
        sigma, states = np.zeros_like(full), []
        for rows, state in zip(self.rows, self.states, strict=True):
            start, end = (x[rows] @ self.Q[rows] for x in (self.F, full))
            sigma[rows], new = advance(state, start, end, dt, self.tolerance)
            states.append(new)
        J = np.linalg.det(full)[:, None, None]
        return (J * sigma @ np.linalg.inv(full).swapaxes(1, 2))[:, :2, :2], states

    def tangent(self, F, P, dt):
        """∂P_iJ/∂F_kL, *Shape* `(n, 2, 2, 2, 2)`, by forward differences."""
        C = np.zeros((*P.shape, 2, 2))
        for k in range(2):
            for L in range(2):
                probe = F.copy()
                probe[:, k, L] += _PROBE
                C[..., k, L] = (self.step(probe, dt)[0] - P) / _PROBE
        return C

    def commit(self, F, states):
        """Make the end of a step the start of the next."""
        self.F[:, :2, :2], self.states = F, states


class PeriodicCell:
    """Unit square of n × n Lagrange elements, periodic by condensation onto one of equal nodes.

    Args:
        laws: one for all grains, or one for each.
        grains: number of each element's grain, *Shape* `(n, n)`.
        orientations: lattice to sample, *Shape* `(n_grains, 2, 2)`.
        degree: of the elements.
        tolerance: of the law at a point.
    """

    def __init__(self, laws, grains, orientations, degree=2, tolerance=1e-6):
        n = len(grains)
        self.mesh = mesh.create_unit_square(MPI.COMM_SELF, n, n, mesh.CellType.quadrilateral)
        corners = self.mesh.geometry.x[self.mesh.geometry.dofmap][..., :2]
        i, j = (corners.mean(1) * n).astype(int).T
        V = fem.functionspace(self.mesh, ("Lagrange", degree, (2,)))
        order = 2 * degree
        points, self.weights = basix.make_quadrature(basix.CellType.quadrilateral, order)
        q, self.cells = len(points), np.arange(n * n, dtype=np.int32)
        owner = np.repeat(grains[i, j], q)
        laws = list(laws) if isinstance(laws, (list, tuple)) else [laws] * len(orientations)
        kinds = list(dict.fromkeys(laws))
        phase = np.array([kinds.index(law) for law in laws])[owner]
        self.points = PointLaws(kinds, phase, np.asarray(orientations)[owner], tolerance)

        def field(*shape):
            element = basix.ufl.quadrature_element(
                self.mesh.basix_cell(), value_shape=shape, scheme="default", degree=order
            )
            return fem.Function(fem.functionspace(self.mesh, element))

        self.P, self.C, self.w = field(2, 2), field(2, 2, 2, 2), fem.Function(V)
        dx = ufl.dx(metadata={"quadrature_rule": "default", "quadrature_degree": order})
        u, v, (a, b, c, d) = ufl.TrialFunction(V), ufl.TestFunction(V), ufl.indices(4)
        self.force = fem.form(ufl.inner(self.P, ufl.grad(v)) * dx)
        self.stiffness = fem.form(self.C[a, b, c, d] * u[c].dx(d) * v[a].dx(b) * dx)
        self.gradient = fem.Expression(ufl.grad(self.w), points)
        self.periodic = _condensation(V)

    def average(self, at_points):
        """Volume average of values at the points, *Shape* `(points, ...)`."""
        per_cell = at_points.reshape(len(self.cells), len(self.weights), *at_points.shape[1:])
        return np.einsum("q,cq...->...", self.weights, per_cell) / len(self.cells)

    def stress(self, F_mean, horizon, tolerance=1e-6, most=25):
        """Average first Piola-Kirchhoff stress, GPa, along mean deformation gradients.

        Args:
            F_mean: *Shape* `(n_t + 1, 2, 2)`, the first the identity, equal steps.
            horizon: µs.
            tolerance: of the root of the sum of squares of nodal forces, relative to ‖⟨P⟩‖.
            most: Newton iterations.
        """
        dt, P_mean = horizon / (len(F_mean) - 1), [np.zeros((2, 2))]
        self.iterations = []
        for F in F_mean[1:]:
            now = self._evaluate(F, dt)
            for iteration in range(most):  # noqa: B007
                if now.force.norm() <= tolerance * np.linalg.norm(self.average(now.P)):
                    break
                self.C.x.array[:] = self.points.tangent(now.F, now.P, dt).ravel()
                now = self._search(F, dt, now, self._correction(now.force))
            else:
                raise RuntimeError(f"no equilibrium: {now.force.norm():g} GPa")
            self.iterations.append(iteration)
            self.points.commit(now.F, now.states)
            P_mean.append(self.average(now.P))
            self.F_mean = self.average(now.F)
        return np.array(P_mean)

    def _evaluate(self, F_mean, dt):
        """Deformation, stress and nodal forces of the present displacements; None if J ≤ 0."""
        F = np.asarray(self.gradient.eval(self.mesh, self.cells)).reshape(-1, 2, 2) + F_mean
        if np.linalg.det(F).min() <= 0:
            return None
        P, states = self.points.step(F, dt)
        self.P.x.array[:] = P.ravel()
        nodal = fem.assemble_vector(self.force).array
        force = self.periodic.createVecRight()
        self.periodic.multTranspose(PETSc.Vec().createWithArray(nodal, comm=MPI.COMM_SELF), force)
        return SimpleNamespace(F=F, P=P, states=states, force=force)

    def _correction(self, force):
        """Newton's correction of the displacements, at all nodes."""
        K = assemble_matrix(self.stiffness)
        K.assemble()
        reduced = K.PtAP(self.periodic)
        solver = PETSc.KSP().create(MPI.COMM_SELF)
        solver.setType("preonly")
        solver.getPC().setType("lu")
        solver.setOperators(reduced)
        du, full = force.duplicate(), self.periodic.createVecLeft()
        solver.solve(force, du)
        self.periodic.mult(du, full)
        found = full.array.copy()
        for thing in (K, reduced, solver, du, full):
            thing.destroy()
        return found

    def _search(self, F_mean, dt, now, correction):
        """Go along the correction, less far where the forces would not become smaller."""
        start, length = self.w.x.array.copy(), 1.0
        while length > 1e-3:
            self.w.x.array[:] = start - length * correction
            found = self._evaluate(F_mean, dt)
            if found is not None and found.force.norm() < (1 - 0.1 * length) * now.force.norm():
                return found
            length *= 0.5
        raise RuntimeError(f"no smaller forces than {now.force.norm():g} GPa")


def _condensation(V):
    """0/1 matrix from the periodic, once fixed unknowns to all of V's; rows are V's."""
    x = V.tabulate_dof_coordinates()[:, :2]
    steps = np.rint(x * 1e6).astype(np.int64) % 1_000_000  # 1 is 0 again
    _, master = np.unique(steps, axis=0, return_inverse=True)
    master = master.ravel() - 1  # the node at the origin comes first: it stays where it is
    rows = len(x) * 2
    matrix = PETSc.Mat().createAIJ((rows, 2 * int(master.max() + 1)), nnz=1, comm=MPI.COMM_SELF)
    for node, m in enumerate(master):
        for i in range(2):
            if m >= 0:
                matrix.setValue(2 * node + i, 2 * m + i, 1.0)
    matrix.assemble()
    return matrix
