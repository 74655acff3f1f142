# SPDX-License-Identifier: MIT
"""An independent reading of XDMF: the text as XML, heavy data by h5py, cells by VTK."""

from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pyvista

_VTK = {"Triangle": 5, "Quadrilateral": 9, "Tetrahedron": 10, "Hexahedron": 12}
_SIZE = {"Scalar": (), "Vector": (3,), "Tensor": (3, 3)}


def read_grids(path):
    """Per time: `(time, pyvista grid, {name: values at nodes}, {name: values in cells})`."""
    domain = ElementTree.parse(path).getroot().find("Domain")
    (collection,) = domain.findall("Grid")
    assert collection.get("CollectionType") == "Temporal"
    return [_grid(path, grid) for grid in collection.findall("Grid")]


def _grid(path, grid):
    topology, geometry = grid.find("Topology"), grid.find("Geometry")
    cells = _item(path, topology)
    assert cells.shape[0] == int(topology.get("NumberOfElements"))
    points = _item(path, geometry)
    kind = np.full(len(cells), _VTK[topology.get("TopologyType")], dtype=np.uint8)
    listed = np.hstack([np.full((len(cells), 1), cells.shape[1]), cells])
    body = pyvista.UnstructuredGrid(listed.ravel(), kind, points.astype(float))
    fields = {"Node": {}, "Cell": {}}
    for attribute in grid.findall("Attribute"):
        values = _item(path, attribute)
        shape = (len(values), *_SIZE[attribute.get("AttributeType")])
        fields[attribute.get("Center")][attribute.get("Name")] = values.reshape(shape)
    return float(grid.find("Time").get("Value")), body, fields["Node"], fields["Cell"]


def _item(path, parent):
    item = parent.find("DataItem")
    assert item.get("Format") == "HDF"
    name, place = item.text.strip().split(":")
    with h5py.File(Path(path).parent / name, "r") as file:
        values = file[place][()]
    assert list(values.shape) == [int(n) for n in item.get("Dimensions").split()]
    assert values.dtype.itemsize == int(item.get("Precision"))
    assert values.dtype.kind == {"Float": "f", "Int": "i"}[item.get("NumberType")]
    return values
