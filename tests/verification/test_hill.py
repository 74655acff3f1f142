# SPDX-License-Identifier: MIT
"""Hill's law at one point: his closed forms, von Mises's limit, and integration by scipy."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from mlms_fenics.errors import InputError
from mlms_fenics.materials import Hill, JohnsonCook, drive, hill_coefficients

ELASTIC = {"young": 70.0, "poisson": 0.33, "density": 2.7}
STIFF = {"young": 7e5, "poisson": 0.33, "density": 2.7}
# F, G, H, L, M, N of a sheet with r = 0.9, 1.4, 0.6 along 0, 45 and 90 degrees; G + H = 1.
SHEET = (0.7895, 0.5263, 0.4737, 1.9, 1.2, 2.5)


def history(log_stretch: np.ndarray, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """F = exp(t E), t from 0 to 1 µs, *Shapes* `(1, steps + 1, 3, 3)` and `(steps + 1,)`."""
    time = torch.linspace(0.0, 1.0, steps + 1, dtype=torch.float64)
    E = torch.as_tensor(log_stretch, dtype=torch.float64)
    return torch.matrix_exp(time[:, None, None] * E)[None], time


def form(coefficients) -> np.ndarray:
    """Hill's form on (xx, yy, zz, yz, zx, xy), each tensor component of shear once."""
    F, G, H, L, M, N = coefficients
    A = np.diag([G + H, F + H, F + G, 2.0 * L, 2.0 * M, 2.0 * N])
    A[0, 1] = A[1, 0] = -H
    A[0, 2] = A[2, 0] = -G
    A[1, 2] = A[2, 1] = -F
    return A


def flow_direction(coefficients, sigma: np.ndarray) -> np.ndarray:
    """∂σ̄/∂σ as a tensor."""
    v = sigma[[0, 1, 2, 1, 2, 0], [0, 1, 2, 2, 0, 1]]
    d = form(coefficients) @ v / np.sqrt(v @ form(coefficients) @ v)
    return np.array(
        [[d[0], d[5] / 2, d[4] / 2], [d[5] / 2, d[1], d[3] / 2], [d[4] / 2, d[3] / 2, d[2]]]
    )


@pytest.mark.parametrize("degrees", [0.0, 22.5, 45.0, 70.0, 90.0])
def test_tension_in_the_sheet_has_hills_yield_stress_and_r_value(degrees) -> None:
    # Hill (1948), eqs. 14 and 18, in the form of his book (1950), ch. XII.
    F, G, H, _, _, N = SHEET
    a = np.radians(degrees)
    s2, c2 = np.sin(a) ** 2, np.cos(a) ** 2
    bend = (2.0 * N - F - G - 4.0 * H) * s2 * c2
    yield_stress = 0.3 / np.sqrt(F * s2 + G * c2 + H + bend)
    r = (H + bend) / (F * s2 + G * c2)
    turn = Rotation.from_euler("z", degrees, degrees=True).as_matrix()  # x is the pull
    law = Hill(**STIFF, coefficients=SHEET, A=0.3, axes=turn.T)

    def stress(x: np.ndarray) -> np.ndarray:
        E = np.zeros((3, 3))
        E[0, 0], E[1, 1], E[2, 2], E[0, 1] = 1e-3, *x
        E[1, 0] = E[0, 1]
        return drive(law, *history(E, 1))[0, -1].numpy()

    free = [1, 2, 0], [1, 2, 1]
    found = least_squares(
        lambda x: stress(1e-3 * x)[free], [-0.5, -0.5, 0.0], xtol=1e-15, ftol=1e-15, gtol=1e-15
    ).x
    sigma = stress(1e-3 * found)
    assert np.abs(sigma[free]).max() < 1e-7
    assert sigma[0, 0] == pytest.approx(yield_stress, rel=1e-6)
    # All but 4e-4 of the strain is plastic.
    assert found[0] / found[1] == pytest.approx(r, rel=5e-4)


def test_equal_coefficients_are_von_mises() -> None:
    flow = {"A": 0.2, "B": 0.3, "n": 0.4, "C": 0.05}
    rest = {"m": 1.0, "melting_temperature": 923.0, "specific_heat": 1e-3, "taylor_quinney": 0.0}
    E = np.array([[0.2, 0.05, 0.1], [0.05, -0.15, 0.08], [0.1, 0.08, -0.05]])
    F, time = history(E, 400)
    hill = drive(Hill(**STIFF, **flow), F, time).numpy()[0]
    mises = drive(JohnsonCook(**STIFF, **flow, **rest), F, time).numpy()[0]
    # The pressures are the same function of det F; the two differ by elastic strains alone.
    np.testing.assert_allclose(hill[1:], mises[1:], atol=2e-4 * np.abs(mises).max())
    assert hill_coefficients(1.0, 1.0, 1.0) == pytest.approx((0.5, 0.5, 0.5, 1.5, 1.5, 1.5))


