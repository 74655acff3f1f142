# SPDX-License-Identifier: MIT
"""The price of a law: one slow step among others does not count."""

import time

import numpy as np

from mlms_fenics.judge.cost import costs
from mlms_fenics.materials import NeoHookean


class SlowOnce(NeoHookean):
    """Takes 0.5 s more of the processor in one step, as where something is compiled in it."""

    calls = 0

    def update(self, F, time_, dt, state):  # type: ignore[no-untyped-def]
        self.calls += 1
        if self.calls == 4:
            end = time.process_time() + 0.5
            while time.process_time() < end:
                pass
        return super().update(F, time_, dt, state)


def test_one_slow_step_is_not_the_price():
    U = np.tile(np.array([1.0, 1, 1, 0, 0, 0]), (2, 41, 1))
    law = SlowOnce(density=1.0, bulk_modulus=50.0, shear_modulus=25.0)
    found = costs({"slow once": law}, U, np.linspace(0.0, 1.0, 41), points=100)["slow once"]
    assert law.calls >= 7  # two that do not count, and five at least
    assert found < 1e6 * 0.5 / 100 / 5  # µs: the mean of five


class Recording(NeoHookean):
    """Keeps what it is given."""

    def __init__(self, **constants: float) -> None:
        super().__init__(**constants)
        self.given: list[tuple[np.ndarray, float, float]] = []

    def update(self, F, time_, dt, state):  # type: ignore[no-untyped-def]
        self.given.append((F.numpy().copy(), time_, dt))
        return super().update(F, time_, dt, state)


def test_steps_are_short_enough_to_be_taken_whole():
    stretch = np.exp(np.linspace(0.0, 0.9, 11))
    U = np.stack([stretch, *[stretch**-0.5] * 2, *[0 * stretch] * 3], axis=-1)[None]
    law = Recording(density=1.0, bulk_modulus=50.0, shear_modulus=25.0)
    costs({"law": law}, U, np.linspace(0.0, 2.0, 11), points=3, seconds=60.0)
    F, times, dts = (np.array(x) for x in zip(*law.given, strict=True))
    assert times[-1] == 2.0 and np.allclose(np.cumsum(dts), times)
    strain = np.log(np.linalg.svd(F, compute_uv=False))  # the middle step is that of 5 nodes
    assert np.allclose(strain[-1, :, 0], 0.9)
    assert np.linalg.norm(np.diff(strain[2:], axis=0), axis=-1).max() < 0.02
