# SPDX-License-Identifier: MIT
"""Johnson-Cook plasticity: hardening, strain rate, temperature, heating by plastic work."""

from math import exp, inf, log, sqrt

import numba
import torch

from mlms_fenics.device import scalar
from mlms_fenics.errors import require
from mlms_fenics.gpu.launch import over_points
from mlms_fenics.materials.base import Material, State, Time
from mlms_fenics.materials.radial_return import (
    isotropic_moduli,
    keep_metric,
    store_metric,
    store_stress,
    trial,
)
from mlms_fenics.materials.return_tangent import Trial, return_tangent
from mlms_fenics.numbers import check_positive, check_within


class JohnsonCook(Material):
    """Flow stress (A + B ε_p^n)(1 + C ln ε̇*)(1 − T*^m) (Johnson & Cook, 7th Int. Symp. Ballistics,
    1983), finite strain by `radial_return`.

    ε̇* = ε̇_p / ε̇_0, taken as 1 below 1; T* = (T − T_0)/(T_melt − T_0), taken as 0 below T_0, and
    no strength is left above T_melt. Adiabatic: ρ c Ṫ = β q ε̇_p, q the von Mises equivalent of τ,
    so that heat is counted per reference volume. One step is implicit (backward Euler) in strain,
    rate and temperature together.

    Args:
        young: E, GPa, > 0.
        poisson: ν, in (-1, 0.5).
        density: mg/mm³, > 0.
        A: yield stress at ε̇_0 and T_0, GPa, > 0.
        B: hardening, GPa, >= 0.
        n: its exponent, in (0, 1].
        C: rate sensitivity, >= 0.
        m: thermal exponent, > 0.
        melting_temperature: K, above `reference_temperature`.
        specific_heat: J/(mg K), > 0: a millionth of the value in J/(kg K).
        reference_rate: ε̇_0, 1/µs, > 0; the default is 1/s.
        reference_temperature: T_0, K.
        initial_temperature: K, > 0; T_0 by default.
        taylor_quinney: β, part of the plastic work that heats, in [0, 1]; 0 is isothermal.

    Raises:
        InputError: a parameter is out of its range.
    """

    def __init__(
        self,
        *,
        young: float,
        poisson: float,
        density: float,
        A: float,
        B: float,
        n: float,
        C: float,
        m: float,
        melting_temperature: float,
        specific_heat: float,
        reference_rate: float = 1.0e-6,
        reference_temperature: float = 298.0,
        initial_temperature: float | None = None,
        taylor_quinney: float = 0.9,
    ) -> None:
        if initial_temperature is None:
            initial_temperature = reference_temperature
        self.shear_modulus, self.bulk_modulus = isotropic_moduli(young, poisson)
        self.density = check_positive("density", density, "mg/mm³")
        self.A = check_positive("yield stress A", A, "GPa")
        self.B = check_within("hardening B", B, 0.0, inf, open_right=True)
        self.n = check_within("hardening exponent n", n, 0.0, 1.0, open_left=True)
        self.C = check_within("rate sensitivity C", C, 0.0, inf, open_right=True)
        self.m = check_positive("thermal exponent m", m)
        self.specific_heat = check_positive("specific heat", specific_heat, "J/(mg K)")
        self.reference_rate = check_positive("reference rate", reference_rate, "1/µs")
        self.reference_temperature = check_positive(
            "reference temperature", reference_temperature, "K"
        )
        self.initial_temperature = check_positive("initial temperature", initial_temperature, "K")
        self.melting_temperature = check_positive("melting temperature", melting_temperature, "K")
        require(
            reference_temperature < melting_temperature,
            f"melting temperature is {melting_temperature:g} K, but must be above the reference "
            f"temperature, {reference_temperature:g} K",
        )
        self.taylor_quinney = check_within("Taylor-Quinney coefficient", taylor_quinney, 0.0, 1.0)

    def flow_stress(self, strain: float, rate: float, temperature: float) -> float:
        """The closed form, GPa, of plastic strain, its rate (1/µs) and temperature (K)."""
        scale = 1.0 / (self.melting_temperature - self.reference_temperature)
        hot = min(max((temperature - self.reference_temperature) * scale, 0.0), 1.0)
        speed = 1.0 + self.C * log(max(rate / self.reference_rate, 1.0))
        return (self.A + self.B * strain**self.n) * speed * (1.0 - hot**self.m)

    def initial_state(self, n: int) -> State:
        return {
            "inverse_plastic_metric": torch.eye(3, **self.tensors).repeat(n, 1, 1),
            "plastic_strain": torch.zeros(n, **self.tensors),
            "plastic_strain_rate": torch.zeros(n, **self.tensors),
            "temperature": torch.full((n,), float(self.initial_temperature), **self.tensors),
        }

    def update(
        self, F: torch.Tensor, time: Time, dt: Time, state: State
    ) -> tuple[torch.Tensor, State]:
        F = F.contiguous()
        sigma = torch.empty_like(F)
        new = {name: torch.empty_like(value) for name, value in state.items()}
        heating = self.taylor_quinney / (self.density * self.specific_heat)
        over_points(
            _loop,
            self.device,
            len(F),
            F,
            *(state[name] for name in _STATE),
            sigma,
            *(new[name] for name in _STATE),
            (self.shear_modulus, self.bulk_modulus, self.A, self.B, self.n, self.C, self.m),
            self.reference_temperature,
            1.0 / (self.melting_temperature - self.reference_temperature),
            heating,
            scalar(dt, F).view(1),
            self.reference_rate,
        )
        return sigma, new

    def linearise(
        self, F: torch.Tensor, time: float, dt: float, state: State
    ) -> tuple[torch.Tensor, State, torch.Tensor]:
        """See `Material.linearise`: the return's equation, differentiated at its solution."""
        sigma, new = self.update(F, time, dt, state)
        now = Trial.of(F, state["inverse_plastic_metric"])
        G, step = self.shear_modulus, new["plastic_strain_rate"] * dt
        q = (sqrt(1.5) * G * now.norm).clamp(min=1e-300)
        slope = 3.0 * G * now.mean
        by_q, by_slope = self._step_slopes(q, slope, step, dt, state)
        ratio = 1.0 - slope * step / q
        A = return_tangent(
            F,
            now,
            ratio,
            sqrt(1.5) * G * slope / q * (step / q - by_q),
            -3.0 * G / q * (step + slope * by_slope),
            G,
            self.bulk_modulus,
        )
        return sigma, new, A

    def _step_slopes(
        self, q: torch.Tensor, slope: torch.Tensor, step: torch.Tensor, dt: float, state: State
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """∂Δ/∂q and ∂Δ/∂slope of the plastic strain Δ = `step` that `_flow` finds; 0 at rest."""
        flows = step > 0.0
        x = torch.where(flows, step, 1.0)
        per_kelvin = 1.0 / (self.melting_temperature - self.reference_temperature)
        heating = self.taylor_quinney / (self.density * self.specific_heat) * per_kelvin
        alpha = state["plastic_strain"] + x
        power = self.B * alpha**self.n
        hard, d_hard = self.A + power, self.n * power / alpha
        still = dt * self.reference_rate
        speed = 1.0 + self.C * torch.log((x / still).clamp(min=1.0))
        d_speed = torch.where(x > still, self.C / x, 0.0)
        stress = q - slope * x
        T = (state["temperature"] - self.reference_temperature) * per_kelvin + heating * stress * x
        warm = T.clamp(min=1e-300) ** self.m
        cold = torch.where(T >= 1.0, 0.0, torch.where(T > 0.0, 1.0 - warm, 1.0))
        d_cold = torch.where((T > 0.0) & (T < 1.0), -self.m * warm / T, 0.0)
        # Residual: stress − hard speed cold, T = hot + heating stress x.
        warms = hard * speed * d_cold * heating
        by_x = -slope - (d_hard * speed + hard * d_speed) * cold - warms * (stress - slope * x)
        by_q = torch.where(flows, -(1.0 - warms * x) / by_x, 0.0)
        return by_q, -x * by_q

    def fields(self, state: State) -> State:
        """Plastic strain, its rate (1/µs) and temperature (K)."""
        return {name: state[name] for name in _STATE[1:]}


_STATE = ("inverse_plastic_metric", "plastic_strain", "plastic_strain_rate", "temperature")


@numba.njit(cache=True, error_model="numpy")
def _loop(
    first, stride, scratch,
    F, metric, strain, rate, temperature, sigma, new_metric, new_strain, new_rate, new_temperature,
    parameters, T0, per_kelvin, heating, step_length, reference_rate,
):  # fmt: skip
    G, K, A, B, n, C, m = parameters
    dt = step_length[0]
    for i in range(first, F.shape[0], stride):
        J, mean, s00, s11, s22, s01, s12, s02, norm = trial(F[i], metric[i])
        alpha, T = strain[i], temperature[i]
        q = sqrt(1.5) * G * norm
        hot = (T - T0) * per_kelvin
        strength = A + (B * exp(n * log(alpha)) if alpha > 0.0 else 0.0)
        strength *= _cold(hot, m)
        step = 0.0
        if q > strength:
            step = _flow(
                q, 3.0 * G * mean, alpha, hot, rate[i] * dt, A, B, n, C, m, dt * reference_rate,
                heating * per_kelvin, strength,
            )  # fmt: skip
            ratio = 1.0 - 3.0 * G * mean * step / q
            s00, s11, s22 = ratio * s00, ratio * s11, ratio * s22
            s01, s12, s02 = ratio * s01, ratio * s12, ratio * s02
            store_metric(F[i], J, s00, s11, s22, s01, s12, s02, mean, new_metric[i])
            T += heating * ratio * q * step
        else:
            keep_metric(metric[i], new_metric[i])
        new_strain[i] = alpha + step
        new_rate[i] = step / dt
        new_temperature[i] = T
        store_stress(J, s00, s11, s22, s01, s12, s02, G, K, sigma[i])


@numba.njit(cache=True, error_model="numpy")
def _cold(hot, m):
    """1 − T*^m."""
    if hot <= 0.0:
        return 1.0
    return 1.0 - exp(m * log(hot)) if hot < 1.0 else 0.0


@numba.njit(cache=True, error_model="numpy")
def _flow(q, slope, alpha, hot, guess, A, B, n, C, m, still, heating, strength):
    """Plastic strain Δ of the step: q − slope Δ = flow stress after Δ; Newton kept in a bracket.

    `still` is the Δ below which the rate has no effect, `hot` the T* at the beginning, `heating`
    its increase per plastic work, `strength` the flow stress at Δ = 0.
    """
    low, high = 0.0, q / slope
    x = guess if low < guess < high else (q - strength) / slope
    for _ in range(60):
        stress = q - slope * x
        power = B * exp(n * log(alpha + x))
        hard, dhard = A + power, n * power / (alpha + x)
        speed, dspeed = 1.0, 0.0
        if x > still:
            speed += C * log(x / still)
            dspeed = C / x
        T = hot + heating * stress * x
        cold, dcold = 1.0, 0.0
        if T >= 1.0:
            cold = 0.0
        elif T > 0.0:
            warm = exp(m * log(T))
            cold, dcold = 1.0 - warm, -m * warm / T * heating * (stress - slope * x)
        residual = stress - hard * speed * cold
        change = residual / (
            slope + dhard * speed * cold + hard * dspeed * cold + hard * speed * dcold
        )
        if abs(change) <= 1e-8 * x:  # the next one would be its square
            return x + change
        if residual > 0.0:
            low = x
        else:
            high = x
        x += change
        if not low <= x <= high:
            x = 0.5 * (low + high)
    return x
