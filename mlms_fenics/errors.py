# SPDX-License-Identifier: MIT
"""Exceptions that a user of the package may want to catch."""


class InputError(ValueError):
    """Bad input: the message names the value, the allowed range and what to do."""


class SimulationError(RuntimeError):
    """A computation that cannot go on: the message says where, when and the likely cause."""


def require(condition: bool, message: str) -> None:
    """Raise `InputError(message)` unless `condition` holds."""
    if not condition:
        raise InputError(message)
