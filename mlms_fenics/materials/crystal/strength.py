# SPDX-License-Identifier: MIT
"""Strengths of slip and twin systems that evolve with the slip of all systems.

The strength of system a is g_a = τ_0 + what has been added; its rate is named at each class. The
interactions q_ab multiply what slip on system b does to system a (`CrystalLaw.interaction`).
"""

import math
from dataclasses import dataclass

from mlms_fenics.errors import require


@dataclass(frozen=True)
class PowerStrength:
    """ġ_a = Σ_b q_ab h_0 |1 - g_c/g∞|^a sign(1 - g_c/g∞) |γ̇_b|, c = b ("acting") or a ("own").

    Peirce, Asaro & Needleman, Acta Metall. 30 (1982) 1087; DAMASK's phenopowerlaw, up to its
    version 2 with the strength of the acting system (Roters et al., Comput. Mater. Sci. 158 (2019)
    420), from version 3 on with that of the system itself. With the first, a system that rests is
    hardened by others beyond g∞ and softens them when it acts again; the second has no such end.

    Within 0.1% of g∞ the power goes over into a straight line: with a < 1 its slope would be
    infinite.

    Attributes:
        h_0: slope, GPa.
        g_inf: strength at saturation, GPa; infinite for none.
        a: exponent ≥ 0.
        saturates: "acting" or "own": whose strength approaches g∞.
    """

    h_0: float
    g_inf: float = math.inf
    a: float = 1.0
    saturates: str = "acting"

    def __post_init__(self) -> None:
        require(
            math.isfinite(self.h_0) and self.h_0 >= 0,
            f"power-type strength: h_0 = {self.h_0} GPa must be finite and not negative",
        )
        require(self.g_inf > 0, f"power-type strength: g_inf = {self.g_inf} GPa must be positive")
        require(
            math.isfinite(self.a) and self.a >= 0,
            f"power-type strength: the exponent a = {self.a} must be finite and not negative",
        )
        require(
            self.saturates in ("acting", "own"),
            f"power-type strength: saturates = {self.saturates!r} must be 'acting' or 'own'",
        )


@dataclass(frozen=True)
class VoceStrength:
    """ġ_a = dĝ/dΓ Σ_b q_ab |γ̇_b|, ĝ(Γ) = (τ_1 + θ_1 Γ)(1 - exp(-θ_0 Γ/τ_1)), Γ = Σ ∫|γ̇| dt.

    Tome, Canova, Kocks, Christodoulou & Jonas, Acta Metall. 32 (1984) 1637; VPSC's. Γ counts a twin
    by its shear.

    Attributes:
        tau_1: back-extrapolated rise of the strength, GPa.
        theta_0, theta_1: first and last slope, GPa.
    """

    tau_1: float
    theta_0: float
    theta_1: float = 0.0

    def __post_init__(self) -> None:
        require(
            math.isfinite(self.tau_1) and self.tau_1 > 0,
            f"Voce strength: tau_1 = {self.tau_1} GPa must be positive and finite",
        )
        for name in ("theta_0", "theta_1"):
            value = getattr(self, name)
            require(
                math.isfinite(value) and value >= 0,
                f"Voce strength: {name} = {value} GPa must be finite and not negative",
            )


Strength = PowerStrength | VoceStrength
