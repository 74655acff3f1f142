# SPDX-License-Identifier: MIT
"""HDF5 files of the package: opened, checked and replaced in one way."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import h5py

from mlms_fenics import __version__, units
from mlms_fenics.errors import InputError, require
from mlms_fenics.files import replacing


def opened(
    path: str | os.PathLike[str], what: str, kind: str | None = None, version: int = 1
) -> h5py.File:
    """Open a file for reading, having checked that it is what it should be.

    Args:
        path: of the file.
        what: the file is called in messages, such as "model".
        kind: root attribute `format` that it must have; None: any file will do.
        version: latest `format_version` that is understood.

    Raises:
        InputError: no such file, no HDF5 file, of another kind or of a later version.
    """
    require(os.path.isfile(path), f"cannot read '{path}' ({what}): there is no such file")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(
            f"cannot read '{path}' ({what}): damaged, or not a whole HDF5 file: {error}"
        ) from error
    problem = None
    found, later = file.attrs.get("format"), int(file.attrs.get("format_version", 1))
    if kind is not None and found != kind:
        problem = f"is no {what} of this package (its format is {found!r}, not {kind!r})"
    elif kind is not None and later > version:
        problem = (
            f"has format version {later}, written by version "
            f"{file.attrs.get('package_version', 'unknown')} of this package; version "
            f"{__version__} reads up to {version}: update the package"
        )
    if problem:
        file.close()
        raise InputError(f"{what} '{path}' {problem}")
    return file


@contextlib.contextmanager
def reading(
    path: str | os.PathLike[str], what: str, kind: str | None = None, version: int = 1
) -> Iterator[h5py.File]:
    """`opened`, within a block; what the block misses in the file is said with the file's name.

    Raises:
        InputError: as `opened`; something is missing or cannot be read.
    """
    with opened(path, what, kind, version) as file:
        try:
            yield file
        except KeyError as error:
            raise InputError(f"{what} '{path}' is incomplete: {error.args[0]}") from error
        except OSError as error:
            raise InputError(f"{what} '{path}' is damaged or truncated: {error}") from error


@contextlib.contextmanager
def writing(
    path: str | os.PathLike[str], what: str, kind: str | None = None, version: int = 1
) -> Iterator[h5py.File]:
    """Give a new file to fill, which takes `path`'s place where the block ends well.

    Args:
        path: of the file.
        what: the file is called in messages.
        kind: root attribute `format`, written with `format_version`, `package_version` and
            `unit_system`; None: none of them.
        version: of the format.

    Raises:
        InputError: the folder is not there or cannot be written.
    """
    path = Path(path)
    try:
        with replacing(path) as beside, h5py.File(beside, "w") as file:
            if kind is not None:
                file.attrs["format"], file.attrs["format_version"] = kind, version
                file.attrs["package_version"] = __version__
                file.attrs["unit_system"] = units.SYSTEM
            yield file
    except OSError as error:
        raise InputError(f"cannot write {what} '{path}': {error}") from error