def test_flow_stress_hardening_and_rate_are_the_closed_form() -> None:
    # Tension along the material's z in rigid plasticity: both lateral strains as the form says.
    flow = {"A": 0.2, "B": 0.3, "n": 0.4, "C": 0.05, "reference_rate": 1e-3}
    law = Hill(**STIFF, coefficients=SHEET, **flow)
    F, G = SHEET[:2]
    scale = np.sqrt(F + G)  # σ̄ = √(F + G) σzz, strain = εzz / √(F + G)
    E = 0.3 * np.diag([-G / (F + G), -F / (F + G), 1.0])
    F_of, time = history(E, 300)
    sigma = drive(law, F_of, time)[0].numpy()
    strain = 0.3 * time.numpy() / scale
    expected = [law.flow_stress(e, 0.3 / scale) / scale for e in strain]
    assert expected[200] == pytest.approx(
        (0.2 + 0.3 * strain[200] ** 0.4) * (1.0 + 0.05 * np.log(0.3 / scale / 1e-3)) / scale
    )
    np.testing.assert_allclose((sigma[:, 2, 2] - sigma[:, 0, 0])[5:], expected[5:], rtol=2e-4)
    np.testing.assert_allclose((sigma[:, 1, 1] - sigma[:, 0, 0])[5:], 0.0, atol=2e-5)
    np.testing.assert_allclose(law.equivalent_stress(sigma[5:]), scale * np.array(expected[5:]),
                               rtol=2e-4)  # fmt: skip


def test_material_axes_turn_with_the_body() -> None:
    law = Hill(**ELASTIC, coefficients=SHEET, A=0.2, B=0.3, n=0.5)
    E = np.array([[0.2, 0.05, 0.1], [0.05, -0.15, 0.08], [0.1, 0.08, -0.05]])
    F, time = history(E, 40)
    turns = torch.as_tensor(Rotation.from_rotvec(np.outer(time, [0.5, -1.0, 2.0])).as_matrix())
    U_stress, turned = drive(law, F, time)[0], drive(law, turns @ F[0][None], time)[0]
    scale = float(U_stress.abs().max())
    np.testing.assert_allclose(turned, turns @ U_stress @ turns.mT, atol=1e-11 * scale)
    # The same body seen from turned axes.
    Q = turns[-1]
    other = Hill(**ELASTIC, coefficients=SHEET, A=0.2, B=0.3, n=0.5, axes=Q.numpy())
    np.testing.assert_allclose(
        drive(other, Q @ F @ Q.mT, time)[0], Q @ U_stress @ Q.mT, atol=1e-11 * scale
    )


def reference_stress(coefficients, E_of, end: float) -> np.ndarray:
    """Cauchy stress of U = exp(E(t)) by scipy from the rate equations.

    s' = 2G dev(D − D_p), D = sym(U' U⁻¹), D_p = λ n with n = ∂σ̄/∂σ; elastic up to σ̄ = 0.2 GPa,
    then λ = 2G n:D / (2G n:n + 0.3 GPa), which keeps σ̄ = 0.2 + 0.3 ε.
    """
    G = ELASTIC["young"] / (2.0 * (1.0 + ELASTIC["poisson"]))
    K = ELASTIC["young"] / (3.0 * (1.0 - 2.0 * ELASTIC["poisson"]))

    def U_of(t: float) -> np.ndarray:
        values, vectors = np.linalg.eigh(E_of(t))
        return vectors * np.exp(values) @ vectors.T

    def deviator_rate(t: float) -> np.ndarray:
        L = (U_of(t + 1e-5) - U_of(t - 1e-5)) / 2e-5 @ np.linalg.inv(U_of(t))
        D = 0.5 * (L + L.T)
        return D - np.trace(D) / 3.0 * np.eye(3)

    def elastic(t: float, y: np.ndarray) -> np.ndarray:
        return (2.0 * G * deviator_rate(t)).ravel()

    def plastic(t: float, y: np.ndarray) -> np.ndarray:
        D, n = deviator_rate(t), flow_direction(coefficients, y.reshape(3, 3))
        speed = 2.0 * G * np.sum(n * D) / (2.0 * G * np.sum(n * n) + 0.3)
        assert speed > 0.0
        return (2.0 * G * (D - speed * n)).ravel()

    def yields(t: float, y: np.ndarray) -> float:
        v = y.reshape(3, 3)[[0, 1, 2, 1, 2, 0], [0, 1, 2, 2, 0, 1]]
        return np.sqrt(v @ form(coefficients) @ v) - 0.2

    yields.terminal = True
    tight = {"rtol": 1e-9, "atol": 1e-11}
    first = solve_ivp(elastic, (0.0, end), np.zeros(9), events=yields, max_step=1e-3, **tight)
    rest = solve_ivp(plastic, (first.t[-1], end), first.y[:, -1], **tight)
    J = np.linalg.det(U_of(end))
    return rest.y[:, -1].reshape(3, 3) / J + 0.5 * K * (J - 1.0 / J) * np.eye(3)


