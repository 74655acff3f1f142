# SPDX-License-Identifier: MIT
"""A learnt law as a behaviour of MFront's generic interface, called as MGIS calls it."""

import ctypes

import numpy as np
import pytest
import torch
from exported_laws import STRICT, command, laws_to_export

from mlms_fenics.export.check import histories
from mlms_fenics.export.write import export
from mlms_fenics.kinematics.piola import first_piola

REAL, DOUBLES = ctypes.c_double, ctypes.POINTER(ctypes.c_double)
WHOLE = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1))
HALF = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
SCALE = np.array([1.0, 1.0, 1.0, *[np.sqrt(2.0)] * 3])
CAUCHY, PK2, PK1 = range(3)


class State(ctypes.Structure):
    """mfront_gb_State of MFront/GenericBehaviour/State.h."""

    _fields_ = [(name, DOUBLES) for name in (
        "gradients", "thermodynamic_forces", "mass_density", "material_properties",
        "internal_state_variables", "stored_energy", "dissipated_energy",
        "external_state_variables",
    )]  # fmt: skip


class Data(ctypes.Structure):
    """mfront_gb_BehaviourData of MFront/GenericBehaviour/BehaviourData.h."""

    _fields_ = [
        ("error_message", ctypes.c_char_p),
        ("dt", REAL),
        *((name, DOUBLES) for name in ("K", "rdt", "speed_of_sound")),
        ("s0", State),
        ("s1", State),
    ]


@pytest.fixture(scope="module")
def law():
    return laws_to_export()["recurrent"]


