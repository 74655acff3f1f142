# SPDX-License-Identifier: MIT
"""The summary of a run: collected by sections, printed for people, saved for programs."""

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError
from mlms_fenics.files import replacing


class Summary:
    """Named values with units in named sections, in the order in which they are added."""

    def __init__(self) -> None:
        self.sections: dict[str, dict[str, tuple[Any, str, str]]] = {}

    def add(self, section: str, name: str, value: Any, unit: str = "", form: str = ".4g") -> None:
        """Add one value.

        Args:
            section: heading.
            name: what it is.
            value: a number, a text, or a list of either.
            unit: shown behind it.
            form: how numbers are shown; the saved ones keep all digits.
        """
        self.sections.setdefault(section, {})[name] = (value, unit, form)

    def text(self) -> str:
        """The summary as aligned lines."""
        width = max((len(name) for part in self.sections.values() for name in part), default=0)
        lines = []
        for section, part in self.sections.items():
            lines.append(section)
            for name, (value, unit, form) in part.items():
                lines.append(f"  {name:<{width}}  {_shown(value, form)} {unit}".rstrip())
        return "\n".join(lines)

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """`{section: {"name [unit]": value}}`, JSON-able; NaN and infinity become None."""
        return {
            section: {
                (f"{name} [{unit}]" if unit else name): _plain(value)
                for name, (value, unit, _) in part.items()
            }
            for section, part in self.sections.items()
        }

    def save(self, path: str | os.PathLike) -> None:
        """Write `as_dict` as JSON, atomically.

        Raises:
            InputError: the file cannot be written.
        """
        path = Path(path)
        try:
            with replacing(path) as beside:
                beside.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from None


def _shown(value: Any, form: str) -> str:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item, form) for item in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else format(value, form)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | None) else str(value)
