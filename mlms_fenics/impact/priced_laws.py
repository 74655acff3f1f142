# SPDX-License-Identifier: MIT
"""The laws of the price list, and what each row is measured with."""

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mlms_fenics.errors import require
from mlms_fenics.impact.costs import untrained_pca_net
from mlms_fenics.impact.price_table import JOHNSON_COOK
from mlms_fenics.materials import Material, Polycrystal, johnson_cook
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.model_file import DEFAULT_MODEL

NAMES = (
    JOHNSON_COOK, "recurrent operator", "learnt grains", "PCA-Net, default", "PCA-Net, the paper's",
    "PCA-Net, the paper's, products in bfloat16", "reduced polycrystal", "concurrent Taylor",
)  # fmt: skip


class Row(NamedTuple):
    """How a law is made for its row.

    Attributes:
        make: the law.
        of: what the row is measured with; where it differs, the row is measured anew.
        stable: take the stable step.
        shadow: when another law moves the body.
    """

    make: Callable[[], Material]
    of: dict[str, Any]
    stable: bool = False
    shadow: str = ""


def laws(options: argparse.Namespace, device: torch.device) -> dict[str, Row]:
    """By name, how each law is made and from what.

    Args:
        options: `demos/studies/cost_table.py`'s.
        device: of learnt laws and polycrystals.

    Raises:
        InputError: a model file is not there.
    """

    def pca(recipe: str, file: str | None, products: str | None = None) -> Row:
        given = {"dtype": torch.float32, "device": device, "products": products}
        return Row(
            lambda: (
                untrained_pca_net(recipe, **given) if file is None else load_model(file, **given)
            ),
            {"model": digest(file) if file else "random weights", "products": products},
            shadow="always" if file is None else "if it takes more steps",
        )

    def taylor(grains: int | None) -> Row:
        def make() -> Material:
            model = load_model()
            compute = None if device.type == "cpu" else device
            Q, w = model.orientations[:grains], model.weights[:grains]
            return Polycrystal(model.law, Q, weights=w, tolerance=options.tolerance, device=compute)

        return Row(make, {"grains": grains, "tolerance": options.tolerance}, stable=True)

    def reduced() -> Row:
        if options.reduced is None:
            return taylor(4 if options.quick else 16)
        return Row(
            lambda: load_model(options.reduced, device=device),
            {"model": digest(options.reduced)},
            stable=True,
        )

    def learnt(file: str | None) -> Row:
        return Row(
            lambda: load_model(file, device=device, dtype=torch.float32), {"model": digest(file)}
        )

    rows = (
        Row(lambda: johnson_cook("OFHC copper"), {}),
        learnt(options.recurrent),
        learnt(options.grains) if options.grains else None,
        pca("default", options.pca_default),
        pca("paper", options.pca_paper),
        pca("paper", options.pca_paper, "bfloat16"),
        reduced(),
        taylor(8 if options.quick else None),
    )
    named = zip(NAMES, rows, strict=True)
    made = {name: row for name, row in named if row is not None}
    if options.laws:
        chosen = {k: v for k, v in made.items() if any(word in k for word in options.laws)}
        made = {JOHNSON_COOK: made[JOHNSON_COOK], **chosen}
    return made


def digest(file: str | None) -> str:
    """Of a model's file, so that a row is measured anew where it has changed."""
    path = DEFAULT_MODEL if file is None else Path(file)
    require(path.is_file(), f"model {path}: there is no such file")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
