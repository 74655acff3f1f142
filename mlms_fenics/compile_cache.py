# SPDX-License-Identifier: MIT
"""Where numba keeps compiled functions when neither the package nor the home can be written."""

import os
import sys
import tempfile
from pathlib import Path


def ensure_compile_cache() -> None:
    """Point numba at a temporary folder where its own choices of a cache cannot be written.

    numba tries `NUMBA_CACHE_DIR`, the source's `__pycache__` and the user's cache folder, and
    refuses to compile where none of them works (a read-only install, a user without a home).
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return
    user = os.environ.get("XDG_CACHE_HOME", "").strip() or os.path.expanduser("~/.cache")
    if _writable(Path(__file__).parent / "__pycache__") or _writable(Path(user) / "numba"):
        return
    folder = str(_temporary())
    os.environ["NUMBA_CACHE_DIR"] = folder  # processes started from here share it
    if "numba" in sys.modules:  # it has read its variables already
        sys.modules["numba"].config.CACHE_DIR = folder


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _temporary() -> Path:
    """The user's own folder, kept between runs; a new one where another user took its name.

    Compiled functions are loaded as code, so that a folder that others may write is never used.
    """
    folder = Path(tempfile.gettempdir()) / f"mlms_fenics-numba-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
        own = about.st_uid == os.getuid() and not about.st_mode & 0o022
        if own and not folder.is_symlink() and _writable(folder):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="mlms_fenics-numba-"))
