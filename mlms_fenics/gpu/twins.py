# SPDX-License-Identifier: MIT
"""Compiled functions a second time, for CUDA, so that each piece of physics is written once.

A kernel of the CPU is a plain Python function that numba compiles. Its twin is the same code, with
all compiled functions that it calls replaced by their twins, compiled for the GPU. What must differ
there is given by name: a loop over lanes of a block becomes one lane to a thread by `L=1`.
"""

import types
from collections.abc import Callable
from typing import Any

from numba import cuda
from numba.core.dispatcher import Dispatcher

_made: dict[tuple, Callable] = {}


def twin(function: Dispatcher, **names: Any) -> Callable:
    """A compiled function of the CPU as a CUDA device function.

    Args:
        function: compiled with `numba.njit`.
        names: global names of it, and of all that it calls, that have another value there.
    """
    key = (function.py_func, *sorted(names.items(), key=lambda item: item[0]))
    if key not in _made:
        _made[key] = cuda.jit(device=True)(_rebuilt(function.py_func, names))
    return _made[key]


def _rebuilt(function: types.FunctionType, names: dict[str, Any]) -> types.FunctionType:
    """The function with twins for all compiled functions among its globals and captured values."""

    def exchanged(value: Any) -> Any:
        return twin(value, **names) if isinstance(value, Dispatcher) else value

    code = function.__code__
    scope = dict(function.__globals__)
    for name in code.co_names:
        if name in scope and name not in names:
            scope[name] = exchanged(scope[name])
    scope.update(names)
    cells = tuple(
        types.CellType(names.get(name, exchanged(cell.cell_contents)))
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True)
    )
    return types.FunctionType(code, scope, function.__name__, function.__defaults__, cells)
