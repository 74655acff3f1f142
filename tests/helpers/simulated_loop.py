# SPDX-License-Identifier: MIT
"""Problems of the demos by the kernels of a GPU in numba's simulator, beside the compiled loop.

    NUMBA_ENABLE_CUDASIM=1 python simulated_loop.py STEPS PROBLEM...

Problems are those of `tests/verification/test_torch_loop.py`; stops at the first that differs.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "verification"))

import test_torch_loop as problems

from mlms_fenics.device import treated_as_apart
from mlms_fenics.gpu import launch

if __name__ == "__main__":
    assert launch.SIMULATED
    for name in sys.argv[2:]:
        reference = problems.PROBLEMS[name]()
        with treated_as_apart():
            solver = problems.PROBLEMS[name](loop="torch")
        # The law is the CPU's, as the simulator would take long over it, and is tested elsewhere.
        for _ in range(int(sys.argv[1])):
            reference.step()
            solver.step()
        problems.assert_alike(solver, reference)
        print(name, flush=True)
