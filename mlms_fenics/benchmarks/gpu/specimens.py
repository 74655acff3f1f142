# SPDX-License-Identifier: MIT
"""One law of each kind, of the sizes that impacts use; learnt ones with random weights but one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mlms_fenics.data import PathSettings, sample_path
from mlms_fenics.kinematics.strain import log_strain
from mlms_fenics.materials import (
    J2,
    Hill,
    Material,
    NeoHookean,
    Polycrystal,
    johnson_cook,
    magnesium,
)
from mlms_fenics.microstructure import random_orientations
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.grains.law import GrainLaw
from mlms_fenics.surrogate.pca_net.law import PCANet, PCANetLaw
from mlms_fenics.surrogate.reduced.law import GrainSet, ReducedPolycrystal
from mlms_fenics.surrogate.trust import TrustMeasure

_PATHS, _STEPS = 8, 40  # of the paths that the measure of trust is fitted to


@dataclass(frozen=True)
class Specimen:
    """A law to be measured.

    Attributes:
        name: in tables.
        law: on the CPU.
        most: points that it is measured with at most.
        limit: of the difference of its stress from the CPU's; 0: 1e-10, in float32 1e-5.
    """

    name: str
    law: Material
    most: int = 10_000_000
    limit: float = 0.0


def homogeneous(quick: bool) -> list[Specimen]:
    """Laws in closed form."""
    crystal = magnesium()
    return [
        Specimen("neo-Hookean", NeoHookean(crystal.shear_modulus, crystal.bulk_modulus, 10.0)),
        Specimen("J2", J2(45.0, 0.3, 0.1, 0.1, 1.74)),
        Specimen("Johnson-Cook", johnson_cook("OFHC copper")),
        Specimen("Hill", Hill(young=45.0, poisson=0.3, density=1.74, A=0.1, B=0.2, n=0.3)),
    ]


def learnt(quick: bool) -> list[Specimen]:
    """Networks; `quick`: small ones beside those that are shipped."""
    shipped = load_model()
    others = {name: law for name, law in _untrained(quick).items() if name != "reduced"}
    return [
        Specimen("recurrent, shipped", shipped),
        Specimen("recurrent, shipped, TF32", shipped.to(products="tf32"), limit=1e-3),
        Specimen("recurrent, shipped, one rate", load_model("one-microsecond")),
        Specimen("recurrent, shipped, float64", shipped.to(dtype=torch.float64), 1_000_000),
        *(
            Specimen(name, law.to(dtype=torch.float32), 1_000_000)
            for name, law in others.items()
        ),
    ]  # fmt: skip


def polycrystals(quick: bool) -> list[Specimen]:
    """Crystals at every point."""
    grains = 2 if quick else 128
    name = "reduced, 2 grains" if quick else "reduced, 12 grains"
    Q = random_orientations(grains, seed=1)
    return [
        Specimen(name, _untrained(quick)["reduced"], 100_000),
        Specimen(f"polycrystal, {grains} grains", Polycrystal(magnesium(), Q), 100_000),
    ]


def _untrained(quick: bool) -> dict[str, Any]:
    """Learnt laws of usual sizes with random weights."""
    torch.manual_seed(0)
    crystal = magnesium()
    settings = PathSettings(steps=_STEPS, max_strain=0.1)
    U = np.stack([sample_path(settings, 1, k) for k in range(_PATHS)])
    strain = log_strain(torch.from_numpy(U)).numpy()
    time = np.linspace(0.0, 1.0, _STEPS + 1)
    few = 2 if quick else 12
    Q = random_orientations(few, seed=2)
    networks = {
        "grains": (GrainLaw, GrainCell(few, 8 if quick else 48, 4)),
        "PCA-Net": (
            PCANetLaw,
            PCANet(_STEPS, 3, 8, 8, [16] if quick else [1000] * 4),
        ),
        "reduced": (ReducedPolycrystal, GrainSet.of(Q, np.full(few, 1.0 / few))),
    }
    return {
        name: kind(
            network, law=crystal, orientations=Q, horizon=1.0,
            trust=TrustMeasure(3, 1.0).fit(strain, time),
        )
        for name, (kind, network) in networks.items()
    }  # fmt: skip
