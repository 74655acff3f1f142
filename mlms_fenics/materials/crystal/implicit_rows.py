# SPDX-License-Identifier: MIT
"""Rows of the implicit kernel's workspace; lanes as in `crystal.kernel`."""

import math

from mlms_fenics.materials.crystal import mechanisms as mc

H, S6 = math.sqrt(0.5), math.sqrt(1.0 / 6.0)

# Rows: stress where the Newton step began, the step, how much of it is taken, and where that leads.
(X0, DX, TAKEN, X) = (0, 5, 10, 11)
(SLOPE, STARTED, STEP, CAP, VOLUME, SIZE) = range(16, 22)
(BASE, TURN, TURN_SKEW) = (22, 31, 46)  # F B₀; what twins make of deviators and of skew tensors
(SEEN, SEEN_SKEW, SKEW) = (52, 57, 60)  # stress that drives slip; skew part of the Mandel stress
(FLOW, FLOW_SKEW, MATRIX, RESIDUAL) = (63, 68, 71, 86)
(INVERSE, ELASTIC, WORK) = (91, 100, 109)  # (I + δL)⁻¹, A, 25 rows of scratch
(MISFIT, HARDENING_MISFIT, SHARE, LANDED) = (134, 135, 136, 137)
# What a lane begins, and the lengths of the stage that has ended and of that which begins.
(MOVE, ENDED, NEXT) = (138, 139, 140)
STAY, SECOND, FURTHER, AGAIN = 0.0, 1.0, 2.0, 3.0
# What a stage will lack after the step that was just found, whether it ends with that step, and
# what the step adds to δ L.
(LACKING, FINISHED, CHANGE) = (141, 142, 143)
CAPS = 151  # of each family: x = (rate at CAP / its own)^m
SYSTEMS = CAPS + mc.MAX_FAMILIES + 1
# Of each system, `n` rows each.
(G0, DG, G, TAU, RATE, SLOPES, PULL, STIFF, RISE, MISS, AMOUNT0, STRENGTH0, DTAU) = range(13)
WEAK = DTAU  # 1/g, as long as the step is not known
(START_AMOUNT, START_STRENGTH, START_RATE) = range(13, 16)  # at the step's start
BLOCKS = 16
