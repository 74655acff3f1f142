# SPDX-License-Identifier: MIT
"""What the compiled steps of learnt laws are given: arrays of a law's tensors, prepared once."""

import numpy as np
from torch import Tensor

from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.trust import ELASTIC, TrustMeasure


def array(x: Tensor) -> np.ndarray:
    """A copy in float32, rows contiguous."""
    return np.array(x.detach().numpy(), np.float32, order="C")


def versions(law: LearntLaw) -> tuple[int, ...]:
    """What changes when a weight or buffer of the law is replaced or written to."""
    modules = (law.network, *law.network.children(), law.trust)
    stores = (store for part in modules for store in (part._parameters, part._buffers))
    tensors = [x for store in stores for x in store.values() if x is not None]
    return tuple(y for x in tensors for y in (id(x), x._version))


class TrustArrays:
    """Arrays of a measure of trust, as `compiled.trust.trust_of_chunk` takes them.

    Args:
        trust: fitted; its buffers are copied.
    """

    def __init__(self, trust: TrustMeasure) -> None:
        self.trust = trust
        self.fitted = tuple(
            array(x)
            for x in (trust.mean, trust.whitening, 1.0 / trust.lag_size, trust.lag_mean,
                      trust.lag_whitening)
        )  # fmt: skip

    def __call__(self, dt: float) -> tuple[np.ndarray, ...]:
        """For a step of dt, µs."""
        trust = self.trust
        x = dt / (np.array(trust.TIMES) * trust.horizon)
        lags = np.array([np.exp(-x), -np.expm1(-x) / x], np.float32)
        forget = np.exp(-dt / (trust.AVERAGE * trust.horizon))
        numbers = np.array([trust.FLOOR, ELASTIC, forget], np.float32)
        return (*self.fitted[:2], lags, *self.fitted[2:], numbers)
