# SPDX-License-Identifier: MIT
"""Kernels on torch's tensors: on a GPU as numba's, one thread to a point; on a CPU as a loop.

No value is copied and nothing waits: a kernel is queued on torch's current stream, also while that
is being captured as a CUDA graph. With NUMBA_ENABLE_CUDASIM=1 in the environment numba runs CUDA
kernels in its simulator, which stands for a GPU where the CPU is treated as a device apart.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numba
import numpy as np
import torch
from numba import cuda
from numba.core.dispatcher import Dispatcher

from mlms_fenics.device import at_hand
from mlms_fenics.errors import InputError
from mlms_fenics.gpu.twins import twin

# A few thousand points are no mistake, though they do not fill a GPU.
numba.config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
SIMULATED = bool(numba.config.ENABLE_CUDASIM)
THREADS = 2 if SIMULATED else 128  # of a block; the simulator's are as slow as Python


def usable(device: torch.device) -> bool:
    """Whether kernels for CUDA run on tensors of a device, as they do in numba's simulator."""
    if device.type == "cpu":
        return SIMULATED and not at_hand(device)
    return device.type == "cuda" and not _fault()


@lru_cache(maxsize=1)
def _fault() -> str:
    """What keeps numba from compiling for the GPUs of this machine; empty where nothing does.

    A kernel is compiled, since numba-cuda finds only then that it does not go with a later numpy.
    """
    if not cuda.is_available():
        return "which sees no GPU: install numba-cuda"
    try:
        cuda.jit(_first)[1, 1](cuda.device_array(1))
    except Exception as error:
        # What a compiler raises is of any kind, and laws that need no kernel work without it.
        return f"which fails ({error}): mend numba-cuda, or numpy where its version is too new"
    return ""


def _first(x):  # type: ignore[no-untyped-def]
    x[0] = 1.0


def launch(kernel: Callable, device: torch.device, n: int, *arguments: Any, most: int = 0) -> None:
    """Queue a CUDA kernel.

    Args:
        kernel: compiled with `numba.cuda.jit`.
        device: of all tensors; see `usable`.
        n: threads that are wanted, rounded up to whole blocks.
        arguments: tensors, with any strides; numbers; tuples of numbers.
        most: blocks at most; 0: as many as needed.
    """
    blocks = -(-n // THREADS)
    blocks = min(blocks, most) if most else blocks
    if blocks == 0:
        return
    if device.type == "cpu":
        kernel[blocks, THREADS](*(_simulated_view(x) for x in arguments))
        return
    given = [_device_view(x) if isinstance(x, torch.Tensor) else x for x in arguments]
    stream = cuda.external_stream(torch.cuda.current_stream(device).cuda_stream)
    with cuda.gpus[device.index or 0]:
        kernel[blocks, THREADS, stream](*given)


def numpy_type(dtype: torch.dtype) -> np.dtype:
    """numpy's name of a type of tensors."""
    return np.dtype(str(dtype).removeprefix("torch."))


def _device_view(x: torch.Tensor) -> Any:
    """A tensor on a GPU as numba's array over the same memory."""
    if x.numel() == 0:  # there is no memory to lie over
        return cuda.device_array(tuple(x.shape), numpy_type(x.dtype))
    return cuda.as_cuda_array(x.detach(), sync=False)


def _simulated_view(x: Any) -> Any:
    """The simulator's array over a tensor's memory; anything else as it is."""
    if not isinstance(x, torch.Tensor):
        return x
    # It copies arrays of the host, and takes none with strides.
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    return FakeCUDAArray(numpy_view(x))


def numpy_view(x: Any) -> Any:
    """A tensor on a CPU as the array in whose memory it lies; anything else as it is."""
    return x.detach().numpy() if isinstance(x, torch.Tensor) else x


def over_points(
    loop: Dispatcher,
    device: torch.device,
    n: int,
    *arguments: Any,
    scratch: int = 1,
    **names: int,
) -> None:
    """Run `loop(first, stride, scratch, *arguments)`, which does points first, first + stride, ...

    Args:
        loop: compiled with `numba.njit`; on a CPU it is called once, on a GPU by each thread.
        device: of all tensors.
        n: number of points.
        arguments: tensors, contiguous, as a kernel writes into some; numbers; tuples of numbers.
        scratch: length of the work space, float64, that a thread has.
        names: global names that have another value on a GPU, see `twins.twin`.

    Raises:
        InputError: a GPU for which numba cannot compile.
        ValueError: a tensor that is not contiguous.
    """
    for x in arguments:
        if isinstance(x, torch.Tensor) and not x.is_contiguous():
            raise ValueError(f"a tensor with strides {x.stride()}, shape {x.shape}, for {loop}")
    if usable(device):
        kernel = _over_points(loop, len(arguments), scratch, tuple(names.items()))
        launch(kernel, device, n, *arguments)
        return
    if device.type != "cpu":
        raise InputError(
            f"this law on {device} needs numba's CUDA target, {_fault()}; or keep it on the CPU"
        )
    loop(0, 1, np.empty(scratch), *(numpy_view(x) for x in arguments))


@lru_cache(maxsize=64)
def _over_points(loop: Dispatcher, count: int, size: int, there: tuple) -> Callable:
    # CUDA kernels take no *arguments.
    inner = twin(loop, **dict(there))
    names = ", ".join(f"x{k}" for k in range(count))
    source = f"""def kernel({names}):
    scratch = cuda.local.array(size, float64)
    inner(cuda.grid(1), cuda.gridsize(1), scratch, {names})
"""
    scope = {"cuda": cuda, "size": size, "float64": numba.float64, "inner": inner}
    exec(compile(source, f"<kernel of {loop.py_func.__name__}>", "exec"), scope)
    return cuda.jit(scope["kernel"])
