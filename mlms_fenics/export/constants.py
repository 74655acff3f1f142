# SPDX-License-Identifier: MIT
"""Numbers and arrays of a law as C text."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from mlms_fenics.surrogate.recurrent.cell import FAST, LOGS, LONG, STEEP, log_span

# Rows of a matrix that are summed side by side, as the C product takes them.
PANEL = 4
_A_LINE = 12


def scalar(name: str, value: float | int) -> str:
    """A macro."""
    if isinstance(value, int | np.integer):
        return f"#define {name} {int(value)}"
    return f"#define {name} {float(value)!r}"


def rate_numbers(net: Any) -> dict[str, float]:
    """What a causal network makes of the strain rate, by name."""
    if net.rates is None:
        return {"FAST": FAST, "RATE_SCALE": float(net.rate_scale)}
    return {
        "LOWEST_RATE": net.rates[0],
        "RATE_SPAN": log_span(net.rates),
        "LONG": LONG,
        "STEEP": STEEP,
        "LOG_LEAST": LOGS[0],
        "LOG_MOST": LOGS[1],
    }


def array(name: str, values: np.ndarray | torch.Tensor, kind: str = "real") -> str:
    """A constant array, whose numbers read back to the same bits.

    Args:
        name: in C.
        values: of any shape.
        kind: C type, "real" or "double".
    """
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    values = np.asarray(values, np.float64)
    sizes = "".join(f"[{size}]" for size in values.shape)
    return f"static const {kind} {name}{sizes} =\n{_nested(values)};"


def packed(matrix: np.ndarray | torch.Tensor) -> np.ndarray:
    """A matrix `(rows, inputs)` in panels, *Shape* `(panels, inputs, PANEL)`, zero beyond it."""
    if isinstance(matrix, torch.Tensor):
        matrix = matrix.detach().cpu().numpy()
    rows, inputs = matrix.shape
    panels = -(-rows // PANEL)
    full = np.zeros((panels * PANEL, inputs))
    full[:rows] = matrix
    return full.reshape(panels, PANEL, inputs).transpose(0, 2, 1)


def weights(name: str, matrix: np.ndarray | torch.Tensor) -> str:
    """A matrix in panels, flat."""
    return array(name, packed(matrix).ravel())


def _nested(values: np.ndarray) -> str:
    if values.ndim > 1:
        return "{" + ",\n".join(_nested(part) for part in values) + "}"
    words = list(_words(values))
    lines = (", ".join(words[k : k + _A_LINE]) for k in range(0, len(words), _A_LINE))
    return "{" + ",\n".join(lines) + "}"


def _words(values: np.ndarray) -> Iterable[str]:
    # Nine digits are enough where a number is one of single precision, and its suffix says so.
    short = bool((values.astype(np.float32) == values).all())
    for value in values.tolist():
        word = f"{value:.9g}" if short else repr(value)
        if "." not in word and "e" not in word:
            word += ".0"
        yield word + "f" if short else word
