# SPDX-License-Identifier: MIT
"""What an implicit step needs of the one before, beside the motion."""

import numpy as np


class Memory:
    """Nodal values of the last step of one rank, saved with the motion.

    Args:
        n: nodes of the rank, ghosts too.

    Attributes:
        nodes: all of them.
        acceleration: mm/µs², `(n, 3)`.
        reaction: force of what holds the held components on the body, kN, `(n, 3)`.
        increment: displacement in the last step, mm, `(n, 3)`.
        work: of the reactions at this rank's own nodes so far, J.
        saved_nodal, saved_cell, saved_sums, saved_common: as of `Contact`.
    """

    saved_nodal: tuple[str, ...] = ("acceleration", "reaction", "increment")
    saved_cell: tuple[str, ...] = ()
    saved_sums: tuple[str, ...] = ("work",)
    saved_common: tuple[str, ...] = ()

    def __init__(self, n: int) -> None:
        self.nodes = np.arange(n)
        self.acceleration = np.zeros((n, 3))
        self.reaction, self.increment = np.zeros((n, 3)), np.zeros((n, 3))
        self.work = 0.0
