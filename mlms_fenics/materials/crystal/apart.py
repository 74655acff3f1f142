# SPDX-License-Identifier: MIT
"""Crystals along strain paths on a torch device: tensors in, tensors out, where they lie."""

import torch

from mlms_fenics.errors import require
from mlms_fenics.gpu.launch import usable
from mlms_fenics.materials.crystal import gpu_engine, gpu_implicit, torch_engine
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.tables import ERROR_PER_STEP
from mlms_fenics.materials.crystal.torch_form import CrystalTorch


def integrate_apart(
    law: CrystalLaw,
    U: torch.Tensor,
    Q: torch.Tensor,
    segments: torch.Tensor,
    tolerance: float,
    *,
    state: torch.Tensor | None = None,
    wanted: torch.Tensor | None = None,
    scale: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """`paths.integrate_paths` of tensors, float64, all on one device.

    Steps are explicit for laws of the source's form, implicit for others. On a GPU that numba can
    compile for, and in its simulator, one kernel does all (`gpu_engine`, `gpu_implicit`); elsewhere
    torch's operations do the explicit steps (`torch_engine`), and the host waits at every one.

    Returns:
        What `PathResult` holds, by name, each of *Shape* `(p, g, ...)`.

    Raises:
        InputError: a law that is not of the source's form where there is no such GPU.
    """
    require(
        law.source_form or usable(U.device),
        f"law {law.name!r} on {U.device}: torch devices other than GPUs that numba can compile for "
        "are for laws of the source's form (overstress flow, no drag, isotropic elasticity); leave "
        "the device out",
    )
    p, g = len(U), len(Q)
    like = {"dtype": torch.float64, "device": U.device}
    if wanted is None:
        wanted = torch.full((p, g), torch.inf, **like)
    if law.source_form:  # implicit steps begin with all of the segment
        wanted = torch.where(torch.isinf(wanted), 0.1 * segments[:1], wanted)
    if scale is None:
        scale = torch.full((p, g), law.least_strength, **like)
    jobs = {
        "state": None if state is None else state.reshape(p * g, law.n_state),
        "wanted": wanted.reshape(-1).contiguous(),
        "scale": scale.reshape(-1).contiguous(),
    }
    share = ERROR_PER_STEP * float(tolerance)
    with torch.no_grad():
        if not law.source_form:
            found = gpu_implicit.integrate(law, U, Q, segments, float(tolerance), **jobs)
        elif usable(U.device):
            found = gpu_engine.integrate(law, U, Q, segments, share, **jobs)
        else:
            model = CrystalTorch(law, U.device)
            found = torch_engine.integrate(model, U, Q, segments, share, **jobs)
    return {name: x.reshape(p, g, *x.shape[1:]) for name, x in found.items()}


def integrate_grains_apart(
    crystals: list[CrystalLaw], U: torch.Tensor, Q: torch.Tensor, *rest, **options: torch.Tensor
) -> dict[str, torch.Tensor]:
    """`integrate_apart` of grains that are crystals of their own (`variants.integrate_grains`)."""
    parts = [
        integrate_apart(
            crystal, U, Q[g : g + 1], *rest,
            **{k: None if v is None else v[:, g : g + 1] for k, v in options.items()},
        )
        for g, crystal in enumerate(crystals)
    ]  # fmt: skip
    return {name: torch.cat([part[name] for part in parts], dim=1) for name in parts[0]}
