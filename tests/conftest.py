# SPDX-License-Identifier: MIT
"""What all tests share."""

import signal


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
