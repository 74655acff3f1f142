# SPDX-License-Identifier: MIT
"""Which law is where in a body, and the moduli that follow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from dolfinx import mesh

from mlms_fenics.errors import require
from mlms_fenics.geometry import NamedMesh
from mlms_fenics.materials import LawsByPart, Material, State


@dataclass(frozen=True)
class Moduli:
    """What masses and stable step are made of, in each of a rank's own cells.

    Attributes:
        density: mg/mm³, *Shape* `(n_cells,)`, as are all.
        bulk, shear: moduli, GPa.
    """

    density: np.ndarray
    bulk: np.ndarray
    shear: np.ndarray

    @property
    def wave_speed(self) -> np.ndarray:
        """Longitudinal, mm/µs."""
        return np.sqrt((self.bulk + 4.0 * self.shear / 3.0) / self.density)


def moduli_of(material: Material, part: np.ndarray) -> Moduli:
    """Moduli of cells whose laws have these numbers, *Shape* `(n_cells,)`."""
    laws = parts_of(material).values()
    table = np.array([(law.density, law.bulk_modulus, law.shear_modulus) for law in laws])
    return Moduli(*np.ascontiguousarray(table[part].T))


def parts_of(material: Material) -> dict[str, Material]:
    """Each law by the words that name its part, which are empty of a law that is alone."""
    if isinstance(material, LawsByPart):
        return {_words(name): law for name, law in material.laws.items()}
    return {"": material}


def virgin_state(material: Material, part: np.ndarray) -> State:
    """State of virgin points whose laws have these numbers, *Shape* `(n,)`."""
    if isinstance(material, LawsByPart):
        return material.virgin(part)
    return material.initial_state(len(part))


def laws_of(
    material: Material, state: State, n: int
) -> Iterator[tuple[str, Material, np.ndarray, State]]:
    """Words that name a part, its law, the rows of its points among `n`, and the state there."""
    if isinstance(material, LawsByPart):
        for there in material.parts(state):
            yield _words(there.name), there.law, there.rows.cpu().numpy(), there.state
    else:
        yield "", material, np.arange(n), state


def _words(part: str) -> str:
    return f" in part {part!r}"


def place_laws(
    domain: mesh.Mesh | NamedMesh, material: Material | None, laws: Mapping[str, Material] | None
) -> tuple[mesh.Mesh, Material, np.ndarray]:
    """The mesh, its law, and the number of the law of each of this rank's own cells (collective).

    Args:
        domain: a mesh; with `laws`, one with names.
        material: the one law, or None; a `LawsByPart` is `laws`.
        laws: of volumes by their names (in two dimensions: surfaces), or None.

    Raises:
        InputError: on every rank: not one of the two, names that are not of the mesh, or elements
            in none or several of the volumes.
    """
    require(
        (material is None) != (laws is None),
        "give a body one law, or laws= by the names of its volumes",
    )
    if isinstance(material, LawsByPart):
        laws = material.laws
    plain = domain.mesh if isinstance(domain, NamedMesh) else domain
    n = plain.topology.index_map(plain.topology.dim).size_local
    if laws is None:
        require(
            isinstance(material, Material), f"{material!r} is no law: give a Material, or laws="
        )
        return plain, material, np.zeros(n, dtype=np.int64)
    require(
        isinstance(domain, NamedMesh),
        "laws= needs a mesh with names: give what geometry.read_mesh returns, not its mesh",
    )
    placed = LawsByPart(laws)
    part, times = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for k, name in enumerate(placed.laws):
        tags, tag = domain.volume(name)
        cells = tags.find(tag)
        cells = cells[cells < n]
        part[cells] = k
        times[cells] += 1
    _refuse(plain, times == 0, "of the mesh are in none of the volumes with laws", placed)
    _refuse(plain, times > 1, "of the mesh are in more than one of the volumes with laws", placed)
    return plain, placed, part


def _refuse(domain: mesh.Mesh, bad: np.ndarray, what: str, placed: LawsByPart) -> None:
    """Raise where there are bad cells on any rank; the first of the input is named."""
    original = domain.topology.original_cell_index[: len(bad)][bad]
    found = np.concatenate(domain.comm.allgather(original))
    require(
        len(found) == 0,
        f"{len(found)} elements {what} ({', '.join(placed.laws)}), the first is element "
        f"{found.min(initial=np.iinfo(np.int64).max)} of the file: every element needs one law",
    )
