# SPDX-License-Identifier: MIT
"""Johnson-Cook at one point against its closed form, and against integration by scipy."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from mlms_fenics.errors import InputError
from mlms_fenics.materials import JohnsonCook, drive, johnson_cook
from mlms_fenics.materials.johnson_cook_published import PUBLISHED


def flow_stress(name: str, strain, rate, temperature, **changes):
    """Johnson & Cook (1983), eq. 1, typed anew; rate per second."""
    p = {**PUBLISHED[name], **changes}
    hot = (temperature - 298.0) / (p["melting_temperature"] - 298.0)
    return (
        (p["A"] + p["B"] * strain ** p["n"])
        * (1.0 + p["C"] * np.log(np.maximum(rate, 1.0)))
        * (1.0 - hot ** p["m"])
    )


def stretched(law: JohnsonCook, rate: float, strain: float, steps: int):
    """Isochoric tension at a constant logarithmic strain rate, 1/µs.

    Returns:
        Strains, von Mises stress (GPa) and the law's fields, each `(steps + 1,)`.
    """
    time = torch.linspace(0.0, strain / rate, steps + 1, dtype=torch.float64)
    stretch = torch.exp(rate * time)
    F = torch.zeros(1, steps + 1, 3, 3, dtype=torch.float64)
    F[0, :, 0, 0] = stretch
    F[0, :, 1, 1] = F[0, :, 2, 2] = stretch**-0.5
    sigma = drive(law, F, time)[0]
    state, history = law.initial_state(1), [law.fields(law.initial_state(1))]
    for k in range(1, steps + 1):
        _, state = law.update(F[:, k], float(time[k]), float(time[k] - time[k - 1]), state)
        history.append(law.fields(state))
    fields = {key: torch.cat([h[key] for h in history]).numpy() for key in history[0]}
    return rate * time.numpy(), (sigma[:, 0, 0] - sigma[:, 1, 1]).numpy(), fields


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize(("rate", "temperature"), [(1e-6, 298.0), (5e-3, 298.0), (5e-2, 600.0)])
def test_isothermal_stress_is_the_closed_form(name, rate, temperature) -> None:
    # Stiff elasticity, so that all strain is plastic.
    law = johnson_cook(name, young=5e5, taylor_quinney=0.0, initial_temperature=temperature)
    strain, stress, fields = stretched(law, rate, 0.5, 1500)
    expected = flow_stress(name, strain, rate * 1e6, temperature)
    np.testing.assert_allclose(stress[5:], expected[5:], rtol=1e-4)
    np.testing.assert_allclose(fields["plastic_strain"][10:], strain[10:], rtol=2e-3)
    np.testing.assert_allclose(fields["plastic_strain_rate"][5:], rate, rtol=1e-3)
    assert np.ptp(fields["temperature"]) == 0.0
    assert law.flow_stress(0.3, rate, temperature) == pytest.approx(
        flow_stress(name, 0.3, rate * 1e6, temperature), rel=1e-14
    )


def test_elastic_strain_of_copper_is_what_plastic_strain_lacks() -> None:
    law = johnson_cook("OFHC copper", taylor_quinney=0.0)
    strain, stress, _ = stretched(law, 5e-3, 0.5, 500)
    e, stiffness = strain[250], 3.0 * law.shear_modulus
    plastic = brentq(
        lambda x: stiffness * (e - x) - flow_stress("OFHC copper", x, 5e3, 298.0), 0.1, e
    )
    assert stress[250] == pytest.approx(stiffness * (e - plastic), rel=1e-3)


def test_adiabatic_heating_is_the_closed_form_for_m_one() -> None:
    # dT*/dε = a (1 − T*) (A + B ε^n): T* = 1 − exp(−a (A ε + B ε^{n+1}/(n+1))).
    name, rate, steps = "2024-T351 aluminium", 1e-2, 1000
    law = johnson_cook(name, young=5e4)
    strain, stress, fields = stretched(law, rate, 1.0, steps)
    p = PUBLISHED[name]
    speed = 1.0 + p["C"] * np.log(1e4)
    a = 0.9 * speed / (p["density"] * p["specific_heat"] * (p["melting_temperature"] - 298.0))
    work = p["A"] * strain + p["B"] * strain ** (1.0 + p["n"]) / (1.0 + p["n"])
    temperature = 298.0 + (p["melting_temperature"] - 298.0) * (1.0 - np.exp(-a * work))
    assert temperature[-1] > 480.0
    np.testing.assert_allclose(fields["temperature"], temperature, rtol=1e-3)
    late = strain > 0.02
    expected = flow_stress(name, strain, 1e4, temperature)
    np.testing.assert_allclose(stress[late], expected[late], rtol=2e-3)


def test_adiabatic_copper_converges_to_an_integrator_at_first_order() -> None:
    # Stiff elasticity again: dT/dε = β σ(ε, ε̇, T) / (ρ c), for an exponent m that is not one.
    name, rate = "OFHC copper", 1e-2
    law, p = johnson_cook(name, young=5e4), PUBLISHED[name]
    heat = 0.9 / (p["density"] * p["specific_heat"])
    exact = solve_ivp(
        lambda e, T: heat * flow_stress(name, e, 1e4, T), (0.0, 1.0), [298.0], rtol=1e-9
    ).y[0, -1]
    assert exact > 380.0
    errors = [stretched(law, rate, 1.0, n)[2]["temperature"][-1] - exact for n in (50, 100, 200)]
    assert abs(errors[-1]) < 5e-3 * (exact - 298.0)
    np.testing.assert_allclose(errors[0] / errors[1], 2.0, rtol=0.15)
    np.testing.assert_allclose(errors[1] / errors[2], 2.0, rtol=0.15)


def test_rate_jump_raises_the_stress_by_the_logarithm() -> None:
    law = johnson_cook("4340 steel", taylor_quinney=0.0, young=2e5)
    stresses = [stretched(law, rate, 0.3, 300)[1][-1] for rate in (1e-5, 1e-3, 1e-8)]
    ratio = (1.0 + 0.014 * np.log(1e3)) / (1.0 + 0.014 * np.log(10.0))
    assert stresses[1] / stresses[0] == pytest.approx(ratio, rel=1e-4)
    # Below the reference rate nothing softens further.
    assert stresses[2] == pytest.approx(0.792 + 0.510 * 0.3**0.26, rel=1e-4)


def test_above_melting_no_shear_strength_is_left_but_pressure() -> None:
    law = johnson_cook("OFHC copper", initial_temperature=1400.0)
    _, stress, fields = stretched(law, 1e-2, 0.2, 50)
    assert np.abs(stress).max() < 1e-12
    assert np.ptp(fields["temperature"]) < 1e-9
    F = 0.97 * torch.eye(3, dtype=torch.float64)[None]
    sigma, _ = law.update(F, 1.0, 1.0, law.initial_state(1))
    J = 0.97**3
    expected = 0.5 * law.bulk_modulus * (J - 1.0 / J) * torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(sigma[0], expected)


def test_johnson_cook_turns_with_the_body_and_dissipates() -> None:
    law = johnson_cook("OFHC copper")
    generator = torch.Generator().manual_seed(3)
    A = 0.4 * torch.randn(6, 3, 3, generator=generator, dtype=torch.float64)
    A -= A.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None] * torch.eye(3, dtype=torch.float64)
    time = torch.linspace(0.0, 20.0, 101, dtype=torch.float64)
    back_and_forth = torch.sin(2.0 * torch.pi * time / 20.0)
    F = torch.matrix_exp(back_and_forth[None, :, None, None] * A[:, None])
    spin = torch.tensor([[0.0, -0.2, 0.1], [0.2, 0.0, 0.3], [-0.1, -0.3, 0.0]]).to(torch.float64)
    Q = torch.matrix_exp(time[:, None, None] * spin)
    still, turned = drive(law, F, time), drive(law, Q @ F, time)
    # Rounding in F is a strain of about 1e-16 per step, at the elastic stiffness.
    atol = 1e-13 * law.shear_modulus
    torch.testing.assert_close(turned, Q @ still @ Q.transpose(-1, -2), rtol=0.0, atol=atol)
    state = law.initial_state(6)
    for k in range(1, 101):
        before = state
        _, state = law.update(F[:, k], float(time[k]), 0.2, state)
        for key in ("plastic_strain", "temperature"):
            assert bool((state[key] >= before[key]).all())
    assert float(state["plastic_strain"].min()) > 0.3
    det = torch.linalg.det(state["inverse_plastic_metric"])
    torch.testing.assert_close(det, torch.ones_like(det), rtol=1e-12, atol=0.0)


@pytest.mark.parametrize(
    "change",
    [
        {"A": 0.0}, {"B": -1.0}, {"n": 1.5}, {"C": -0.1}, {"m": 0.0}, {"poisson": 0.5},
        {"melting_temperature": 200.0}, {"taylor_quinney": 1.1}, {"young": float("nan")},
        {"specific_heat": 0.0}, {"reference_rate": 0.0}, {"initial_temperature": -5.0},
    ],
)  # fmt: skip
def test_impossible_parameters_are_refused(change: dict) -> None:
    with pytest.raises(InputError, match="but must"):
        johnson_cook("OFHC copper", **change)


def test_an_unknown_metal_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="OFHC copper"):
        johnson_cook("unobtainium")
