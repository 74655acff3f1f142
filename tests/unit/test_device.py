# SPDX-License-Identifier: MIT
"""Where things are computed is what the user says."""

import pytest
import torch

from mlms_fenics.device import chosen
from mlms_fenics.errors import InputError
from mlms_fenics.surrogate import load_model


@pytest.fixture
def two_gpus(monkeypatch):
    """A machine that seems to have two GPUs; what is put there stays without data."""
    plain = torch.zeros
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    class There:
        def __init__(self, device):
            self.device = torch.device(device)

    def zeros(*size, device=None, **options):
        far = device is not None and str(device).startswith("cuda")
        return There(device) if far else plain(*size, device=device, **options)

    monkeypatch.setattr(torch, "zeros", zeros)


def test_the_cpu_unless_told_otherwise(two_gpus):
    assert chosen() == chosen("cpu") == torch.device("cpu")
    assert load_model().device == torch.device("cpu")


@pytest.mark.parametrize(("name", "rank", "device"), [
    ("auto", 0, "cuda:0"), ("auto", 3, "cuda:1"), ("cuda", 1, "cuda:1"), ("cuda:1", 0, "cuda:1"),
])  # fmt: skip
def test_ranks_share_the_gpus_of_a_machine(two_gpus, name, rank, device):
    assert chosen(name, rank) == torch.device(device)


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert chosen("auto") == torch.device("cpu")


@pytest.mark.parametrize("name", ["abacus", "cuda:", "cuda:-1", ""])
def test_no_such_kind_of_device(name):
    with pytest.raises(InputError, match=f"--device is '{name}', but must be cpu, cuda"):
        chosen(name)


def test_no_such_device():
    with pytest.raises(InputError, match="--device cuda:99 cannot be used here"):
        chosen("cuda:99")
