# SPDX-License-Identifier: MIT
"""A learnt law in a dolfinx form of one's own, with its tangent, and Newton's method by hand.

    mpirun -n 2 python demos/external_operator.py --out results/external_operator [--quick]

No solver of this package is used: `ExternalStress` is all that a form needs. It puts P(∇u) and
∂P/∂F at the form's quadrature points; the law is evaluated for all points at once, outside of the
form (Bouziani & Ham's external operator; dolfinx-external-operator needs a newer dolfinx than 0.9).
The body is a bar, 2 mm by 2 mm by 4 mm, an eighth of it in second-order hexahedra, pulled slowly by
grips that do not let it contract. Units: mm, µs, GPa.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import basix
import basix.ufl
import numpy as np
import torch
import ufl
from dolfinx import fem, mesh
from dolfinx.fem import petsc
from mpi4py import MPI
from petsc4py import PETSc

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.io import History, Summary
from mlms_fenics.io.command import Parser
from mlms_fenics.kinematics.piola import first_piola
from mlms_fenics.materials import Material
from mlms_fenics.parallel import entry_point, on_every_rank, on_rank_zero
from mlms_fenics.surrogate import load_model

COMM = MPI.COMM_WORLD
WIDTH, LENGTH, DEGREE = 1.0, 2.0, 4  # of the eighth, mm; degree of the quadrature
SMALL, MOST = 1e-9, 20  # residual over the first one of the step; Newton iterations


class ExternalStress:
    """P and ∂P/∂F of a law as fields at the quadrature points of a form in the displacement u."""

    def __init__(self, law: Material, u: fem.Function) -> None:
        domain = u.function_space.mesh
        cell = domain.basix_cell()
        points, _ = basix.make_quadrature(cell, DEGREE)
        self.F = fem.Expression(ufl.Identity(3) + ufl.grad(u), points)
        self.dx = ufl.dx(metadata={"quadrature_rule": "default", "quadrature_degree": DEGREE})
        self.P, self.A = (
            fem.Function(fem.functionspace(domain, element))
            for element in (
                basix.ufl.quadrature_element(cell, value_shape=(3,) * rank, degree=DEGREE)
                for rank in (2, 4)
            )
        )
        self.law, self.domain = law, domain
        self.cells = np.arange(domain.topology.index_map(3).size_local, dtype=np.int32)
        self.points = self.P.function_space.dofmap.list[: len(self.cells)].ravel()
        self.state = self.new = law.initial_state(len(self.points))

    def evaluate(self, time: float, dt: float) -> None:
        """At the present u, the end of a step that began at the state kept."""
        F = torch.from_numpy(self.F.eval(self.domain, self.cells).reshape(-1, 3, 3))
        sigma, self.new, A = self.law.linearise(F, time, dt, self.state)
        self.P.x.array.reshape(-1, 9)[self.points] = first_piola(F, sigma).reshape(-1, 9)
        self.A.x.array.reshape(-1, 81)[self.points] = A.reshape(-1, 81)


class Bar:
    """The eighth of the bar and its equilibrium.

    Args:
        law: has a tangent.
        cells: across the width.
        grips: whether the ends are kept from contracting.
    """

    def __init__(self, law: Material, cells: int, grips: bool = True) -> None:
        domain = mesh.create_box(
            COMM, [(0.0, 0.0, 0.0), (WIDTH, WIDTH, LENGTH)], (cells, cells, 2 * cells),
            mesh.CellType.hexahedron,
        )  # fmt: skip
        V = fem.functionspace(domain, ("Lagrange", 2, (3,)))
        self.u, v, du = fem.Function(V), ufl.TestFunction(V), ufl.TrialFunction(V)
        self.before = self.u.copy()
        self.stress = ExternalStress(law, self.u)
        P, A, dx = self.stress.P, self.stress.A, self.stress.dx
        i, J, k, L = ufl.indices(4)
        self.residual = fem.form(ufl.inner(P, ufl.grad(v)) * dx)
        self.tangent = fem.form(A[i, J, k, L] * du[k].dx(L) * v[i].dx(J) * dx)
        # ∫ P : ∇w with w = z/LENGTH along z, the force at the ends.
        self.axial = fem.form(P[2, 2] / LENGTH * dx)
        held = [(0, 0, 0.0), (1, 1, 0.0), (2, 2, 0.0), (2, 2, LENGTH)]  # component, plane x_j = at
        held += [(0, 2, LENGTH), (1, 2, LENGTH)] if grips else []
        self.held = [self._held(V, *where) for where in held]
        self.norms: list[float] = []

    def _held(self, V: fem.FunctionSpace, component: int, axis: int, at: float) -> fem.DirichletBC:
        dofs = fem.locate_dofs_geometrical(
            (V.sub(component), V.sub(component).collapse()[0]), lambda x: np.isclose(x[axis], at)
        )
        return fem.dirichletbc(PETSc.ScalarType(0.0), dofs[0], V.sub(component))

    def step(self, stretch: float, time: float, dt: float) -> None:
        """Newton's method for u at the end of a step whose ends are `stretch` apart (collective).

        Raises:
            SimulationError: it does not converge.
        """
        self._guess(stretch)
        self.norms = []
        for _ in range(MOST):
            on_every_rank(COMM, lambda: self.stress.evaluate(time, dt))
            force = petsc.assemble_vector(self.residual)
            force.ghostUpdate(PETSc.InsertMode.ADD, PETSc.ScatterMode.REVERSE)
            petsc.set_bc(force, self.held)  # what is held is not out of balance
            self.norms.append(force.norm())
            if self.norms[-1] <= SMALL * self.norms[0]:
                self.stress.state = self.stress.new
                return
            matrix = petsc.assemble_matrix(self.tangent, self.held)
            matrix.assemble()
            change = _solved(matrix, force)
            self.u.x.array[: change.local_size] -= change.array
            self.u.x.scatter_forward()
            for used in (force, matrix, change):
                used.destroy()
        raise SimulationError(
            f"no equilibrium at a stretch of {stretch:g} after {MOST} iterations, the residual is "
            f"{self.norms[-1] / self.norms[0]:.2g} of the first: take more --steps"
        )

    def _guess(self, stretch: float) -> None:
        """Go on as in the step before; in the first one, stretch the bar evenly."""
        now = self.u.x.array.copy()
        if now.any():
            self.u.x.array[:] += now - self.before.x.array
        else:
            self.u.interpolate(lambda x: (stretch - 1.0) * np.array([[0.0], [0.0], [1.0]]) * x)
        self.before.x.array[:] = now

    @property
    def force(self) -> float:
        """Pull on the eighth's end, kN (collective)."""
        return COMM.allreduce(fem.assemble_scalar(self.axial))


