# SPDX-License-Identifier: MIT
"""Work on a GPU that is recorded once as a CUDA graph and then played again.

A gradient step of a network that walks along histories is tens of thousands of small kernels: a
GPU does them faster than the host can start them one by one. A CUDA graph starts them all at once.
What is recorded must always be the same kernels on the same memory, so that all that differs from
batch to batch comes in through tensors of the same shapes.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mlms_fenics.device import at_hand, uploaded

# Graphs of one function; what has yet another shape is not recorded.
MOST = 16
Loss = Callable[[Tensor, torch.Generator], Tensor]
Draw = tuple[Hashable, Sequence[Tensor]]


@dataclass(frozen=True)
class DrawnLoss:
    """A loss in two parts: what the host chooses for a batch, and what the device makes of it.

    Attributes:
        draw: from row numbers and a generator to a form and tensors on the host: all that depends
            on chance. The form says what else the evaluation does, beside shapes.
        evaluate: from the form and these tensors, on the device, to the scalar loss; it must look
            at no value.
        device: where it is evaluated.
    """

    draw: Callable[[Tensor, torch.Generator], Draw]
    evaluate: Callable[..., Tensor]
    device: torch.device

    def __call__(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Scalar loss of a batch."""
        form, inputs = self.draw(rows, generator)
        return self.evaluate(form, *(uploaded(x, self.device) for x in inputs))


class Recorded:
    """A function of tensors that is recorded, on a GPU, for each form and shape of its arguments.

    What is met for the first time is computed as it is, and recorded when it comes again. A CPU
    computes all as it is; one that is treated as a device apart does so on copies of the arguments
    that stay where they are, as in a recording.

    Args:
        function: from a form and tensors on the device to tensors; it must look at no value and
            always use the same memory beside its arguments, such as weights that change in place.
        device: where.
        graphs: False: nothing is recorded.

    Attributes:
        refused: why nothing is recorded any more, where that was tried and failed; else "".
    """

    def __init__(
        self,
        function: Callable[..., tuple[Tensor | None, ...]],
        device: torch.device,
        graphs: bool = True,
    ) -> None:
        self._function, self._device, self._graphs = function, device, graphs
        self._seen: Counter[Hashable] = Counter()
        self._known: dict[Hashable, tuple[list[Tensor], Callable[[], Any]]] = {}
        self._pool: Any = None
        self._stream: Any = None
        self.refused = ""

    @property
    def recordings(self) -> int:
        """How many there are."""
        return len(self._known)

    def __call__(self, form: Hashable, *inputs: Tensor) -> tuple[Tensor | None, ...]:
        """The function's value; what it is made of is overwritten by the next call.

        Args:
            form: see `function`.
            inputs: tensors on the host.
        """
        if at_hand(self._device):
            return self._function(form, *inputs)
        key = (form, *((x.shape, x.dtype) for x in inputs))
        self._seen[key] += 1
        if key not in self._known and not self._new(key, form, inputs):
            there = [uploaded(x, self._device) for x in inputs]
            return self._aside(lambda: self._function(form, *there))
        static, play = self._known[key]
        for buffer, values in zip(static, inputs, strict=True):
            buffer.copy_(uploaded(values, self._device), non_blocking=True)
        return play()

    def _new(self, key: Hashable, form: Hashable, inputs: Sequence[Tensor]) -> bool:
        """Record, if it is time to; whether it is recorded now."""
        wanted = self._graphs and not self.refused and self._seen[key] > 1
        if not wanted or len(self._known) >= MOST:
            return False
        static = [torch.empty_like(x, device=self._device) for x in inputs]
        for buffer, values in zip(static, inputs, strict=True):
            buffer.copy_(uploaded(values, self._device), non_blocking=True)

        def compute() -> tuple[Tensor | None, ...]:
            return self._function(form, *static)

        try:
            play, self._pool = _captured(compute, self._device, self._pool)
        except RuntimeError as error:
            self.refused = str(error).splitlines()[0]
            return False
        self._known[key] = static, play
        return True

    def _aside(self, compute: Callable[[], Any]) -> Any:
        """Compute where a recording will: what is made at a first call must not be recorded."""
        if self._device.type == "cpu" or not self._graphs:
            return compute()
        with torch.cuda.device(self._device):
            here = torch.cuda.current_stream()
            self._stream = self._stream or torch.cuda.Stream()
            self._stream.wait_stream(here)
            with torch.cuda.stream(self._stream):
                found = compute()
            here.wait_stream(self._stream)
        return found


def _captured(
    compute: Callable[[], Any], device: torch.device, pool: Any
) -> tuple[Callable[[], Any], Any]:
    """What plays a computation again, and the memory that it may share with those before it.

    They are played one after the other, so that one may use what another leaves; the outputs of
    each are kept apart.
    """
    if device.type == "cpu":
        return compute, pool
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.device(device), torch.cuda.graph(graph, pool=pool):
            outputs = compute()
    except RuntimeError:
        torch.cuda.synchronize(device)
        raise

    def play() -> Any:
        graph.replay()
        return outputs

    return play, graph.pool()


class Gradients:
    """Loss of a batch, and its gradient put where an optimiser looks for it.

    Args:
        network: for whose parameters.
        loss: a `DrawnLoss` is recorded where the network is on a device apart.
        graphs: False: nothing is recorded.
    """

    def __init__(self, network: nn.Module, loss: Loss, graphs: bool = True) -> None:
        self._parameters, self._loss = list(network.parameters()), loss
        self.recorded: Recorded | None = None
        if isinstance(loss, DrawnLoss) and not at_hand(loss.device):
            self.recorded = Recorded(self._gradient, loss.device, graphs)

    def __call__(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Loss of a batch `()`, without history; valid until the next call."""
        if self.recorded is None:
            for p in self._parameters:
                p.grad = None
            value = self._loss(rows, generator)
            value.backward()
            return value.detach()
        form, inputs = self._loss.draw(rows, generator)
        value, *gradients = self.recorded(form, *inputs)
        for p, gradient in zip(self._parameters, gradients, strict=True):
            p.grad = gradient
        return value

    def _gradient(self, form: Hashable, *inputs: Tensor) -> tuple[Tensor | None, ...]:
        value = self._loss.evaluate(form, *inputs)
        gradients = torch.autograd.grad(value, self._parameters, allow_unused=True)
        return value.detach(), *gradients
