# SPDX-License-Identifier: MIT
"""Price and accuracy of the Taylor average at real rate exponents, beside that of 1/m = 2."""

from collections.abc import Iterator

import numpy as np
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

from mlms_fenics.benchmarks.timing import cpu_seconds, relative_error
from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.materials import CrystalLaw, cubic_crystal
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.unitcell import TaylorAverage

EXPONENTS = (2, 10, 20, 50, 100, 200)
STEPS = 200
EXACT = 1e-5  # tolerance that stands for the exact stress
ASKED = {"straight": (3e-3, 1e-3), "walk": (3e-3, 1e-3, 1e-4)}


def copper_like(power: float) -> CrystalLaw:
    """FCC of the source's form with 1/m = `power`, as stiff as copper."""
    values = {"tau_0": 0.016, "rate": 1e-6, "rate_exponent": 1 / power}
    values |= {"hardening": 0.25, "saturation": 0.117}
    return cubic_crystal(
        "fcc", shear_modulus=48.3, lambda_e=70.0, density=8.9, slip={"{111}<110>": values}
    )


def brass_texture(n: int) -> np.ndarray:
    """Orientations within about 5 degrees of {110}⟨112⟩, *Shape* `(n, 3, 3)`."""
    normal, along = np.array([1, 1, 0]) / np.sqrt(2), np.array([1, -1, 2]) / np.sqrt(6)
    spread = Rotation.from_rotvec(0.09 * np.random.default_rng(3).normal(size=(n, 3)))
    return spread.as_matrix() @ np.stack((along, np.cross(normal, along), normal))


def stretches() -> dict[str, np.ndarray]:
    """A straight path to 20% and a random walk of 10%, *Shape* `(STEPS + 1, 3, 3)`."""
    direction = np.log1p(0.2) * np.diag([1.0, -0.7, -0.3])
    straight = np.stack([expm(t * direction) for t in np.linspace(0, 1, STEPS + 1)])
    walk = sample_path(PathSettings(steps=STEPS, max_strain=0.1), 1, 0)
    return {"straight": straight, "walk": walk}


def report(n_grains: int, repeat: int = 3) -> Iterator[str]:
    """Lines of the table, each as soon as it is known (CPU time of one core)."""
    yield f"Copper-like FCC, {n_grains} grains, {STEPS} steps, 1 µs; ratios to 1/m = 2, same path."
    textures = {"random": random_orientations(n_grains, seed=1), "brass": brass_texture(n_grains)}
    for texture, Q in textures.items():
        for path, U in stretches().items():
            TaylorAverage(copper_like(2), Q).stress(U[:3], 0.01)  # compile
            _, soft = cpu_seconds(lambda U=U, Q=Q: _stress(2, Q, U, 1e-4), 2 * repeat)
            yield f"  {texture} texture, {path}: 1/m = 2 in {soft * 1e3:.1f} ms"
            for power in EXPONENTS[1:]:
                exact = _stress(power, Q, U, EXACT)
                for tolerance in ASKED[path]:
                    sigma, seconds = cpu_seconds(
                        lambda p=power, U=U, Q=Q, t=tolerance: _stress(p, Q, U, t), repeat
                    )
                    yield (
                        f"    1/m = {power:3d}, tolerance {tolerance:.0e}: {seconds / soft:5.1f} "
                        f"times, error {relative_error(sigma, exact):.1e}"
                    )


def _stress(power: float, Q: np.ndarray, U: np.ndarray, tolerance: float) -> np.ndarray:
    return TaylorAverage(copper_like(power), Q).stress(U, 1.0, tolerance)
