# SPDX-License-Identifier: MIT
"""How far the fit of a reduced polycrystal has come, and whether there is time for more."""

import sys

from mlms_fenics.progress import duration
from mlms_fenics.surrogate.fitting.budget import Budget


class Watch:
    """Says now and then, on standard error, what the fit is at.

    Args:
        budget: of which some may be spent.
        every: seconds between lines.
    """

    def __init__(self, budget: Budget, every: float = 15.0) -> None:
        self.budget, self.every = budget, every
        self._last = budget.spent()
        self._doing, self._until = "", 1.0

    def begin(self, doing: str, until: float) -> None:
        """The fit begins with something, which may last until a part of the budget is spent."""
        self._doing, self._until = doing, until
        self._say()

    def at(self, doing: str) -> None:
        """The fit has come to something."""
        self._doing = doing
        self.in_time()

    def in_time(self, seconds: float = 0.0) -> bool:
        """Whether there is time left, more than so many seconds, for what is being done."""
        if self.budget.spent() - self._last >= self.every:
            self._say()
        return self.budget.left(self._until) > seconds

    def _say(self) -> None:
        self._last = self.budget.spent()
        print(f"[{duration(self._last)}] {self._doing}", file=sys.stderr, flush=True)
