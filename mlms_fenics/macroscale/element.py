# SPDX-License-Identifier: MIT
"""What the explicit step needs to know of the mesh, computed once."""

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


@dataclass(frozen=True)
class Elements:
    """Reference geometry of a rank's owned cells, one quadrature point each.

    Attributes:
        space: vector-valued Lagrange space of degree one, bs = 3.
        stress_space: space of P, one 3×3 tensor per cell, ghosts included.
        degree: quadrature degree with which ∫ P : ∇v is to be assembled.
        coordinates: of all nodes of the rank, mm, `(n_nodes, 3)`.
        dofs: nodes of each cell, `(n_cells, n)`.
        gradients: ∇N_a of each cell, 1/mm, `(n_cells, n, 3)`.
        metric: Σ_a ∇N_a ⊗ ∇N_a, 1/mm², `(n_cells, 3, 3)`.
        volume: mm³, `(n_cells,)`.
        shares: ∫ N_a of each cell, mm³, `(n_cells, n)`.
        points: row of the stress space's array of each cell, `(n_cells,)`.
    """

    space: fem.FunctionSpace
    stress_space: fem.FunctionSpace
    degree: int
    coordinates: np.ndarray
    dofs: np.ndarray
    gradients: np.ndarray
    metric: np.ndarray
    volume: np.ndarray
    shares: np.ndarray
    points: np.ndarray


def build_elements(domain: mesh.Mesh) -> Elements:
    """Elements of a mesh of straight hexahedra or tetrahedra (collective).

    The cheapest rule that passes the patch test on this very mesh is taken. Gradients at the cell's
    centre do on parallelepipeds and on extruded meshes such as the cylinder: P then lives in a
    quadrature space of one point. On other hexahedra gradients are means over the cell (Flanagan &
    Belytschko 1981), P is constant per cell and the assembly takes as many points as make the mean
    exact.

    Raises:
        InputError: another cell type, curved cells, or a cell that is inverted.
    """
    name = _compat.cell_name(domain)
    require(
        domain.topology.dim == 3 and name in SUPPORTED,
        f"the mesh has cells of type {name}, but the explicit solver takes "
        f"{' or '.join(SUPPORTED)}: mesh the body with one of these",
    )
    space = fem.functionspace(domain, ("Lagrange", 1, (3,)))
    require(
        _compat.coordinate_element(domain).degree == 1,
        "the mesh has curved cells: make it with first-order elements",
    )
    n_cells = domain.topology.index_map(3).size_local
    dofs = np.ascontiguousarray(space.dofmap.list[:n_cells])
    x = np.ascontiguousarray(space.tabulate_dof_coordinates())
    NodeExchange(space).update(x)  # each rank may have rounded otherwise
    element = basix.create_element(basix.ElementFamily.P, SUPPORTED[name], 1)
    points, weights = basix.make_quadrature(SUPPORTED[name], 3 if name == "hexahedron" else 2)
    gradients, volume, shares = on_every_rank(
        domain.comm, lambda: _integrate(element, points, weights, x[dofs])
    )
    centre, weight = basix.make_quadrature(SUPPORTED[name], 1)
    at_centre, centre_volume, _ = _integrate(element, centre, weight, x[dofs])
    one_point = _passes_patch_test(space, dofs, at_centre * centre_volume[:, None, None])
    if one_point:
        gradients, volume = at_centre, centre_volume
    if one_point:
        tensor = basix.ufl.quadrature_element(name, value_shape=(3, 3), degree=1)
    else:
        tensor = basix.ufl.element("DG", name, 0, shape=(3, 3))
    stress_space = fem.functionspace(domain, tensor)
    return Elements(
        space=space,
        stress_space=stress_space,
        degree=1 if one_point else 3,
        coordinates=x,
        dofs=dofs,
        gradients=np.ascontiguousarray(gradients),
        metric=np.einsum("cai,caj->cij", gradients, gradients),
        volume=volume,
        shares=shares,
        points=np.ascontiguousarray(stress_space.dofmap.list[:n_cells, 0]),
    )


def lumped(elements: Elements, density: float) -> np.ndarray:
    """Row-sum mass of all nodes of the rank, mg, `(n_nodes,)` (collective)."""
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


def _integrate(
    element: Any, points: np.ndarray, weights: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = element.tabulate(1, points)[..., 0]
    shape, slope = table[0], np.moveaxis(table[1:], 0, -1)
    volume = np.zeros(len(x))
    mean = np.zeros(x.shape)
    shares = np.zeros(x.shape[:2])
    for weight, N, dN in zip(weights, shape, slope, strict=True):
        jacobian = np.einsum("cai,ak->cik", x, dN)
        determinant = np.linalg.det(jacobian)
        _refuse_tangled(determinant, x)
        measure = weight * np.abs(determinant)
        volume += measure
        shares += measure[:, None] * N
        mean += measure[:, None, None] * (dN @ np.linalg.inv(jacobian))
    return mean / volume[:, None, None], volume, shares


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
