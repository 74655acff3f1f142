# SPDX-License-Identifier: MIT
"""Exceptions that a user of the package may want to catch."""


class InputError(ValueError):
    """Bad input: the message names the value, the allowed range and what to do."""


class SimulationError(RuntimeError):
    """A computation that cannot go on: the message says where, when and the likely cause.

    Attributes:
        status: of the command that it ends.
    """

    status = 3


class Stopped(SimulationError):
    """A computation that was told to end early and can be gone on with."""

    status = 4


def require(condition: bool, message: str) -> None:
    """Raise `InputError(message)` unless `condition` holds."""
    if not condition:
        raise InputError(message)
