# SPDX-License-Identifier: MIT
"""The package compiles where neither its folder nor a home can be written."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from mlms_fenics import compile_cache


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """Neither the package's folder nor the user's cache can be written; tmp_path can."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr(compile_cache, "__file__", str(blocked / "compile_cache.py"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(compile_cache.sys, "modules", {})
    yield tmp_path
    os.environ.pop("NUMBA_CACHE_DIR", None)


def test_falls_back_to_the_users_temporary_folder(nowhere):
    compile_cache.ensure_compile_cache()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder == nowhere / f"mlms_fenics-numba-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    del os.environ["NUMBA_CACHE_DIR"]
    compile_cache.ensure_compile_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == str(folder)


def test_never_uses_a_folder_that_others_may_write(nowhere):
    taken = nowhere / f"mlms_fenics-numba-{os.getuid()}"
    taken.mkdir()
    taken.chmod(0o777)
    compile_cache.ensure_compile_cache()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder != taken and folder.parent == nowhere


def test_leaves_numbas_choice_where_it_works(nowhere, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(nowhere / "cache"))
    compile_cache.ensure_compile_cache()
    assert "NUMBA_CACHE_DIR" not in os.environ


def test_leaves_the_users_choice(nowhere, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/some/folder")
    compile_cache.ensure_compile_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == "/some/folder"
