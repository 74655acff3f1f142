# SPDX-License-Identifier: MIT
"""Folders and files that one program at a time writes to.

Nothing here imports mpi4py: where there are ranks, the caller's communicator is used.
"""

import contextlib
import fcntl
import os
import socket
import time
from pathlib import Path
from typing import Any

from mlms_fenics.errors import InputError
from mlms_fenics.parallel import on_rank_zero

# The folders held by this process and how often: a study's runs may write where the study does.
_held: dict[Path, tuple["Lock", int]] = {}


class Lock:
    """A file whose lock one process at a time has (`flock(2)`), while it lives and no longer.

    On a file system without locks every process gets it.

    Args:
        path: of the file, made where it is missing.

    Raises:
        BlockingIOError: another has the lock; `strerror` says who, as far as it is known.
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        while self._file is None:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                self._file = self._locked(file)
            finally:
                if self._file is None:
                    os.close(file)

    def _locked(self, file: int) -> int | None:
        """The open file once it is locked; None where it has been removed meanwhile."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(file, 200, 0).decode(errors="replace") or "another process"
            raise BlockingIOError(error.errno, holder) from None
        except OSError:  # a file system without locks
            return file
        try:
            if not os.path.samestat(os.fstat(file), os.stat(self.path)):
                return None
        except FileNotFoundError:
            return None
        os.ftruncate(file, 0)
        # In a container the number says little, the time does.
        holder = f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%F %T')}"
        os.pwrite(file, holder.encode(), 0)
        return file

    def release(self) -> None:
        """Remove the file and let the next have it; nothing where that has been done."""
        if self._file is None:
            return
        # Removed while it is locked: who has opened it already sees that it is gone.
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(self._file), os.stat(self.path)):
                self.path.unlink()
        os.close(self._file)
        self._file = None


class Claim:
    """This program alone writes to a folder or a file, until `release` or the `with` block's end.

    Within a process one may hold the same path again: it is free when all have let go of it. A
    program that is killed holds nothing any more.

    Args:
        path: folder, which is made where it is missing, or file.
        comm: mpi4py communicator, whose rank 0 takes the lock (collective); None: no ranks.
        file: whether `path` is a file, which need not be there.

    Raises:
        InputError: on all ranks: another process writes there, or it cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], comm: Any = None, *, file: bool = False
    ) -> None:
        self._key: Path | None = None
        target = Path(path)
        if comm is None:
            self._key = _take(target, file)
        else:
            key = on_rank_zero(comm, lambda: _take(target, file))
            self._key = key if comm.rank == 0 else None

    def release(self) -> None:
        """Let go of it."""
        key, self._key = self._key, None
        if key is None or key not in _held:
            return
        lock, count = _held.pop(key)
        if count > 1:
            _held[key] = lock, count - 1
        else:
            lock.release()

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


def _take(target: Path, file: bool) -> Path:
    try:
        if not file:
            target.mkdir(parents=True, exist_ok=True)
        key = target.resolve()
        name = key.with_name(f".{key.name}.lock") if file else key / ".lock"
        lock, count = _held[key] if key in _held else (Lock(name), 0)
    except BlockingIOError as error:
        raise InputError(
            f"{str(target)!r} is being written by {error.strerror}: wait for it, or give "
            f"another {'file' if file else 'folder'}"
        ) from None
    except OSError as error:
        raise InputError(
            f"cannot write {'' if file else 'into the output folder '}{str(target)!r} "
            f"({error.strerror}): give another one"
        ) from None
    _held[key] = lock, count + 1
    return key
