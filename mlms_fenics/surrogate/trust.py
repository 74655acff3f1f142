# SPDX-License-Identifier: MIT
"""How far a material point is from the data that a law was trained on."""

import numpy as np
import torch
from torch import nn

from mlms_fenics.surrogate.strain import isometry


class TrustMeasure(nn.Module):
    """Scaled Mahalanobis distance of (log U, rate of log U) from the training set.

    Features: the components of log U (isometric coordinates) and |d log U/dt| T with T the training
    horizon. The distance is 1 at the 99.9% quantile of the training set: below 1 the point's strain
    and rate are like those in the data; it says nothing about the order in which they came.
    """

    QUANTILE = 0.999

    def __init__(self, dimension: int, horizon: float) -> None:
        super().__init__()
        self.horizon = float(horizon)
        E = isometry(dimension)
        n = len(E) + 1
        self.register_buffer("coordinates", torch.as_tensor(E), persistent=False)
        self.register_buffer("mean", torch.zeros(n, dtype=torch.float64))
        # Rows: features whitened and divided by the quantile, so that the norm is the distance.
        self.register_buffer("whitening", torch.eye(n, dtype=torch.float64))

    def fit(self, strain: np.ndarray, time: np.ndarray, limit: int = 500_000) -> "TrustMeasure":
        """Set from training histories.

        Args:
            strain: components of log U, *Shape* `(N, n_t + 1, 6)` or `(N, n_t + 1, 3)`.
            time: *Shape* `(n_t + 1,)`, µs.
            limit: thin the samples to at most so many points.
        """
        E = self.coordinates.numpy()
        coordinates = np.asarray(strain, dtype=np.float64) @ E.T
        rate = np.linalg.norm(np.diff(coordinates, axis=1), axis=-1) / np.diff(time) * self.horizon
        x = np.concatenate([coordinates[:, 1:], rate[..., None]], axis=-1)
        x = x.reshape(-1, x.shape[-1])
        x = x[:: max(1, len(x) // limit)]
        covariance = np.cov(x.T)
        # A component that never varies in the data must not be divided by zero: any strain there
        # is measured against a thousandth of the largest variation instead.
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values, 1e-6 * values.max())
        whitening = (vectors / np.sqrt(values)).T
        mean = x.mean(0)
        quantile = np.quantile(np.linalg.norm((x - mean) @ whitening.T, axis=1), self.QUANTILE)
        self.mean.copy_(torch.as_tensor(mean))
        self.whitening.copy_(torch.as_tensor(whitening / quantile))
        return self

    def forward(self, strain: torch.Tensor, before: torch.Tensor, dt: float) -> torch.Tensor:
        """Distance after a step.

        Args:
            strain, before: components of log U after and before it, *Shape* `(n, 6)` or `(n, 3)`.
            dt: µs.

        Returns:
            *Shape* `(n,)`.
        """
        rate = torch.linalg.vector_norm(
            (strain - before) @ self.coordinates.T, dim=-1, keepdim=True
        )
        x = torch.cat([strain @ self.coordinates.T, rate * (self.horizon / dt)], dim=-1)
        return torch.linalg.vector_norm((x - self.mean) @ self.whitening.T, dim=-1)
