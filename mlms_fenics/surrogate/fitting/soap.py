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
        """One step; the first one only measures the covariances.

        Nothing here looks at a value on the parameters' device.
        """
        for group in self.param_groups:
            alike: dict[int, list[Tensor]] = {}  # parameters by how many steps they have taken
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    self._begin(state, p, p.grad)
                    continue
                state["step"] = int(state["step"]) + 1
                alike.setdefault(state["step"], []).append(p)
            for n, params in alike.items():
                self._move(params, n, group)

    def _move(self, params: list[Tensor], n: int, group: dict[str, Any]) -> None:
        """Step number `n` of parameters, all of them in each operation where that can be."""
        beta1, beta2 = group["betas"]
        states, gradients = [self.state[p] for p in params], [p.grad for p in params]
        means, squares = ([s[name] for s in states] for name in ("mean", "square"))
        torch._foreach_lerp_(means, gradients, 1.0 - beta1)
        turned = [_turned(s, g) for s, g in zip(states, gradients, strict=True)]
        torch._foreach_lerp_(squares, torch._foreach_mul(turned, turned), 1.0 - beta2)
        roots = torch._foreach_div(squares, 1.0 - beta2**n)
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, group["eps"])
        first = [_turned(s, mean) for s, mean in zip(states, means, strict=True)]
        updates = torch._foreach_div(first, 1.0 - beta1**n)
        torch._foreach_div_(updates, roots)
        updates = [_turned_back(s, update) for s, update in zip(states, updates, strict=True)]
        matrices = [(s, g) for s, g in zip(states, gradients, strict=True) if g.ndim == 2]
        if matrices:
            covariances = [s[name] for s, _ in matrices for name in ("rows", "columns")]
            products = [x for _, g in matrices for x in (g @ g.T, g.T @ g)]
            torch._foreach_lerp_(covariances, products, 1.0 - beta2)
        if group["weight_decay"]:
            torch._foreach_mul_(params, 1.0 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(params, updates, alpha=-group["lr"])
        if n % group["every"] == 0:
            for state, _ in matrices:
                self._turn(state)

    @staticmethod
    def _begin(state: dict[str, Any], p: Tensor, g: Tensor) -> None:
        state["step"] = 0
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
            state[name] = torch.linalg.qr(image.index_select(1, order))[0]


def _turned(state: dict[str, Any], x: Tensor) -> Tensor:
    """Into the eigenbasis; what is no matrix has none."""
    return state["left"].T @ x @ state["right"] if x.ndim == 2 else x


def _turned_back(state: dict[str, Any], x: Tensor) -> Tensor:
    return state["left"] @ x @ state["right"].T if x.ndim == 2 else x
