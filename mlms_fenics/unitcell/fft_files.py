# SPDX-License-Identifier: MIT
"""The state of a full-field cell in an HDF5 file."""

import json
import os
from typing import Any

from mlms_fenics.hdf5 import writing
from mlms_fenics.parallel import on_rank_zero

FORMAT = "mlms_fenics cell state"


def write_cell_state(path: str | os.PathLike, cell: Any, march: Any, number: int) -> None:
    """Write the last equilibrium of a cell: all that its law and its fields depend on.

    Args:
        path: HDF5 file, replaced whole. Root attributes: time (µs), operator, laws (JSON), message;
            data sets: grains, orientations, F and P (GPa) `(d, d, *grid)`, history (mean F) and
            state `(*grid, n)` (F_in⁻¹ row by row, twin fractions, slips).
        cell: the `FFTCell`.
        march: the `March` or `MarchThere` that it was solved in.
        number: which of the march's cells.
    """
    grid, whole = cell.grains.shape, march.grid.whole
    F, P, state = march.last(number)
    F, P, state = whole(F), whole(P), whole(state.T).T

    def write() -> None:
        with writing(path, "cell state", FORMAT) as file:
            file.attrs["time"] = march.time[number]
            file.attrs["message"] = march.message[number]
            file.attrs["operator"] = cell.operator
            file.attrs["laws"] = json.dumps([law.to_dict() for law in cell.laws])
            file["grains"] = cell.grains
            file["orientations"] = cell.orientations
            file["F"] = F.reshape(*F.shape[:2], *grid)
            file["P"] = P.reshape(*P.shape[:2], *grid)
            file["state"] = state.reshape(*grid, -1)
            file["history"] = march.F[number]

    if cell.comm is None:
        write()
    else:
        on_rank_zero(cell.comm, write)
