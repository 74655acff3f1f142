# SPDX-License-Identifier: MIT
"""Runs a bundle, where there may be no FEniCSx; see `python -m mlms_fenics.macroscale.bundle`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import torch

from mlms_fenics import device as devices
from mlms_fenics.hdf5 import writing
from mlms_fenics.loop.files import read_bundle
from mlms_fenics.loop.run import Run
from mlms_fenics.materials import (
    Material,
    NeoHookean,
    Polycrystal,
    johnson_cook,
    magnesium,
)
from mlms_fenics.parallel import entry_point
from mlms_fenics.progress import Progress
from mlms_fenics.surrogate import load_model

DTYPES = {"float32": torch.float32, "float64": torch.float64}
LAWS = ("learnt", "taylor", "johnson-cook", "neo-hookean")


def law_of(options: argparse.Namespace, device: torch.device) -> Material:
    """The law that the options ask for, on the device."""
    if options.law == "learnt":
        return load_model(options.model, device=device, dtype=DTYPES[options.precision])
    if options.law == "taylor":
        model = load_model(options.model)
        Q, w = model.orientations, model.weights
        return Polycrystal(model.law, Q, weights=w, tolerance=1e-3).to(device)
    if options.law == "johnson-cook":
        return johnson_cook("OFHC copper").to(device)
    metal = magnesium()
    return NeoHookean(metal.shear_modulus, metal.bulk_modulus, metal.density).to(device)


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m mlms_fenics.loop", description=__doc__)
    new = parser.add_argument
    new("bundle", type=Path, help="file of the problem")
    new("--law", choices=LAWS, default="learnt", help="as of the demos (default: learnt)")
    new("--model", metavar="FILE", help="of the law, or of the polycrystal (default: the shipped)")
    new("--precision", choices=tuple(DTYPES), default="float32", help="of the learnt law")
    new("--device", help=f"of law and loop: {devices.HELP}")
    new("--end-time", type=float, default=1.0, help="µs (default: 1)")
    new("--safety", type=float, default=0.8, help="step over stable step (default: 0.8)")
    new("--compile", action="store_true", help="have torch make a few kernels of the loop")
    new(
        "--graph",
        action=argparse.BooleanOptionalAction,
        help="play the steps as a CUDA graph (default: on a GPU, where that can be done)",
    )
    new("--out", type=Path, help="file for u, v, F, stress and the law's fields at the end")
    options = parser.parse_args(argv)
    device = devices.chosen(options.device)
    problem = read_bundle(options.bundle)
    run = Run(
        problem, law_of(options, device), device, safety=options.safety, compiled=options.compile,
        graph=options.graph,
    )  # fmt: skip
    progress, start = Progress(options.end_time, "µs", True, 0.0, every=10.0), perf_counter()
    run.run(options.end_time, lambda r: progress.show(r.time, f"step {r.step_count}"))
    progress.close()
    seconds, elements = perf_counter() - start, len(problem.dofs)
    rate = elements * run.step_count / seconds
    print(f"{elements} elements, {run.step_count} steps in {seconds:.3g} s on {device}: "
          f"{rate:.3g} element-steps/s")  # fmt: skip
    for name, value in run.energies().items():
        print(f"{name:10s} {value:12.6g} J")
    if options.out is not None:
        with writing(options.out, "result") as file:
            file.attrs["time"] = run.time
            for name, values in run.fields().items():
                file.create_dataset(name, data=values)


if __name__ == "__main__":
    sys.exit(main())
