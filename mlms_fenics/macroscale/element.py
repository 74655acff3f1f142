# SPDX-License-Identifier: MIT
"""What the explicit step needs to know of the mesh, computed once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import basix
import basix.ufl
import numpy as np
import ufl
from dolfinx import fem, la, mesh
from mpi4py import MPI

from mlms_fenics import _compat
from mlms_fenics.errors import InputError, require
from mlms_fenics.macroscale.constraints import boundary_nodes
from mlms_fenics.macroscale.exchange import NodeExchange
from mlms_fenics.parallel import on_every_rank

SUPPORTED = {"hexahedron": basix.CellType.hexahedron, "tetrahedron": basix.CellType.tetrahedron}


QUADRATURES = ("one-point", "full")


@dataclass(frozen=True)
class Elements:
    """Reference geometry of a rank's owned cells and of their points, those of a cell together.

    Attributes:
        space: vector-valued Lagrange space, bs = 3.
        stress_space: space of P, one 3×3 tensor per point, ghosts included.
        degree: quadrature degree with which ∫ P : ∇v is to be assembled.
        per_cell: points of each cell.
        mean_dilatation: whether the law is to be given the cell's mean change of volume.
        coordinates: of all nodes of the rank, mm, `(n_nodes, 3)`.
        dofs: nodes of each cell, `(n_cells, n)`.
        gradients: ∇N_a at each point, 1/mm, `(n_points, n, 3)`.
        metric: Σ_a w_a ∇N_a ⊗ ∇N_a, 1/mm², `(n_points, 3, 3)`, see `kernels.stresses`.
        volume: of each point, mm³, `(n_points,)`.
        shares: of each cell's volume in its nodes' masses, mm³, `(n_cells, n)`.
        points: row of the stress space's array of each point, `(n_points,)`.
    """

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


def build_elements(domain: mesh.Mesh, quadrature: str | None = None, degree: int = 1) -> Elements:
    """Elements of a mesh of straight hexahedra or tetrahedra (collective).

    With one point, the cheapest rule that passes the patch test on this very mesh is taken.
    Gradients at the cell's centre do on parallelepipeds and on extruded meshes such as the
    cylinder: P then lives in a quadrature space of one point. On other hexahedra gradients are
    means over the cell (Flanagan & Belytschko 1981), P is constant per cell and the assembly takes
    as many points as make the mean exact.

    Args:
        domain: the mesh, mm.
        quadrature: "one-point", "full" (hexahedra 2×2×2 with mean dilatation, quadratic tetrahedra
            four points), or None for the one that goes with `degree`.
        degree: of the displacement, 1, or 2 for tetrahedra.

    Raises:
        InputError: another cell type, curved cells, a cell that is inverted, or a quadrature or
            degree that the cells cannot have.
    """
    name = _compat.cell_name(domain)
    require(
        domain.topology.dim == 3 and name in SUPPORTED,
        f"the mesh has cells of type {name}, but the explicit solver takes "
        f"{' or '.join(SUPPORTED)}: mesh the body with one of these",
    )
    require(
        _compat.coordinate_element(domain).degree == 1,
        "the mesh has curved cells: make it with first-order elements",
    )
    quadrature = quadrature or ("full" if degree == 2 else "one-point")
    _refuse_unknown(name, quadrature, degree)
    space = fem.functionspace(domain, ("Lagrange", degree, (3,)))
    n_cells = domain.topology.index_map(3).size_local
    dofs = np.ascontiguousarray(space.dofmap.list[:n_cells])
    x = np.ascontiguousarray(space.tabulate_dof_coordinates())
    NodeExchange(space).update(x)  # each rank may have rounded otherwise
    cell = SUPPORTED[name]
    element = basix.create_element(
        basix.ElementFamily.P, cell, degree, lagrange_variant=basix.LagrangeVariant.gll_warped
    )
    assembled = 3 if name == "hexahedron" else 2
    rule = basix.make_quadrature(cell, assembled)
    if quadrature == "full":
        gradients, volume, shares = on_every_rank(
            domain.comm, lambda: _at_points(element, *rule, x[dofs])
        )
    else:
        gradients, volume, shares = on_every_rank(
            domain.comm, lambda: _integrate(element, *rule, x[dofs])
        )
        centre = basix.make_quadrature(cell, 1)
        at_centre, centre_volume, _ = _integrate(element, *centre, x[dofs])
        if _passes_patch_test(space, dofs, at_centre * centre_volume[:, None, None]):
            gradients, volume, assembled = at_centre, centre_volume, 1
    weights = np.ones(gradients.shape[:2])
    if degree == 2:
        fourth = basix.make_quadrature(cell, 4)
        shares = _scaled_diagonal(element, *fourth, x[dofs])
        per_point = np.repeat(shares, len(volume) // max(n_cells, 1), axis=0)
        weights = per_point.min(axis=1, keepdims=True) / per_point
    if quadrature == "one-point" and assembled > 1:
        tensor = basix.ufl.element("DG", name, 0, shape=(3, 3))
    else:
        tensor = basix.ufl.quadrature_element(name, value_shape=(3, 3), degree=assembled)
    stress_space = fem.functionspace(domain, tensor)
    rows = stress_space.dofmap.list
    return Elements(
        space=space,
        stress_space=stress_space,
        degree=assembled,
        per_cell=rows.shape[1],
        mean_dilatation=quadrature == "full" and name == "hexahedron",
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
        name == "hexahedron" or (quadrature == "full") == (degree == 2),
        f"quadrature {quadrature!r} does not go with tetrahedra of degree {degree}: linear ones "
        "have one point, quadratic ones four",
    )


def lumped(elements: Elements, density: float) -> np.ndarray:
    """Lumped mass of all nodes of the rank, mg, `(n_nodes,)` (collective)."""
    mass = _compat.vector(elements.space)
    nodal = mass.array.reshape(-1, 3)
    np.add.at(nodal, elements.dofs, density * elements.shares[:, :, None])
    exchange = NodeExchange(elements.space)
    exchange.add(nodal)
    exchange.update(nodal)
    return nodal[:, 0].copy()


def internal_force(elements: Elements, P: fem.Function) -> fem.Form:
    """Compiled form −∫ P : ∇v."""
    domain = elements.space.mesh
    v = ufl.TestFunction(elements.space)
    dx = ufl.Measure(
        "dx",
        domain=domain,
        metadata={"quadrature_degree": elements.degree, "quadrature_rule": "default"},
    )
    return fem.form(-ufl.inner(P, ufl.grad(v)) * dx)


Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def _tabulated(
    element: Any, points: np.ndarray, weights: np.ndarray, x: np.ndarray
) -> Iterator[Arrays]:
    """N_a `(n,)`, ∇N_a `(n_cells, n, 3)` and the volume `(n_cells,)` of each point in turn."""
    table = element.tabulate(1, points)[..., 0]
    shape, slope = table[0], np.moveaxis(table[1:], 0, -1)
    for weight, N, dN in zip(weights, shape, slope, strict=True):
        jacobian = np.einsum("cai,ak->cik", x, dN)
        determinant = np.linalg.det(jacobian)
        _refuse_tangled(determinant, x)
        yield N, dN @ np.linalg.inv(jacobian), weight * np.abs(determinant)


def _integrate(element: Any, points: np.ndarray, weights: np.ndarray, x: np.ndarray) -> Arrays:
    """Mean gradients, volumes and row-sum shares of cells."""
    volume = np.zeros(len(x))
    mean = np.zeros(x.shape)
    shares = np.zeros(x.shape[:2])
    for N, gradient, measure in _tabulated(element, points, weights, x):
        volume += measure
        shares += measure[:, None] * N
        mean += measure[:, None, None] * gradient
    return mean / volume[:, None, None], volume, shares


def _at_points(element: Any, points: np.ndarray, weights: np.ndarray, x: np.ndarray) -> Arrays:
    """Gradients and volumes of points, row-sum shares of cells."""
    gradients = np.zeros((len(x), len(points), *x.shape[1:]))
    volume = np.zeros((len(x), len(points)))
    shares = np.zeros(x.shape[:2])
    for k, (N, gradient, measure) in enumerate(_tabulated(element, points, weights, x)):
        gradients[:, k], volume[:, k] = gradient, measure
        shares += measure[:, None] * N
    return gradients.reshape(-1, *x.shape[1:]), volume.ravel(), shares


def _scaled_diagonal(
    element: Any, points: np.ndarray, weights: np.ndarray, x: np.ndarray
) -> np.ndarray:
    """Shares in proportion to the consistent mass's diagonal, which is positive for every element.

    Hinton, Rock & Zienkiewicz, Earthquake Eng. Struct. Dyn. 4 (1976) 245-249. Row sums of quadratic
    tetrahedra are negative at the vertices.
    """
    diagonal = np.zeros(x.shape[:2])
    volume = np.zeros(len(x))
    for N, _, measure in _tabulated(element, points, weights, x):
        diagonal += measure[:, None] * N**2
        volume += measure
    return diagonal * (volume / diagonal.sum(axis=1))[:, None]


def _refuse_tangled(determinant: np.ndarray, x: np.ndarray) -> None:
    """A cell must not be flat anywhere; whether all cells are mirrored does not matter."""
    size = np.ptp(x, axis=1).prod(axis=1)
    bad = np.flatnonzero(~(np.abs(determinant) > 1e-10 * size))
    if len(bad):
        place = x[bad[0]].mean(axis=0)
        raise InputError(
            f"{len(bad)} cells of the mesh have no volume, the first at {place} mm: repair the mesh"
        )


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
