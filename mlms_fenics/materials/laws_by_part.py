# SPDX-License-Identifier: MIT
"""Several laws in one body, each in a part of its own, driven as one law."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from mlms_fenics.device import at_hand
from mlms_fenics.errors import InputError, SimulationError, require
from mlms_fenics.materials.base import Material, State, Time

# The state that says which law a point has.
_PART = "part"


class LawsByPart(Material):
    """Laws by name; which of them a point has is in its state.

    Each law's state is kept at all points, virgin at those of other laws, so that a state can be
    split, saved and put back like that of any law. It has no moduli of its own: `laws_of` gives
    each law with its points. It lives where its laws do, and on the CPU where they differ in that.

    Args:
        laws: by the name of their part, in the order of their numbers in the state and the field
            "part"; none of them of several parts itself.

    Attributes:
        laws: as given.

    Raises:
        InputError: there are none, or something is no law.
    """

    def __init__(self, laws: Mapping[str, Material]) -> None:
        require(
            isinstance(laws, Mapping) and len(laws) > 0,
            "laws of parts must be given by the names of the parts, at least one, such as "
            '{"head": law, "body": another}',
        )
        for name, law in laws.items():
            require(
                isinstance(law, Material) and not isinstance(law, LawsByPart),
                f"the law of part {name!r} is {type(law).__name__}, but must be one law",
            )
        self.laws = dict(laws)
        devices = {law.device for law in laws.values()}
        self.device = devices.pop() if len(devices) == 1 else torch.device("cpu")
        self.longest_tensor_step = min(law.longest_tensor_step for law in laws.values())
        # The parts that were last asked for on a device apart, and the rows of each.
        self._seen: tuple[torch.Tensor, list[torch.Tensor]] | None = None

    def to(self, device: torch.device | str) -> "LawsByPart":
        """The same with all its laws on another device."""
        return LawsByPart({name: law.to(device) for name, law in self.laws.items()})

    def for_steps(self, longest: float) -> "LawsByPart":
        """See `Material.for_steps`; each law is made ready."""
        ready = LawsByPart({name: law.for_steps(longest) for name, law in self.laws.items()})
        ready._seen = self._seen
        return ready

    @property
    def wave_speed(self) -> float:
        """Largest of the laws, mm/µs."""
        return max(law.wave_speed for law in self.laws.values())

    def initial_state(self, n: int) -> State:
        """State of `n` virgin points of the first law."""
        return self.virgin(np.zeros(n, dtype=np.int64))

    def virgin(self, part: np.ndarray) -> State:
        """State of virgin points, of each the number of its law, *Shape* `(n,)`."""
        number = torch.from_numpy(np.asarray(part, dtype=np.int64))
        state: State = {_PART: number.to(self.device)}
        if not at_hand(self.device):
            rows = [(number == k).nonzero()[:, 0] for k in range(len(self.laws))]
            self._seen = state[_PART], [x.to(self.device) for x in rows]
        for k, law in enumerate(self.laws.values()):
            own = law.initial_state(len(part))
            state |= {_key(k, name): values for name, values in own.items()}
        return state

    def update(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        sigma, new = torch.zeros_like(F, dtype=torch.float64), {**state}
        for there in self.parts(state):
            with there.named():
                found = there.law.update(F[there.rows].to(there.law.device), time, dt, there.state)
            sigma[there.rows] = found[0].to(sigma)
            new |= there.put(found[1], state)
        return sigma, new

    def linearise(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        sigma, new = torch.zeros_like(F, dtype=torch.float64), {**state}
        slope = torch.zeros(*F.shape, *F.shape[1:], dtype=torch.float64)
        for there in self.parts(state):
            with there.named():
                given = F[there.rows].to(there.law.device)
                found = there.law.linearise(given, time, dt, there.state)
            sigma[there.rows], slope[there.rows] = found[0].to(sigma), found[2].to(slope)
            new |= there.put(found[1], state)
        return sigma, new, slope

    def check_end_time(self, end_time: float) -> None:
        for law in self.laws.values():
            law.check_end_time(end_time)

    def fields(self, state: State) -> State:
        """Those of all laws, 0 at points whose law has none of the name, and the part's number."""
        part = state[_PART]
        found: State = {_PART: part.to(torch.float64)}
        for there in self.parts(state, empty=True):
            for name, values in there.law.fields(there.state).items():
                found.setdefault(name, torch.zeros_like(found[_PART]))
                found[name][there.rows] = values.to(found[name])
        return found

    def parts(self, state: State, empty: bool = False) -> Iterator["Part"]:
        """Each law with its points; those without points only where asked for."""
        every = self._rows(state[_PART])
        for k, ((name, law), rows) in enumerate(zip(self.laws.items(), every, strict=True)):
            if empty or len(rows):
                prefix = _key(k, "")
                own = {
                    key.removeprefix(prefix): values[rows.to(values.device)]
                    for key, values in state.items()
                    if key.startswith(prefix)
                }
                yield Part(k, name, law, rows, own)

    def _rows(self, part: torch.Tensor) -> list[torch.Tensor]:
        """Of each law's points. No point changes its law, so that a device is asked once only."""
        if self._seen is not None and self._seen[0] is part:
            return self._seen[1]
        rows = [(part == k).nonzero()[:, 0] for k in range(len(self.laws))]
        self._seen = None if at_hand(part) else (part, rows)
        return rows


@dataclass(frozen=True)
class Part:
    """A law and the points that have it.

    Attributes:
        number: of the law.
        name: of the part.
        law: of it.
        rows: of its points among all, *Shape* `(n,)`.
        state: of the law at these.
    """

    number: int
    name: str
    law: Material
    rows: torch.Tensor
    state: State

    @contextmanager
    def named(self) -> Iterator[None]:
        """Errors of the law say in which part they are."""
        try:
            yield
        except (InputError, SimulationError) as error:
            raise type(error)(f"in part {self.name!r}: {error}") from error

    def put(self, own: State, state: State) -> State:
        """What of the state of all points changes with that of these."""
        changed: State = {}
        for name, values in own.items():
            key = _key(self.number, name)
            changed[key] = state[key].clone()
            changed[key][self.rows.to(values.device)] = values
        return changed


def _key(number: int, name: str) -> str:
    return f"law {number}/{name}"
