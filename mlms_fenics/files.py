# SPDX-License-Identifier: MIT
"""Files that are written whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a name beside `path` to write to, which becomes `path` where the block ends well.

    Where the block raises, `path` stays as it was and what was written beside it is removed.
    """
    path = Path(path)
    # The end of the name stays: writers of pictures choose their format by it.
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
