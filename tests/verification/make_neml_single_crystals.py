# SPDX-License-Identifier: MIT
"""Writes neml_single_crystals.json; no test. Needs NEML (made with 1.5.4 on Python 3.11).

Single crystals at a constant rate of deformation without spin, F = exp(D t), 0 ≤ t ≤ 1 µs; slip
rate γ̇_0 (τ/τ_0)^n with constant τ_0, isotropic elasticity: what the two codes have in common.
"""

import json
from pathlib import Path

import numpy as np
from neml import elasticity
from neml.cp import (
    crystallography,
    inelasticity,
    kinematics,
    singlecrystal,
    slipharden,
    sliprules,
)
from neml.math import rotations

D = np.array([[0.02, 0.008, -0.004], [0.008, -0.013, 0.006], [-0.004, 0.006, -0.007]])
STEPS = 800


def fcc():
    lattice = crystallography.CubicLattice(1.0)
    lattice.add_slip_system([1, 1, 0], [1, 1, 1])
    return lattice


def hcp():
    lattice = crystallography.HCPLattice(1.0, 1.624)
    lattice.add_slip_system([1, 1, -2, 0], [0, 0, 0, 1])
    lattice.add_slip_system([1, 1, -2, 0], [1, 0, -1, 0])
    lattice.add_slip_system([1, 1, -2, -3], [1, 1, -2, 2])
    return lattice


CASES = {
    "fcc": dict(lattice=fcc, G=50.0, K=100.0, tau_0=[0.05] * 12, rate=0.02, n=10.0),
    "hcp": dict(
        lattice=hcp, G=25.0, K=48.0, tau_0=[0.02] * 3 + [0.05] * 3 + [0.08] * 6, rate=0.1, n=5.0
    ),
}
for n in (20.0, 50.0):  # real metals
    CASES[f"fcc, n = {n:g}"] = {**CASES["fcc"], "n": n}
    CASES[f"hcp, n = {n:g}"] = {**CASES["hcp"], "n": n}


def mandel(A):
    r = np.sqrt(2.0)
    return np.array([A[0, 0], A[1, 1], A[2, 2], r * A[1, 2], r * A[0, 2], r * A[0, 1]])


def history(case, Q):
    """Cauchy stress at t = 1/4, 1/2, 3/4, 1: 11, 22, 33, 12, 23, 13."""
    G, K = case["G"], case["K"]
    elastic = elasticity.IsotropicLinearElasticModel(
        9 * K * G / (3 * K + G), "youngs", (3 * K - 2 * G) / (6 * K + 2 * G), "poissons"
    )
    strength = slipharden.FixedStrengthHardening(case["tau_0"])
    slip = inelasticity.AsaroInelasticity(
        sliprules.PowerLawSlipRule(strength, case["rate"], case["n"])
    )
    model = singlecrystal.SingleCrystalModel(
        kinematics.StandardKinematicModel(elastic, slip), case["lattice"](), max_divide=12
    )
    store = model.init_store()
    model.set_active_orientation(store, rotations.Orientation(np.ascontiguousarray(Q)))
    stress, d, w, u, p, found = np.zeros(6), np.zeros(6), np.zeros(3), 0.0, 0.0, []
    for k in range(STEPS):
        d_next = mandel(D * (k + 1) / STEPS)
        stress, store, _, _, u, p = model.update_ld_inc(
            d_next, d, w, w, 300.0, 300.0, (k + 1) / STEPS, k / STEPS, stress, store, u, p
        )
        d = d_next
        if (k + 1) % (STEPS // 4) == 0:
            found.append([*stress[:3], *(stress[[5, 3, 4]] / np.sqrt(2.0))])
    return found


if __name__ == "__main__":
    angles = np.array([[0.3, 0.9, -1.1], [-1.4, 0.5, 0.7], [2.0, -0.8, 0.2]])
    Q = []
    for a in angles:  # rotation vectors to rotations, by Rodrigues' formula
        t = np.linalg.norm(a)
        W = np.array([[0, -a[2], a[1]], [a[2], 0, -a[0]], [-a[1], a[0], 0]]) / t
        Q.append(np.eye(3) + np.sin(t) * W + (1 - np.cos(t)) * W @ W)
    out = {"D": D.tolist(), "Q": np.array(Q).tolist()}
    for name, case in CASES.items():
        out[name] = {k: v for k, v in case.items() if k != "lattice"}
        out[name]["stress"] = [history(case, q) for q in Q]
    path = Path(__file__).with_name("neml_single_crystals.json")
    path.write_text(json.dumps(out, indent=1) + "\n")
