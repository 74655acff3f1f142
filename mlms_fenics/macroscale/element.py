# SPDX-License-Identifier: MIT
"""What the explicit step needs to know of the mesh, computed once."""

from dataclasses import dataclass
from math import pi
from typing import Any

import basix
import basix.ufl
import numpy as np
import ufl
from dolfinx import fem, la, mesh
from mpi4py import MPI

from mlms_fenics import _compat
from mlms_fenics.errors import require
from mlms_fenics.macroscale.constraints import boundary_nodes
from mlms_fenics.macroscale.exchange import NodeExchange
from mlms_fenics.macroscale.reference import Reference
from mlms_fenics.parallel import on_every_rank

SUPPORTED = {
    "hexahedron": basix.CellType.hexahedron,
    "tetrahedron": basix.CellType.tetrahedron,
    "quadrilateral": basix.CellType.quadrilateral,
}
PLANES = ("plane-strain", "axisymmetric")
QUADRATURES = ("one-point", "full")


@dataclass(frozen=True)
class Elements:
    """Reference geometry of a rank's owned cells and of their points, those of a cell together.

    Attributes:
        cell: type of the cells, of `SUPPORTED`.
        axisymmetric: whether cells of two dimensions are turned about the second axis.
        space: vector-valued Lagrange space, bs = 3 also in two dimensions.
        stress_space: space of P, one 3×3 tensor per point, ghosts included.
        degree: quadrature degree with which ∫ P : ∇v is to be assembled.
        per_cell: points of each cell.
        mean_dilatation: whether the law is to be given the cell's mean change of volume.
        coordinates: of all nodes of the rank, mm, `(n_nodes, 3)`.
        dofs: nodes of each cell, `(n_cells, n)`.
        gradients: ∇N_a at each point, 1/mm, `(n_points, n, 3)`; see `Reference`.
        metric: Σ_a w_a ∇N_a ⊗ ∇N_a, 1/mm², `(n_points, 3, 3)`, as of `stresses`
            of `loop.compiled.kernels`.
        volume: of each point, mm³, `(n_points,)`.
        shares: of each cell's volume in its nodes' masses, mm³, `(n_cells, n)`.
        points: row of the stress space's array of each point, `(n_points,)`.
    """

    cell: str
    axisymmetric: bool
    space: fem.FunctionSpace
    stress_space: fem.FunctionSpace
    degree: int
    per_cell: int
    mean_dilatation: bool
    coordinates: np.ndarray
    dofs: np.ndarray
    gradients: np.ndarray
    metric: np.ndarray
    volume: np.ndarray
    shares: np.ndarray
    points: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Means over each cell of values at its points, *Shape* `(n_points, ...)`."""
        if self.per_cell == 1:
            return values
        volume = self.volume.reshape(-1, self.per_cell)
        one = [1] * (values.ndim - 1)
        weighted = volume.reshape(*volume.shape, *one) * values.reshape(
            -1, self.per_cell, *values.shape[1:]
        )
        return weighted.sum(axis=1) / volume.sum(axis=1).reshape(-1, *one)

    @property
    def thickness(self) -> Any:
        """What an integral over the mesh is to be multiplied with, a UFL expression."""
        return 2.0 * pi * ufl.SpatialCoordinate(self.space.mesh)[0] if self.axisymmetric else 1.0


def build_elements(
    domain: mesh.Mesh, quadrature: str | None = None, degree: int = 1, plane: str | None = None
) -> Elements:
    """Elements of a mesh of straight hexahedra, tetrahedra or quadrilaterals (collective).

    With one point, the cheapest rule that passes the patch test on this very mesh is taken.
    Gradients at the cell's centre do on parallelepipeds and on extruded meshes such as the
    cylinder: P then lives in a quadrature space of one point. On other hexahedra and on
    quadrilaterals gradients are means over the cell (Flanagan & Belytschko 1981), P is constant per
    cell and the assembly takes as many points as make the mean exact.

    Args:
        domain: the mesh, mm.
        quadrature: "one-point", "full" (hexahedra 2×2×2 and quadrilaterals 2×2 with mean
            dilatation, quadratic tetrahedra four points), or None for the one that goes with
            `degree`.
        degree: of the displacement, 1, or 2 for tetrahedra.
        plane: which of `PLANES` a mesh of two dimensions is.

    Raises:
        InputError: another cell type, curved cells, a cell that is inverted, a quadrature or degree
            that the cells cannot have, or a plane that does not go with the mesh.
    """
    name, tdim = _compat.cell_name(domain), domain.topology.dim
    require(
        name in SUPPORTED,
        f"the mesh has cells of type {name}, but the explicit solver takes "
        f"{' or '.join(SUPPORTED)}: mesh the body with one of these",
    )
    _refuse_wrong_plane(domain, plane)
    require(
        _compat.coordinate_element(domain).degree == 1,
        "the mesh has curved cells: make it with first-order elements",
    )
    quadrature = quadrature or ("full" if degree == 2 else "one-point")
    _refuse_unknown(name, quadrature, degree)
    space = fem.functionspace(domain, ("Lagrange", degree, (3,)))
    n_cells = domain.topology.index_map(tdim).size_local
    dofs = np.ascontiguousarray(space.dofmap.list[:n_cells])
    x = np.ascontiguousarray(space.tabulate_dof_coordinates())
    NodeExchange(space).update(x)  # each rank may have rounded otherwise
    cell, axisymmetric = SUPPORTED[name], plane == "axisymmetric"
    element = basix.create_element(
        basix.ElementFamily.P, cell, degree, lagrange_variant=basix.LagrangeVariant.gll_warped
    )
    reference = Reference(element, x[dofs], axisymmetric)
    assembled = 2 if name == "tetrahedron" else 3
    rule = basix.make_quadrature(cell, assembled)
    integrate = reference.at_points if quadrature == "full" else reference.means
    gradients, volume, shares = on_every_rank(domain.comm, lambda: integrate(*rule))
    if quadrature == "one-point" and tdim == 3:
        at_centre, centre_volume, _ = reference.means(*basix.make_quadrature(cell, 1))
        if _passes_patch_test(space, dofs, at_centre * centre_volume[:, None, None]):
            gradients, volume, assembled = at_centre, centre_volume, 1
    weights = np.ones(gradients.shape[:2])
    if degree == 2:
        shares = reference.scaled_diagonal(*basix.make_quadrature(cell, 4))
    if degree == 2 or axisymmetric:
        per_point = np.repeat(shares, len(volume) // max(n_cells, 1), axis=0)
        weights = per_point.min(axis=1, keepdims=True) / per_point
    if quadrature == "one-point" and assembled > 1:
        tensor = basix.ufl.element("DG", name, 0, shape=(3, 3))
    else:
        tensor = basix.ufl.quadrature_element(name, value_shape=(3, 3), degree=assembled)
    stress_space = fem.functionspace(domain, tensor)
    rows = stress_space.dofmap.list
    return Elements(
        cell=name,
        axisymmetric=axisymmetric,
        space=space,
        stress_space=stress_space,
        degree=assembled,
        per_cell=rows.shape[1],
        mean_dilatation=quadrature == "full" and name != "tetrahedron",
        coordinates=x,
        dofs=dofs,
        gradients=np.ascontiguousarray(gradients),
        metric=np.einsum("ca,cai,caj->cij", weights, gradients, gradients, optimize=True),
        volume=volume,
        shares=shares,
        points=np.ascontiguousarray(rows[:n_cells].ravel()),
    )


def _refuse_unknown(name: str, quadrature: str, degree: int) -> None:
    require(
        quadrature in QUADRATURES,
        f"quadrature is {quadrature!r}, but must be one of {', '.join(QUADRATURES)}",
    )
    require(
        degree in ((1, 2) if name == "tetrahedron" else (1,)),
        f"degree is {degree} on cells of type {name}, but must be 1, or 2 on tetrahedra",
    )
    require(
        name != "tetrahedron" or (quadrature == "full") == (degree == 2),
        f"quadrature {quadrature!r} does not go with tetrahedra of degree {degree}: linear ones "
        "have one point, quadratic ones four",
    )


def _refuse_wrong_plane(domain: mesh.Mesh, plane: str | None) -> None:
    require(
        plane is None or plane in PLANES,
        f"plane is {plane!r}, but must be one of {', '.join(PLANES)}, or None in three dimensions",
    )
    tdim, gdim = domain.topology.dim, domain.geometry.dim
    require(
        tdim == gdim,
        f"the mesh is of {tdim} dimensions in a space of {gdim}: read it with as many for both",
    )
    require(
        (plane is None) == (tdim == 3),
        f"the mesh is of {tdim} dimensions and plane is {plane!r}: give one of "
        f"{', '.join(PLANES)} with two dimensions, and none with three",
    )
    left = float(domain.geometry.x[:, 0].min(initial=0.0))
    left = domain.comm.allreduce(left, op=MPI.MIN)
    require(
        plane != "axisymmetric" or left >= -1e-9,
        f"the axisymmetric mesh reaches a radius (first coordinate) of {left:g} mm, but no radius "
        "can be negative: move the axis to it",
    )


def lumped(elements: Elements, density: np.ndarray) -> np.ndarray:
    """Lumped mass of all nodes of the rank, mg, `(n_nodes,)`, density by cell (collective)."""
    mass = _compat.vector(elements.space)
    nodal = mass.array.reshape(-1, 3)
    np.add.at(nodal, elements.dofs, (density[:, None] * elements.shares)[:, :, None])
    exchange = NodeExchange(elements.space)
    exchange.add(nodal)
    exchange.update(nodal)
    return nodal[:, 0].copy()


def internal_force(elements: Elements, P: fem.Function) -> fem.Form:
    """Compiled form −∫ P : ∇v."""
    domain, axisymmetric = elements.space.mesh, elements.axisymmetric
    v = ufl.TestFunction(elements.space)
    work = sum(
        P[i, j] * v[i].dx(j) for i in range(domain.geometry.dim) for j in range(domain.geometry.dim)
    )
    if axisymmetric:
        work += P[2, 2] * v[0] / ufl.SpatialCoordinate(domain)[0]
    dx = ufl.Measure(
        "dx",
        domain=domain,
        metadata={"quadrature_degree": elements.degree, "quadrature_rule": "default"},
    )
    return fem.form(-work * elements.thickness * dx)


def _passes_patch_test(space: fem.FunctionSpace, dofs: np.ndarray, loads: np.ndarray) -> bool:
    """Whether uniform stress leaves all inner nodes at rest: Σ V ∇N_a = 0 there (collective)."""
    total = _compat.vector(space)
    nodal = total.array.reshape(-1, 3)
    np.add.at(nodal, dofs, loads)
    total.scatter_reverse(la.InsertMode.add)
    total.scatter_forward()
    nodal[boundary_nodes(space)] = 0.0
    comm = space.mesh.comm
    residual = comm.allreduce(np.abs(nodal).max(initial=0.0), op=MPI.MAX)
    return bool(residual <= 1e-10 * comm.allreduce(np.abs(loads).max(initial=0.0), op=MPI.MAX))
