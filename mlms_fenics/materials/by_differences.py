# SPDX-License-Identifier: MIT
"""Tangents of laws that cannot be differentiated otherwise, by central differences."""

import torch

from mlms_fenics.kinematics.piola import first_piola
from mlms_fenics.materials.base import Material, State, Time

# Of F's entries: what is left out grows with its square, rounding with its inverse.
SIZE = 1e-6
# Points moved at a time, 18 copies of each.
AT_ONCE = 2048


def linearise_by_differences(
    law: Material, F: torch.Tensor, time: Time, dt: Time, state: State
) -> tuple[torch.Tensor, State, torch.Tensor]:
    """What `Material.linearise` gives, for a law in double precision that only has an `update`.

    Each entry of F is moved by ±1e-6, with the state at the step's beginning held: 19 updates. The
    derivative is right to about 1e-8 of the elastic moduli, but for points within 1e-6 of strain of
    a kink (first yield, say), where it is the mean of both sides. A law of one's own that leaves
    torch gets its tangent by

        def linearise(self, F, time, dt, state):
            return linearise_by_differences(self, F, time, dt, state)

    Args:
        law, F, time, dt, state: as of `Material.linearise`.
    """
    F = F.detach().double()
    sigma, new = law.update(F, time, dt, state)
    slopes = [
        _slope(law, F[k : k + AT_ONCE], time, dt, {a: b[k : k + AT_ONCE] for a, b in state.items()})
        for k in range(0, max(len(F), 1), AT_ONCE)
    ]
    return sigma, new, torch.cat(slopes)


def _slope(law: Material, F: torch.Tensor, time: Time, dt: Time, state: State) -> torch.Tensor:
    """∂P/∂F at [n, i, J, k, L]."""
    n, d = F.shape[:2]
    moves = SIZE * torch.eye(d * d, dtype=F.dtype, device=F.device).reshape(-1, 1, d, d)
    moved = torch.cat((F + moves, F - moves)).reshape(-1, d, d)
    copies = {
        name: value.repeat(2 * d * d, *[1] * (value.ndim - 1)) for name, value in state.items()
    }
    P = first_piola(moved, law.update(moved, time, dt, copies)[0])
    plus, minus = P.reshape(2, d * d, n, d, d)
    # What was really moved, after rounding.
    size = (moved.reshape(2, d * d, n, d * d)[0] - moved.reshape(2, d * d, n, d * d)[1]).diagonal(
        dim1=0, dim2=2
    )
    slope = (plus - minus).permute(1, 2, 3, 0) / size[:, None, None, :]
    return slope.reshape(n, d, d, d, d)
