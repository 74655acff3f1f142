# SPDX-License-Identifier: MIT
"""Cell data of VTK image files (.vti), in every encoding that VTK's writer offers but LZ4."""

import base64
import lzma
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError

_TYPES = {
    **{f"Int{8 * n}": f"i{n}" for n in (1, 2, 4, 8)},
    **{f"UInt{8 * n}": f"u{n}" for n in (1, 2, 4, 8)},
    "Float32": "f4",
    "Float64": "f8",
}
_COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "vtkZLibDataCompressor": zlib.decompress,
    "vtkLZMADataCompressor": lzma.decompress,
}
# What decoding raises where a file is damaged.
DAMAGED = (ValueError, IndexError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class Image:
    """A regular grid.

    Attributes:
        shape: cells along x, y, z.
        spacing: edges of a cell.
        cells: by name, an array of *Shape* `(nx, ny, nz)`, or `(nx, ny, nz, c)` of c components.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    cells: dict[str, np.ndarray]


@dataclass(frozen=True)
class _File:
    """How arrays are written in the file."""

    order: str
    header: str
    decompress: Callable[[bytes], bytes] | None
    appended: bytes
    raw: bool


def read_image(path: Path, names: tuple[str, ...]) -> Image:
    """Read an image and those of its cell data that are wanted.

    Args:
        path: the file.
        names: of the arrays; those that the file lacks are left out.

    Raises:
        InputError: no image, several pieces, or an encoding that is not known.
        OSError, ValueError: the file cannot be read or is damaged.
    """
    text, appended = _split(path.read_bytes())
    root = ElementTree.fromstring(text)
    image = root.find("ImageData")
    pieces = [] if image is None else image.findall("Piece")
    if image is None or len(pieces) != 1:
        raise InputError(f"'{path}' holds no ImageData of one piece")
    block = root.find("AppendedData")
    compressor = root.get("compressor")
    if compressor is not None and compressor not in _COMPRESSORS:
        raise InputError(
            f"'{path}' is compressed by {compressor}: write it with "
            f"{' or '.join(_COMPRESSORS)}, or uncompressed"
        )
    file = _File(
        order=">" if root.get("byte_order") == "BigEndian" else "<",
        header=_TYPES[root.get("header_type", "UInt32")],
        decompress=None if compressor is None else _COMPRESSORS[compressor],
        appended=appended,
        raw=block is not None and block.get("encoding") == "raw",
    )
    extent = [int(n) for n in pieces[0].attrib["Extent"].split()]
    nx, ny, nz = (b - a for a, b in zip(extent[::2], extent[1::2], strict=True))
    dx, dy, dz = (float(x) for x in image.get("Spacing", "1 1 1").split())
    cells = {}
    for array in pieces[0].findall("CellData/DataArray"):
        name = array.get("Name", "")
        if name in names:
            values = _values(file, array)
            parts = int(array.get("NumberOfComponents", 1))
            full = values.reshape(nz, ny, nx, parts).transpose(2, 1, 0, 3)  # x runs fastest
            cells[name] = full[..., 0] if parts == 1 else full
    return Image((nx, ny, nz), (dx, dy, dz), cells)


def names_of_cells(path: Path) -> list[str]:
    """Names of an image's cell data."""
    arrays = ElementTree.fromstring(_split(path.read_bytes())[0]).iterfind(".//CellData/DataArray")
    return [array.get("Name", "") for array in arrays]


def _split(content: bytes) -> tuple[bytes, bytes]:
    """The XML, and what is appended, which need be no text."""
    start = content.find(b"<AppendedData")
    if start < 0:
        return content, b""
    end = content.index(b">", start) + 1
    return content[:end] + b"</AppendedData></VTKFile>", content[content.index(b"_", end) + 1 :]


def _values(file: _File, array: ElementTree.Element) -> np.ndarray:
    kind = file.order + _TYPES[array.attrib["type"]]
    if array.get("format") == "ascii":
        return np.array((array.text or "").split(), dtype=float).astype(kind)
    if array.get("format") == "appended":
        stream, raw = file.appended[int(array.attrib["offset"]) :], file.raw
    else:
        stream, raw = (array.text or "").strip().encode(), False
    word = np.dtype(file.order + file.header)
    if file.decompress is None:
        # The length and the data are one stream.
        (size,) = np.frombuffer(_bytes(stream, word.itemsize, raw)[0], word)
        data = _bytes(stream, word.itemsize + int(size), raw)[0][word.itemsize :]
        return np.frombuffer(data, kind)
    # Number of blocks, their size, that of a shorter last one (or 0), and the compressed sizes: a
    # stream of its own before that of the blocks.
    (count, *_) = np.frombuffer(_bytes(stream, 3 * word.itemsize, raw)[0], word)
    head, rest = _bytes(stream, (3 + int(count)) * word.itemsize, raw)
    sizes = np.frombuffer(head, word)[3:].astype(int)
    packed = _bytes(rest, int(sizes.sum()), raw)[0]
    ends = np.cumsum(sizes)
    blocks = (packed[end - size : end] for end, size in zip(ends, sizes, strict=True))
    return np.frombuffer(b"".join(map(file.decompress, blocks)), kind)


def _bytes(stream: bytes, count: int, raw: bool) -> tuple[bytes, bytes]:
    """The first `count` bytes of a stream, which is in base64 unless raw, and what follows it."""
    if raw:
        return stream[:count], stream[count:]
    length = 4 * -(-count // 3)
    return base64.b64decode(stream[:length])[:count], stream[length:]
