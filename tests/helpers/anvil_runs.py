# SPDX-License-Identifier: MIT
"""Runs the Taylor anvil, and a plate, on all ranks, with good and bad input; how each rank ended.

Usage: mpirun -n N python anvil_runs.py FOLDER MODEL BAD; FOLDER has a file named "file", BAD is a
model of a shorter horizon.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

from demo_scripts import load, script
from mpi4py import MPI

DEMO = script("taylor_anvil")


def bad_inputs(folder, bad_model):
    """Name of each bad input, with the options that make it."""
    return {
        "negative velocity": ["--velocity", "-200"],
        "velocity not a number": ["--velocity", "nan"],
        "faster than the waves": ["--law", "j2", "--velocity", "1e5"],
        "word for a number": ["--height", "tall"],
        "no elements": ["--mesh-size", "0.8"],
        "negative size": ["--mesh-size", "-0.1"],
        "no end": ["--end-time", "0"],
        "no outputs": ["--outputs", "0"],
        "not a model": ["--model", str(DEMO)],
        "no such model": ["--model", str(folder / "none.h5")],
        "model of another horizon": ["--model", str(bad_model), "--end-time", "1"],
        "unwritable folder": ["--law", "j2", "--out", str(folder / "file" / "below")],
        "no such kind of device": ["--device", "abacus"],
        "no such device": ["--device", "cuda:99"],
        "unknown option": ["--colour", "red"],
        "model without learnt law": ["--law", "j2", "--model", str(DEMO)],
    }


def main(folder, model, bad_model):
    comm, main = MPI.COMM_WORLD, load("taylor_anvil").main
    for precision in ("float64", "float32"):
        out = folder / f"{precision}_{comm.size}"
        options = ["--quick", "--model", str(model), "--device", "cpu", "--end-time", "0.3"]
        options += ["--precision", precision, "--out", str(out), "--mesh-size", "0.25"]
        assert main(options) == 0
    options = ["--quick", "--law", "taylor", "--grains", "2", "--device", "cpu"]
    options += ["--end-time", "0.2", "--precision", "float64"]
    options += ["--out", str(folder / f"plate_{comm.size}")]
    assert load("plate_impact").main(options) == 0
    ends = {}
    for name, options in bad_inputs(folder, bad_model).items():
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            status = main(["--quick", "--out", str(folder / "bad"), *options])
        ends[name] = comm.gather((status, said.getvalue().splitlines()))
    if comm.rank == 0:
        (folder / f"ends_{comm.size}.json").write_text(json.dumps(ends))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
