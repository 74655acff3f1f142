# SPDX-License-Identifier: MIT
"""What a calibration found, in words and as files."""

import json
import math
from pathlib import Path

import numpy as np

from mlms_fenics.calibrate.fit import Fit
from mlms_fenics.calibrate.parameters import Parameter
from mlms_fenics.calibrate.starts import told_of_starts
from mlms_fenics.files import replacing

_LOOSE = 0.2  # standard error, of a logarithm or of the bounds' distance
_TIED = 0.95  # correlation
_PART = 0.3  # of a direction's largest entry: what is named of it


def report(fit: Fit) -> list[str]:
    """Misfits, parameters with standard errors, and what the curves do not determine."""
    lines = [
        f"curve {c.name}: misfit {100 * m:.2f}% (root mean square, of the measured stress)"
        for c, m in zip(fit.experiment.curves, fit.misfits, strict=True)
    ]
    parameters, u = fit.experiment.parameters, fit.uncertainty
    for p, value, x in zip(parameters, fit.numbers, u.standard_errors, strict=True):
        lines.append(f"{p.name} = {value:.6g}, standard error {_error(p, value, x)}")
    return lines + remarks(fit)


def _error(parameter: Parameter, value: float, x: float) -> str:
    if math.isnan(x):
        return "unknown (held by its bound)"
    if math.isinf(x):
        return "infinite"
    error = x * parameter.slope(value)
    share = f" ({100 * error / abs(value):.2g}%)" if value else ""
    return f"{error:.2g}{share}"


def remarks(fit: Fit) -> list[str]:
    """What the curves do not determine, and what to make of the errors, a sentence each."""
    parameters, u = fit.experiment.parameters, fit.uncertainty
    names = [p.name for p in parameters]
    said = []
    for p, value, side in zip(parameters, fit.numbers, fit.at_bound, strict=True):
        if side:
            word = {"low": "lower", "high": "upper"}[side]
            said.append(
                f"{p.name} lies at its {word} bound {value:.4g}: the curves ask for a "
                f"{'smaller' if side == 'low' else 'larger'} one, or do not depend on it"
            )
    for k in np.flatnonzero(u.direction_errors > _LOOSE):
        said.append(_direction(parameters, u.directions[k], float(u.direction_errors[k])))
    loose = {k for k, x in enumerate(u.standard_errors) if x > _LOOSE}
    for i in range(len(names)):
        for j in range(i):
            r = u.correlation[i, j]
            if abs(r) > _TIED and not {i, j} & loose:
                how = "together" if r > 0 else "one against the other"
                said.append(
                    f"{names[j]} and {names[i]} can change {how} with little effect on the curves "
                    f"(correlation {r:.3f})"
                )
    if not said:
        said.append("the curves determine all parameters")
    said += told_of_starts(fit.searches, parameters)
    if u.persistence > 0.5 and fit.misfits.max() > 1e-3:
        said.append(
            "neighbouring points miss alike (correlation "
            f"{u.persistence:.2f}): the law's curve is of another form than the measured, or their "
            "errors hang together, and the true errors of the parameters are larger than stated"
        )
    if not fit.converged:
        said.append("the search was ended by its number of steps: it may go on from these numbers")
    return said


def _direction(parameters: tuple[Parameter, ...], direction: np.ndarray, error: float) -> str:
    largest = np.abs(direction).max()
    parts = [k for k in np.argsort(-np.abs(direction)) if abs(direction[k]) > _PART * largest]
    sign = np.sign(direction[parts[0]])
    much = "nothing at all" if math.isinf(error) else "little"
    if len(parts) == 1:
        return f"the curves say {much} of {parameters[parts[0]].name}{_size(error)}"
    raised = [parameters[k].name for k in parts if direction[k] * sign > 0]
    lowered = [parameters[k].name for k in parts if direction[k] * sign < 0]
    if lowered:
        how = f"{' and '.join(raised)} raised while {' and '.join(lowered)} is lowered"
    else:
        how = f"{' and '.join(raised)} raised together"
    return f"the curves say {much} of {how}{_size(error)}"


def _size(error: float) -> str:
    if math.isinf(error):
        return ": leave it out of `free`, or measure another loading"
    return f" (standard error {100 * error:.0f}%)"


def write_law(fit: Fit, path: Path) -> None:
    """The law as a YAML file that `--law` reads, the report in comments at its head."""
    comments = "".join(f"# {line}\n" for line in report(fit))
    with replacing(path) as beside:
        beside.write_text(
            f"# Calibrated by mlms_fenics.calibrate.\n{comments}"
            + fit.experiment.law_text(fit.numbers),
            encoding="utf-8",
        )


def write_json(fit: Fit, path: Path) -> None:
    """Numbers, standard errors, correlations, misfits and remarks as JSON; null: not known."""
    parameters, u = fit.experiment.parameters, fit.uncertainty

    def plain(x: float) -> float | None:
        return float(x) if math.isfinite(x) else None

    content = {
        "parameters": {
            p.name: {
                "value": float(value),
                "standard_error": plain(x * p.slope(value)),
                "low": p.low,
                "high": p.high,
                "start": p.start,
            }
            for p, value, x in zip(parameters, fit.numbers, u.standard_errors, strict=True)
        },
        "correlation": [[plain(x) for x in row] for row in u.correlation],
        "misfit": dict(
            zip((c.name for c in fit.experiment.curves), fit.misfits.tolist(), strict=True)
        ),
        "remarks": remarks(fit),
        "converged": fit.converged,
        "evaluations": fit.evaluations,
        "seconds": fit.seconds,
    }
    with replacing(path) as beside:
        beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def draw(fit: Fit, path: Path) -> None:
    """A picture: measured points and fitted curves, and their difference."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for k, (curve, stress) in enumerate(zip(fit.experiment.curves, fit.stresses, strict=True)):
        colour = f"C{k % 10}"
        left.plot(curve.strain, 1e3 * curve.stress, "o", ms=3.5, mfc="none", color=colour)
        label = f"{curve.name}, misfit {100 * fit.misfits[k]:.1f}%"
        left.plot(curve.strain, 1e3 * stress, color=colour, label=label)
        right.plot(curve.strain, 1e3 * (stress - curve.stress), ".-", color=colour)
    left.set(ylabel="true stress, MPa", title="measured (points) and fitted")
    right.set(ylabel="fitted - measured, MPa", title="difference")
    left.legend()
    for axis in (left, right):
        axis.set(xlabel="true strain")
        axis.grid(alpha=0.3)
    with replacing(path) as beside:
        figure.savefig(beside, dpi=150)
