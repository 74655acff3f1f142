# SPDX-License-Identifier: MIT
"""Error-controlled integration of many grains at once in torch: the GPU's counterpart of
`crystal.engine`, with the same pair, the same error measure and the same choice of steps.
"""

from dataclasses import dataclass

import torch

from mlms_fenics.kinematics.tensors import cofactor
from mlms_fenics.materials.crystal.torch_form import CrystalTorch

_MAX_TRIALS = 100_000  # in one segment of the path
_STABILITY = 5.0  # as in crystal.step


@dataclass
class _Grains:
    """The grains under way: one row each in every tensor."""

    job: torch.Tensor
    segment: torch.Tensor
    begins: torch.Tensor  # whether no step of the segment is accepted yet
    now: torch.Tensor
    wanted: torch.Tensor
    after_corner: torch.Tensor
    rho: torch.Tensor
    scale: torch.Tensor
    trials: torch.Tensor  # in the segment
    substeps: torch.Tensor
    rejected: torch.Tensor
    smallest: torch.Tensor
    y: torch.Tensor
    f: torch.Tensor

    def keep(self, rows: torch.Tensor) -> "_Grains":
        return _Grains(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def integrate(
    model: CrystalTorch,
    U: torch.Tensor,
    Q: torch.Tensor,
    segments: torch.Tensor,
    tolerance: float,
    scale: torch.Tensor,
    state: torch.Tensor | None = None,
    wanted: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """Integrate `n_paths × n_grains` grains; arguments are taken as checked.

    Args:
        model: the law on the tensors' device.
        U: *Shape* `(n_paths, n_t + 1, 3, 3)`; F = U Q, linear in time between.
        Q: *Shape* `(n_grains, 3, 3)`.
        segments: times between U's entries, µs, *Shape* `(n_t,)`.
        tolerance: on a grain's stress per step, relative to its largest so far.
        scale: largest stress of the jobs so far, at least a floor, GPa.
        state, wanted: states and first steps of the jobs (path-major), or None.

    Returns:
        By name, with a row per job: deviator `(n, n_t + 1, 6)`, state, wanted, scale, substeps,
        rejected, smallest, failed_at (NaN where it did not fail).
    """
    n_paths, n_t, n_grains = len(U), len(segments), len(Q)
    n = n_paths * n_grains
    like = {"dtype": model.dtype, "device": model.device}
    horizon = float(segments.sum())
    corners = torch.cat((segments.new_zeros(1), segments.cumsum(0)))
    y = model.virgin(n) if state is None else state.to(**like).clone()
    first = torch.full((n,), 0.1 * float(segments[0]), **like) if wanted is None else wanted
    zeros = torch.zeros(n, **like)
    count = torch.zeros(n, dtype=torch.int64, device=model.device)
    out = {
        "deviator": torch.zeros(n, n_t + 1, 6, **like),
        "state": y.clone(),
        "wanted": zeros.clone(),
        "scale": zeros.clone(),
        "substeps": count.clone(),
        "rejected": count.clone(),
        "smallest": zeros.clone(),
        "failed_at": torch.full((n,), float("nan"), **like),
    }
    grains = _Grains(
        job=torch.arange(n, device=model.device),
        segment=count.clone(),
        begins=torch.ones(n, dtype=torch.bool, device=model.device),
        now=zeros.clone(),
        wanted=first.clone(),
        after_corner=first.clone(),
        rho=zeros.clone(),
        scale=scale.clone(),
        trials=count.clone(),
        substeps=count.clone(),
        rejected=count.clone(),
        smallest=torch.full((n,), horizon, **like),
        y=y,
        f=torch.zeros_like(y),
    )
    if state is not None:
        F = (U[:, None, 0] @ Q).reshape(n, 3, 3)
        grains.f, grains.rho = model.rates(F, y)
    while len(grains.job):
        done = _step(model, grains, U, Q, segments, corners, tolerance, horizon, out)
        if bool(done.any()):
            finished = grains.keep(done)
            for name in ("wanted", "scale", "substeps", "rejected", "smallest"):
                out[name][finished.job] = getattr(finished, name)
            out["state"][finished.job] = finished.y
            grains = grains.keep(~done)
    return out


def _step(model, grains, U, Q, segments, corners, tolerance, horizon, out) -> torch.Tensor:
    """One trial step of every grain; returns which of them are at their path's end, or failed."""
    n_t, n_grains = len(segments), len(Q)
    path, grain = grains.job // n_grains, grains.job % n_grains
    start, length = U[path, grains.segment], segments[grains.segment]
    slope = U[path, grains.segment + 1] - start
    rotation = Q[grain]

    def deformation(t: torch.Tensor) -> torch.Tensor:
        return (start + (t / length)[:, None, None] * slope) @ rotation

    # The step: wanted, stable, and even over what is left of the segment.
    h = torch.minimum(grains.wanted, _STABILITY / (grains.rho + 1e-300))
    left = length - grains.now
    last = h >= left * (1.0 - 1e-10)
    h = torch.where(last, left, torch.minimum(h, 0.5 * left))
    y0, f0, column = grains.y, grains.f, h[:, None]
    f1, _ = model.rates(deformation(grains.now + 0.5 * h), y0 + 0.5 * column * f0)
    f2, _ = model.rates(deformation(grains.now + 0.75 * h), y0 + 0.75 * column * f1)
    y = _constrain(model, y0, y0 + column / 9.0 * (2.0 * f0 + 3.0 * f1 + 4.0 * f2))
    F = deformation(grains.now + h)
    f3, rho = model.rates(F, y)
    difference = column / 72.0 * (-5.0 * f0 + 6.0 * f1 + 8.0 * f2 - 9.0 * f3)
    stress = model.cauchy_deviator(F, y)
    error = _stress_error(model, F, y, difference) / (tolerance * grains.scale)

    good = error <= 1.0  # NaN is not good
    bounded = torch.where(error < 64.0, error, 64.0).clamp(min=0.02)
    grains.wanted = 0.85 * bounded ** (-1.0 / 3.0) * h
    most = 5.0 * _STABILITY / (h + 1e-300)
    seen = torch.maximum(torch.where(rho < most, rho, most), grains.rho)
    ahead = torch.maximum(rho, torch.minimum(2.0 * rho - grains.rho, 3.0 * rho))
    grains.rho = torch.where(good, ahead, seen)
    grains.now = grains.now + h * good
    size = _norm(stress)
    grains.scale = torch.where(good & (size > grains.scale), size, grains.scale)
    grains.y = torch.where(good[:, None], y, y0)
    grains.f = torch.where(good[:, None], f3, f0)
    grains.substeps = grains.substeps + good
    grains.rejected = grains.rejected + ~good
    grains.smallest = torch.where(good & (h < grains.smallest), h, grains.smallest)
    grains.after_corner = torch.where(good & grains.begins, grains.wanted, grains.after_corner)
    grains.begins = grains.begins & ~good

    at_corner = good & last
    rows = at_corner.nonzero()[:, 0]
    out["deviator"][grains.job[rows], grains.segment[rows] + 1] = stress[rows]
    grains.trials = grains.trials + 1
    failed = (~good & ~(h > 1e-13 * horizon)) | (~at_corner & (grains.trials >= _MAX_TRIALS))
    rows = failed.nonzero()[:, 0]
    out["failed_at"][grains.job[rows]] = corners[grains.segment[rows]] + grains.now[rows]
    done = (at_corner & (grains.segment == n_t - 1)) | failed
    onwards = at_corner & ~done
    grains.segment = grains.segment + onwards
    grains.now = torch.where(onwards, 0.0, grains.now)
    grains.trials = torch.where(onwards, 0, grains.trials)
    smaller = torch.minimum(grains.wanted, grains.after_corner)
    grains.wanted = torch.where(onwards, smaller, grains.wanted)
    grains.begins = grains.begins | onwards
    return done


def _constrain(model: CrystalTorch, y0: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """det F_in = 1; slips and (without detwinning) twins do not shrink; λ ≥ 0 and Σλ ≤ 1."""
    B, twins, slips = model.split(y)
    _, twins0, slips0 = model.split(y0)
    det = (B[:, 0] * cofactor(B)[:, 0]).sum(-1)
    root = (4.0 - det) / 3.0  # det^{-1/3} by Newton's iteration from 1, as the compiled path has it
    for _ in range(3):
        root = root * (4.0 - det * root**3) / 3.0
    B = B * root[:, None, None]
    least = torch.zeros_like(twins) if model.law.detwinning else twins0
    twins = torch.maximum(twins, least)
    twins = twins / twins.sum(-1, keepdim=True).clamp(min=1.0)
    return torch.cat((B.reshape(-1, 9), twins, torch.maximum(slips, slips0)), dim=-1)


def _stress_error(model, F, y, difference) -> torch.Tensor:
    """What an error of the state does to the stress, at once and through the strength, GPa."""
    A, _, factor = model.elastic_stress(F, y)
    dB, twins, slips = model.split(difference)
    dC = A.mT @ (F @ dB)
    dC = (dC + dC.mT) * factor[:, None, None]
    slope = torch.where(model.saturation > 0, model.h, 0.0)
    slope = slope * torch.exp(-model.ratio * model.split(y)[2])
    squares = (dC * dC).sum((-2, -1)) + ((slope * slips) ** 2).sum(-1)
    squares = squares + ((2.0 * model.law.shear_modulus * model.shear * twins) ** 2).sum(-1)
    return squares.sqrt()


def _norm(stress: torch.Tensor) -> torch.Tensor:
    """Frobenius norm of symmetric tensors in six components."""
    return ((stress[:, :3] ** 2).sum(-1) + 2.0 * (stress[:, 3:] ** 2).sum(-1)).sqrt()
