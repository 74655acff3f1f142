# SPDX-License-Identifier: MIT
"""The keyword cards of an Abaqus input file."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlms_fenics.errors import InputError, require


@dataclass
class Card:
    """A keyword with its parameters and the data lines below it.

    Attributes:
        keyword: upper case, single blanks, without the star.
        parameters: values by name in upper case; None of one without a value.
        lines: data lines, stripped.
        place: file and line, for messages.
    """

    keyword: str
    parameters: dict[str, str | None]
    place: str
    lines: list[str] = field(default_factory=list)

    def required(self, name: str) -> str:
        """Value of a parameter.

        Raises:
            InputError: it is not there.
        """
        value = self.parameters.get(name)
        require(bool(value), f"{self.place}: *{self.keyword} has no {name}=")
        return str(value)

    def rows(self) -> list[list[str]]:
        """Fields of each data line; an empty last one is left out."""
        split = [[part.strip() for part in line.split(",")] for line in self.lines]
        return [row[:-1] if row[-1] == "" else row for row in split]

    def fields(self) -> list[str]:
        """Fields of all data lines together, those that are not empty."""
        return [text for part in ",".join(self.lines).split(",") if (text := part.strip())]


def cards(path: Path) -> Iterator[Card]:
    """All cards of a file; what it includes stands in its place, be it cards or data lines.

    Raises:
        InputError: a file is not there, is no text, or includes itself.
    """
    present: Card | None = None
    header = begun = ""
    for place, text in _lines(path, ()):
        if header or place:
            begun = begun if header else place
            header += text
            if header.endswith(","):  # goes on in the next line
                continue
            if present is not None:
                yield present
            present, header = _card(header, begun), ""
        elif present is not None:
            present.lines.append(text)
    if present is not None:
        yield present


def _lines(path: Path, within: tuple[Path, ...]) -> Iterator[tuple[str, str]]:
    """Text of all lines but comments, of included files too, and the place of those with a star."""
    require(path.is_file(), f"there is no mesh file {str(path)!r}")
    require(path not in within, f"{str(path)!r} includes itself")
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{str(path)!r} is not a text file") from None
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text.startswith("*"):
            place = f"{path.name}, line {number}"
            if text[:8].upper() == "*INCLUDE":
                given = _card(text, place).required("INPUT")
                yield from _lines(path.parent / given, (*within, path))
            elif not text.startswith("**"):
                yield place, text
        elif text:
            yield "", text


def _card(header: str, place: str) -> Card:
    keyword, *rest = header[1:].split(",")
    parameters: dict[str, str | None] = {}
    for part in rest:
        name, equal, value = part.partition("=")
        parameters[name.strip().upper()] = value.strip().strip('"') if equal else None
    return Card(" ".join(keyword.upper().split()), parameters, place)
