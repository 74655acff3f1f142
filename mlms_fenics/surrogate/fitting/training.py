# SPDX-License-Identifier: MIT
"""The training loop that all architectures share."""

import argparse
import math
import time as clock
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mlms_fenics.device import at_hand
from mlms_fenics.errors import InputError, SimulationError, require
from mlms_fenics.progress import Progress
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.checkpoint import load_checkpoint, save_checkpoint
from mlms_fenics.surrogate.fitting.recorded import Gradients, Loss
from mlms_fenics.surrogate.fitting.soap import Soap

_OPTIMISERS = {"adamw": partial(torch.optim.AdamW, fused=True), "soap": Soap}


@dataclass
class Settings:
    """How to optimise.

    Attributes:
        epochs: passes over the training set.
        minutes: of wall time for the whole, closing included (see `Budget`), with the schedule
            following whichever of the two budgets is further spent; None: no limit. (With it,
            equal seeds no longer give equal models.)
        batch: histories per step.
        rate, final_rate: learning rate at the start and the end of the cosine.
        weight_decay: of AdamW, on matrices only.
        patience: stop after so many epochs without a better validation error.
        clip: largest norm of a gradient.
        seed: of initial weights, batches and augmentation.
        optimiser: "adamw" or "soap" (see `soap.Soap`).
        warmup: part of the budget over which the learning rate rises from nothing.
    """

    epochs: int = 300
    minutes: float | None = None
    batch: int = 32
    rate: float = 1e-3
    final_rate: float = 1e-6
    weight_decay: float = 0.0
    patience: int = 50
    clip: float = 1.0
    seed: int = 0
    optimiser: str = "adamw"
    warmup: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "patience"):
            require(getattr(self, name) >= 1, f"{name} {getattr(self, name)}: must be at least 1")
        for name in ("rate", "final_rate", "clip"):
            require(getattr(self, name) > 0, f"{name} {getattr(self, name)}: must be positive")
        require(0.0 <= self.warmup < 1.0, f"warmup {self.warmup}: must lie in [0, 1)")
        require(
            self.optimiser in _OPTIMISERS,
            f"optimiser {self.optimiser!r}: must be one of {', '.join(_OPTIMISERS)}",
        )
        require(self.weight_decay >= 0, f"weight decay {self.weight_decay}: must not be negative")
        require(
            self.minutes is None or self.minutes > 0, f"minutes {self.minutes}: must be positive"
        )


