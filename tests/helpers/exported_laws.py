# SPDX-License-Identifier: MIT
"""Exported laws, compiled with all warnings as errors."""

import subprocess
from pathlib import Path

from mlms_fenics.export.readme import FLAGS
from mlms_fenics.export.write import export
from mlms_fenics.materials.external import ExternalLaw
from mlms_fenics.surrogate.base import LearntLaw

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Werror"]
STRICT = [*WARNINGS, *FLAGS.split()]


def command(*words: str | Path) -> str:
    """Output of a command that must succeed."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def library(law: LearntLaw, folder: Path, precision: str, **options: str) -> ExternalLaw:
    """The law that comes back from the compiled export."""
    export(law, folder, precision=precision, **options)
    name = options.get("name", "learnt_law")
    source, made = folder / f"{name}.c", folder / f"lib{name}.so"
    command("gcc", *STRICT, "-shared", "-fPIC", source, "-lm", "-o", made)
    return ExternalLaw(made)


def checked(law: LearntLaw, folder: Path, precision: str) -> None:
    """The check that goes with the export, under the address and undefined-behaviour sanitizers."""
    export(law, folder, precision=precision)
    sources, made = sorted(folder.glob("*.c")), folder / "check"
    sanitizers = "-fsanitize=address,undefined,float-cast-overflow"
    options = (*WARNINGS, "-O1", "-g", sanitizers, "-fno-sanitize-recover")
    command("gcc", *options, *sources, "-lm", "-o", made)
    command(made)
