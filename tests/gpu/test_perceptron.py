# SPDX-License-Identifier: MIT
"""The network of learnt laws on a device is PyTorch's own layers, whatever their sizes."""

import pytest
import torch
from torch import nn

from mlms_fenics.gpu.perceptron import Perceptron

GPU = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch sees"),
    ],
)


@pytest.mark.parametrize("where", ["cpu", GPU])
@pytest.mark.parametrize(("inputs", "width", "outputs", "points"), [
    (41, 144, 50, 1000), (46, 160, 59, 7), (20, 64, 30, 65), (5, 8, 12, 130), (33, 130, 17, 64),
])  # fmt: skip
def test_it_is_the_layers(inputs, width, outputs, points, where):
    torch.manual_seed(0)
    sizes = [(inputs, width), (width, width), (width, outputs)]
    layers = [nn.Linear(*pair).double() for pair in sizes]
    weights = [x for layer in layers for x in (layer.weight, layer.bias[:, None])]
    z = torch.randn(points, inputs, dtype=torch.float64)
    act = nn.functional.silu
    expected = layers[2](act(layers[1](act(layers[0](z))))).detach().T
    found = Perceptron(tuple(x.to(where) for x in weights))(z.T.float().contiguous().to(where))
    assert found.shape == expected.shape
    assert float((found.cpu() - expected).abs().max()) < 3e-6 * float(expected.abs().max())
