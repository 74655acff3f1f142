# SPDX-License-Identifier: MIT
"""Grain maps in files: HDF5, and VTK image data for ParaView."""

import base64
import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.files import replacing
from mlms_fenics.hdf5 import reading, writing
from mlms_fenics.microstructure.rotations import check_rotations, rotations_from_euler
from mlms_fenics.microstructure.voronoi import check_grains
from mlms_fenics.microstructure.vti import DAMAGED, names_of_cells, read_image

FORMAT = "mlms_fenics grains"
# Cell data that hold the grains' numbers: this package's, DREAM.3D's, DAMASK's.
_GRAINS = ("grain", "FeatureIds", "material")
_FROM_ONE = ("FeatureIds",)
_ORIENTATIONS = ("orientation", "EulerAngles")
_SAME = 1e-3  # between components of Q in the cells of one grain; files may be in single precision


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
    if path.suffix == ".vti":
        with replacing(path) as beside:
            beside.write_text(_vti(grains, Q), encoding="ascii")
        return
    with writing(path, "grain map", FORMAT) as file:
        file["grains"] = grains.astype(np.int32)
        if Q is not None:
            file["orientations"] = Q


def read_grains(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray | None]:
    """The grain map of a file, and the orientations if it holds them.

    A .h5 file is one of `write_grains`. A .vti file (VTK image, one cell thick where flat) is that
    of any program: its cell data `grain` or `material` (DAMASK) number the grains from 0;
    `FeatureIds` (DREAM.3D) from 1, with gaps, which are closed up in the order of the numbers.
    Orientations are those of its cell data `orientation` (Q row by row) or `EulerAngles` (Bunge,
    radians), which must be the same in all cells of a grain.

    Returns:
        Grains, int64, *Shape* the grid's; Q, *Shape* `(n_grains, d, d)`, or None.

    Raises:
        InputError: the file cannot be read or is something else, its cells are no cubes, some are
            of no grain, or those of one grain differ in orientation.
    """
    path = Path(path)
    if path.suffix != ".vti":
        with reading(path, "grain map", FORMAT) as file:
            Q = file["orientations"][()] if "orientations" in file else None
            return check_grains(file["grains"][()]), Q
    try:
        grains, Q = _read_vti(path)
        return check_grains(grains), Q
    except (OSError, KeyError, ElementTree.ParseError, *DAMAGED) as error:
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


def _read_vti(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    image = read_image(path, (*_GRAINS, *_ORIENTATIONS))
    name = next((name for name in _GRAINS if name in image.cells), None)
    if name is None:
        raise InputError(
            f"'{path}' has no cell data named {', '.join(_GRAINS[:-1])} or {_GRAINS[-1]}, but "
            f"{', '.join(names_of_cells(path)) or 'none'}"
        )
    grains = image.cells[name]
    flat = image.shape[2] == 1
    spacing = np.array(image.spacing[: 2 if flat else 3])
    if np.ptp(spacing) > 1e-6 * spacing.max():
        raise InputError(
            f"'{path}': its cells are {' × '.join(f'{x:g}' for x in spacing)}, but must be cubes: "
            "resample it"
        )
    if grains.ndim != 3 or (grains != np.round(grains)).any():
        raise InputError(f"'{path}': {name} must be one whole number for each cell")
    grains = grains.astype(np.int64)
    if name in _FROM_ONE:
        nobody = int((grains < 1).sum())
        if nobody:
            raise InputError(
                f"'{path}': {nobody} cells have a {name} below 1, so they are of no grain: fill "
                "them first"
            )
        # Grains that a filter has removed leave gaps in the numbers.
        grains = np.unique(grains, return_inverse=True)[1].reshape(image.shape)
    Q = _orientations(path, grains, image.cells)
    if not flat:
        return grains, Q
    in_plane = Q is not None and bool((np.abs(Q[:, 2, 2] - 1.0) < 1e-8).all())
    return grains[:, :, 0], Q[:, :2, :2] if Q is not None and in_plane else Q


def _orientations(
    path: Path, grains: np.ndarray, cells: dict[str, np.ndarray]
) -> np.ndarray | None:
    """Q of each grain from the values in its cells, where the file has them."""
    if "orientation" in cells:
        Q = cells["orientation"].reshape(*grains.shape, 3, 3)
    elif "EulerAngles" in cells:
        Q = rotations_from_euler(np.degrees(cells["EulerAngles"].astype(float)))
    else:
        return None
    flat, Q = grains.ravel(), Q.reshape(-1, 3, 3).astype(float)
    first = Q[np.unique(flat, return_index=True)[1]]
    apart = np.abs(Q - first[flat]).max(axis=(1, 2))
    worst = int(np.argmax(apart))
    if apart[worst] > _SAME:
        raise InputError(
            f"'{path}': the cells of grain {flat[worst]} (numbered from 0) differ in orientation; "
            "give each grain's average, or leave orientations out"
        )
    return check_rotations(first)
