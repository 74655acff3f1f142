# SPDX-License-Identifier: MIT
"""Exported laws, compiled with all warnings as errors."""

import subprocess
from pathlib import Path

import numpy as np
import torch
from surrogate_histories import training_data
from untrained_laws import untrained_laws

from mlms_fenics.export.readme import FLAGS
from mlms_fenics.export.write import export
from mlms_fenics.materials.external import ExternalLaw
from mlms_fenics.microstructure.orientations import random_orientations
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.grains.cell import GrainCell
from mlms_fenics.surrogate.grains.law import GrainLaw
from mlms_fenics.surrogate.pca_net.law import PCANet, PCANetLaw
from mlms_fenics.surrogate.recurrent.cell import RecurrentCell
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw
from mlms_fenics.surrogate.reduced.law import GrainSet, ReducedPolycrystal
from mlms_fenics.surrogate.reduced.variations import Variations

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Werror"]
STRICT = [*WARNINGS, *FLAGS.split()]


def laws_to_export() -> dict[str, LearntLaw]:
    """Untrained laws with scales of metals, so that they flow; in double precision."""
    laws = {name.split()[0]: law for name, law in untrained_laws().items() if "3D" in name}
    torch.manual_seed(1)
    data = training_data(12)
    networks = {
        "recurrent of any rate": RecurrentCell(
            5, 3, 10, branches=2, rates=(0.01, 100.0), longest_known=0.02
        ),
        "grains of any rate": GrainCell(2, 8, 1, rates=(0.01, 100.0)),
        "pca-net of the paper": PCANet(
            40, 3, 6, 5, [9, 7, 8], strain="stretch", stress="total", zero_at_rest=False,
            extrapolation=1.0,
        ),
        "pca-net of old": PCANet(40, 3, 6, 5, [9, 7], inelastic=True, linear=True),
        "pca-net of the rest": PCANet(40, 3, 6, 5, [9], stress="rest"),
    }  # fmt: skip
    for name, network in networks.items():
        kinds = {RecurrentCell: RecurrentLaw, GrainCell: GrainLaw, PCANet: PCANetLaw}
        kind = kinds[type(network)]
        if kind is PCANetLaw:
            network = _with_bases(network)
        laws[name] = kind.trained(network, data, {}).to(dtype=torch.float64)
    _with_bases(laws["pca-net"].network)
    rng, Q = np.random.default_rng(0), random_orientations(3, seed=1)
    variations = Variations(
        0.1 * rng.normal(size=(3, 18, 3)),
        np.exp(0.2 * rng.normal(size=(3, 18))),
        np.exp(0.2 * rng.normal(size=(3, 12))),
    )
    for name, own in (("reduced", None), ("reduced of variants", variations)):
        grains = GrainSet.of(Q, np.array([0.5, 0.3, 0.2]), 1e-6, own)
        laws[name] = ReducedPolycrystal.trained(grains, data, {})
    for law in laws.values():
        for name, value in (("elastic_scale", 0.003), ("strain_scale", 0.07)):
            if hasattr(law.network, name):
                getattr(law.network, name).fill_(value)
    return laws


def _with_bases(network: PCANet) -> PCANet:
    """With functions and scales that are random, not zero and one."""
    for basis in (network.input_basis, network.output_basis):
        basis.set(0.01 * torch.randn(basis.mean.shape), torch.randn(basis.functions.shape))
    for scale in (network.input_scale, network.coefficient_scale, network.output_scale):
        scale.uniform_(0.5, 2.0)
    if network.strain == "log":
        network.coefficient_scale.mul_(0.03)  # coefficients of strains are of this size
    return network


def command(*words: str | Path) -> str:
    """Output of a command that must succeed."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def library(
    law: LearntLaw, folder: Path, precision: str, flags: tuple[str, ...] = (), **options: str
) -> ExternalLaw:
    """The law that comes back from the compiled export."""
    export(law, folder, precision=precision, **options)
    name = options.get("name", "learnt_law")
    source, made = folder / f"{name}.c", folder / f"lib{name}.so"
    command("gcc", *STRICT, *flags, "-shared", "-fPIC", source, "-lm", "-o", made)
    return ExternalLaw(made)


def checked(law: LearntLaw, folder: Path, precision: str) -> None:
    """The check that goes with the export, under the address and undefined-behaviour sanitizers."""
    export(law, folder, precision=precision)
    sources, made = sorted(folder.glob("*.c")), folder / "check"
    sanitizers = "-fsanitize=address,undefined,float-cast-overflow"
    options = (*WARNINGS, "-O1", "-g", sanitizers, "-fno-sanitize-recover")
    command("gcc", *options, *sources, "-lm", "-o", made)
    command(made)
