# SPDX-License-Identifier: MIT
"""The wall time that a training may take, with all that comes before and after it."""

import math
import time
from typing import Any

from mlms_fenics.errors import require

# Parts that are left for judging, saving and drawing once the fit is over, and once judging is;
# and how many seconds, where that is more.
_CLOSING, _CLOSING_SECONDS = 0.06, 4.0
_DRAWING, _DRAWING_SECONDS = 0.02, 2.0
_MOST = 0.2  # of a short budget


class Budget:
    """Wall time from the moment that this is made.

    Args:
        minutes: > 0; None: no limit.

    Raises:
        InputError: minutes that are not positive.
    """

    def __init__(self, minutes: float | None) -> None:
        require(minutes is None or minutes > 0.0, f"--minutes {minutes}: must be positive")
        self.seconds = math.inf if minutes is None else 60.0 * minutes
        self._begun = time.monotonic()

    @classmethod
    def of(cls, arguments: Any) -> "Budget":
        """That of the training command, or one that begins now from its option `minutes`."""
        begun = getattr(arguments, "budget", None)
        return cls(arguments.minutes) if begun is None else begun

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self.seconds < math.inf

    def spent(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._begun

    def left(self, until: float = 1.0) -> float:
        """Seconds until the part `until` of it is spent; infinite without limit."""
        return until * self.seconds - self.spent()

    @property
    def fitted(self) -> float:
        """The part of it at which a fit should be over."""
        return self._until(_CLOSING, _CLOSING_SECONDS)

    @property
    def judged(self) -> float:
        """The part of it at which judging should be over."""
        return self._until(_DRAWING, _DRAWING_SECONDS)

    def _until(self, part: float, seconds: float) -> float:
        return 1.0 - min(max(part, seconds / self.seconds), _MOST)
