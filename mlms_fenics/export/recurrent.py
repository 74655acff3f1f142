# SPDX-License-Identifier: MIT
"""The recurrent cell in C."""

from mlms_fenics.export.cells import Cell
from mlms_fenics.export.constants import array, rate_numbers, scalar, weights
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.recurrent.cell import LARGEST, SMALL
from mlms_fenics.surrogate.recurrent.run import network_weights


def cell(law: LearntLaw) -> Cell:
    """See `Cell`."""
    net = law.network
    w1, b1, w2, b2, w3, b3 = network_weights(net)
    numbers = {
        "BRANCHES": net.branches,
        "INTERNAL": net.internal,
        "WIDTH": len(w1),
        "LARGEST": LARGEST,
        "SMALL": SMALL,
        "ELASTIC_SCALE": float(net.elastic_scale),
        "STRAIN_SCALE": float(net.strain_scale),
        "VOLUME_SCALE": float(net.volume_scale),
    }
    numbers |= rate_numbers(net)
    arrays = [weights(f"WEIGHTS{k}", w) for k, w in ((1, w1), (2, w2), (3, w3))]
    arrays += [array(f"BIAS{k}", b.ravel()) for k, b in ((1, b1), (2, b2), (3, b3))]
    states = [
        f"elastic strain {j + 1} of branch {k + 1}, scaled"
        for k in range(net.branches)
        for j in range(5)
    ]
    states += [f"internal variable {k + 1}" for k in range(net.internal)]
    form = "time" if net.rates is None else "rates"
    return Cell(
        templates=[
            "networks/network.c",
            "networks/silu.c",
            "networks/coordinates.c",
            "networks/deviator.c",
            f"networks/recurrent_{form}.c",
            f"networks/relaxation_{form}.c",
            "networks/recurrent.c",
        ],
        constants=[scalar(name, value) for name, value in numbers.items()] + arrays,
        states=states,
        pressure=law.bulk_modulus,
    )
