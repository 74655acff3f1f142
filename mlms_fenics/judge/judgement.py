# SPDX-License-Identifier: MIT
"""The evaluation protocol of learnt laws: everything that is measured, in one pass."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mlms_fenics.judge.baselines import ZERO, Baseline, fit_baselines
from mlms_fenics.judge.calibration import calibration, rank_correlation
from mlms_fenics.judge.causality import diverging_paths, future_change
from mlms_fenics.judge.consistency import beyond_the_horizon, self_consistency
from mlms_fenics.judge.cost import costs
from mlms_fenics.judge.discretisation import discretisation
from mlms_fenics.judge.energy_check import closed_cycles, tangents
from mlms_fenics.judge.isotropy import isotropy
from mlms_fenics.judge.judged_data import SPARE, JudgedData
from mlms_fenics.materials.base import Material
from mlms_fenics.materials.polycrystal import Polycrystal
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.histories import given_future, run
from mlms_fenics.surrogate.metrics import path_errors, summary

FEW = 20  # paths of the checks that take many runs
COMPARED = 50  # paths of the errors that are shown beside the cost
TOLERANCE = 1e-3  # of the polycrystal, relative to each grain's largest deviator
Say = Callable[[str], None]


def judge(
    law: LearntLaw,
    data: Sequence[JudgedData],
    beside: Mapping[str, tuple[LearntLaw, JudgedData]],
    say: Say = lambda text: None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure a law on data sets.

    Args:
        law: to be judged, on the CPU.
        data: one protocol each; the first that the law was trained on others of, or else the first,
            also gives the paths of the checks that need no truth.
        beside: other laws by name, each with its own held-out part of that same data set, for the
            picture of error against cost.
        say: told what is done next.

    Returns:
        What goes into the report, JSON-able, and arrays for the pictures.
    """
    main = main_data(data)
    say("baselines")
    baselines, fitted_to = _baselines(law, data)
    report: dict[str, Any] = {
        "baselines": {b.name: b.parameters for b in baselines},
        "baselines_fitted_to": fitted_to,
    }
    results, histories, errors, distances = [], [], [], []
    for one in data:
        say(f"errors on {one.file}")
        result, stress, error, distance = _errors(law, one, baselines)
        results.append(result)
        histories.append({"data": one, "stress": stress})
        errors.append(error)
        distances.append(distance)
    report["results"] = results
    report["trust"] = calibration(distances, errors)
    checks, pictures = _checks(law, main, say)
    report["checks"] = checks
    pictures |= {"histories": histories, "errors": errors, "distances": distances}
    say("cost")
    report["cost"] = _cost_and_error(law, main, baselines, beside)
    return report, pictures


def main_data(data: Sequence[JudgedData]) -> JudgedData:
    """The data set most like the law's own data."""
    return next((one for one in data if one.trained_on), data[0])


