# SPDX-License-Identifier: MIT
"""Files that are written whole or not at all, and a checksum of sources."""

import contextlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType


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


def source_checksum(*modules: ModuleType) -> int:
    """Checksum of modules' sources, for the key of a compiled function's cache.

    numba's cache looks at the date of the function's own file only, not at what it calls; a
    captured number is part of its key.
    """
    return zlib.crc32(b"".join(Path(str(m.__file__)).read_bytes() for m in modules))
