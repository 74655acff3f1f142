# SPDX-License-Identifier: MIT
"""Grain maps in files: HDF5, and VTK image data for ParaView."""

import base64
import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import h5py
import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.files import replacing
from mlms_fenics.microstructure.rotations import check_rotations
from mlms_fenics.microstructure.voronoi import check_grains

FORMAT = "mlms_fenics grains"


def write_grains(
    path: str | os.PathLike, grains: np.ndarray, orientations: np.ndarray | None = None
) -> None:
    """Write a grain map, replacing the file whole.

    Args:
        path: ending in .h5, or in .vti for ParaView (cell data `grain`; with orientations also
            `orientation`, Q row by row).
        grains: *Shape* the grid's.
        orientations: Q of the grains, *Shape* `(n_grains, d, d)`.

    Raises:
        InputError: other ending, no grain map, or not one orientation for each grain.
    """
    path, grains = Path(path), check_grains(grains)
    Q = None if orientations is None else check_rotations(orientations)
    if Q is not None and len(Q) != grains.max() + 1:
        raise InputError(f"{len(Q)} orientations for {grains.max() + 1} grains")
    if path.suffix not in (".h5", ".vti"):
        raise InputError(f"grain map '{path}': the name must end in .h5 or .vti")
    with replacing(path) as beside:
        if path.suffix == ".h5":
            with h5py.File(beside, "w") as file:
                file.attrs["format"] = FORMAT
                file.attrs["format_version"] = 1
                file["grains"] = grains.astype(np.int32)
                if Q is not None:
                    file["orientations"] = Q
        else:
            beside.write_text(_vti(grains, Q), encoding="ascii")


def read_grains(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray | None]:
    """The grain map of a file of `write_grains`, and the orientations if it holds them.

    Of a .vti file the cells' grains alone are read.

    Returns:
        Grains, int64, *Shape* the grid's; Q, *Shape* `(n_grains, d, d)`, or None.

    Raises:
        InputError: the file cannot be read or is something else.
    """
    path = Path(path)
    try:
        if path.suffix == ".vti":
            return check_grains(_read_vti(path)), None
        with h5py.File(path) as file:
            if file.attrs.get("format") != FORMAT:
                raise InputError(f"'{path}' is no grain map (root attribute format)")
            Q = file["orientations"][()] if "orientations" in file else None
            return check_grains(file["grains"][()]), Q
    except (OSError, KeyError, ElementTree.ParseError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"grain map: cannot read '{path}': {error}") from error


def _encode(values: np.ndarray) -> str:
    data = np.ascontiguousarray(values).tobytes()
    return base64.b64encode(np.uint64(len(data)).tobytes() + data).decode("ascii")


def _vti(grains: np.ndarray, Q: np.ndarray | None) -> str:
    shape = (*grains.shape, 1)[:3]
    extent = " ".join(f"0 {n}" for n in shape)
    # A flat cell is drawn one cell thick; edges are relative to the longest one.
    spacing = " ".join([repr(1.0 / max(shape))] * 3)
    flat = grains.ravel(order="F")  # x runs fastest in VTK
    arrays = (
        '<DataArray type="Int32" Name="grain" format="binary">'
        + _encode(flat.astype("<i4"))
        + "</DataArray>\n"
    )
    if Q is not None:
        full = np.broadcast_to(np.eye(3), (len(Q), 3, 3)).copy()
        full[:, : Q.shape[1], : Q.shape[1]] = Q
        arrays += (
            '<DataArray type="Float64" Name="orientation" NumberOfComponents="9" format="binary">'
            + _encode(full[flat].reshape(-1, 9).astype("<f8"))
            + "</DataArray>\n"
        )
    return (
        '<?xml version="1.0"?>\n<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" '
        f'header_type="UInt64">\n<ImageData WholeExtent="{extent}" Origin="0 0 0" '
        f'Spacing="{spacing}">\n<Piece Extent="{extent}">\n<CellData Scalars="grain">\n{arrays}'
        "</CellData>\n</Piece>\n</ImageData>\n</VTKFile>\n"
    )


def _read_vti(path: Path) -> np.ndarray:
    image = ElementTree.parse(path).getroot().find("ImageData")
    if image is None:
        raise InputError(f"'{path}' holds no ImageData")
    extent = [int(n) for n in image.attrib["WholeExtent"].split()]
    shape = [b - a for a, b in zip(extent[::2], extent[1::2], strict=True)]
    array = image.find("Piece/CellData/DataArray[@Name='grain']")
    if array is None or array.get("type") != "Int32" or array.get("format") != "binary":
        raise InputError(f"'{path}' has no cell data 'grain' as write_grains writes it")
    data = base64.b64decode(array.text or "")[8:]
    grains = np.frombuffer(data, "<i4").reshape(shape, order="F")
    return grains[:, :, 0] if shape[2] == 1 else grains
