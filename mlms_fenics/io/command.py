# SPDX-License-Identifier: MIT
"""Command lines of programs that run on several ranks."""

import argparse
from typing import IO, Any, NoReturn

from mlms_fenics.errors import InputError


class Parser(argparse.ArgumentParser):
    """An argument parser that speaks once, on rank 0, and raises `InputError` on every rank.

    Args:
        rank: of this process.
        options: as of `argparse.ArgumentParser`.
    """

    def __init__(self, rank: int, **options: Any) -> None:
        super().__init__(**options)
        self._speaks = rank == 0

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; --help lists the options")

    def _print_message(self, message: str, file: IO[str] | None = None) -> None:
        if self._speaks:
            super()._print_message(message, file)
