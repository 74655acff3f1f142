# SPDX-License-Identifier: MIT
"""Copies between host and device, the device's own memory, and its matrix products."""

import numpy as np
import torch

from mlms_fenics.benchmarks.gpu.place import Found, Place
from mlms_fenics.gpu.staging import Staging


def measure(place: Place, found: Found) -> None:
    """Bandwidths, GB/s, and rates of products, TFLOP/s: what other parts are compared with."""
    for n in place.sizes(3_200, 100_000, 1_000_000):
        F, out = np.random.default_rng(0).random((n, 3, 3)), np.empty((n, 3, 3))
        staging = Staging(place.device)

        def there(staging=staging, F=F) -> torch.Tensor:
            return staging.up(F)

        def back(staging=staging, F=F, out=out) -> None:
            staging.down(staging.up(F), out)

        back()
        found.check(f"{n} F there and back", float(np.abs(out - F).max()), 0.0)
        found.figure(f"{n:.1e} F up, stress down, pinned", 1e6 * place.seconds(back), "µs")
        found.figure(f"{n:.1e} F up alone", F.nbytes / place.seconds(there) / 1e9, "GB/s")
    found.figure("memory, read and written", memory_bandwidth(place) / 1e9, "GB/s")
    for dtype in (torch.float32, torch.float64):
        found.figure(f"products in {str(dtype)[6:]}", product_rate(place, dtype) / 1e12, "TFLOP/s")


def memory_bandwidth(place: Place) -> float:
    """Bytes read and written per second by a copy within the device."""
    n = 100_000 if place.quick else 100_000_000
    a = torch.zeros(n, dtype=torch.float64, device=place.device)
    b = torch.empty_like(a)
    return 2.0 * a.nbytes / place.seconds(lambda: b.copy_(a))


def product_rate(place: Place, dtype: torch.dtype) -> float:
    """Multiplications and additions per second of a large matrix product."""
    n = 128 if place.quick else 8192
    a = torch.ones(n, n, dtype=dtype, device=place.device)
    return 2.0 * n**3 / place.seconds(lambda: a @ a)
