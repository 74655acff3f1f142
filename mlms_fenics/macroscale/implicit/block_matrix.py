# SPDX-License-Identifier: MIT
"""The PETSc matrix of a vector-valued space: made of element matrices, held rows taken out."""

from typing import Any

import numba
import numpy as np
import ufl
from dolfinx import fem, la
from petsc4py import PETSc
from scipy.sparse import bsr_matrix

from mlms_fenics.macroscale.element import Elements


class BlockMatrix:
    """A square matrix with a 3×3 block for each pair of nodes that share a cell.

    dolfinx makes the sparsity and sends what belongs to other ranks; PETSc gets this rank's rows.

    Args:
        elements: of the body (collective).
        held: which components of which nodes are prescribed, `(n_nodes, 3)`: their rows and columns
            become those of the identity, scaled.

    Attributes:
        matrix: PETSc's, AIJ with block size 3, with the rigid motions as near-null space.
    """

    def __init__(self, elements: Elements, held: np.ndarray) -> None:
        space = elements.space
        trial, test = ufl.TrialFunction(space), ufl.TestFunction(space)
        self._csr = fem.create_matrix(fem.form(ufl.inner(trial, test) * ufl.dx))
        imap, columns = space.dofmap.index_map, self._csr.index_map(1)
        self._owned = owned = imap.size_local
        n_columns = columns.size_local + columns.num_ghosts
        glob = columns.local_to_global(np.arange(n_columns, dtype=np.int32))
        local = imap.size_local + imap.num_ghosts
        nodes = imap.local_to_global(np.arange(local, dtype=np.int32))
        order = np.argsort(glob)
        self._column = order[np.searchsorted(glob[order], nodes)]
        self._blocks = self._csr.data.reshape(-1, 9)
        self._cells = self.places(elements.dofs)
        self._diagonal = self.places(np.arange(owned)[:, None])[:, 0]
        # Scalar rows of this rank's own blocks.
        self._indptr = indptr = np.asarray(self._csr.indptr[: owned + 1])
        self._indices = indices = np.asarray(self._csr.indices[: indptr[-1]])
        self._factor = 1.0
        sizes = np.repeat(3 * np.diff(indptr), 3)
        self._rows = np.concatenate([[0], np.cumsum(sizes)]).astype(PETSc.IntType)
        self._order = _scalar_order(indptr)
        wide = (3 * glob[indices][:, None] + np.arange(3)).astype(PETSc.IntType)
        self._wide = np.tile(wide[:, None, :], (1, 3, 1)).ravel()[self._order]
        is_held = _from_owners(held[:owned], columns)[indices]
        row_held = np.repeat(held[:owned], np.diff(indptr), axis=0)
        cross = row_held[:, :, None] | is_held[:, None, :]
        self._out = np.flatnonzero(cross.ravel()[self._order])
        self._held = held[:owned].astype(bool)
        sizes_of = (3 * owned, 3 * imap.size_global)
        zeros = np.zeros(len(self._wide))
        self.matrix = PETSc.Mat().createAIJ(
            (sizes_of, sizes_of), bsize=3, csr=(self._rows, self._wide, zeros), comm=space.mesh.comm
        )
        self.matrix.setNearNullSpace(_rigid_motions(elements, held))

    def places(self, dofs: np.ndarray) -> np.ndarray:
        """Row of the block of each pair of nodes, `(n, k²)`, for `add`; nodes `(n, k)`."""
        places = np.zeros((len(dofs), dofs.shape[1] ** 2), dtype=np.int64)
        indptr, indices = np.asarray(self._csr.indptr), np.asarray(self._csr.indices)
        _find(np.ascontiguousarray(dofs), self._column, indptr, indices, places)
        return places

    def times(self, u: np.ndarray) -> np.ndarray:
        """The last `finish`ed sum, held columns included, times `(n_owned, 3)` (collective)."""
        vector = la.vector(self._csr.index_map(1), 3)
        vector.array[: u.size] = u.ravel()
        vector.scatter_forward()
        n = int(self._indptr[-1])
        shape = (3 * self._owned, len(vector.array))
        blocks = self._blocks[:n].reshape(-1, 3, 3)
        whole = bsr_matrix((blocks, self._indices, self._indptr), shape=shape)
        return self._factor * (whole @ vector.array).reshape(-1, 3)

    def clear(self) -> None:
        """All blocks zero."""
        self._blocks[:] = 0.0

    def add(self, matrices: np.ndarray, places: np.ndarray | None = None) -> None:
        """Add `(n, 3 k, 3 k)` at `places`, by default the cells' own."""
        _scatter(matrices, self._cells if places is None else places, self._blocks)

    def add_diagonal(self, nodes: np.ndarray, blocks: np.ndarray) -> None:
        """Add blocks `(n, 3, 3)` of nodes; those of other ranks' nodes are left to them."""
        own = nodes < self._owned
        np.add.at(self._blocks, self._diagonal[nodes[own]], blocks[own].reshape(-1, 9))

    def finish(self, factor: float = 1.0) -> None:
        """Give PETSc `factor` times the sum, with the identity in the held rows (collective)."""
        self._csr.scatter_reverse()
        self._factor = factor
        comm = self.matrix.comm.tompi4py()
        n = len(self._order) // 9
        values = factor * self._blocks[:n].ravel()[self._order]
        values[self._out] = 0.0
        blocks = self._blocks[self._diagonal].reshape(-1, 3, 3)
        diagonal = np.abs(np.einsum("nii->ni", blocks))[~self._held]
        total, count = comm.allreduce(np.array([diagonal.sum(), diagonal.size]))
        typical = factor * total / max(count, 1.0)
        self.matrix.setValuesCSR(self._rows, self._wide, values)
        self.matrix.assemble()
        nodes, components = np.nonzero(self._held)
        rows = self.matrix.getOwnershipRange()[0] + 3 * nodes + components
        vector = self.matrix.createVecLeft()
        self.matrix.getDiagonal(vector)
        vector.array[rows - self.matrix.getOwnershipRange()[0]] = typical or 1.0
        self.matrix.setDiagonal(vector)


