# SPDX-License-Identifier: MIT
"""The demos and the studies by name: their files, their modules, and runs as a user's."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def script(name: str) -> Path:
    """The file of the demo or study `name`."""
    (found,) = (ROOT / "demos").rglob(f"{name}.py")
    return found


def load(name: str) -> ModuleType:
    """The demo's module, loaded anew."""
    spec = importlib.util.spec_from_file_location(name, script(name))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, *options: object, timeout: float = 400.0) -> subprocess.CompletedProcess[str]:
    """The demo in a process of its own, to its end."""
    command = [sys.executable, str(script(name)), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
