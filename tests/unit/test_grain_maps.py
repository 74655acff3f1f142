# SPDX-License-Identifier: MIT
"""Grain maps as others write them: every encoding of VTK, DREAM.3D's numbering, bad input."""

import numpy as np
import pytest

from mlms_fenics.errors import InputError
from mlms_fenics.microstructure import random_orientations, read_grains, voronoi_grains
from mlms_fenics.microstructure.rotations import euler_from_rotations

GRAINS = voronoi_grains((5, 4, 3), 6, 0)
Q = random_orientations(6, 1)


def image(path, arrays, shape=GRAINS.shape, spacing=(0.5, 0.5, 0.5), set_up=lambda writer: None):
    """Write cell data by VTK's own writer."""
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import numpy_to_vtk

    data = vtk.vtkImageData()
    data.SetDimensions(*(n + 1 for n in shape))
    data.SetSpacing(*spacing)
    for name, values in arrays.items():
        flat = np.asarray(values).reshape(-1, order="F") if values.ndim == 3 else None
        if flat is None:
            flat = np.asarray(values).transpose(2, 1, 0, 3).reshape(-1, values.shape[3])
        array = numpy_to_vtk(np.ascontiguousarray(flat), deep=True)
        array.SetName(name)
        data.GetCellData().AddArray(array)
    writer = vtk.vtkXMLImageDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(data)
    set_up(writer)
    assert writer.Write() == 1
    return path


def _appended(raw):
    def set_up(writer):
        writer.SetDataModeToAppended()
        writer.SetEncodeAppendedData(not raw)

    return set_up


def _plain(mode):
    def set_up(writer):
        mode(writer)
        writer.SetCompressorTypeToNone()

    return set_up


def _and(*steps):
    def set_up(writer):
        for step in steps:
            step(writer)

    return set_up


ENCODINGS = {
    "ascii": lambda w: w.SetDataModeToAscii(),
    "binary zlib": lambda w: w.SetDataModeToBinary(),
    "binary": _plain(lambda w: w.SetDataModeToBinary()),
    "appended raw": _plain(_appended(True)),
    "appended base64": _plain(_appended(False)),
    "appended raw zlib": _appended(True),
    "appended base64 zlib": _appended(False),
    "lzma": _and(_appended(True), lambda w: w.SetCompressorTypeToLZMA()),
    "small blocks": _and(lambda w: w.SetDataModeToBinary(), lambda w: w.SetBlockSize(64)),
    "header of 64 bits": _and(_appended(False), lambda w: w.SetHeaderTypeToUInt64()),
    "big endian": _and(_plain(_appended(True)), lambda w: w.SetByteOrderToBigEndian()),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8, np.float32])
def test_every_encoding_is_read(tmp_path, encoding, kind):
    path = image(tmp_path / "a.vti", {"FeatureIds": (GRAINS + 1).astype(kind)},
                 set_up=ENCODINGS[encoding])  # fmt: skip
    grains, orientations = read_grains(path)
    assert np.array_equal(grains, GRAINS) and grains.dtype == np.int64 and orientations is None


def test_numbers_from_one_with_gaps_are_closed_up(tmp_path):
    numbers = np.array([1, 4, 5, 9, 100, 101])[GRAINS]
    grains, _ = read_grains(image(tmp_path / "a.vti", {"FeatureIds": numbers}))
    assert np.array_equal(grains, GRAINS)


def test_orientations_of_the_cells_are_their_grains(tmp_path):
    """DREAM.3D's Euler angles are Bunge's in radians, float32."""
    angles = np.radians(euler_from_rotations(Q))[GRAINS].astype(np.float32)
    path = image(tmp_path / "a.vti", {"FeatureIds": GRAINS + 1, "EulerAngles": angles})
    assert np.abs(read_grains(path)[1] - Q).max() < 1e-5
    angles[0, 0, 0] += 0.1
    path = image(tmp_path / "b.vti", {"FeatureIds": GRAINS + 1, "EulerAngles": angles})
    with pytest.raises(InputError, match=f"grain {GRAINS[0, 0, 0]}.*differ in orientation"):
        read_grains(path)


def test_a_flat_map_is_two_dimensional(tmp_path):
    numbers = GRAINS[:, :, :1] + 1
    path = image(tmp_path / "a.vti", {"FeatureIds": numbers}, numbers.shape, (1, 1, 9))
    grains, _ = read_grains(path)
    assert grains.shape == (5, 4)
    assert np.array_equal(grains, np.unique(numbers, return_inverse=True)[1].reshape(5, 4))


def test_maps_that_number_from_zero(tmp_path):
    """DAMASK's numbers stand for rows of material.yaml, so gaps are not closed."""
    assert np.array_equal(read_grains(image(tmp_path / "a.vti", {"material": GRAINS}))[0], GRAINS)
    with pytest.raises(InputError, match="grain 5 is absent"):
        read_grains(image(tmp_path / "b.vti", {"material": GRAINS + (GRAINS > 4)}))


@pytest.mark.parametrize(
    ("arrays", "spacing", "expected"),
    [
        ({"Phases": GRAINS}, (1, 1, 1), "FeatureIds.*but Phases"),
        ({"FeatureIds": GRAINS}, (1, 1, 1), "cells have a FeatureIds below 1"),
        ({"FeatureIds": GRAINS + 1}, (1, 1, 2), "1 × 1 × 2, but must be cubes"),
        ({"FeatureIds": GRAINS + 1.5}, (1, 1, 1), "one whole number for each cell"),
    ],
)
def test_bad_maps_are_refused(tmp_path, arrays, spacing, expected):
    with pytest.raises(InputError, match=expected):
        read_grains(image(tmp_path / "a.vti", arrays, spacing=spacing))


def test_damaged_and_unknown_files_are_refused(tmp_path):
    path = image(tmp_path / "a.vti", {"FeatureIds": GRAINS + 1}, set_up=_appended(True))
    content = path.read_bytes()
    for name, bad in (("cut", content[:-60]), ("head", content[:100]), ("other", b"<VTKFile/>")):
        (tmp_path / f"{name}.vti").write_bytes(bad)
        with pytest.raises(InputError, match=name):
            read_grains(tmp_path / f"{name}.vti")
    lz4 = _and(_appended(True), lambda w: w.SetCompressorTypeToLZ4())
    with pytest.raises(InputError, match="vtkLZ4DataCompressor"):
        read_grains(image(tmp_path / "lz4.vti", {"FeatureIds": GRAINS + 1}, set_up=lz4))
