# SPDX-License-Identifier: MIT
"""Members of the sets and surfaces of an Abaqus input file."""

import re
from functools import cached_property

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.geometry.formats.abaqus_cards import Card
from mlms_fenics.geometry.formats.abaqus_parts import SOLID, Space
from mlms_fenics.geometry.formats.listed import Listed

# Faces S1, S2, ... of each cell, Abaqus Analysis User's Guide, "Solid (continuum) elements".
FACES = {
    "hexahedron": (
        (0, 1, 2, 3), (4, 7, 6, 5), (0, 4, 5, 1), (1, 5, 6, 2), (2, 6, 7, 3), (3, 7, 4, 0),
    ),
    "tetrahedron": ((0, 1, 2), (0, 3, 1), (1, 3, 2), (2, 3, 0)),
    "quadrilateral": ((0, 1), (1, 2), (2, 3), (3, 0)),
    "triangle": ((0, 1), (1, 2), (2, 0)),
}  # fmt: skip
_NOBODY = np.zeros((0, 2), dtype=np.int64)


class Sets:
    """Resolves sets, which may name others, of other instances and further down in the file.

    Args:
        mesh: with all points and elements.
        instances: by their name in upper case.
    """

    def __init__(self, mesh: Listed, instances: dict[str, Space]) -> None:
        self.mesh, self.instances = mesh, instances

    def nodes(self, space: Space, name: str, seen: tuple[str, ...] = ()) -> np.ndarray:
        """Rows of points of a node set.

        Raises:
            InputError: something that it names is not there.
        """
        found = [np.zeros(0, dtype=np.int64)]
        for card in self._cards(space, "NSET", name, seen):
            of_elements = card.parameters.get("ELSET") if card.keyword == "NSET" else None
            if of_elements:
                members = self.elements(space, of_elements)
                found += [self.mesh.blocks[k].rows[row] for k, row in members]
            else:
                found += self._listed_nodes(space, card, (*seen, name))
        return np.unique(np.concatenate(found))

    def elements(self, space: Space, name: str, seen: tuple[str, ...] = ()) -> np.ndarray:
        """Block and row of each element of a set, `(n, 2)`; see `nodes`."""
        found = [_NOBODY]
        for card in self._cards(space, "ELSET", name, seen):
            found += self._listed_elements(space, card, (*seen, name))
        return np.unique(np.concatenate(found), axis=0)

    def surface_nodes(self, space: Space, name: str) -> np.ndarray:
        """Rows of points of a surface of nodes; see `nodes`."""
        found = [np.zeros(0, dtype=np.int64)]
        for card in space.surfaces[name]:
            given = Card("NSET", {}, card.place, [row[0] for row in card.rows()])
            found += self._listed_nodes(space, given, ())
        return np.unique(np.concatenate(found))

    def surface(self, space: Space, name: str) -> np.ndarray:
        """Nodes of each face of a surface of elements, `(n, k)`.

        A line without a face means the elements' faces that no other element has.

        Raises:
            InputError: see `nodes`, or an element has no such face, or faces are of several types.
        """
        faces: list[np.ndarray] = []
        for card in space.surfaces[name]:
            for row in card.rows():
                label = row[1].upper() if len(row) > 1 else ""
                given = Card("ELSET", {}, card.place, row[:1])
                members = np.concatenate([_NOBODY, *self._listed_elements(space, given, ())])
                for k, element in members:
                    faces += self._faces(
                        int(k), int(element), label, f"{card.place}: surface {name}"
                    )
        require(len({len(face) for face in faces}) < 2, f"surface {name} has triangles and others")
        return np.array(faces, dtype=np.int64) if faces else np.zeros((0, 1), dtype=np.int64)

    def _faces(self, k: int, row: int, label: str, place: str) -> list[np.ndarray]:
        block = self.mesh.blocks[k]
        nodes, sides = block.rows[row], FACES.get(block.cell or "", ())
        if not SOLID.match(block.kind):  # a shell is a face itself, whichever side is meant
            return [nodes]
        if block.cell is None:  # a type that is refused, once all has been read
            return []
        if label:
            number = int(label[1:]) if re.fullmatch(r"S\d", label) else 0
            require(
                0 < number <= len(sides),
                f"{place}: face {label} of an element of type {block.kind}, which has faces S1 to "
                f"S{len(sides)}",
            )
            return [nodes[list(sides[number - 1])]]
        every = [nodes[list(side)] for side in sides]
        return [face for face in every if tuple(np.sort(face).tolist()) in self._outer]

    @cached_property
    def _outer(self) -> set[tuple[int, ...]]:
        """Sorted nodes of the faces that only one element has."""
        times: dict[tuple[int, ...], int] = {}
        for block in self.mesh.blocks:
            if not SOLID.match(block.kind):
                continue
            for side in FACES.get(block.cell or "", ()):
                for face in np.sort(block.rows[:, list(side)], axis=1).tolist():
                    times[tuple(face)] = times.get(tuple(face), 0) + 1
        return {face for face, count in times.items() if count == 1}

    def _listed_nodes(self, space: Space, card: Card, seen: tuple[str, ...]) -> list[np.ndarray]:
        found = []
        for there, ids, sets in self._members(space, card):
            found.append(there.first_node + there.rows_of_nodes(ids, card.place))
            found += [self.nodes(there, name, seen) for name in sets]
        return found

    def _listed_elements(self, space: Space, card: Card, seen: tuple[str, ...]) -> list[np.ndarray]:
        found = []
        for there, ids, sets in self._members(space, card):
            found.append(there.rows_of_elements(ids, card.place))
            found += [self.elements(there, name, seen) for name in sets]
        return found

    def _cards(self, space: Space, word: str, name: str, seen: tuple[str, ...]) -> list[Card]:
        require(name not in seen, f"*{word} {name!r} contains itself")
        given = space.cards_of(word, name)
        if given is not None:
            return given
        where = f" of {space.name}" if space.name else ""
        raise InputError(
            f"a set or surface names *{word} {name!r}{where}, which is not in the file"
        )

    def _members(self, space: Space, card: Card) -> list[tuple[Space, np.ndarray, list[str]]]:
        """Numbers, and names of sets, that a card lists, by the space that they are of."""
        instance = card.parameters.get("INSTANCE")
        if instance:
            require(
                instance.upper() in self.instances, f"{card.place}: there is no instance {instance}"
            )
            space = self.instances[instance.upper()]
        if card.keyword == "NODE":
            return [(space, np.array([int(row[0]) for row in card.rows()], np.int64), [])]
        if "GENERATE" in card.parameters:
            ranges = [np.zeros(0, np.int64), *(_range(row, card) for row in card.rows())]
            return [(space, np.concatenate(ranges), [])]
        found: dict[str, tuple[Space, list[int], list[str]]] = {}
        for text in card.fields():
            there, rest = space, text.replace('"', "")
            head, dot, tail = rest.rpartition(".")
            if dot and head.upper() in self.instances:
                there, rest = self.instances[head.upper()], tail
            if not rest.isdigit():
                there = self._owner(there, card.keyword, rest)
            entry = found.setdefault(there.name.upper(), (there, [], []))
            if rest.isdigit():
                entry[1].append(int(rest))
            else:
                entry[2].append(rest)
        return [(there, np.array(ids, np.int64), sets) for there, ids, sets in found.values()]

    def _owner(self, space: Space, word: str, name: str) -> Space:
        """The space itself, or, of a set that only one instance has, that instance."""
        if space.name or space.cards_of(word, name) is not None:
            return space
        owners = [i for i in self.instances.values() if i.cards_of(word, name) is not None]
        return owners[0] if len(owners) == 1 else space


def _range(line: list[str], card: Card) -> np.ndarray:
    try:
        first, last, step = [*(int(text) for text in line), 1][:3]
    except ValueError:
        raise InputError(f"{card.place}: {', '.join(line)} is no range of numbers") from None
    require(step > 0, f"{card.place}: a range with a step of {step}")
    return np.arange(first, last + 1, step)
