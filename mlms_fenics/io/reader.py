# SPDX-License-Identifier: MIT
"""Reading a run's fields back, for comparisons and one's own figures."""

import os
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np

from mlms_fenics.errors import InputError, require

_SHAPES = {"Scalar": (), "Vector": (3,), "Tensor": (3, 3)}


class XDMFReader:
    """Fields of a file that `XDMFWriter` wrote, also of a run still going on or interrupted.

    Rows are in the order of the original mesh, so that runs on the same mesh compare row by row.

    Args:
        path: of the text, ending in ".xdmf".

    Attributes:
        times: of the outputs, µs.

    Raises:
        InputError: no such file, or not such a file.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        try:
            root = ElementTree.parse(self.path).getroot()
        except (OSError, ElementTree.ParseError) as error:
            raise InputError(f"cannot read {str(path)!r}: {error}") from None
        self._grids = root.findall("Domain/Grid[@CollectionType='Temporal']/Grid")
        require(bool(self._grids), f"{str(path)!r} holds no temporal collection of grids")
        self.times = [float(grid.find("Time").get("Value")) for grid in self._grids]

    @property
    def points(self) -> np.ndarray:
        """Reference positions of the nodes, mm, *Shape* `(n_nodes, 3)`."""
        return self._values(self._grids[0].find("Geometry"))

    @property
    def connectivity(self) -> np.ndarray:
        """Nodes of the cells in VTK's order, *Shape* `(n_cells, vertices)`."""
        return self._values(self._grids[0].find("Topology"))

    def names(self, centre: str | None = None) -> list[str]:
        """Names of the fields of the last output, all or those at "Node" or "Cell"."""
        found = self._grids[-1].findall("Attribute")
        return [a.get("Name") for a in found if centre in (None, a.get("Center"))]

    def field(self, name: str, output: int = -1) -> np.ndarray:
        """A field at one output.

        Args:
            name: of the field.
            output: its number, counted as in a list.

        Returns:
            *Shape* `(n,)`, `(n, 3)` or `(n, 3, 3)`, n nodes or cells.

        Raises:
            InputError: no such field, no such output, or its data are gone.
        """
        require(
            -len(self.times) <= output < len(self.times),
            f"output {output}: {str(self.path)!r} has {len(self.times)}",
        )
        for attribute in self._grids[output].findall("Attribute"):
            if attribute.get("Name") == name:
                values = self._values(attribute)
                return values.reshape(len(values), *_SHAPES[attribute.get("AttributeType")])
        raise InputError(f"field {name!r}: {str(self.path)!r} has {', '.join(self.names())}")

    def _values(self, parent: ElementTree.Element) -> np.ndarray:
        file, _, place = parent.find("DataItem").text.strip().rpartition(":")
        try:
            with h5py.File(self.path.parent / file, "r") as heavy:
                return heavy[place][()]
        except (OSError, KeyError) as error:
            raise InputError(
                f"the data of {str(self.path)!r} in {file!r} are missing or damaged ({error}): "
                "move the .xdmf, the .h5 and the _data folder together"
            ) from None
