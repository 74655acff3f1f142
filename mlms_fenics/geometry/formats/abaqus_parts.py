# SPDX-License-Identifier: MIT
"""Nodes, elements and sets of one part or instance of an Abaqus input file."""

import re
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.spatial.transform import Rotation

from mlms_fenics.errors import InputError, require
from mlms_fenics.geometry.formats.abaqus_cards import Card

# Types of elements that carry a body, with their number of nodes.
SOLID = re.compile(r"C(?:3D|PE|PS|AX|PEG)(\d+)")


@dataclass(frozen=True)
class Elements:
    """Elements of one card.

    Attributes:
        ids: `(n,)`.
        nodes: numbers of their nodes, `(n, k)`.
    """

    ids: np.ndarray
    nodes: np.ndarray


@dataclass
class Space:
    """What one part, one instance or the rest of the file gives; numbers are unique within.

    Attributes:
        name: of the part or instance, empty for the rest.
        nodes: numbers and positions, of each card.
        elements: type and elements, of each card.
        sets: cards of each set by its name, for "NSET" and "ELSET".
        surfaces: cards of each surface by its name.
        shift, turn, pivot: of an instance: its nodes are shifted, then turned about the pivot.
        first_node: row of its first point in the whole mesh.
        where: of each card of elements that is read, their numbers and the block in the whole mesh.
    """

    name: str
    nodes: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    elements: list[tuple[str, Elements]] = field(default_factory=list)
    sets: dict[str, dict[str, list[Card]]] = field(
        default_factory=lambda: {"NSET": {}, "ELSET": {}}
    )
    surfaces: dict[str, list[Card]] = field(default_factory=dict)
    shift: np.ndarray = field(default_factory=lambda: np.zeros(3))
    turn: Rotation = field(default_factory=Rotation.identity)
    pivot: np.ndarray = field(default_factory=lambda: np.zeros(3))
    first_node: int = 0
    where: list[tuple[np.ndarray, int]] = field(default_factory=list)

    def add_nodes(self, card: Card) -> None:
        """Those of a *NODE card."""
        require("SYSTEM" not in card.parameters, f"{card.place}: *NODE, SYSTEM= is not read")
        table = np.zeros((len(card.lines), 4))
        for row, line in enumerate(card.lines):
            try:
                values = [float(text) if text.strip() else 0.0 for text in line.split(",")[:4]]
            except ValueError:
                raise InputError(f"{card.place}: no number and position: {line}") from None
            table[row, : len(values)] = values
        self.nodes.append((table[:, 0].astype(np.int64), table[:, 1:]))
        if card.parameters.get("NSET"):
            self.add_set("NSET", str(card.parameters["NSET"]), card)

    def add_elements(self, kind: str, width: int, card: Card) -> None:
        """Those of an *ELEMENT card; of a type of no body (`width` 0) only the numbers."""
        try:
            given = card.fields() if width else [row[0] for row in card.rows()]
            numbers = np.array(list(map(int, given)), dtype=np.int64)
        except ValueError as error:
            raise InputError(f"{card.place}: elements of type {kind}: {error}") from None
        require(
            len(numbers) % (width + 1) == 0,
            f"{card.place}: elements of type {kind} have {width} nodes, but {len(numbers)} numbers "
            "are given with their own",
        )
        table = numbers.reshape(-1, width + 1)
        self.elements.append((kind, Elements(table[:, 0], table[:, 1:])))
        if card.parameters.get("ELSET"):
            ids = Card("ELSET", {}, card.place, [",".join(map(str, table[:, 0].tolist()))])
            self.add_set("ELSET", str(card.parameters["ELSET"]), ids)

    def add_set(self, word: str, name: str, card: Card) -> None:
        """A card of a set, which may have been given in part before."""
        given = self.cards_of(word, name)
        if given is None:
            self.sets[word][name] = [card]
        else:
            given.append(card)

    def cards_of(self, word: str, name: str) -> list[Card] | None:
        """Cards of a set, whatever the case of its letters; None where there is none."""
        sets = self.sets[word]
        if name in sets:
            return sets[name]
        return next((cards for k, cards in sets.items() if k.upper() == name.upper()), None)

    def all_nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of all nodes, and positions in the whole mesh.

        Raises:
            InputError: a number is given twice.
        """
        ids = np.concatenate([np.zeros(0, dtype=np.int64), *(ids for ids, _ in self.nodes)])
        x = np.concatenate([np.zeros((0, 3)), *(x for _, x in self.nodes)])
        values, times = np.unique(ids, return_counts=True)
        twice = values[times > 1]
        require(
            len(twice) == 0,
            f"{self.name or 'the file'} gives node {twice[0] if len(twice) else ''} more than once",
        )
        return ids, self.turn.apply(x + self.shift - self.pivot) + self.pivot if len(x) else x

    @cached_property
    def node_ids(self) -> np.ndarray:
        """Numbers of all nodes; called once they are all there."""
        return self.all_nodes()[0]

    @cached_property
    def element_ids(self) -> np.ndarray:
        """Numbers of all elements, also of those that are not read."""
        return np.concatenate([np.zeros(0, np.int64), *(e.ids for _, e in self.elements)])

    def rows_of_nodes(self, ids: np.ndarray, place: str) -> np.ndarray:
        """Rows of this space's nodes.

        Raises:
            InputError: there is no such node.
        """
        return _rows(self.node_ids, ids, f"{place}: there is no node")

    def node_rows(self, nodes: np.ndarray, kind: str) -> np.ndarray:
        """Rows in the whole mesh of elements' nodes."""
        place = f"elements of type {kind} of {self.name or 'the file'}"
        return self.first_node + self.rows_of_nodes(nodes.ravel(), place).reshape(nodes.shape)

    def rows_of_elements(self, ids: np.ndarray, place: str) -> np.ndarray:
        """Block and row of those elements that are read, `(n, 2)`; others are left out.

        Raises:
            InputError: there is no such element.
        """
        _rows(self.element_ids, ids, f"{place}: there is no element")
        found = [np.zeros((0, 2), dtype=np.int64)]
        for members, block in self.where:
            rows = np.flatnonzero(np.isin(members, ids))
            found.append(np.stack([np.full(len(rows), block), rows], axis=1))
        return np.concatenate(found)