def _rigid_motions(elements: Elements, held: np.ndarray) -> Any:
    """Translations and rotations at the free components, orthonormal."""
    space = elements.space
    imap, comm = space.dofmap.index_map, space.mesh.comm
    owned = imap.size_local
    x = elements.coordinates[:owned]
    modes = [np.broadcast_to(np.eye(3)[i], x.shape) for i in range(3)]
    modes += [np.cross(np.eye(3)[i], x) for i in range(3)]
    vectors: list[Any] = []
    for mode in modes:
        vector = PETSc.Vec().createMPI((3 * owned, 3 * imap.size_global), bsize=3, comm=comm)
        vector.array[:] = np.where(held[:owned], 0.0, mode).ravel()
        size = vector.norm()
        for other in vectors:
            vector.axpy(-vector.dot(other), other)
        if vector.norm() > 1e-8 * size > 0.0:
            vector.normalize()
            vectors.append(vector)
    return PETSc.NullSpace().create(vectors=vectors, comm=comm)


def _from_owners(marks: np.ndarray, columns: Any) -> np.ndarray:
    """What the owners of columns have marked: more nodes than those of this rank's cells."""
    vector = la.vector(columns, 3)
    vector.array[: marks.size] = marks.ravel()
    vector.scatter_forward()
    return vector.array.reshape(-1, 3).astype(bool)


def _scalar_order(indptr: np.ndarray) -> np.ndarray:
    """Where each scalar of rows of three lies in blocks of nine, row by row."""
    n = int(indptr[-1])
    block = np.arange(n)
    row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    width = np.diff(indptr)[row]
    order = np.zeros(9 * n, dtype=np.int64)
    inside = block - indptr[row]
    for i in range(3):
        for j in range(3):
            order[9 * indptr[row] + 3 * i * width + 3 * inside + j] = 9 * block + 3 * i + j
    return order


@numba.njit(cache=True)
def _find(dofs, column, indptr, indices, places):
    k = dofs.shape[1]
    for c in range(dofs.shape[0]):
        for a in range(k):
            row = dofs[c, a]
            for b in range(k):
                wanted = column[dofs[c, b]]
                for entry in range(indptr[row], indptr[row + 1]):
                    if indices[entry] == wanted:
                        places[c, k * a + b] = entry
                        break


@numba.njit(cache=True)
def _scatter(matrices, places, blocks):
    k = matrices.shape[1] // 3
    for c in range(matrices.shape[0]):
        for a in range(k):
            for b in range(k):
                block = blocks[places[c, k * a + b]]
                for i in range(3):
                    for j in range(3):
                        block[3 * i + j] += matrices[c, 3 * a + i, 3 * b + j]
