# SPDX-License-Identifier: MIT
"""Driving a law at points: what histories and times must be."""

import pytest
import torch

from mlms_fenics.errors import InputError
from mlms_fenics.materials import J2, drive

LAW = J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93)


def history(n, n_t):
    return torch.eye(3, dtype=torch.float64).repeat(n, n_t + 1, 1, 1)


@pytest.mark.parametrize("times", [[0.0, 1.0, 1.0], [0.0, 1.0, 0.5], [0.0, 1.0, float("nan")]])
def test_times_must_increase(times):
    with pytest.raises(InputError, match="of entry 2 is not after that of entry 1, 1 µs"):
        drive(LAW, history(2, 2), torch.tensor(times))


def test_shapes_must_fit():
    with pytest.raises(InputError, match=r"time \(3,\): must be \(n, n_t \+ 1, 3, 3\)"):
        drive(LAW, history(2, 3), torch.tensor([0.0, 1.0, 2.0]))


def test_no_history_at_all_gives_none():
    assert drive(LAW, history(0, 2), torch.tensor([0.0, 1.0, 2.0])).shape == (0, 3, 3, 3)


def test_one_entry_is_the_virgin_state():
    assert not drive(LAW, history(2, 0), torch.tensor([0.0])).any()
