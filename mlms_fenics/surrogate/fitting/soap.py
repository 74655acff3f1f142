# SPDX-License-Identifier: MIT
"""Adam in the eigenbasis of the gradient's second moments.

Vyas, Morwani, Zhao, Kwun, Shapira, Brandfonbrener, Janson, Kakade: SOAP: Improving and stabilizing
Shampoo using Adam (2024), after Gupta, Koren, Singer: Shampoo (2018). For small dense networks the
matrices cost little beside the gradient, and far fewer steps are needed.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class Soap(torch.optim.Optimizer):
    """SOAP with decoupled weight decay; vectors and scalars are given plain Adam.

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: of the two moments; the second also of the covariances.
        eps: added to the root of the second moment.
        weight_decay: decoupled.
        every: steps between updates of the eigenbasis.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 3e-3,
        betas: tuple[float, float] = (0.9, 0.99),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        every: int = 10,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "every": every})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step; the first one only measures the covariances."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._move(p, p.grad, group)

    def _move(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        state, (beta1, beta2) = self.state[p], group["betas"]
        if not state:
            self._begin(state, p, g)
            return
        state["step"] += 1
        n = int(state["step"])
        mean, square = state["mean"], state["square"]
        mean.lerp_(g, 1.0 - beta1)
        matrix = p.ndim == 2
        turned = state["left"].T @ g @ state["right"] if matrix else g
        square.lerp_(turned.square(), 1.0 - beta2)
        first = state["left"].T @ mean @ state["right"] if matrix else mean
        root = (square / (1.0 - beta2**n)).sqrt() + group["eps"]
        update = first / (1.0 - beta1**n) / root
        if matrix:
            update = state["left"] @ update @ state["right"].T
            state["rows"].lerp_(g @ g.T, 1.0 - beta2)
            state["columns"].lerp_(g.T @ g, 1.0 - beta2)
        if group["weight_decay"]:
            p.mul_(1.0 - group["lr"] * group["weight_decay"])
        p.sub_(update, alpha=group["lr"])
        if matrix and n % group["every"] == 0:
            self._turn(state)

    @staticmethod
    def _begin(state: dict[str, Any], p: Tensor, g: Tensor) -> None:
        state["step"] = torch.zeros(())
        state["mean"], state["square"] = torch.zeros_like(p), torch.zeros_like(p)
        if p.ndim == 2:
            state["rows"], state["columns"] = g @ g.T, g.T @ g
            for name, covariance in (("left", "rows"), ("right", "columns")):
                state[name] = torch.linalg.eigh(state[covariance].double())[1].flip(1).to(p.dtype)

    @staticmethod
    def _turn(state: dict[str, Any]) -> None:
        """One step of orthogonal iteration for either basis, in order of the eigenvalues."""
        for axis, name, covariance in ((0, "left", "rows"), (1, "right", "columns")):
            basis = state[name]
            image = state[covariance] @ basis
            order = (basis * image).sum(0).argsort(descending=True)
            state["square"] = state["square"].index_select(axis, order)
            state[name] = torch.linalg.qr(image[:, order])[0]
