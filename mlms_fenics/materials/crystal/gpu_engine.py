# SPDX-License-Identifier: MIT
"""The explicit engine on a GPU: a thread integrates one grain after the other.

It is the CPU's own code (`engine.run_lanes` and all that it calls) with one lane to a thread. All
threads take their grains from one queue, so that none idles while others have many steps to do:
what would otherwise be done by sorting out the finished. Grains of one material, neighbours in the
queue, share a warp's instructions, as each of its threads does one trial step at a time. Of a
thread's work space only what each system has is in memory (`S`: 186 numbers of magnesium's law, for
which alone rows are set aside); all else (`w`) the compiler finds room for in registers.

Considered beside it: batched torch (`torch_engine`, what is left for a GPU without numba's CUDA
target) passes each of some hundred intermediate arrays through the device's memory at every stage,
and must ask the host which grains are done; Triton has no loop of a length of its own for each
lane, and would have been a second statement of the law.
"""

from functools import lru_cache

import numba
import torch
from numba import cuda

from mlms_fenics.gpu.launch import launch
from mlms_fenics.gpu.twins import twin
from mlms_fenics.materials.crystal import engine
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.step import rows_of
from mlms_fenics.materials.crystal.tables import crystal_tables

BLOCKS_PER_PROCESSOR = 2  # as many as are resident with 237 registers a thread


def integrate(
    law: CrystalLaw,
    U: torch.Tensor,
    Q: torch.Tensor,
    segments: torch.Tensor,
    tolerance: float,
    scale: torch.Tensor,
    state: torch.Tensor | None,
    wanted: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """As `torch_engine.integrate`; nothing here waits for the device."""
    n_paths, n_t, n_grains = len(U), len(segments), len(Q)
    n, where = n_paths * n_grains, {"device": U.device}
    real = {**where, "dtype": torch.float64}
    virgin = state is None
    if virgin:
        state = virgin_there(law, n, U.device)
    out, steps, status = results_there(n_t, state, wanted, scale)
    counts = torch.zeros(n, 2, dtype=torch.int64, **where)
    slip, twins = _tables(law, U.device)
    launch(
        _kernel(law.n_slip, law.n_twin), U.device, n,
        torch.zeros(1, dtype=torch.int64, **where),
        U.reshape(n_paths, n_t + 1, 9).contiguous(), Q.reshape(n_grains, 9).contiguous(),
        segments, slip, twins, law.detwinning, law.shear_modulus, tolerance, virgin,
        False, out["state"], out["wanted"], out["scale"], out["deviator"], counts, steps, status,
        torch.zeros(n, 1, **real),  # no array may be empty
        most=BLOCKS_PER_PROCESSOR * processors(U.device),
    )  # fmt: skip
    return out | what_was_done(counts, steps, status)


def results_there(
    n_t: int, state: torch.Tensor, wanted: torch.Tensor, scale: torch.Tensor
) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor]:
    """What a kernel fills in: results by name, its steps and the jobs' status, on the device."""
    n, real = len(state), {"device": state.device, "dtype": torch.float64}
    out = {
        "deviator": torch.zeros(n, n_t + 1, 6, **real),
        "state": state.clone(),
        "wanted": wanted.clone(),
        "scale": scale.clone(),
    }
    steps = torch.full((n, 2), torch.nan, **real)
    return out, steps, torch.zeros(n, dtype=torch.int8, device=state.device)


def what_was_done(
    counts: torch.Tensor, steps: torch.Tensor, status: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Substeps, rejected ones, the smallest, and when a job failed (NaN: not), by name."""
    failed_at = torch.where(status != engine.OK, steps[:, engine.FAILED_AT], torch.nan)
    return {
        "substeps": counts[:, 0],
        "rejected": counts[:, 1],
        "smallest": steps[:, engine.SMALLEST],
        "failed_at": failed_at,
    }


def virgin_there(law: CrystalLaw, n: int, device: torch.device) -> torch.Tensor:
    """`tables.virgin_state` on a device, *Shape* `(n, n_state)`."""
    state = torch.zeros(n, law.n_state, dtype=torch.float64, device=device)
    state[:, 0:9:4] += 1.0
    return state


@lru_cache(maxsize=256)
def _tables(law: CrystalLaw, device: torch.device) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(table).to(device) for table in crystal_tables(law))


@lru_cache(maxsize=8)
def processors(device: torch.device) -> int:
    if device.type == "cpu":  # numba's simulator
        return 1
    return torch.cuda.get_device_properties(device).multi_processor_count


@cuda.jit(device=True)
def take_atomically(queue):  # type: ignore[no-untyped-def]
    return cuda.atomic.add(queue, 0, 1)


@lru_cache(maxsize=16)
def _kernel(n_slip: int, n_twin: int):  # type: ignore[no-untyped-def]
    own = rows_of(n_slip, n_twin)
    run = twin(engine.run_lanes, L=1, take=take_atomically, **own)
    rows, states, marks, times = engine.ROWS, own["STATE_ROWS"], engine.MARKS, engine.TIMES

    @cuda.jit
    def kernel(
        queue, U, Q, segments, slip, twins, detwinning, G, tolerance, virgin, given,
        state, wanted, scale, deviator, counts, steps, status, chosen,
    ):  # fmt: skip
        w = cuda.local.array(rows, numba.float64)
        S = cuda.local.array(states, numba.float64)
        whole = cuda.local.array(marks, numba.int64)
        real = cuda.local.array(times, numba.float64)
        run(
            w, S, whole, real, queue, U, Q, segments, slip, twins, detwinning, G, tolerance, virgin,
            given, state, wanted, scale, deviator, counts, steps, status, chosen,
        )  # fmt: skip

    return kernel
