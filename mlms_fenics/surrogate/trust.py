# SPDX-License-Identifier: MIT
"""How far a material point is from the data that a law was trained on."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from mlms_fenics.device import at_hand, scalar
from mlms_fenics.kinematics.strain import isometry
from mlms_fenics.materials.base import Time
from mlms_fenics.surrogate.compiled.trust import trust_step

# Strain (norm of log U) up to which a crystal responds elastically, whatever its history.
ELASTIC = 0.005


class TrustMeasure(nn.Module):
    """Distance of a strain history so far from the training histories; 1 is their edge.

    The larger of two numbers. How large the strain is: the Mahalanobis distance of log U. And how
    it is going: the lag s - <s> of s = log U behind its exponential average is, but for a factor, a
    rate over the average's time; the logarithms of its size for two times (a hundredth and a tenth
    of the training horizon T) are compared with those in the data, in either direction, for a law
    trained on steady change knows no relaxation; the squared distance is averaged exponentially
    over half of T, so that passing through a turning point does not count. Below the elastic range
    the rate does not count either. Both are 1 where 99% of the training histories stay below.

    Among data that last from short to long there is everything from fast change to rest, as far as
    these two times see. A third one, of the longest history, then tells change slower than all in
    the data, and rest longer than all.

    Kinds of paths differ in their rates (walks, relaxation): the nearest one of `groups` is taken
    at each time.

    Args:
        dimension: 2 or 3.
        horizon: T, µs.
        groups: number of kinds of paths; 0: the measure that older models carry, the Mahalanobis
            distance of (log U, its rate), 1 at the 99.9% quantile of all samples.
        times: of the exponential averages, over T; None: the two.
    """

    TIMES = (0.01, 0.1)
    AVERAGE = 0.5
    # Of a lag, relative to its typical size: slower than that is at rest. The second: without
    # `times`.
    FLOORS = (0.001, 0.01)
    MANY = 2.0  # from the shortest to the longest history, and more: they last differently long
    QUANTILE = 0.99

    def __init__(
        self, dimension: int, horizon: float, groups: int = 1, times: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        self.horizon = float(horizon)
        E = isometry(dimension)
        self.register_buffer("coordinates", torch.as_tensor(E), persistent=False)
        self._reset(int(groups), times)

    def _reset(self, groups: int, times: Sequence[float] | None) -> None:
        """Buffers of a measure that is not fitted yet."""
        self.groups = groups
        options = {"dtype": torch.float64}
        self.times = self.TIMES if times is None else tuple(float(time) for time in times)
        self.floor = self.FLOORS[times is None]
        if times is not None:
            self.register_buffer("lag_times", torch.tensor(self.times, **options))
        n = len(self.coordinates) + (1 if groups == 0 else 0)
        self.register_buffer("mean", torch.zeros(n, **options))
        # Rows: features whitened and divided by the quantile, so that the norm is the distance.
        self.register_buffer("whitening", torch.eye(n, **options))
        if groups:
            n = len(self.times)
            self.register_buffer("lag_size", torch.ones(n, **options))
            self.register_buffer("lag_mean", torch.zeros(groups, n, **options))
            self.register_buffer("lag_whitening", torch.eye(n, **options).repeat(groups, 1, 1))

    def fit(
        self,
        strain: np.ndarray,
        time: np.ndarray,
        source: np.ndarray | None = None,
        limit: int = 2000,
        durations: np.ndarray | None = None,
    ) -> "TrustMeasure":
        """Set from training histories.

        Args:
            strain: components of log U, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`.
            time: *Shape* `(n_t + 1,)`, µs.
            source: kind of each history, a number or name, *Shape* `(N,)`; None: all of one.
            limit: thin them to at most so many histories.
            durations: of each history, over all of which `time` is stretched, *Shape* `(N,)`, µs;
                None: `time` is that of all.
        """
        rows = np.arange(len(strain))[:: -(-len(strain) // limit)]
        source = np.zeros(len(strain), int) if source is None else np.asarray(source)
        names, source = np.unique(source[rows], return_inverse=True)
        path = torch.as_tensor(np.asarray(strain, np.float64)[rows])
        time = np.asarray(time, np.float64)
        stretch = np.ones(len(rows)) if durations is None else durations[rows] / time[-1]
        dt = torch.as_tensor(np.diff(time)[:, None] * stretch)
        lasting = dt.sum(0) / self.horizon
        # Where all last about equally long, slow is what the two others see least of.
        many = lasting.max() > self.MANY * lasting.min()
        self._reset(len(names), (*self.TIMES, float(lasting.max())) if many else None)
        s, lags = path @ self.coordinates.T, self._lags(path, dt)
        # Where a history begins all lags are small, which says nothing about its rates.
        begun = lags[:, len(dt) // 10 :]
        self.lag_size.copy_(begun.clamp_min(1e-12).log().mean((0, 1)).exp())
        y = self._log_lags(lags, s.norm(dim=-1).cummax(1).values)
        for k in range(len(names)):
            self.lag_mean[k], self.lag_whitening[k] = _whitened(y[source == k])
        self.mean[:], self.whitening[:] = _whitened(s)
        for name, distances in zip(
            ("whitening", "lag_whitening"), self._fitted(s, y, dt), strict=True
        ):
            edge = torch.quantile(distances.amax(1), self.QUANTILE)
            getattr(self, name).div_(edge.clamp_min(torch.finfo(torch.float64).tiny))
        return self

    def start(self, n: int) -> torch.Tensor | None:
        """Memory of `n` points at rest: the lags, the largest strain, the mean square distance."""
        if not self.groups:
            return None
        width = len(self.times) * len(self.coordinates) + 2
        return torch.zeros(width, n, dtype=self.mean.dtype, device=self.mean.device).mT

    def forward(
        self,
        strain: torch.Tensor,
        before: torch.Tensor,
        dt: Time,
        memory: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Distance after a step.

        Args:
            strain, before: components of log U after and before it, *Shape* `(n, 6)` or `(n, 3)`.
            dt: µs, a number or a tensor without axes.
            memory: before the step, see `start` (None where that gave None).

        Returns:
            *Shape* `(n,)`, and the memory after the step.
        """
        if self.groups and at_hand(strain) and not isinstance(dt, torch.Tensor):
            return self._compiled(strain, before, dt, memory)
        s = strain @ self.coordinates.T
        change = s - before @ self.coordinates.T
        if not self.groups:
            rate = torch.linalg.vector_norm(change, dim=-1, keepdim=True) * (self.horizon / dt)
            x = torch.cat([s, rate], dim=-1)
            return torch.linalg.vector_norm((x - self.mean) @ self.whitening.T, dim=-1), None
        return self._batched(s, change, dt, memory)

    def _batched(
        self, s: torch.Tensor, change: torch.Tensor, dt: Time, memory: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`forward` from isometric coordinates, on any device."""
        dt = scalar(dt, s.new_empty((), dtype=torch.float64))
        size = torch.linalg.vector_norm((s - self.mean) @ self.whitening.T, dim=-1)
        lags = self._lagging(memory[:, :-2].unflatten(-1, (len(self.times), -1)), change, dt)
        largest = torch.maximum(memory[:, -2], torch.linalg.vector_norm(s, dim=-1))
        y = self._log_lags(torch.linalg.vector_norm(lags, dim=-1), largest)
        forget = self._forget(dt).to(s.dtype)
        square = memory[:, -1] * forget + self._nearest(y) * (1.0 - forget)
        after = torch.cat([lags.flatten(1), largest[:, None], square[:, None]], dim=-1)
        return torch.maximum(size, square.sqrt()), after

    def _compiled(
        self, strain: torch.Tensor, before: torch.Tensor, dt: float, memory: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`_batched` in one loop on the CPU."""
        rows = [x.detach().T.contiguous() for x in (strain, before, memory)]
        distance, after = torch.zeros_like(strain[:, 0]), torch.empty_like(rows[2])
        trust_step(self.arrays(dt), *(x.numpy() for x in (*rows, distance, after)))
        return distance, after.T

    def arrays(self, dt: float) -> tuple[np.ndarray, ...]:
        """`tensors` for a step of `dt`, µs, as the CPU's compiled loops take them."""
        return tuple(x.numpy() for x in self.tensors(torch.tensor(dt, dtype=torch.float64)))

    def tensors(self, dt: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What compiled loops are given for a step of `dt`, µs, in the measure's precision.

        Args:
            dt: without axes, float64.

        Returns:
            Scale of each component in isometric coordinates; mean; whitening; of each lag what is
            left of it and what it gains, `(2, times)`; one over lag_size; lag_mean; lag_whitening;
            floor, elastic range, and the parts of the mean square distance kept and new.
        """
        forget = self._forget(dt)
        floor = torch.full_like(forget, self.floor)
        numbers = torch.stack((floor, torch.full_like(forget, ELASTIC), forget, 1.0 - forget))
        return (
            self.coordinates.diagonal().contiguous(),
            self.mean,
            self.whitening,
            torch.stack(self._gains(dt)).to(self.mean.dtype),
            1.0 / self.lag_size,
            self.lag_mean,
            self.lag_whitening,
            numbers.to(self.mean.dtype),
        )

    def _forget(self, dt: torch.Tensor) -> torch.Tensor:
        """What is left of the mean square distance after a step."""
        return torch.exp(-dt / (self.AVERAGE * self.horizon))

    def _gains(self, dt: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What is left of each lag after a step, and what a strain increment adds, `(times,)`."""
        x = torch.stack([dt / (time * self.horizon) for time in self.times])
        return torch.exp(-x), -torch.expm1(-x) / x

    def _lagging(self, lags: torch.Tensor, change: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
        """s - <s> after a step in which s goes linearly: exact for any step."""
        keep, gain = (g.to(lags.dtype)[:, None] for g in self._gains(dt))
        return lags * keep + change[:, None] * gain

    def _log_lags(self, lags: torch.Tensor, largest: torch.Tensor) -> torch.Tensor:
        """Features `(..., times)` from the lags' sizes and the largest strain so far."""
        weight = largest / (largest + ELASTIC)
        return weight[..., None] * torch.log(lags / self.lag_size + self.floor)

    def _nearest(self, y: torch.Tensor) -> torch.Tensor:
        """Squared distance from the nearest kind of paths, `(...)`."""
        # Written out: a product of a small matrix with each point's is slow on a GPU.
        z = ((y[..., None, :] - self.lag_mean)[..., None, :] * self.lag_whitening).sum(-1)
        return z.square().sum(-1).amin(-1)

    def _lags(self, strain: torch.Tensor, dt: torch.Tensor) -> torch.Tensor:
        """Sizes of the lags along histories, *Shape* `(N, n_t + 1, times)`; `dt` `(n_t, N)`."""
        change = (strain[:, 1:] - strain[:, :-1]) @ self.coordinates.T
        lags = change.new_zeros(len(strain), len(self.times), change.shape[-1])
        sizes = [lags.norm(dim=-1)]
        x = dt[..., None] / (dt.new_tensor(self.times) * self.horizon)
        keep, gain = torch.exp(-x)[..., None], (-torch.expm1(-x) / x)[..., None]
        for n in range(len(dt)):
            lags = lags * keep[n] + change[:, n, None] * gain[n]
            sizes.append(lags.norm(dim=-1))
        return torch.stack(sizes, 1)

    def _fitted(
        self, s: torch.Tensor, y: torch.Tensor, dt: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Both distances of the training histories, `(N, n_t + 1)`, before they are scaled."""
        nearest = self._nearest(y)
        square = [torch.zeros(len(s), dtype=s.dtype)]
        for n, forget in enumerate(self._forget(dt)):
            square.append(square[-1] * forget + nearest[:, n + 1] * (1.0 - forget))
        return ((s - self.mean) @ self.whitening.T).norm(dim=-1), torch.stack(square, 1).sqrt()


def _whitened(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean of samples `(..., n)` and the matrix that whitens them."""
    x = x.reshape(-1, x.shape[-1])
    mean = x.mean(0)
    values, vectors = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    # A component that never varies in the data must not be divided by zero: anything there is
    # measured against a thousandth of the largest variation instead.
    values = values.clamp_min(1e-6 * values.max().clamp_min(torch.finfo(x.dtype).tiny))
    return mean, (vectors / values.sqrt()).T