def moved(part: Space, name: str, card: Card) -> Space:
    """A part where its instance's card puts it: shifted, then turned about an axis.

    Raises:
        InputError: the card's numbers are not three, and then seven.
    """
    try:
        numbers = [[float(text) for text in row] for row in card.rows()]
    except ValueError:
        raise InputError(f"{card.place}: no position of instance {name}") from None
    require(
        [len(line) for line in numbers] in ([], [3], [3, 7]),
        f"{card.place}: the position of instance {name} must be three numbers and, where it is "
        "turned, seven more",
    )
    made = Space(
        name,
        nodes=list(part.nodes),
        elements=list(part.elements),
        sets={word: {k: list(v) for k, v in sets.items()} for word, sets in part.sets.items()},
        surfaces={k: list(v) for k, v in part.surfaces.items()},
    )
    if numbers:
        made.shift = np.array(numbers[0])
    if len(numbers) == 2:
        made.pivot, second = np.array(numbers[1][:3]), np.array(numbers[1][3:6])
        axis = second - made.pivot
        length = float(np.linalg.norm(axis))
        require(length > 0.0, f"{card.place}: the axis of instance {name} has no length")
        made.turn = Rotation.from_rotvec(axis / length * numbers[1][6], degrees=True)
    return made


def _rows(known: np.ndarray, ids: np.ndarray, complaint: str) -> np.ndarray:
    if len(ids) == 0:
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(known)
    place = np.searchsorted(known, ids, sorter=order)
    there = place < len(known)
    there[there] = known[order[place[there]]] == ids[there]
    require(bool(there.all()), f"{complaint} {int(ids[~there][0]) if not there.all() else ''}")
    return order[place]
