# SPDX-License-Identifier: MIT
"""A network of learnt laws on a device beside PyTorch's layers.

As a program, with TRITON_INTERPRET=1, which Triton reads when a kernel is defined, it prints the
differences of Triton's kernel in its interpreter.
"""

import json
from collections.abc import Callable

import torch
from torch import nn

from mlms_fenics.gpu.perceptron import Perceptron

# Inputs, width, outputs, points: of the shipped laws, and where padding is of every kind.
SIZES = [
    (41, 144, 50, 100), (46, 160, 59, 7), (20, 64, 30, 65), (5, 8, 12, 130), (33, 130, 17, 64),
]  # fmt: skip


def difference(
    call: Callable[[Perceptron, torch.Tensor], torch.Tensor],
    inputs: int,
    width: int,
    outputs: int,
    points: int,
    where: str = "cpu",
) -> float:
    """Of the network as called from the layers in float64, over the largest output."""
    torch.manual_seed(0)
    sizes = [(inputs, width), (width, width), (width, outputs)]
    layers = [nn.Linear(*pair).double() for pair in sizes]
    weights = [x for layer in layers for x in (layer.weight, layer.bias[:, None])]
    z = torch.randn(points, inputs, dtype=torch.float64)
    act = nn.functional.silu
    expected = layers[2](act(layers[1](act(layers[0](z))))).detach().T
    network = Perceptron(tuple(x.to(where) for x in weights))
    found = call(network, z.T.float().contiguous().to(where)).cpu()
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max())


if __name__ == "__main__":
    from mlms_fenics.gpu.perceptron_kernel import kernel

    def by_triton(network: Perceptron, z: torch.Tensor) -> torch.Tensor:
        return network.by_triton(z, kernel)

    print(json.dumps([difference(by_triton, *sizes) for sizes in SIZES]))