def _baselines(law: LearntLaw, data: Sequence[JudgedData]) -> tuple[list[Baseline], dict[str, Any]]:
    """Fitted to what the law was trained on, as far as it is given, otherwise to all there is."""
    pool = [one for one in data if one.trained_on] or list(data)
    # One time grid is enough: that of the first.
    pool = [one for one in pool if np.array_equal(one.time, pool[0].time)]
    share = -(-SPARE // len(pool))
    U = np.concatenate([one.spare_U[:share] for one in pool])
    sigma = np.concatenate([one.spare_sigma[:share] for one in pool])
    record = {
        "files": [one.file for one in pool],
        "paths": len(U),
        "among_the_judged": any(one.spare_is_judged for one in pool),
    }
    return fit_baselines(law.law, U, sigma, pool[0].time), record


def _errors(
    law: LearntLaw, data: JudgedData, baselines: Sequence[Baseline]
) -> tuple[dict[str, Any], np.ndarray, dict[str, np.ndarray], np.ndarray]:
    stress, distance = run(law, data.U, data.time)
    error = path_errors(stress, data.sigma, data.time)
    rows = {"law": summary(error)}
    whole = given_future(law, data.U, float(data.time[-1]))
    if whole is not None:
        rows["law, given the future"] = summary(path_errors(whole, data.sigma, data.time))
    for baseline in baselines:
        found = baseline.stress(data.U, data.time)
        rows[baseline.name] = summary(path_errors(found, data.sigma, data.time))
    best = min(rows[b.name]["deviatoric"]["mean"] for b in baselines)
    result = {
        "file": data.file,
        "protocol": data.protocol,
        "sampler": data.sampler,
        "cell": data.cell,
        "paths": len(data.U),
        "other_paths_trained_on": data.trained_on,
        "errors": rows,
        "best_baseline_deviatoric": best,
        "learnt": bool(rows["law"]["deviatoric"]["mean"] < best),
        "distance": {
            "mean": float(distance.mean()),
            "max": float(distance.max()),
            "outside": float((distance > 1.0).mean()),
            "spearman_with_von_mises_error": rank_correlation(distance, error["von_mises_mpa"]),
        },
        "per_path": {
            "deviatoric": error["deviatoric"].tolist(),
            "von_mises_mpa": error["von_mises_mpa"].tolist(),
            "distance": distance.tolist(),
        },
    }
    return result, stress, error, distance


def polycrystal_of(law: LearntLaw, data: JudgedData) -> Polycrystal | None:
    """The law's own polycrystal where its data are Taylor averages, which can be computed here."""
    if data.cell != "taylor":
        return None
    return Polycrystal(law.law, law.orientations, weights=law.weights, tolerance=TOLERANCE)


def _checks(law: LearntLaw, data: JudgedData, say: Say) -> tuple[dict[str, Any], dict[str, Any]]:
    """What needs no truth, or computes it."""
    reference, horizon = polycrystal_of(law, data), float(data.time[-1])
    few, time = data.U[:FEW], data.time
    checks: dict[str, Any] = {"file": data.file}
    pictures: dict[str, Any] = {}
    if len(few) >= 2:
        say("causality")
        checks["causality"] = future_change(law, few, horizon)
        pictures["causality"] = diverging_paths(law, few, horizon, reference)
    say("isotropy")
    checks["isotropy"], pictures["isotropy"] = isotropy(law, few[:8], time, reference)
    say("self-consistency")
    checks["self_consistency"] = self_consistency(law, few, time)
    say("discretisation")
    checks["discretisation"] = discretisation(law, few, data.sigma[:FEW], time, reference)
    say("energy")
    checks["closed_cycles"], pictures["cycles"] = closed_cycles(law, data.U, time)
    checks["tangent"], pictures["tangent"] = tangents(law, few, time)
    if reference is not None and law.dimension == 3:
        # Finite strain alone takes it above the elastic one; the cell's own shows how far.
        checks["tangent_of_the_cell"] = tangents(reference, few[:4], time, 10)[0]
    say("beyond the horizon")
    checks["beyond_the_horizon"] = beyond_the_horizon(law, few[:8], time, reference)
    return checks, pictures


def _cost_and_error(
    law: LearntLaw,
    data: JudgedData,
    baselines: Sequence[Baseline],
    beside: Mapping[str, tuple[LearntLaw, JudgedData]],
) -> dict[str, Any]:
    """Measured cost and mean deviatoric error of every law on one data set."""
    laws: dict[str, tuple[Material, JudgedData]] = {"law": (law, data), **beside}
    errors = {}
    for name, (material, own) in laws.items():
        stress = run(material, own.U[:COMPARED], own.time)[0]
        errors[name] = path_errors(stress, own.sigma[:COMPARED], own.time)
    materials: dict[str, Material] = {name: pair[0] for name, pair in laws.items()}
    for baseline in baselines:
        if baseline.name != ZERO and law.dimension == 3:
            materials[baseline.name] = baseline.material
            stress = baseline.stress(data.U[:COMPARED], data.time)
            errors[baseline.name] = path_errors(stress, data.sigma[:COMPARED], data.time)
    polycrystal = polycrystal_of(law, data)
    if polycrystal is not None:
        name = f"all {len(law.orientations)} grains"
        materials[name] = polycrystal
        stress = polycrystal.stress(data.U[:4], data.time)
        errors[name] = path_errors(stress, data.sigma[:4], data.time)
    spent = costs(materials, data.U, data.time)
    return {
        name: {
            "us_per_point_and_step": spent[name],
            "points_per_second": 1e6 / spent[name],
            "deviatoric": float(errors[name]["deviatoric"].mean()),
            "total": float(errors[name]["total"].mean()),
        }
        for name in materials
    }
