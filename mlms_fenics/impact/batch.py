# SPDX-License-Identifier: MIT
"""Many runs of a demo, each done once: a study that was stopped goes on where it was."""

import contextlib
import importlib.util
import io
import json
import os
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlms_fenics.errors import SimulationError
from mlms_fenics.files import replacing
from mlms_fenics.locking import Claim

DEMOS = Path(__file__).resolve().parents[2] / "demos"


@dataclass(frozen=True)
class Run:
    """A run that is done.

    Attributes:
        folder: of its files.
        summary: what its `summary.json` holds.
        cost: "wall [s]" and "CPU [s]" (of all ranks; start-up included where ranks > 1), summed
            over restarts.
    """

    folder: Path
    summary: dict[str, Any]
    cost: dict[str, float]


def run_once(
    folder: Path, demo: str, options: Sequence[str], *, ranks: int = 1, checkpoint_every: int = 25
) -> Run:
    """Run a demo into `folder` unless the same command has been run there to its end.

    A run that was killed goes on from its last checkpoint.

    Args:
        folder: for all its files, and `command.json`, `cost.json`, `log.txt`.
        demo: such as "taylor_anvil.py".
        options: without `--out`.
        ranks: of MPI.
        checkpoint_every: steps.

    Raises:
        InputError: another process runs there.
        SimulationError: the run failed; the message ends with what it said.
    """
    command = [demo, *map(str, options)]
    with Claim(folder):  # until the run itself has it
        same = _read(folder / "command.json") == command
        if same and (folder / "summary.json").exists():
            return finished(folder)
        going_on = same and (folder / "checkpoint.h5").exists()
        if not going_on:
            for name in ("summary.json", "cost.json", "checkpoint.h5"):
                (folder / name).unlink(missing_ok=True)
        _write(folder / "command.json", command)
    full = [*command[1:], "--out", str(folder), "--checkpoint-every", str(checkpoint_every)]
    full += ["--no-pictures", *(["--restart"] if going_on else [])]
    print(f"  {shlex.join(command)} -> {folder}", flush=True)
    run = _here if ranks == 1 else _on_ranks
    status, said, spent = run(demo, full, ranks)
    earlier = _read(folder / "cost.json") or {}
    _write(
        folder / "cost.json", {key: earlier.get(key, 0.0) + value for key, value in spent.items()}
    )
    (folder / "log.txt").write_text(said, encoding="utf-8")
    if status != 0:
        raise SimulationError(f"{shlex.join(command)} ended with {status}: {said.strip()[-800:]}")
    return finished(folder)


def _here(demo: str, options: list[str], _: int) -> tuple[int, str, dict[str, float]]:
    """The demo's `main` in this process, which saves loading everything anew."""
    spec = importlib.util.spec_from_file_location(Path(demo).stem, DEMOS / demo)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    said = io.StringIO()
    wall, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = module.main(options)
    spent = {"wall [s]": time.perf_counter() - wall, "CPU [s]": time.process_time() - cpu}
    return status, said.getvalue(), spent


def _on_ranks(demo: str, options: list[str], ranks: int) -> tuple[int, str, dict[str, float]]:
    command = ["mpirun", "--oversubscribe", "-n", str(ranks), sys.executable, "-m", "mpi4py"]
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [*command, str(DEMOS / demo), *options],
        capture_output=True,
        text=True,
        env={"OMP_NUM_THREADS": "1", **os.environ},
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = {
        "wall [s]": time.perf_counter() - begin,
        "CPU [s]": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }
    return done.returncode, done.stdout + done.stderr, spent


def finished(folder: Path) -> Run:
    """The run that is done in `folder`."""
    return Run(folder, _read(folder / "summary.json") or {}, _read(folder / "cost.json") or {})


def save_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all."""
    _write(path, value)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write(path: Path, value: Any) -> None:
    with replacing(path) as beside:
        beside.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