def _solved(matrix: PETSc.Mat, force: PETSc.Vec) -> PETSc.Vec:
    solver = PETSc.KSP().create(COMM)
    solver.setOperators(matrix)
    solver.setType("preonly")
    solver.getPC().setType("lu")
    solver.getPC().setFactorSolverType("mumps")
    change = matrix.createVecRight()
    solver.solve(force, change)
    solver.destroy()
    return change


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        COMM.rank, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--model", type=Path, help="file of a learnt law (default: the one shipped)")
    new("--stretch", type=float, default=1.05, help="of the bar at the end (default: 1.05)")
    new("--steps", type=int, default=10, help="(default: 10)")
    new("--cells", type=int, default=4, help="across the eighth's width (default: 4)")
    new("--out", type=Path, default=Path("results/external_operator"), help="folder")
    new("--quick", action="store_true", help="2 cells, 3 steps to a stretch of 1.015")
    return parser.parse_args(argv)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    options = options_from(argv)
    if options.quick:
        options.cells, options.steps, options.stretch = 2, 3, 1.015
    require(0.5 <= options.stretch <= 2.0, f"--stretch is {options.stretch:g}: must be 0.5 to 2")
    require(1 <= options.steps <= 1000, f"--steps is {options.steps}: must lie in [1, 1000]")
    require(1 <= options.cells <= 32, f"--cells is {options.cells}: must lie in [1, 32]")
    law = on_rank_zero(COMM, lambda: load_model(options.model, dtype=torch.float64))
    require(law.dimension == 3, "the model is of plane strain: this bar needs one of 3D")
    bar = Bar(law, options.cells)
    columns = {"time": "us", "stretch": "", "stress": "GPa", "iterations": ""}
    history = History(COMM, options.out / "history.csv", columns)
    dt = law.horizon / options.steps
    for k in range(1, options.steps + 1):
        stretch = 1.0 + (options.stretch - 1.0) * k / options.steps
        bar.step(stretch, k * dt, dt)
        row = {"time": k * dt, "stretch": stretch, "stress": bar.force / WIDTH**2}
        history.append({**row, "iterations": len(bar.norms) - 1})
    history.check()
    distance = COMM.allreduce(float(bar.stress.state["distance"].max()), op=MPI.MAX)
    summary = Summary()
    summary.add("Bar", "nominal stress", bar.force / WIDTH**2, "GPa")
    summary.add("Bar", "distance from the training data", distance)
    summary.add("Newton", "residuals of the last step", bar.norms, "kN", ".2e")
    summary.add("Files", "history", str(history.path))
    on_rank_zero(COMM, lambda: print(summary.text(), flush=True))


if __name__ == "__main__":
    sys.exit(main())
