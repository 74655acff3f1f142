# SPDX-License-Identifier: MIT
"""A mode of torch in which everything fails that makes the host wait for a device."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# Values that the host looks at, shapes that follow from values, numbers that come from the host.
WAITING = {
    "aten::_local_scalar_dense",
    "aten::is_nonzero",
    "aten::equal",
    "aten::nonzero",
    "aten::nonzero_static",
    "aten::masked_select",
    "aten::unique_dim",
    "aten::_unique2",
    "aten::repeat_interleave.Tensor",
    "aten::lift_fresh",
    "aten::linalg_matrix_exp",
    "aten::_linalg_check_errors",
}


class NoWaiting(TorchDispatchMode):
    """Raises `AssertionError` at an operation of `WAITING`, a mask as index or a copy to a host."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().split(".")[0]
        assert name not in WAITING, f"{func.name()} makes the host wait"
        if name in ("aten::index", "aten::index_put_", "aten::index_put"):
            indices = [i for i in args[1] if i is not None]
            assert all(i.dtype not in (torch.bool, torch.uint8) for i in indices), "a mask as index"
            assert all(i.device == args[0].device for i in indices), "indices from the host"
        out = func(*args, **(kwargs or {}))
        if name in ("aten::_to_copy", "aten::copy_"):
            source = args[1] if name == "aten::copy_" else args[0]
            assert source.device == out.device, f"a copy from {source.device} to {out.device}"
        return out


@contextmanager
def no_waiting(monkeypatch) -> Iterator[None]:
    """`NoWaiting`, in which tensors become no numpy arrays either, as a device's cannot.

    Only `gpu.launch` may make one: where it does so, kernels on a GPU take the tensors themselves.
    """
    plain = torch.Tensor.numpy

    def refuse(tensor, *_):
        if sys._getframe(1).f_globals["__name__"] == "mlms_fenics.gpu.launch":
            return plain(tensor)
        raise AssertionError("a tensor becomes a numpy array: that is a copy to the host")

    with monkeypatch.context() as patch, NoWaiting():
        patch.setattr(torch.Tensor, "numpy", refuse)
        patch.setattr(torch.Tensor, "__array__", refuse)
        yield
