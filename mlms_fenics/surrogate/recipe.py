# SPDX-License-Identifier: MIT
"""What `train FILE...` does when it is told no more: try what suits, go on with the best.

Candidates are trained for a short while each, measured (error on validation paths, microseconds a
point and step) and compared; the best of those that are cheap enough is trained for the rest of the
time. The law that is kept is the best of all that were trained, trials included.
"""

import argparse
import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.progress import say
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.fitting.budget import Budget
from mlms_fenics.surrogate.fitting.data import TrainingData
from mlms_fenics.surrogate.metrics import path_errors
from mlms_fenics.surrogate.model_file import load_model, save_model
from mlms_fenics.surrogate.quick.tables import obstacle

MINUTES = 30.0  # of the whole where nothing is said
MICROSECONDS = 3.0
TRIAL = 0.14  # of the time, for each candidate
SHORTEST = 3.0  # minutes, below which trials would leave too little for what comes after them
STIFF = 5.0  # 1/m above which stress is a matter of direction rather than of rate
COMPARED = 64  # validation paths by which laws are compared
_ENDLESS = 100_000  # passes: time is what ends a training
_BY_THEMSELVES = ("quick", "reduced")  # know no passes, and end without being told


@dataclass(frozen=True)
class Candidate:
    """An architecture with its options.

    Attributes:
        architecture: its name.
        options: of its training, beside the defaults.
        least: µs a point and step that it is known to cost at least: not tried below that.
    """

    architecture: str
    options: dict[str, Any] = field(default_factory=dict)
    least: float = 0.0


def features(data: TrainingData) -> dict[str, Any]:
    """What decides on the candidates, and is worth reading before a training.

    Returns:
        `paths`, `grains`, `rate_exponent` (the largest 1/m), `strain` (largest norm of log U),
        `rates` (slowest and fastest path's mean strain rate, 1/µs), `one_horizon` (whether all
        histories last equally long), `anisotropy` (how much more than in a random texture one of
        the lattices' axes lies in some direction: 0 to 1, where all are parallel), `systems` (slip
        systems of a law that quick crystals know; else 0).
    """
    strain = data.strain[data.train]
    norms = np.linalg.norm(np.diff(strain.astype(np.float64), axis=1), axis=-1).sum(1)
    rates = norms / data.durations[data.train]
    rates = rates[rates > 0.0]
    families = getattr(data.law, "families", ())
    return {
        "paths": len(data.train),
        "grains": len(data.orientations),
        "rate_exponent": max((1.0 / f.rate_exponent for f in families), default=1.0),
        "strain": float(np.linalg.norm(strain, axis=-1).max()),
        "rates": [float(rates.min(initial=np.inf)), float(rates.max(initial=0.0))],
        "one_horizon": bool(np.ptp(data.durations) <= 1e-9 * data.horizon),
        "anisotropy": _anisotropy(data.orientations, data.weights),
        "systems": 0 if obstacle(data.law) else data.law.n_slip,
    }


def _anisotropy(orientations: np.ndarray, weights: np.ndarray | None) -> float:
    """Largest deviation of ⟨c⊗c⟩ from I/d, for the lattices' axes c, over what it can be."""
    d = orientations.shape[-1]
    w = np.full(len(orientations), 1.0 / len(orientations)) if weights is None else weights
    mean = np.einsum("n,nik,njk->kij", w / w.sum(), orientations, orientations)
    values = np.linalg.eigvalsh(mean) - 1.0 / d
    return float(np.abs(values).max() / (1.0 - 1.0 / d))


def candidates(known: dict[str, Any], dimension: int, microseconds: float) -> list[Candidate]:
    """What to try on data of such `features`, the likeliest first."""
    recurrent = Candidate("recurrent", {"width": 144, "internal": 20})
    reduced = Candidate("reduced", {"grains": min(8, known["grains"])}, least=5.0)
    if dimension == 2:
        found = [recurrent, reduced]
    else:
        # Where stress follows the direction of flow, grains need far fewer paths to learn it.
        grains = Candidate("grains", {"grains": 12, "width": 32, "internal": 4, "rate": 4e-3})
        found = [recurrent, grains, reduced]
        if known["rate_exponent"] > STIFF:
            # Grains yield one after the other; four elastic strains side by side do, too.
            recurrent.options["branches"] = 4
            found = [grains, recurrent, reduced]
        if known["systems"]:
            found.insert(0, Candidate("quick"))  # as many as the price allows
    if not known["one_horizon"]:
        found.remove(reduced)  # it is fitted to histories of one duration
    return [one for one in found if one.least <= microseconds]


@dataclass
class Trial:
    """A law with what was measured of it.

    Attributes:
        candidate: what it was made as.
        law: None where its training failed.
        error: mean deviatoric error on validation paths.
        microseconds: of one core, a point and step.
        failure: why there is no law.
    """

    candidate: Candidate
    law: LearntLaw | None
    error: float = float("inf")
    microseconds: float = float("inf")
    failure: str = ""

    def record(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            **asdict(self.candidate),
            "error": self.error if self.law is not None else None,
            "microseconds": self.microseconds if self.law is not None else None,
            "failure": self.failure,
        }


