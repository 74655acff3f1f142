# SPDX-License-Identifier: MIT
"""Nastran bulk data, cut down to the nodes and elements of a body."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mlms_fenics.errors import require

_KEPT = ("GRID", "CHEXA", "CTETRA", "CPENTA", "CPYRA", "CPYRAM", "CQUAD4", "CQUADR", "CQUAD8",
    "CTRIA3", "CTRIAR", "CTRIA6")  # fmt: skip
# Behind their nodes shells have angles and offsets, which meshio takes for nodes: by the card, that
# with corners only, and how many.
_SHELLS = {
    "CQUAD4": ("CQUAD4", 4), "CQUADR": ("CQUADR", 4), "CQUAD8": ("CQUAD4", 4),
    "CTRIA3": ("CTRIA3", 3), "CTRIAR": ("CTRIAR", 3), "CTRIA6": ("CTRIA3", 3),
}  # fmt: skip
_IGNORED = re.compile(r"C(BAR|BEAM|ROD|TUBE|BUSH|ELAS|GAP|ONM|MASS|DAMP)|RBE|RBAR|RROD")


@contextmanager
def nodes_and_elements(path: Path) -> Iterator[tuple[Path, dict[str, int]]]:
    """A copy with nodes and elements only, and how many cards of elements without a body there are.

    meshio reads the copy: it stumbles over comments behind data, over springs, and where bulk data
    come without what is before and after them; and it passes over large fields without a word.

    Raises:
        InputError: a file that is included is not there, or elements are in fields of 16 columns.
    """
    kept, ignored, keep = [], {}, False
    for line in _lines(path, ()):
        word = re.match(r"[A-Za-z][A-Za-z0-9]*\*?", line)
        if word:
            name = word[0].upper()
            require(
                not name.endswith("*") or name == "GRID*" or name[:-1] not in _KEPT,
                f"{str(path)!r} has elements in large fields ({name}), which are not read: write "
                "them in small fields (8 columns) or free format",
            )
            keep = name.rstrip("*") in _KEPT
            if name in _SHELLS:
                card, corners = _SHELLS[name]
                kept.append(_first_fields(card + line[len(name) :], 3 + corners))
                keep = False
            if _IGNORED.match(name):
                ignored[name] = ignored.get(name, 0) + 1
        if keep:
            kept.append(line)
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "bulk.bdf"
        copy.write_text("\n".join(["BEGIN BULK", *kept, "ENDDATA", ""]))
        yield copy, ignored


def _first_fields(line: str, count: int) -> str:
    return ",".join(line.split(",")[:count]) if "," in line else line[: 8 * count]


def _lines(path: Path, within: tuple[Path, ...]) -> Iterator[str]:
    """Lines of the bulk data without comments, those of included files in their place."""
    require(path.is_file(), f"there is no mesh file {str(path)!r}")
    require(path not in within, f"{str(path)!r} includes itself")
    lines = path.read_text(errors="replace").splitlines()
    begin = [k for k, line in enumerate(lines) if line.strip().upper().startswith("BEGIN BULK")]
    for line in lines[begin[-1] + 1 if begin else 0 :]:
        text = line.split("$")[0].rstrip()
        included = re.match(r"INCLUDE\s+['\"](.+?)['\"]", text, flags=re.IGNORECASE)
        if included:
            yield from _lines(path.parent / included[1], (*within, path))
        elif text.upper().startswith("ENDDATA"):
            return
        elif text:
            yield text
