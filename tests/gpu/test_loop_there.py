# SPDX-License-Identifier: MIT
"""The explicit step on a device apart is the one here; graphs and compiled kernels where one is."""

import numpy as np
import pytest
import torch

from mlms_fenics.device import treated_as_apart
from mlms_fenics.loop.blocks import block
from mlms_fenics.loop.run import Run
from mlms_fenics.materials import J2, NeoHookean

GPU = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch sees"),
]
LAWS = {
    "neo-Hookean": NeoHookean(25.0, 48.0, 10.0),
    "J2": J2(young=117.0, poisson=0.35, yield_stress=0.4, hardening=0.1, density=8.93),
}


def close(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(found - expected).max() <= 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize("where", ["cpu", pytest.param("cuda", marks=GPU)])
@pytest.mark.parametrize("law", LAWS)
def test_the_solver(law, where):
    pytest.importorskip("dolfinx", reason="the solver is FEniCSx's; the loop alone is below")
    from mpi4py import MPI

    from mlms_fenics.impact import anvil_solver

    law = LAWS[law]
    body = {"height": 2.0, "size": 0.25}
    reference = anvil_solver(MPI.COMM_SELF, law, **body)
    for end_time in (0.5, 1.0):
        reference.run(end_time)
    with treated_as_apart():
        there = law.to(device=where)
        solver = anvil_solver(MPI.COMM_SELF, there, device=where, loop="torch", **body)
        solver.run(0.5)  # in blocks
        solver.run(1.0, lambda _: None)  # step by step
    assert solver.step_count == reference.step_count
    close(solver.motion.u_values, reference.motion.u_values)
    close(solver.sigma, reference.sigma)
    assert solver.energies().balance == pytest.approx(reference.energies().balance, abs=1e-10)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("options", [{"graph": True}, {"graph": False}, {}, {"compiled": True}])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("where", [pytest.param("cuda", marks=GPU)])
def test_recorded_and_compiled_steps(law, options, own, where):
    law = LAWS[law]
    here = Run(block((4, 4, 6)), law)
    there = Run(block((4, 4, 6)), law.to(device=where), where, **options)
    assert (there.loop.kernels is None) == ("compiled" in options)
    if not own:  # by PyTorch's operations, as where numba cannot compile
        there.loop.kernels = None
    for run in (here, there):
        run.run(2.0)
    assert there.step_count == here.step_count
    close(there.fields()["u"], here.fields()["u"])
