# SPDX-License-Identifier: MIT
"""Meshes of Abaqus input files: parts and instances flattened, sets and surfaces as groups."""

import re
from pathlib import Path

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.geometry.formats.abaqus_cards import Card, cards
from mlms_fenics.geometry.formats.abaqus_parts import SOLID, Space, moved
from mlms_fenics.geometry.formats.abaqus_sets import Sets
from mlms_fenics.geometry.formats.listed import Block, Listed

# Cards that make nodes or elements by rule, or place them otherwise than they say.
_REFUSED = (
    "NGEN", "NFILL", "NCOPY", "NMAP", "ELGEN", "ELCOPY", "SYSTEM", "SUBSTRUCTURE PATH",
)  # fmt: skip
# Cells by their number of nodes, those of second order too.
_SOLID = {
    4: "tetrahedron", 10: "tetrahedron", 8: "hexahedron", 20: "hexahedron", 27: "hexahedron",
}  # fmt: skip
_FLAT = {
    3: "triangle", 6: "triangle", 4: "quadrilateral", 8: "quadrilateral", 9: "quadrilateral",
}  # fmt: skip


def read_abaqus(path: Path) -> Listed:
    """What an ".inp" file lists.

    Elements are those with C3D4, C3D8, CPE4, CPS4, CAX4 and the like, with any letters behind (R,
    I, H, T), and of second order; shells, membranes and surface elements are faces; others are left
    out. Sets of a part keep their name where no other has it, otherwise they are called
    "instance.set".

    Args:
        path: of the file.

    Raises:
        InputError: it cannot be read; the message names the card and the line.
    """
    root, instances = _spaces(path)
    spaces = [root, *instances.values()]
    points, mesh = [np.zeros((0, 3))], Listed(np.zeros((0, 3)))
    offset = 0
    for space in spaces:
        ids, x = space.all_nodes()
        space.first_node = offset
        offset += len(ids)
        points.append(x)
        for kind, elements in space.elements:
            cell, width = cell_of(kind)
            if width == 0:
                mesh.ignored[kind] = mesh.ignored.get(kind, 0) + len(elements.ids)
                continue
            space.where.append((elements.ids, len(mesh.blocks)))
            mesh.add(Block(kind, cell, space.node_rows(elements.nodes, kind)))
    mesh.points = np.concatenate(points)
    _add_sets(mesh, root, instances)
    return mesh


def cell_of(kind: str) -> tuple[str | None, int]:
    """Cell and number of nodes of an Abaqus element type; none and 0 of one that carries no body.

    The cell is None, and the number is not 0, for solids that no body here can have.
    """
    solid = SOLID.match(kind)
    if solid:
        width, flat = int(solid[1]), "3D" not in kind
        return (_FLAT if flat else _SOLID).get(width), width
    face = re.match(r"(?:(?:S|STRI|M3D|SFM3D)([346789])(?![0-9])|STRI6(?=5))", kind)
    if face:
        width = int(face[1] or 6)
        return _FLAT.get(width), width
    return None, 0


def _spaces(path: Path) -> tuple[Space, dict[str, Space]]:
    """What is given outside of parts, and each instance by its name in upper case."""
    root, parts, instances = Space(""), {}, {}
    present = root
    for card in cards(path):
        word = card.keyword
        require(
            word not in _REFUSED,
            f"{card.place}: *{word} is not read: write the mesh with all nodes and elements",
        )
        if word == "PART":
            present = parts[card.required("NAME").upper()] = Space(card.required("NAME"))
        elif word == "INSTANCE":
            name = card.required("NAME")
            part = parts.get(str(card.parameters.get("PART")).upper())
            require(
                part is not None,
                f"{card.place}: instance {name} is of part {card.parameters.get('PART')}, which "
                "is not in the file",
            )
            present = instances[name.upper()] = moved(part, name, card)
        elif word in ("END PART", "END INSTANCE"):
            present = root
        elif word == "NODE":
            present.add_nodes(card)
        elif word == "ELEMENT":
            kind = card.required("TYPE").upper()
            present.add_elements(kind, cell_of(kind)[1], card)
        elif word in ("NSET", "ELSET"):
            present.add_set(word, card.required(word), card)
        elif word == "SURFACE" and _is_listed(card):
            present.surfaces.setdefault(card.required("NAME"), []).append(card)
    if parts and not instances:
        instances = parts
    return root, instances


def _is_listed(surface: Card) -> bool:
    """Not one that is cut out of the body, or made of other surfaces."""
    kind = str(surface.parameters.get("TYPE", "ELEMENT")).upper()
    return kind in ("ELEMENT", "NODE") and "COMBINE" not in surface.parameters


def _add_sets(mesh: Listed, root: Space, instances: dict[str, Space]) -> None:
    """Named sets of all spaces, by names that are unique among those of their kind."""
    spaces, sets = (root, *instances.values()), Sets(mesh, instances)
    for word in ("NSET", "ELSET", "SURFACE"):
        given = [
            (name, space, cards_of[0].parameters)
            for space in spaces
            for name, cards_of in (
                space.surfaces if word == "SURFACE" else space.sets[word]
            ).items()
        ]
        keys = [name.upper() for name, _, _ in given]
        for name, space, parameters in given:
            if "INTERNAL" in parameters:  # what a pre-processor made for itself
                continue
            alone = space is root or keys.count(name.upper()) == 1
            full = name if alone else f"{space.name}.{name}"
            if word == "NSET":
                mesh.nodes[full] = sets.nodes(space, name)
            elif word == "ELSET":
                mesh.elements[full] = sets.elements(space, name)
            elif str(parameters.get("TYPE", "ELEMENT")).upper() == "NODE":
                mesh.nodes[full] = sets.surface_nodes(space, name)
            else:
                mesh.faces[full] = sets.surface(space, name)
