# SPDX-License-Identifier: MIT
"""PCA-Net (Liu et al. 2022, section 2): principal components and a network between them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from mlms_fenics.device import at_hand
from mlms_fenics.errors import require
from mlms_fenics.kinematics.strain import isometry, isometry_inverse, log_strain, volume_ratio
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.materials.base import State, Time
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.pca_net.online import RunningSums
from mlms_fenics.surrogate.pca_net.reduction import BasisIntegrals, HistoryBasis

STRAINS = ("log", "stretch")
STRESSES = ("deviator", "rest", "total")


class PCANet(nn.Module):
    """Network between the principal components of strain and of stress histories.

    Args:
        n_t: intervals of the training grid.
        dimension: 2 or 3.
        modes_in, modes_out: number of basis functions of input and output.
        hidden: widths of the hidden layers (SELU).
        strain: input, "log" (log U, isometric coordinates) or "stretch" (components of U).
        stress: output: "deviator" (isometric coordinates of J dev σ/2G; the pressure is added in
            closed form), "rest" (the same of σ less the closed-form pressure), "total" (σ, GPa).
        zero_at_rest: subtract the network's output for the rest history.
        inelastic: the network gives dev log U - J dev σ/2G instead of J dev σ/2G (some older
            models; it is no longer trained, having been found worse).
        extrapolation: θ of the unknown future, 0 (hold) or 1 (linear).
        dropout: in training, after each hidden layer (alpha dropout).
        linear: what enters the first hidden layer's SELU also goes straight to the output.
    """

    def __init__(
        self,
        n_t: int,
        dimension: int,
        modes_in: int,
        modes_out: int,
        hidden: Sequence[int],
        strain: str = "log",
        stress: str = "deviator",
        zero_at_rest: bool = True,
        inelastic: bool = False,
        extrapolation: float = 0.0,
        dropout: float = 0.0,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.options = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.options["hidden"] = [int(w) for w in hidden]
        require(strain in STRAINS, f"strain {strain!r}: must be one of {', '.join(STRAINS)}")
        require(stress in STRESSES, f"stress {stress!r}: must be one of {', '.join(STRESSES)}")
        require(
            extrapolation in (0.0, 1.0), f"extrapolation {extrapolation}: must be 0 (hold) or 1"
        )
        require(not inelastic or stress == "deviator", "inelastic output is for the deviator alone")
        self.strain, self.stress, self.inelastic = strain, stress, inelastic
        self.zero_at_rest, self.extrapolation = zero_at_rest, float(extrapolation)
        c = 6 if dimension == 3 else 3
        outputs = c - 1 if stress == "deviator" else c
        self.input_basis = HistoryBasis(modes_in, n_t, c)
        self.output_basis = HistoryBasis(modes_out, n_t, outputs)
        self.register_buffer("input_scale", torch.ones(c))
        self.register_buffer("coefficient_scale", torch.ones(modes_in))
        self.register_buffer("output_scale", torch.ones(modes_out))
        layers: list[nn.Module] = []
        widths = [modes_in, *self.options["hidden"]]
        for a, b in pairwise(widths):
            layers += [nn.Linear(a, b), nn.SELU()]
            if dropout > 0:
                layers.append(nn.AlphaDropout(dropout))
        self.body = nn.Sequential(*layers)
        self.last = nn.Linear(widths[-1], modes_out)
        for layer in [*self.body, self.last]:
            if isinstance(layer, nn.Linear):
                # The initialisation that SELU needs (Klambauer et al. 2017).
                nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
                nn.init.zeros_(layer.bias)
        self.linear = None
        if linear:
            self.linear = nn.Linear(widths[1], modes_out, bias=False)
            nn.init.zeros_(self.linear.weight)

    def features(self, z: torch.Tensor) -> torch.Tensor:
        """What the output is linear in, from the input's scaled coefficients `(n, K)`."""
        first = self.body[0](z)
        h = self.body[1:](first)
        return h if self.linear is None else torch.cat([h, first], dim=-1)

    def readout(self) -> torch.Tensor:
        """Weights from `features` to the output's scaled coefficients."""
        last = self.last.weight
        return last if self.linear is None else torch.cat([last, self.linear.weight], dim=1)

    def forward(self, z: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
        """Coefficients of the output history.

        Args:
            z: centred and scaled coefficients of the input history, *Shape* `(n, K)`.
            rest: the same of the history without deformation (`rest_input`), *Shape* `(1, K)`.

        Returns:
            *Shape* `(n, K_out)`.
        """
        if not self.zero_at_rest:
            y = nn.functional.linear(self.features(z), self.readout(), self.last.bias)
            return y * self.output_scale
        h = self.features(torch.cat([z, rest]))
        return nn.functional.linear(h[:-1] - h[-1:], self.readout()) * self.output_scale

    def rest_input(self) -> torch.Tensor:
        """Centred and scaled input coefficients of the rest history, *Shape* `(1, K)`."""
        basis = self.input_basis
        rest = torch.zeros_like(basis.mean)
        if self.strain == "stretch":
            rest[:, : 3 if rest.shape[-1] == 6 else 2] = 1.0
        coefficients = (rest / self.input_scale - basis.mean).flatten()[None] @ basis.encoder()
        return coefficients / self.coefficient_scale


class PCANetLaw(LearntLaw):
    """A PCA-Net as a material: coefficients by running sums, output basis contracted at t_n.

    The first layer is contracted with the input basis where that takes fewer multiplications, as
    it does in all usual sizes: then what it makes of the running sums is itself summed, a number
    per neuron instead of one per mode.
    """

    architecture = "pca-net"
    network_class = PCANet
    has_horizon = True
    offers = ("own", "bfloat16")
    network: PCANet

    def _prepare(self) -> None:
        """What does not change between steps, built when first needed."""
        key = (self.device, self.dtype, self.products)
        if getattr(self, "_ready_for", None) == key:
            return
        net = self.network
        layers = [layer for layer in net.body if isinstance(layer, nn.Linear)]
        first = (layers[0].weight.double() / net.coefficient_scale.double()).T
        start = layers[0].bias.double() - net.input_basis.mean_coefficients().double() @ first
        K, width = first.shape
        pair = 2 * 2 * net.input_basis.mean.shape[-1]
        onto = first if pair * width < K * width + pair * K else None
        self._first = first.T.to(self.dtype).contiguous() if onto is None else None
        self._start = start.to(self.dtype)
        # On a CPU few enough points at once for their layers to stay in its caches.
        self._at_once = 1024 if at_hand(self.device) else 2**31
        self._sums = RunningSums(net.input_basis, net.extrapolation, onto)
        small = torch.bfloat16 if self.products == "bfloat16" else self.dtype
        self._layers = [(x.weight.to(small), x.bias.to(small)) for x in layers[1:]]
        self._output = BasisIntegrals(net.output_basis)
        n = 6 if self.dimension == 3 else 3
        options = {"dtype": self.dtype, "device": self.device}
        # From U or log U to the scaled input, and from the output to stress components.
        E = isometry(self.dimension) if net.strain == "log" else np.eye(n)
        self._into = (torch.as_tensor(E, **options) / net.input_scale[:, None]).T.contiguous()
        deviatoric = net.stress == "deviator"
        back = np.eye(n) if net.stress == "total" else isometry_inverse(self.dimension, deviatoric)
        self._back = torch.as_tensor(back.T, **options)
        self._coordinates = torch.as_tensor(isometry(self.dimension, deviatoric).T, **options)
        self._rest = None
        if net.zero_at_rest:
            scaled = net.rest_input().double() * net.coefficient_scale.double()
            rest = scaled + net.input_basis.mean_coefficients().double()
            self._rest = self._hidden((rest if onto is None else rest @ onto).to(self.dtype))
        self._ready_for = key

    def _input(self, U: torch.Tensor, strain: torch.Tensor) -> torch.Tensor:
        return (
            strain if self.network.strain == "log" else to_components(U).to(self.dtype)
        ) @ self._into

    def own_state(self, n: int) -> State:
        """ "moments": running sums `(n, M)`; "input": the last scaled strain `(n, c)`."""
        self._prepare()
        identity = torch.eye(self.dimension, dtype=self.dtype, device=self.device)
        U = identity.expand(n, self.dimension, self.dimension)
        strain = torch.zeros(n, self._into.shape[0], dtype=self.dtype, device=self.device)
        return {"moments": self._sums.start(n), "input": self._input(U, strain)}

    def step(
        self, U: torch.Tensor, strain: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        """See `LearntLaw.step`; `InputError` beyond the horizon, where the time is a number."""
        self._prepare()
        if isinstance(time, torch.Tensor):
            s1 = (time / self.horizon).clamp(max=1.0)
            s0 = ((time - dt) / self.horizon).clamp(min=0.0)
        else:
            self.check_end_time(time)
            s1 = min(time / self.horizon, 1.0)
            s0 = max((time - dt) / self.horizon, 0.0)
        x = self._input(U, strain)
        before, pair = state["moments"], torch.cat([state["input"], x], dim=-1)
        S, parts = torch.empty_like(before), []
        increment, future = self._sums.matrices(s0, s1)
        matrix, offset = self._readout(s1)
        for a in range(0, max(len(x), 1), self._at_once):
            rows = slice(a, a + self._at_once)
            moved = torch.addmm(
                before[rows], pair[rows], increment, out=None if x.requires_grad else S[rows]
            )
            coefficients = torch.addmm(moved, pair[rows], future)
            parts.append(torch.addmm(offset, self._hidden(coefficients), matrix))
        if x.requires_grad:  # then nothing was written into S
            S = torch.addmm(before, pair, increment)
        return self._to_stress(torch.cat(parts), strain), {"moments": S, "input": x}

    def _hidden(self, coefficients: torch.Tensor) -> torch.Tensor:
        """Last hidden layer from the coefficients, or from what the first layer makes of them."""
        if self._first is None:
            h = coefficients + self._start
        else:
            h = nn.functional.linear(coefficients, self._first, self._start)
        first = h.clone() if self.network.linear is not None else None
        h = torch.selu_(h)
        for weight, bias in self._layers:
            h = torch.selu_(nn.functional.linear(h.to(weight.dtype), weight, bias))
        h = h.to(self.dtype) if first is None else torch.cat([h.to(self.dtype), first], dim=-1)
        return h if self._rest is None else h - self._rest

    def _readout(self, s: Time) -> tuple[torch.Tensor, torch.Tensor]:
        """Matrix and offset from the last hidden layer to the output at scaled time s."""
        net = self.network
        psi = self._output.value(s).to(self.dtype) * net.output_scale
        offset = psi @ net.last.bias
        return (psi @ net.readout()).T, offset if self._rest is None else torch.zeros_like(offset)

    def _to_stress(self, y: torch.Tensor, strain: torch.Tensor) -> torch.Tensor:
        """Cauchy stress `(n, d, d)` from the network's output and log U."""
        net = self.network
        if net.stress == "total":
            return from_components(y @ self._back)
        if net.inelastic:
            y = strain @ self._coordinates - y
        volume = volume_ratio(strain)[:, None]
        sigma = (2.0 * self.shear_modulus / (1.0 + volume)) * (y @ self._back)
        sigma[:, : self.dimension] += self.bulk_modulus * volume
        return from_components(sigma)

    @torch.no_grad()
    def stress_given_future(self, U: np.ndarray, horizon: float) -> np.ndarray:
        """Stress along histories from each history as a whole, its future included.

        This is the map that the network was trained for (off-line); `stress` knows the past only.
        A history shorter than the model's horizon is extrapolated beyond its end.

        Args:
            U: *Shape* `(..., n_t + 1, d, d)`, as in `stress`.
            horizon: µs.

        Returns:
            Cauchy stress, U's shape, GPa.
        """
        U, horizon = self.check_history(U, horizon), float(horizon)
        self._prepare()
        flat = torch.tensor(U.reshape(-1, *U.shape[-3:]), device=self.device)
        strain = log_strain(flat).to(self.dtype)
        x = self._input(flat, strain)
        times = np.linspace(0.0, horizon / self.horizon, U.shape[-3])
        S = self._sums.start(len(flat))
        coefficients = S
        for n in range(1, len(times)):
            S, coefficients = self._sums.add(S, x[:, n - 1], x[:, n], times[n - 1], times[n])
        h = self._hidden(coefficients)
        sigma = []
        for n, t in enumerate(times):
            matrix, offset = self._readout(min(t, 1.0))
            sigma.append(self._to_stress(torch.addmm(offset, h, matrix), strain[:, n]))
        return torch.stack(sigma, 1).to("cpu", torch.float64).numpy().reshape(U.shape)
