# SPDX-License-Identifier: MIT
"""The network of `compiled.network` and its gradient on a device, step by step of a history.

Columns are paths, or grains and, within a grain, paths. Biases are columns of the weights: a row of
the inputs of each layer is 1 in the columns of its group and 0 elsewhere, so that a layer is one
product. What is one product over all steps is taken at the end: the gradient of the weights.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

_silu = torch.ops.aten.silu.out
_steep = torch.ops.aten.silu_backward.grad_input


class NetworkThere:
    """Two hidden SiLU layers, with all that a gradient needs.

    Args:
        layers: weights and biases side by side, *Shape* `(out, in + groups)`.
        steps: that are kept; with one, only the last.
        groups, n: columns are so many groups of n.

    Attributes:
        out: outputs, *Shape* `(steps, out, groups n)`.
        to_out: their gradients, to be filled in before `backward`.
    """

    def __init__(self, layers: Sequence[Tensor], steps: int, groups: int, n: int) -> None:
        self._layers, self._groups, self._n, self._steps = layers, groups, n, steps
        width = len(layers[0])
        self._a = [layers[0].new_empty(steps, width, groups * n) for _ in range(2)]
        self._h = [self.inputs(steps, width) for _ in range(2)]
        self.out = layers[0].new_empty(steps, len(layers[2]), groups * n)

    def inputs(self, steps: int, rows: int) -> Tensor:
        """Of a layer, *Shape* `(steps, rows + groups, columns)`; the rows are to be filled in."""
        m = self._groups
        made = self._layers[0].new_empty(steps, rows + m, m, self._n)
        made[:, rows:] = torch.eye(m, dtype=made.dtype, device=made.device)[:, :, None]
        return made.flatten(2)

    def forward(self, z: Tensor, step: int) -> None:
        """From inputs `(in + groups, columns)` to `out` of the step."""
        k = step if self._steps > 1 else 0
        (w1, w2, w3), (a1, a2), (h1, h2) = self._layers, self._a, self._h
        torch.mm(w1, z, out=a1[k])
        _silu(a1[k], out=h1[k, : a1.shape[1]])
        torch.mm(w2, h1[k], out=a2[k])
        _silu(a2[k], out=h2[k, : a2.shape[1]])
        torch.mm(w3, h2[k], out=self.out[k])

    def begin_backward(self, first: int, end: int) -> Tensor:
        """Zeros, to be filled by `backward` with the gradient of the input's rows first to end."""
        w1, w2, w3 = self._layers
        own = -self._groups
        self._back = [x.T.contiguous() for x in (w1[:, first:end], w2[:, :own], w3[:, :own])]
        self.to_out = torch.empty_like(self.out)
        self._to_a = [torch.empty_like(a) for a in self._a]
        self._to_in = w1.new_zeros(end - first, self._groups * self._n)
        return self._to_in

    def backward(self, t: int) -> None:
        """From `to_out` of a step to the gradient of its inputs."""
        (w1, w2, w3), (a1, a2), (g1, g2) = self._back, self._a, self._to_a
        torch.mm(w3, self.to_out[t], out=g2[t])
        _steep(g2[t], a2[t], grad_input=g2[t])
        torch.mm(w2, g2[t], out=g1[t])
        _steep(g1[t], a1[t], grad_input=g1[t])
        torch.mm(w1, g1[t], out=self._to_in)

    def gradients(self, z: Tensor) -> list[Tensor]:
        """Of the layers, summed over steps whose inputs were `z`."""
        pairs = ((self._to_a[0], z), (self._to_a[1], self._h[0]), (self.to_out, self._h[1]))
        return [torch.bmm(a, b.transpose(1, 2)).sum(0) for a, b in pairs]
