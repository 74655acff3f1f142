# SPDX-License-Identifier: MIT
"""The .tex layout of polycrystal codes (VPSC, EVPSC, popLA's successors, MTEX's export).

Three lines of header; a line `B 500`: the convention's letter (Bunge, Roe or Kocks) and the number
of grains; for each grain three angles in degrees and a weight. Such blocks may follow each other,
one for each strain.
"""

import re
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure.formats.lines import degrees_of, numbers_of, table_of, words_of
from mlms_fenics.microstructure.measured import ReadingOptions, Texture
from mlms_fenics.microstructure.rotations import rotations_from_euler

_LETTERS = {"b": "bunge", "r": "roe", "k": "kocks"}
_HEADER = 3
_COUNT = re.compile(r"^\s*([A-Za-z])\s+(\d+)(\s.*)?$")


def is_vpsc(lines: list[str]) -> bool:
    """Whether the fourth line is a letter and a number."""
    return len(lines) > _HEADER and _COUNT.match(lines[_HEADER]) is not None


def read_vpsc(path: Path, lines: list[str], options: ReadingOptions) -> Texture:
    """The last block, or the one that `options.block` asks for; see `read_texture`.

    Raises:
        InputError: a line that is not what it should be (named), or no such block.
    """
    options.only(path, "a .tex file", "block")
    starts, left = _starts(path, lines)
    block = len(starts) if options.block is None else options.block
    if not 1 <= block <= len(starts):
        raise InputError(
            f"{path}: the block asked for is {block}, but must lie in 1 <= block <= {len(starts)}"
        )
    letter, start, count = starts[block - 1]
    convention = _LETTERS[letter]
    numbers = list(range(start + 1, start + count + 1))
    rows = []
    for number in numbers:
        row = numbers_of(words_of(lines[number - 1])[:4])
        if row is None or len(row) < 4:
            raise InputError(
                f"{path}, line {number}: '{lines[number - 1].strip()}' must hold three angles and "
                "a weight"
            )
        rows.append(row)
    table = table_of(path, rows, numbers)
    bad = table[:, 3] < 0
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            f"{path}, line {numbers[row]}: the weight is {table[row, 3]:g}, but must be >= 0"
        )
    said = (
        f"a .tex file, block {block} of {len(starts)}"
        + (
            f" ({lines[start - _HEADER - 1].strip()})" if lines[start - _HEADER - 1].strip() else ""
        ),
        f"{convention.capitalize()}'s Euler angles, degrees, with weights",
        *([f"{left} lines beyond the announced grains are left alone"] if left else []),
    )
    Q = rotations_from_euler(degrees_of(path, table[:, :3], numbers), convention)
    return Texture(Q, table[:, 3], said=said)


def _starts(path: Path, lines: list[str]) -> tuple[list[tuple[str, int, int]], int]:
    """Of each block: its letter, the index of its first grain's line, its number of grains.

    Also the number of lines that are in none, which those codes leave alone, too.
    """
    found = []
    at = left = 0
    while True:
        heads = range(at + _HEADER, len(lines))
        head = next((k for k in heads if _COUNT.match(lines[k])), None)
        end = len(lines) if head is None else head - _HEADER
        left += sum(bool(line.strip()) for line in lines[at:end])
        if head is None:
            return found, left
        letter, number = lines[head].split()[:2]
        start, count = head + 1, int(number)
        if letter.lower() not in _LETTERS:
            raise InputError(
                f"{path}, line {start}: the convention is '{letter}', but must be B (Bunge), R "
                "(Roe) or K (Kocks)"
            )
        if count < 1 or start + count > len(lines):
            raise InputError(
                f"{path}, line {start}: {count} grains are announced, but {len(lines) - start} "
                "lines follow"
            )
        found.append((letter.lower(), start, count))
        at = start + count