def given_or(defaults: Mapping[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """`defaults`, with those replaced that were given on the command line."""
    given = {name: getattr(arguments, name, None) for name in defaults}
    return {k: default if given[k] is None else given[k] for k, default in defaults.items()}


def settings_from(
    options: Mapping[str, Any], arguments: argparse.Namespace, **more: Any
) -> Settings:
    """`Settings` from an architecture's options and the training command's own."""
    chosen = {k: options[k] for k in ("epochs", "batch", "rate", "weight_decay", "patience")}
    return Settings(minutes=arguments.minutes, seed=arguments.seed, **chosen, **more)


def optimise(
    network: nn.Module,
    loss: Loss,
    validate: Callable[[], float],
    n: int,
    settings: Settings,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    every: float = 30.0,
    about: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
) -> dict[str, Any]:
    """Train `network` in place and leave it with the weights of the best validation error.

    Args:
        network: its parameters are optimised.
        loss: scalar loss of a batch from row numbers (0 to n - 1) and a generator for augmentation;
            a `DrawnLoss` is played on a GPU as CUDA graphs.
        validate: validation error of the network as it is (called in eval mode, without gradients).
        n: number of training rows.
        settings: see `Settings`.
        checkpoint: written after an epoch, at most every `every` seconds; removed at the end.
        resume: go on from `checkpoint` where it exists.
        about: JSON-able, whatever else must be the same for a checkpoint to be gone on from.
        budget: of which some may be spent; None: one that begins now.

    Returns:
        Record: settings, `about`, loss and validation curves, best epoch, wall time (s); on a
        device apart "graphs": how many were recorded, or why that was refused.

    Raises:
        InputError: a checkpoint of other settings.
        SimulationError: the loss became NaN.
    """
    budget = Budget(settings.minutes) if budget is None else budget
    generator = torch.Generator()
    groups = [
        [p for p in network.parameters() if (p.ndim > 1) == matrix] for matrix in (True, False)
    ]
    optimiser = _OPTIMISERS[settings.optimiser](
        [
            {"params": groups[0], "weight_decay": settings.weight_decay},
            {"params": groups[1], "weight_decay": 0.0},
        ],
        lr=settings.rate,
    )
    gradient = Gradients(network, loss)
    best = _copy(network)
    done: dict[str, Any] = {
        "settings": asdict(settings),
        **({"about": dict(about)} if about else {}),
        "loss": [],
        "validation": [],
        "best_epoch": 0,
        "wall_s": 0.0,
    }
    if resume and checkpoint is not None and checkpoint.exists():
        best, done = load_checkpoint(checkpoint, network, optimiser)
        _same_settings(done["settings"], asdict(settings), checkpoint)
        _same_settings(done.get("about", {}), about or {}, checkpoint)
    saying = min(20.0, budget.seconds / 8.0)  # a short fit says something now and then too
    report = Progress(settings.epochs, "epochs", begin=len(done["loss"]), every=saying, end=True)
    here = at_hand(next(network.parameters()))
    before, saved = done["wall_s"], clock.monotonic()
    started = clock.monotonic()
    limit = budget.fitted * budget.seconds - before
    # How long a validation takes must be known before the first epoch is over.
    validating = _timed(network, validate)[1] if budget.limited else 0.0
    while len(done["loss"]) < settings.epochs:
        epoch = len(done["loss"])
        # Every epoch has its own random numbers, so that a resumed training is the same training.
        generator.manual_seed(settings.seed * 1_000_003 + epoch)
        torch.manual_seed(settings.seed * 1_000_003 + epoch)
        network.train()
        total, seen, order = 0.0, 0, torch.randperm(n, generator=generator)
        batches = order.split(settings.batch)
        for number, rows in enumerate(batches):
            spent = (epoch + number / len(batches)) / settings.epochs
            if budget.limited:
                if number > 0 and budget.spent() + validating >= limit:
                    break  # an epoch may take longer than all that is left
                elapsed = (before + budget.spent()) / (before + limit)
                spent = min(1.0, max(spent, elapsed))
            for group in optimiser.param_groups:
                group["lr"] = scheduled(spent, settings)
            value = gradient(rows, generator)
            norm = nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
            # On a device apart the numbers stay there until the epoch is over.
            total, seen = total + value.double() * len(rows) + 0.0 * norm, seen + len(rows)
            if here:
                _check_finite(total, epoch, settings)
            optimiser.step()
        _check_finite(total, epoch, settings)
        error, validating = _timed(network, validate)
        done["loss"].append(float(total) / seen)
        done["validation"].append(error)
        if error <= min(done["validation"]):
            done["best_epoch"] = epoch + 1
            best = _copy(network)
        done["wall_s"] = before + clock.monotonic() - started
        text = f"loss {done['loss'][-1]:.4g}, validation {error:.4g}, "
        text += f"best {min(done['validation']):.4g}"
        if gradient.recorded is not None:
            done["graphs"] = gradient.recorded.refused or gradient.recorded.recordings
        report.show(epoch + 1, text, within=limit - budget.spent())
        if budget.spent() + validating >= limit:
            break
        if epoch + 1 - done["best_epoch"] >= settings.patience:
            break
        if checkpoint is not None and clock.monotonic() - saved >= every:
            save_checkpoint(checkpoint, network, optimiser, best, done)
            saved = clock.monotonic()
    report.close()
    network.load_state_dict(best)
    network.eval()
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return done


def _check_finite(total: torch.Tensor, epoch: int, settings: Settings) -> None:
    """Raise `SimulationError` where the sum of an epoch's losses is not finite."""
    if not math.isfinite(float(total)):
        raise SimulationError(
            f"training diverged in epoch {epoch + 1} (loss or gradient is not finite): try "
            f"a smaller learning rate than {settings.rate:g}"
        )


def scheduled(spent: float, settings: Settings) -> float:
    """Learning rate when the fraction `spent` of the budget is spent: a rise, then a cosine."""
    if spent < settings.warmup:
        return max(spent / settings.warmup, 1e-3) * settings.rate
    rest = (spent - settings.warmup) / (1.0 - settings.warmup)
    return cosine(rest, settings.rate, settings.final_rate)


def cosine(spent: float, start: float, end: float) -> float:
    """Learning rate when the fraction `spent` of the budget is spent."""
    return end + 0.5 * (start - end) * (1.0 + math.cos(math.pi * spent))


def _timed(network: nn.Module, validate: Callable[[], float]) -> tuple[float, float]:
    """Validation error, and how many seconds it took."""
    begun = clock.monotonic()
    network.eval()
    with torch.no_grad():
        error = validate()
    return error, clock.monotonic() - begun


def _copy(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _same_settings(stored: Mapping[str, Any], wanted: Mapping[str, Any], path: Path) -> None:
    for name in {**stored, **wanted}:
        if name not in ("epochs", "minutes") and stored.get(name) != wanted.get(name):
            raise InputError(
                f"checkpoint {path} was made with {name} = {stored.get(name)}, not "
                f"{wanted.get(name)}: use the same options, or remove it to start afresh"
            )
