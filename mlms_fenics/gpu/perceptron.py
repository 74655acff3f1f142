# SPDX-License-Identifier: MIT
"""A network of two hidden SiLU layers at many points on a device, float32, points last.

On a GPU it is one kernel of Triton's: what lies between the layers never leaves a processor, and
the products are those of its tensor cores, three in TF32 for one in float32, which keeps float32's
digits. By PyTorch's operations each layer passes through the device's memory several times, and
products in float32 itself are slower.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

BLOCK, WARPS = 64, 8  # points to a block, and warps that share it
# Rows of a product, and of what is left of a hidden layer beyond a power of two. With 16 of them a
# product of Triton 3.6 was wrong on an H200 (eight warps), and read where it must not.
_LEAST, _LEFT = 64, 32


class Perceptron:
    """The network with weights of its own.

    Args:
        weights: w1, b1, w2, b2, w3, b3: weights `(out, in)` and biases `(out, 1)`; copied.
        tf32: on a GPU make one product in TF32 for each, which keeps three digits.

    Attributes:
        weights: the copies, float32, contiguous.
    """

    def __init__(self, weights: tuple[Tensor, ...], tf32: bool = False) -> None:
        self._precision = "tf32" if tf32 else "tf32x3"
        self.weights = tuple(x.detach().float().clone().contiguous() for x in weights)
        self.device = self.weights[0].device
        self._padded: tuple[Tensor, ...] = ()

    def __call__(self, z: Tensor) -> Tensor:
        """Output of all points.

        Args:
            z: inputs, *Shape* `(inputs, n)`, contiguous.

        Returns:
            *Shape* `(outputs, n)`.
        """
        kernel = _triton_kernel() if self.device.type == "cuda" else None
        return self.by_torch(z) if kernel is None else self.by_triton(z, kernel)

    def by_torch(self, z: Tensor) -> Tensor:
        """The same by PyTorch's operations."""
        w1, b1, w2, b2, w3, b3 = self.weights
        h = nn.functional.silu(torch.addmm(b1, w1, z), inplace=True)
        h = nn.functional.silu(torch.addmm(b2, w2, h), inplace=True)
        return torch.addmm(b3, w3, h)

    def by_triton(self, z: Tensor, kernel: Any, block: int = BLOCK, warps: int = WARPS) -> Tensor:
        """The same by `perceptron_kernel.kernel`, with `block` points to a block."""
        w1, w3 = self.weights[0], self.weights[4]
        width, n = len(w1), z.shape[1]
        inputs, outputs = _power(w1.shape[1]), _power(len(w3))
        a = max(_LEAST, _power(width + 1) // 2)
        b = _power(width - a, _LEFT) if width > a else 0
        if not self._padded:
            rows = (
                (a + b, inputs),
                (a + b, 1),
                (a + b, a + b),
                (a + b, 1),
                (outputs, a + b),
                (outputs, 1),
            )
            self._padded = tuple(map(_padded, self.weights, rows))
        out = torch.empty(len(w3), n, dtype=z.dtype, device=z.device)
        if n:
            kernel[(-(-n // block),)](
                z, out, *self._padded, n, w1.shape[1], len(w3), inputs, a, b, outputs,
                block, self._precision, num_warps=warps,
            )  # fmt: skip
        return out


def _power(n: int, least: int = _LEAST) -> int:
    """The least power of two that is below neither `n` nor `least`."""
    return max(least, 1 << (n - 1).bit_length())


def _padded(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    out = x.new_zeros(shape)
    out[tuple(slice(n) for n in x.shape)] = x
    return out


@lru_cache(maxsize=1)
def _triton_kernel() -> Any:
    """The kernel, or None without Triton, whose import takes a while."""
    from mlms_fenics.gpu.perceptron_kernel import kernel

    return kernel