@pytest.fixture(scope="module")
def library(law, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mfront")
    export(law, folder, "mfront", name="grains", units="mm-s")
    sources, made = (folder / "grains.c", folder / "grains_mfront.c"), folder / "libgrains.so"
    command("gcc", *STRICT, "-O1", "-shared", "-fPIC", *sources, "-lm", "-o", made)
    assert "lib" in (folder / "README.md").read_text(encoding="utf-8")
    return ctypes.CDLL(str(made))


def called(library, F0, F1, dt, internal, asked=(0.0, 0.0, 0.0)):
    """What a call returns and leaves: code, forces, state, K, proposed factor, speed, message."""
    K = np.zeros(81)
    K[:3] = asked
    a = {"F0": np.array([F0[k] for k in WHOLE]), "F1": np.array([F1[k] for k in WHOLE]),
         "forces": np.zeros(9), "old": internal, "new": np.zeros_like(internal), "rdt": np.ones(1),
         "speed": np.zeros(1), "heat": np.array([293.15]), "none": np.zeros(1), "K": K}  # fmt: skip
    at = {name: values.ctypes.data_as(DOUBLES) for name, values in a.items()}
    message = ctypes.create_string_buffer(512)
    shared = {"mass_density": at["none"], "external_state_variables": at["heat"]}
    data = Data(
        ctypes.cast(message, ctypes.c_char_p), dt, at["K"], at["rdt"], at["speed"],
        State(gradients=at["F0"], internal_state_variables=at["old"], **shared),
        State(gradients=at["F1"], thermodynamic_forces=at["forces"],
              internal_state_variables=at["new"], **shared),
    )  # fmt: skip
    code = library.grains_Tridimensional(ctypes.byref(data))
    return code, a["forces"], a["new"], K, a["rdt"][0], a["speed"][0], message.value.decode()


def unit(column: int, symmetric: bool) -> np.ndarray:
    """What a column of a tangent is the derivative by."""
    e = np.zeros((3, 3))
    if symmetric:
        i, j = HALF[column]
        e[i, j] = e[j, i] = 1.0 / SCALE[column]
    else:
        e[WHOLE[column]] = 1.0
    return e


def test_the_behaviour_is_the_law(law, library):
    F, end = histories(1, 8, 0.1, 3)
    count = ctypes.c_ushort.in_dll(library, "grains_nInternalStateVariables").value
    state, own = law.initial_state(1), np.zeros(count)
    last, before = np.eye(3), 0.0
    for f, now in zip(F, end, strict=True):
        sigma, state, A = law.linearise(torch.as_tensor(f), now, now - before, state)
        step = (library, last, f[0], (now - before) * 1e-6, own)
        code, forces, new, _, factor, _, _ = called(*step)
        s, A = 1e3 * sigma[0].numpy(), 1e3 * A[0].numpy()
        P = 1e3 * first_piola(torch.as_tensor(f), sigma)[0].numpy()
        S, inverse = np.linalg.inv(f[0]) @ P, np.linalg.inv(f[0])
        assert code == 1 and factor == 1.0
        halves = {CAUCHY: s, PK2: S}
        for measure, exact in halves.items():
            forces = called(*step, (0.0, measure, 0.0))[1][:6]
            assert forces == pytest.approx(SCALE * [exact[k] for k in HALF], rel=1e-8, abs=1e-8)
        forces = called(*step, (0.0, PK1, 0.0))[1]
        assert forces == pytest.approx([P[k] for k in WHOLE], rel=1e-8, abs=1e-8)
        # Columns of the three tangents from dP = A dF.
        J = np.linalg.det(f[0])
        for kind in (CAUCHY, PK2, PK1):
            exact = []
            for column in range(6 if kind == PK2 else 9):
                dF = unit(column, kind == PK2)
                dF = inverse.T @ dF if kind == PK2 else dF
                dP = np.einsum("iJkL,kL->iJ", A, dF)
                dS = inverse @ (dP - dF @ S)
                ds = (dP @ f[0].T + P @ dF.T) / J - np.trace(dF @ inverse) * s
                whole = kind == PK1
                values = np.array([{CAUCHY: ds, PK2: dS, PK1: dP}[kind][k]
                                   for k in (WHOLE if whole else HALF)])  # fmt: skip
                exact.append(values if whole else SCALE * values)
            exact = np.array(exact).T
            code, _, _, K, *_ = called(*step, (4.0, 0.0, kind))
            found = K[: exact.size].reshape(exact.shape)
            assert code == 1 and np.abs(found - exact).max() < 3e-6 * np.abs(exact).max()
        last, before, own = f[0], now, new
    assert own[-1] == pytest.approx(1e-6 * before)


def test_prediction_speed_and_failure(law, library):
    count = ctypes.c_ushort.in_dll(library, "grains_nInternalStateVariables").value
    one, rest = np.eye(3), np.zeros(count)
    # At rest, before anything flows, the prediction is Hooke's law.
    code, forces, new, K, _, speed, _ = called(library, one, 1.2 * one, 1e-12, rest, (96.0, 0, 2))
    assert code == 1 and not forces.any() and not new.any()
    K = K.reshape(9, 9) * 1e-3
    bulk, shear = law.bulk_modulus, law.shear_modulus
    assert K[0, 0] == pytest.approx(bulk + 4.0 * shear / 3.0, rel=1e-3)
    assert K[0, 1] == pytest.approx(bulk - 2.0 * shear / 3.0, rel=1e-3)
    assert K[3, 4] == pytest.approx(shear, rel=1e-3)
    assert speed == pytest.approx(1e6 * law.wave_speed, rel=1e-12)
    code, *_, factor, _, message = called(library, one, -one, 1e-7, rest)
    assert code == -1 and factor == 0.25 and "grains: det F is not positive" in message
    code, *_, message = called(library, one, one, 0.0, rest)
    assert code == -1 and message == "grains: dt must be positive"
    code, *_, message = called(library, one, one, 1e-7, rest, (0.0, 3.0, 0.0))
    assert code == -1 and "must be 0, 1 or 2" in message


def test_what_a_loader_asks_for_is_there(library):
    """The symbols that MGIS's LibrariesManager reads of a finite-strain behaviour."""
    numbers = {
        "mfront_mkt": 1, "api_version": 1, "BehaviourType": 2, "BehaviourKinematic": 3,
        "SymmetryType": 0, "ElasticSymmetryType": 0, "requiresStiffnessTensor": 0,
        "requiresThermalExpansionCoefficientTensor": 0, "ComputesInternalEnergy": 0,
        "ComputesDissipatedEnergy": 0, "TemperatureRemovedFromExternalStateVariables": 1,
        "nGradients": 1, "nThermodynamicForces": 1, "nTangentOperatorBlocks": 2,
        "nMaterialProperties": 0, "nExternalStateVariables": 0, "nParameters": 0,
        "nInitializeFunctions": 0, "nPostProcessings": 0,
    }  # fmt: skip
    for name, value in numbers.items():
        assert ctypes.c_ushort.in_dll(library, f"grains_{name}").value == value
    words = {"Gradients": "DeformationGradient", "ThermodynamicForces": "Stress",
             "TangentOperatorBlocks": "Stress", "ModellingHypotheses": "Tridimensional",
             "InternalStateVariables": "law1", "mfront_interface": "Generic"}  # fmt: skip
    for name, value in words.items():
        assert ctypes.c_char_p.in_dll(library, f"grains_{name}").value == value.encode()
    types = {"GradientsTypes": 3, "ThermodynamicForcesTypes": 1, "InternalStateVariablesTypes": 0}
    for name, value in types.items():
        assert ctypes.c_int.in_dll(library, f"grains_{name}").value == value
    count = ctypes.c_ushort.in_dll(library, "grains_nInternalStateVariables").value
    names = (ctypes.c_char_p * count).in_dll(library, "grains_InternalStateVariables")
    assert names[count - 1] == b"law_time" and len(set(names)) == count
