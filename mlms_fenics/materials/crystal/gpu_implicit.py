# SPDX-License-Identifier: MIT
"""The implicit engine on a GPU, as `gpu_engine` has the explicit one: the CPU's own code.

Laws of real rate exponents need it. numba and NVIDIA's compiler take minutes over its kernel, once
in a process for each number of slip and twin systems.
"""

from collections.abc import Callable
from functools import lru_cache

import numba
import torch
from numba import cuda

from mlms_fenics.gpu.launch import launch
from mlms_fenics.gpu.twins import twin
from mlms_fenics.materials.crystal import implicit_engine as engine
from mlms_fenics.materials.crystal.gpu_engine import (
    BLOCKS_PER_PROCESSOR,
    processors,
    results_there,
    take_atomically,
    virgin_there,
    what_was_done,
)
from mlms_fenics.materials.crystal.implicit_paths import NEWTON_SHARE, grain_tolerance
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.mechanisms import mechanisms


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
    """As `gpu_engine.integrate`, but `tolerance` is that of the average; nothing here waits."""
    n_paths, n_t, n_grains = len(U), len(segments), len(Q)
    n, where = n_paths * n_grains, {"device": U.device}
    real = {**where, "dtype": torch.float64}
    if state is None:
        state = virgin_there(law, n, U.device)
    out, steps, status = results_there(n_t, state, wanted, scale)
    whole = torch.zeros(n, 4, dtype=torch.int64, **where)  # counts, and no fixed number of steps
    of_grain = grain_tolerance(tolerance, n_grains)
    m, counts = mechanisms(law), whole[:, :3].contiguous()
    table, slip, twins, *rest = _tables(law, U.device)
    launch(
        _kernel(len(table)), U.device, n,
        torch.zeros(1, dtype=torch.int64, **where),
        U.reshape(n_paths, n_t + 1, 9).contiguous(), Q.reshape(n_grains, 9).contiguous(),
        segments, table, m.n_slip, slip, twins, *rest, m.shear_modulus, m.isotropic,
        law.detwinning, law.least_strength, of_grain, NEWTON_SHARE * of_grain,
        whole[:, 3].contiguous(), False, out["state"], out["wanted"], out["scale"],
        out["deviator"], counts, steps, status, torch.zeros(n, **real), torch.zeros(n, 1, **real),
        torch.zeros(n, 0, 2, 2 * len(table), **real),
        most=BLOCKS_PER_PROCESSOR * processors(U.device),
    )  # fmt: skip
    return out | what_was_done(counts, steps, status)


@lru_cache(maxsize=256)
def _tables(law: CrystalLaw, device: torch.device) -> tuple[torch.Tensor, ...]:
    """Table, slip, twin, interaction, compliance, stiffness and coupling of `Mechanisms`."""
    m = mechanisms(law)
    arrays = (m.table, m.slip, m.twin, m.interaction, m.compliance, m.stiffness, m.coupling)
    return tuple(torch.from_numpy(x).to(device) for x in arrays)


@lru_cache(maxsize=16)
def _kernel(systems: int) -> Callable:
    run = twin(engine.run_lanes, L=1, take=take_atomically)
    rows = engine.rows.SYSTEMS + engine.rows.BLOCKS * systems
    marks, times, nines = (engine.MARKS, 1), (engine.TIMES, 1), (engine.NINES, 1, 9)
    each, fives, scratch = (engine.SYSTEMS, 1, systems), (engine.FIVES, 1, 5), (engine.SCRATCH, 9)

    @cuda.jit
    def kernel(
        queue, U, Q, segments, table, n_slip, slip, twins, interaction, compliance, stiffness,
        coupling, G, isotropic, detwinning, floor, tolerance, newton, fixed, given,
        state, wanted, scale, deviator, counts, steps, status, errors, chosen, solutions,
    ):  # fmt: skip
        w = cuda.local.array(rows, numba.float64)
        a = cuda.local.array(marks, numba.int64)
        b = cuda.local.array(times, numba.float64)
        c = cuda.local.array(nines, numba.float64)
        d = cuda.local.array(each, numba.float64)
        e = cuda.local.array(fives, numba.float64)
        f = cuda.local.array(scratch, numba.float64)
        run(
            w, a, b, c, d, e, f, queue, U, Q, segments, table, n_slip, slip, twins, interaction,
            compliance, stiffness, coupling, G, isotropic, detwinning, floor, tolerance, newton,
            fixed, given, state, wanted, scale, deviator, counts, steps, status, errors, chosen,
            solutions,
        )  # fmt: skip

    return kernel
