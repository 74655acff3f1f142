# SPDX-License-Identifier: MIT
"""Fit J2 and Johnson-Cook to the polycrystal of the shipped model, as an engineer would.

    python demos/studies/fit_empirical_laws.py

Elastic moduli and density are the crystal's. The parameters of flow are fitted by least squares to
the deviatoric stress along random strain walks, whose stress the Taylor average gives here and now;
other walks test them. Johnson-Cook is isothermal, as the crystal knows no temperature. The result
is what `--law j2-fitted` and `--law johnson-cook-fitted` of the impact demos use.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.errors import require
from mlms_fenics.impact.fitting import deviatoric_stress, fit_law, path_errors
from mlms_fenics.impact.laws import ISOTHERMAL, crystal_moduli
from mlms_fenics.kinematics.tensors import deviator
from mlms_fenics.materials import J2, JohnsonCook, Material
from mlms_fenics.parallel import entry_point
from mlms_fenics.surrogate import load_model
from mlms_fenics.unitcell import TaylorAverage

STEPS = 50


def walks(n: int, seed: int) -> np.ndarray:
    """Half of the walks with an amplitude of 10%, half with 50%, *Shape* `(n, STEPS + 1, 3, 3)`."""
    small = PathSettings(protocol="log", max_strain=0.1, max_volume=0.05, steps=STEPS)
    large = replace(small, max_strain=0.5, max_volume=0.1)
    return np.stack([sample_path((small, large)[k % 2], seed, k) for k in range(n)])


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="whose polycrystal to take (default: the shipped one)")
    parser.add_argument("--paths", type=int, default=24, help="to fit to (default: 24)")
    parser.add_argument("--quick", action="store_true", help="4 paths of 16 grains: a test")
    options = parser.parse_args(argv)
    paths = 4 if options.quick else options.paths
    require(paths >= 2, f"--paths is {paths}, but must be at least 2")
    model = load_model(options.model)
    grains = model.orientations[:16] if options.quick else model.orientations
    truth_of = TaylorAverage(model.law, grains)
    moduli = crystal_moduli(model.law)
    U, other = walks(paths, seed=101), walks(paths, seed=102)
    truth, test = (deviator(truth_of.stress(u, model.horizon, 1e-3)) for u in (U, other))

    def j2(**flow: float) -> Material:
        return J2(**moduli, **flow)

    def johnson_cook(**flow: float) -> Material:
        return JohnsonCook(**moduli, **ISOTHERMAL, **flow)

    for name, make, start in (
        ("J2", j2, {"yield_stress": 0.2, "hardening": 0.5}),
        ("Johnson-Cook", johnson_cook, {"A": 0.1, "B": 0.3, "n": 0.4, "C": 0.02}),
    ):
        found = fit_law(make, start, U, truth, model.horizon)
        law = make(**found)
        on_fit = path_errors(deviatoric_stress(law, U, model.horizon), truth).mean()
        on_test = path_errors(deviatoric_stress(law, other, model.horizon), test).mean()
        numbers = ", ".join(f"{key} = {value:.4g}" for key, value in found.items())
        print(f"{name} (GPa): {numbers}")
        print(f"  mean relative deviatoric error: {on_fit:.1%} fitted, {on_test:.1%} other walks")


if __name__ == "__main__":
    sys.exit(main())
