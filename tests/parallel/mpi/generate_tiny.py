# SPDX-License-Identifier: MIT
"""The generator's command with a cheap cell beside the real ones, to test its machinery alone.

The cell is linear elasticity in U. Environment: `TINY_SECONDS`, what a path takes on average, as
uneven as can be; `TINY_FAIL`, the share of paths that fail; `TINY_PIDS`, a folder in which each
rank leaves a file named by its process.
"""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from mlms_fenics.data.cells import CELLS, CellType
from mlms_fenics.data.generate import main
from mlms_fenics.materials import CrystalLaw


class Tiny:
    """σ = 2G (U - I) turned by each grain's orientation and averaged."""

    def __init__(self, recipe, device):
        self.law, self.Q = CrystalLaw.from_dict(recipe.law), recipe.orientations
        self.seconds = float(os.environ.get("TINY_SECONDS", "0"))
        self.share = float(os.environ.get("TINY_FAIL", "0"))

    def solve(self, U, horizon, tolerance):
        strain = U - np.eye(U.shape[-1])
        turned = np.einsum("gji,ptjk,gkl->gptil", self.Q, strain, self.Q)
        stress = (
            2 * self.law.shear_modulus * np.einsum("gij,gptjk,glk->ptil", *(self.Q, turned, self.Q))
        )
        stress /= len(self.Q)
        n = len(U)
        # A number of each path that looks random but is its own.
        own = np.abs(U[:, -1, 0, 1] * 1e4) % 1.0
        time.sleep(float((2 * own).sum()) * self.seconds)
        failed = own < self.share
        return SimpleNamespace(
            stress=stress,
            status=np.where(failed, 2, 1),
            message=["made to fail" if f else "" for f in failed],
            substeps=np.full(n, len(self.Q) * (U.shape[1] - 1)),
            rejected=np.zeros(n, int),
            smallest_step=np.full(n, horizon / (U.shape[1] - 1)),
        )


CELLS["tiny"] = CellType("tiny", Tiny, block=4)

if __name__ == "__main__":
    if "TINY_PIDS" in os.environ:
        (Path(os.environ["TINY_PIDS"]) / str(os.getpid())).touch()
    sys.exit(main())