Fit = Callable[[str, TrainingData, argparse.Namespace], LearntLaw]


def train_by_recipe(
    data: TrainingData, arguments: argparse.Namespace, fit: Fit
) -> tuple[LearntLaw, str]:
    """Train the best law within the time and the cost that are asked for.

    Args:
        data: histories.
        arguments: of the training command; `minutes` None: `MINUTES`. Trials that a killed run has
            finished are read again with `resume`.
        fit: trains a law of the named architecture.

    Returns:
        The law, whose `report["recipe"]` tells all that was tried, and its architecture.

    Raises:
        InputError: nothing costs as little as `microseconds`.
        SimulationError: all trainings failed.
    """
    budget = Budget.of(arguments)
    known = features(data)
    say(
        f"{known['paths']} training paths of {known['grains']} grains, 1/m up to "
        f"{known['rate_exponent']:.3g}, strain up to {known['strain']:.2g}, mean rates "
        f"{known['rates'][0]:.2g} to {known['rates'][1]:.2g} /µs, anisotropy "
        f"{known['anisotropy']:.2f}"
    )
    tried = candidates(known, data.dimension, arguments.microseconds)
    trials: list[Trial] = []
    if budget.seconds >= 60.0 * SHORTEST and len(tried) > 1:
        for one in tried:
            minutes = TRIAL * budget.seconds / 60.0
            trials.append(_trial(one, data, arguments, fit, minutes))
            _say_trial(trials[-1], arguments.microseconds)
        chosen = _best(trials, arguments.microseconds).candidate
    else:
        chosen = tried[0]
    say(f"{chosen.architecture}: for the rest of the time")
    left = max(budget.left() / 60.0, 1e-3)
    trials.append(_trial(chosen, data, arguments, fit, left, last=True))
    _say_trial(trials[-1], arguments.microseconds)
    best = _best(trials, arguments.microseconds)
    law = best.law
    assert law is not None  # `_best` has seen to it
    law.report["recipe"] = {
        "features": known,
        "microseconds": arguments.microseconds,
        "trials": [one.record() for one in trials],
    }
    for one in tried:
        _trial_file(arguments.out, one).unlink(missing_ok=True)
    return law, best.candidate.architecture


def _best(trials: list[Trial], microseconds: float) -> Trial:
    found = [one for one in trials if one.law is not None]
    if not found:
        reasons = "; ".join(f"{one.candidate.architecture}: {one.failure}" for one in trials)
        raise SimulationError(f"no law could be trained ({reasons})")
    cheap = [one for one in found if one.microseconds <= microseconds]
    if not cheap:
        least = min(one.microseconds for one in found)
        raise InputError(
            f"--microseconds {microseconds:g}: the cheapest law tried costs {least:.2g} µs a point "
            "and step on this core; allow so much, or name an --architecture and its sizes"
        )
    return min(cheap, key=lambda one: one.error)


def _trial(
    one: Candidate,
    data: TrainingData,
    arguments: argparse.Namespace,
    fit: Fit,
    minutes: float,
    last: bool = False,
) -> Trial:
    """Train a candidate for some minutes and measure it."""
    saved = _trial_file(arguments.out, one)
    if arguments.resume and not last and saved.exists():
        return _measured(one, load_model(saved, device="cpu"), data)
    own = copy.copy(arguments)
    own.architecture, own.minutes, own.budget = one.architecture, minutes, Budget(minutes)
    if one.architecture not in _BY_THEMSELVES:
        own.epochs = own.patience = _ENDLESS
        own.resume = arguments.resume and last
    else:
        own.resume = False
    own.checkpoint = Path(f"{saved}.checkpoint") if not last else arguments.checkpoint
    for name, value in one.options.items():
        setattr(own, name, value)
    try:
        law = fit(one.architecture, data, own)
    except (InputError, SimulationError) as error:
        return Trial(one, None, failure=str(error))
    if not last:
        save_model(law, saved)
    return _measured(one, law, data)


def _measured(one: Candidate, law: LearntLaw, data: TrainingData) -> Trial:
    from mlms_fenics.judge.cost import costs
    from mlms_fenics.surrogate.histories import run

    rows = data.validation_rows(COMPARED)
    errors = []
    for source in np.unique(data.source[rows]):
        own = rows[data.source[rows] == source]
        time = data.time_of(source)
        stress = run(law, data.U[own], time)[0]
        errors.append(path_errors(stress, data.sigma[own], time)["deviatoric"])
    spent = costs({"law": law}, data.U[rows], data.time)["law"]
    return Trial(one, law, float(np.concatenate(errors).mean()), spent)


def _trial_file(out: Path, one: Candidate) -> Path:
    return out.with_name(f"{out.name}.{one.architecture}.trial")


def _say_trial(trial: Trial, microseconds: float) -> None:
    if trial.law is None:
        say(f"{trial.candidate.architecture}: {trial.failure}")
        return
    text = f"{trial.candidate.architecture}: deviatoric error {100.0 * trial.error:.2f}% on "
    text += f"validation paths, {trial.microseconds:.2g} µs a point and step"
    say(text + (" (too dear)" if trial.microseconds > microseconds else ""))
