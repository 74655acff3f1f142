# SPDX-License-Identifier: MIT
"""Output of textured bodies: where the grains of a polycrystal have turned to."""

from typing import Any

import numpy as np

from mlms_fenics.impact.command import ImpactRecorder
from mlms_fenics.impact.reorientation import mean_turn
from mlms_fenics.io.layout import Snapshot
from mlms_fenics.io.section_figure import MEASURES, Panel
from mlms_fenics.materials import Polycrystal

_GRAINS = (
    Panel("twin_fraction", "twin fraction [-]"),
    Panel("turn", "mean turn of c [degrees]"),
)


def panels(body: Snapshot) -> tuple[Panel, ...]:
    """What is drawn of a body: stress, strain and, where it has grains, what became of them."""
    return MEASURES[:2] + tuple(panel for panel in _GRAINS if panel.field in body.cell)


class TexturedRecorder(ImpactRecorder):
    """A recorder that adds the mean turn of the grains' axes, where the law is a polycrystal."""

    def fields(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        nodal, cell = super().fields()
        solver = self.solver
        if isinstance(solver.material, Polycrystal):
            turn = mean_turn(solver.material, solver.F, solver.state)
            cell["turn"] = solver.cell_mean(turn)
        return nodal, cell
