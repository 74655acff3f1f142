# SPDX-License-Identifier: MIT
"""Random walks in straight pieces of U: they teach a learnt law coarse and irregular steps.

Between the corners, every fourth sample (of each fifth path every eighth), U is linear in time, so
that the path is the same history on a coarser grid. Compute their stress with

    python -m mlms_fenics.data.generate taylor --protocol harvested --paths FILE.h5 --out DATA.h5
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlms_fenics.data.paths import sample_path
from mlms_fenics.data.settings import PathSettings
from mlms_fenics.errors import require
from mlms_fenics.hdf5 import writing
from mlms_fenics.kinematics.tensors import to_components
from mlms_fenics.parallel import entry_point


def straightened(U: np.ndarray, every: int) -> np.ndarray:
    """`U`, *Shape* `(n_t + 1, d, d)`, with straight lines between its corners."""
    position = np.arange(len(U)) / every
    low = np.minimum(position.astype(int), (len(U) - 1) // every - 1)
    part = (position - low)[:, None, None]
    corners = U[::every]
    return corners[low] * (1 - part) + corners[low + 1] * part


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--samples", type=int, default=800, help="number of paths (default: 800)")
    new("--max-strain", type=float, default=0.1, help="amplitude of the walk (default: 0.1)")
    new("--max-volume", type=float, default=0.1, help="amplitude of ln J (default: 0.1)")
    new("--steps", type=int, default=200, help="a multiple of 8 (default: 200)")
    new("--horizon", type=float, default=1.0, help="µs (default: 1)")
    new("--seed", type=int, default=0, help="default: 0")
    new("--out", type=Path, required=True, help="HDF5 file of U (N, steps + 1, 6)")
    options = parser.parse_args(argv)
    require(options.samples >= 1, f"--samples {options.samples}: must be at least 1")
    require(
        options.steps >= 8 and options.steps % 8 == 0,
        f"--steps {options.steps}: must be a positive multiple of 8",
    )
    require(options.horizon > 0, f"--horizon {options.horizon:g}: must be positive, in µs")
    require(options.out.parent.is_dir(), f"--out {options.out}: its folder does not exist")
    settings = PathSettings(
        dimension=3,
        steps=options.steps,
        protocol="log",
        max_strain=options.max_strain,
        max_volume=options.max_volume,
    )
    paths = [sample_path(settings, options.seed, k) for k in range(options.samples)]
    U = np.stack([straightened(U, 8 if k % 5 == 0 else 4) for k, U in enumerate(paths)])
    with writing(options.out, "strain paths") as file:
        file["U"] = to_components(U)
        file.attrs["horizon"] = options.horizon
    print(f"{options.samples} paths written to {options.out}")


if __name__ == "__main__":
    sys.exit(main())
