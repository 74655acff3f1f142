# SPDX-License-Identifier: MIT
"""Fixtures and settings that all tests share; what else they share stands in helpers/."""

import signal
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--share", metavar="FOLDER", type=Path,
        help="(--share=FOLDER) empty; processes given the same one share out the files of tests",
    )  # fmt: skip


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run the files that this process takes; None leaves all of it to pytest's own loop."""
    folder = session.config.option.share
    if folder is None or session.config.option.collectonly or session.testsfailed:
        return None
    from shared_files import run  # not above: helpers are on the path after this file is read only

    run(session, folder)
    return True


def pytest_configure() -> None:
    """Give the programs that tests start every signal's default, whoever started the tests.

    A shell starts background commands with SIGINT ignored, nohup does so with SIGHUP, and children
    inherit that. A handler that does nothing ignores as well, but a new program begins without it.
    """
    for number in signal.valid_signals():
        # Python itself ignores these two, and sets them back for children.
        if number in (signal.SIGPIPE, signal.SIGXFSZ):
            continue
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One empty folder for all ranks; collective under mpirun."""
    from mpi4py import MPI  # not above: a test without MPI must not start it

    return MPI.COMM_WORLD.bcast(tmp_path, root=0)
