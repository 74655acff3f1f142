# SPDX-License-Identifier: MIT
"""Learnt grains in C."""

from mlms_fenics.export.cells import Cell
from mlms_fenics.export.constants import array, rate_numbers, scalar, weights
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.grains.cell import HARDENING, STILL
from mlms_fenics.surrogate.recurrent.cell import LARGEST, SMALL


def cell(law: LearntLaw) -> Cell:
    """See `Cell`."""
    net = law.network
    w1, b1, w2, b2, w3, b3 = net.weights()
    numbers = {
        "GRAINS": net.grains,
        "INTERNAL": net.internal,
        "WIDTH": len(w1),
        "LARGEST": LARGEST,
        "SMALL": SMALL,
        "HARDENING": HARDENING,
        "STILL": STILL,
        "ELASTIC_SCALE": float(net.elastic_scale),
        "VOLUME_SCALE": float(net.volume_scale),
    }
    numbers |= rate_numbers(net)
    arrays = [weights(f"WEIGHTS{k}", w) for k, w in ((1, w1), (2, w2), (3, w3))]
    arrays += [array(f"BIAS{k}", b.T) for k, b in ((1, b1), (2, b2), (3, b3))]
    arrays += [
        array("ORIENTATIONS", net.orientations().flatten(1)),
        array("SHARES", net.shares()),
    ]
    grains = range(1, net.grains + 1)
    states = [f"A_{i}{j} of grain {g}, less that at rest" for g in grains for i in (1, 2, 3)
              for j in (1, 2, 3)]  # fmt: skip
    for g in grains:
        states += [f"elastic strain {j + 1} of grain {g}, scaled" for j in range(5)]
        states += [f"internal variable {j + 1} of grain {g}" for j in range(net.internal)]
    form = "time" if net.rates is None else "rates"
    return Cell(
        templates=[
            "networks/network.c",
            "networks/silu.c",
            "networks/coordinates.c",
            "networks/deviator.c",
            f"networks/grains_{form}.c",
            f"networks/relaxation_{form}.c",
            "networks/grains.c",
        ],
        constants=[scalar(name, value) for name, value in numbers.items()] + arrays,
        states=states,
        pressure=law.bulk_modulus,
    )