def test_steps_converge_to_the_rate_equations_on_a_path_that_bends() -> None:
    first = np.array([[0.1, 0.04, 0.02], [0.04, -0.06, 0.05], [0.02, 0.05, -0.04]])
    second = np.array([[-0.08, 0.06, -0.05], [0.06, 0.02, 0.03], [-0.05, 0.03, 0.05]])

    def E_of(t: float) -> np.ndarray:
        return t * first + t * t * second

    exact = reference_stress(SHEET, E_of, 1.0)
    deviator = exact - np.trace(exact) / 3.0 * np.eye(3)
    law, errors = Hill(**ELASTIC, coefficients=SHEET, A=0.2, B=0.3), []
    for steps in (100, 200, 400):
        time = torch.linspace(0.0, 1.0, steps + 1, dtype=torch.float64)
        F = torch.matrix_exp(torch.stack([torch.as_tensor(E_of(float(t))) for t in time]))[None]
        found = drive(law, F, time)[0, -1].numpy()
        errors.append(np.linalg.norm(found - exact) / np.linalg.norm(deviator))
    assert errors[-1] < 1e-3
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2.0, rtol=0.1)


def test_elastic_below_yield_and_unloads_elastically() -> None:
    law = Hill(**ELASTIC, coefficients=SHEET, A=0.2)
    E = 1e-6 * np.array([[1.0, 0.4, 0.2], [0.4, -0.6, 0.5], [0.2, 0.5, 0.3]])
    sigma = drive(law, *history(E, 3))[0, -1].numpy()
    G, K, volume = law.shear_modulus, law.bulk_modulus, np.trace(E)
    expected = 2.0 * G * (E - volume / 3.0 * np.eye(3)) + K * volume * np.eye(3)
    np.testing.assert_allclose(sigma, expected, rtol=2e-5)
    # To 2% and back by 0.1%: no more plastic strain.
    state, strains = law.initial_state(1), []
    for stretch in (1.02, 1.019):
        F = torch.diag(torch.tensor([stretch, stretch**-0.5, stretch**-0.5])).double()[None]
        _, state = law.update(F, 1.0, 1.0, state)
        strains.append(float(law.fields(state)["plastic_strain"]))
    assert strains[0] > 0.01 and strains[1] == strains[0]


def test_large_random_steps_stay_on_the_yield_surface() -> None:
    rng = np.random.default_rng(0)
    law = Hill(**ELASTIC, coefficients=SHEET, A=0.05, B=0.2, n=0.2, C=0.1, reference_rate=1e-4)
    state = law.initial_state(300)
    for _ in range(4):
        F = torch.matrix_exp(torch.as_tensor(rng.normal(0.0, 0.2, (300, 3, 3))))
        sigma, state = law.update(F, 1.0, 0.1, state)
        R = torch.linalg.svd(F)
        turn = (R.U @ R.Vh).numpy()
        s = turn.swapaxes(1, 2) @ sigma.numpy() @ turn
        equivalent = law.equivalent_stress(s) * np.linalg.det(F.numpy())
        fields = law.fields(state)
        expected = [
            law.flow_stress(float(e), float(r))
            for e, r in zip(*(fields[k] for k in fields), strict=True)
        ]
        flows = fields["plastic_strain_rate"].numpy() > 0.0
        assert flows.mean() > 0.9
        np.testing.assert_allclose(equivalent[flows], np.array(expected)[flows], rtol=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"coefficients": (0.5, 0.5, 0.5)}, "must be six"),
        ({"coefficients": (-0.3, 0.5, 0.5, 1.5, 1.5, 1.5)}, "never yield"),
        ({"coefficients": (0.5, 0.5, 0.5, 0.0, 1.5, 1.5)}, "Hill's L"),
        ({"coefficients": (np.nan, 0.5, 0.5, 1.5, 1.5, 1.5)}, "Hill's F"),
        ({"A": 0.0}, "yield stress A"),
        ({"n": 2.0}, "exponent n"),
        ({"axes": 2.0 * np.eye(3)}, "no rotation"),
    ],
)
def test_numbers_out_of_range_are_refused(changes, words) -> None:
    with pytest.raises(InputError, match=words):
        Hill(**{**ELASTIC, "A": 0.2, **changes})
    with pytest.raises(InputError, match="ratio z"):
        hill_coefficients(1.0, 1.0, -1.0)
