# SPDX-License-Identifier: MIT
"""Files of tests shared out among processes: whoever comes first takes a file as a whole."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import pytest


def taken(items: Iterable[pytest.Item], folder: Path) -> Iterator[pytest.Item]:
    """Tests of the files that no other process has taken; each file is taken when it is its turn.

    Args:
        items: all tests, in the order in which they run.
        folder: exists, empty at first, one for all processes.
    """
    for file, tests in groupby(items, lambda item: item.nodeid.split("::")[0]):
        try:
            (folder / file.replace("/", "+")).mkdir()
        except FileExistsError:
            continue
        yield from tests


def run(session: pytest.Session, folder: Path) -> None:
    """As pytest's own loop, with the tests that `taken` gives."""
    mine = taken(session.items, folder)
    item = next(mine, None)
    while item is not None:
        following = next(mine, None)
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
