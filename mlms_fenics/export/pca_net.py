# SPDX-License-Identifier: MIT
"""PCA-Net in C, in its streaming form."""

import copy

import numpy as np
import torch
from torch import nn

from mlms_fenics.export.cells import Cell
from mlms_fenics.export.constants import PANEL, array, scalar, weights
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.surrogate.base import LearntLaw

# Numbers above which the file takes a compiler minutes.
_LARGE = 2_000_000


def cell(law: LearntLaw) -> Cell:
    """See `Cell`."""
    net = law.network
    modes, outputs = net.options["modes_in"], net.output_basis.mean.shape[-1]
    layers = [layer for layer in net.body if isinstance(layer, nn.Linear)]
    widths = [len(layer.weight) for layer in layers]
    read = net.readout()
    numbers = {
        "MODES_IN": modes,
        "MODES_OUT": net.options["modes_out"],
        "INTERVALS": net.input_basis.n_t,
        "EXTRAPOLATION": net.extrapolation,
        "OUTPUTS": outputs,
        "READ": read.shape[1],
        "WIDEST": max(widths),
        "LAYERS": len(layers),
        "LINEAR": int(net.linear is not None),
        "SUMS_PACKED": _panels(modes) * 12,
        "READOUT_PACKED": _panels(outputs) * read.shape[1],
        "OF_STRETCH": int(net.strain == "stretch"),
        "ZERO_AT_REST": int(net.zero_at_rest),
        "INELASTIC": int(net.inelastic),
    }
    arrays = _arrays(net, layers)
    count = sum(weight.numel() for weight in net.state_dict().values())
    templates = ["networks/network.c"]
    if net.stress == "deviator":
        templates += [*(["networks/coordinates.c"] if net.inelastic else []), "networks/deviator.c"]
    return Cell(
        templates=[*templates, f"networks/pca_net_{net.stress}.c", "networks/pca_net.c"],
        constants=[scalar(name, value) for name, value in numbers.items()] + arrays,
        states=[f"running sum {k + 1}" for k in range(modes)],
        pressure=0.0 if net.stress == "total" else law.bulk_modulus,
        notes=[
            f"It was trained for histories of {law.horizon:g} µs and refuses times beyond.",
            *(["Its C file is large: compiling takes a while."] if count > _LARGE else []),
        ],
    )


def _panels(rows: int) -> int:
    """Rows up to full panels."""
    return -(-rows // PANEL) * PANEL


def _arrays(net: nn.Module, layers: list[nn.Linear]) -> list[str]:
    """Bases, weights and scales."""
    first = layers[0].weight.double() / net.coefficient_scale.double()
    bias = layers[0].bias.double() - first @ net.input_basis.mean_coefficients().double()
    scale = np.ones(6) if net.strain == "stretch" else isometry(3).diagonal()
    psi = net.output_basis.functions.permute(1, 2, 0) * net.output_scale
    arrays = [
        array("INPUT_SCALE", scale / net.input_scale.double().numpy(), "double"),
        array("BASIS", net.input_basis.functions.permute(1, 2, 0)),
        array("OUTPUT_BASIS", psi),
        array("LAST", net.readout()),
        array("LAST_BIAS", torch.zeros_like(net.last.bias) if net.zero_at_rest else net.last.bias),
        weights("WEIGHTS1", first),
        array("BIAS1", bias),
    ]
    for k, layer in enumerate(layers[1:], 2):
        arrays += [weights(f"WEIGHTS{k}", layer.weight), array(f"BIAS{k}", layer.bias)]
    numbers = range(1, len(layers) + 1)
    parts = {what: ", ".join(f"{what}{k}" for k in numbers) for what in ("WEIGHTS", "BIAS")}
    rows = ", ".join(str(len(layer.weight)) for layer in layers)
    arrays += [
        f"static const int LAYER_ROWS[] = {{{rows}}};",
        *(f"static const real *const LAYER_{what}[] = {{{x}}};" for what, x in parts.items()),
    ]
    if net.zero_at_rest:
        net = copy.deepcopy(net).double()
        rest = net.features(net.rest_input())
        arrays.append(array("REST", rest[0]))
    return arrays
