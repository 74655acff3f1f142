# SPDX-License-Identifier: MIT
"""From the final shape of an anvil's bar to its metal or texture.

    python -m mlms_fenics.impact.identify profile.csv --unknown tensile_twin.tau_0=0.01:0.2 \\
        --out results/identified -- --axis RD --velocity 300 --end-time 3 --mesh-size 0.2

PROFILE is a CSV file of angle_deg,height_mm,half_width_mm (angles from x towards y; heights above
the wall) and, if known, a line length_mm,VALUE. Unknowns are numbers of the metal, as the demo's
--set has them, or `rolled`, the scatter of a rolled texture in degrees. What follows -- are options
of demos/textured_anvil.py: the polycrystal at every point, or with --law learnt --model FILE a
family of laws (mlms_fenics.surrogate.family), which is many times cheaper. Unknown are then its
parameters, --unknown NAME within the range of its training where no bounds are given, and `rolled`;
a warning says where the answer leaves that. Each impact is run once, in a folder of its own, so
that a search that was stopped goes on. It writes identified.json and identified.png.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.impact.batch import run_once, save_json
from mlms_fenics.impact.identification import (
    Identified,
    Profile,
    Unknown,
    identify,
    read_profile,
)
from mlms_fenics.impact.textured_laws import FROM_FAMILY
from mlms_fenics.io.report import LARGEST_DISTANCE, TRUST
from mlms_fenics.stages import study_command
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.family.law import FamilyLaw
from mlms_fenics.surrogate.family.parameters import Parameter

DEMO = "textured_anvil.py"


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    given = list(sys.argv[1:] if argv is None else argv)
    cut = given.index("--") if "--" in given else len(given)
    parser = argparse.ArgumentParser(
        prog="python -m mlms_fenics.impact.identify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    new = parser.add_argument
    new("profile", type=Path, help="the measured shape, CSV")
    new("--unknown", dest="unknowns", action="append", required=True, metavar="NAME[=LOW:HIGH]",
        help="a number to find, and where to look (of a family of laws, without bounds: where it "
        "was trained); repeatable")  # fmt: skip
    new("--difference", type=float, default=0.05,
        help="relative, of a number for derivatives (default: 0.05)")  # fmt: skip
    new("--refine", type=int, default=0, metavar="N",
        help="with a family of laws: run the polycrystal at the answer (with the demo's --grains), "
        "and search again with the family's shape corrected by the difference, so often (default: "
        "0)")  # fmt: skip
    new("--ranks", type=int, default=1, help="of MPI, for each impact (default: 1)")
    new("--out", type=Path, default=Path("results/identified"), help="folder for everything")
    options = parser.parse_args(given[:cut])
    options.demo = given[cut + 1 :]
    options.family = _family(options.demo)
    known = {name: (p.low, p.high) for name, p in (options.family or {}).items()}
    options.unknowns = [Unknown.parse(text, known) for text in options.unknowns]
    for unknown in options.unknowns:
        _check_known(unknown.name, options.family)
    options.measured = read_profile(options.profile)
    require(options.ranks >= 1, f"--ranks {options.ranks}: must be at least 1")
    good = options.refine == 0 or (options.refine > 0 and options.family is not None)
    require(
        good,
        f"--refine {options.refine}: must be 0, or more with a family of laws (-- --law learnt)",
    )
    check = 1e-3 <= options.difference <= 0.5
    require(check, f"--difference {options.difference}: must lie in [0.001, 0.5]")
    return options


def _family(demo: Sequence[str]) -> dict[str, Parameter] | None:
    """Parameters, by name, of the family of laws that the demo's options name; None: no learnt law.

    Raises:
        InputError: a learnt law that is no family.
    """
    model = _law_of(demo)[0]
    if model.law != "learnt" or model.model is None:
        return None
    law = load_model(model.model)
    require(
        isinstance(law, FamilyLaw),
        f"--model {model.model}: a {law.architecture} model is of one texture and metal, and looks "
        "the same whatever these are: a family of laws is needed (mlms_fenics.surrogate.family)",
    )
    return {p.name: p for p in law.parameters}


def _law_of(demo: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The law among the demo's options, and the options without it."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--law")
    parser.add_argument("--model")
    return parser.parse_known_args(list(demo))


def _check_known(name: str, family: dict[str, Parameter] | None) -> None:
    """Raise `InputError` where a family of laws cannot tell an unknown."""
    if family is None or name == "rolled":
        return
    for parameter in family.values():
        require(
            name not in parameter.tied,
            f"--unknown {name}: in the family it goes with {parameter.name}: look for that",
        )
    names = ", ".join(["rolled", *map(str, family.values())])
    require(name in family, f"--unknown {name}: not told by the family, which knows {names}")


def impact(
    options: argparse.Namespace, numbers: Sequence[float], polycrystal: bool = False
) -> dict[str, Any]:
    """Shape of the bar with these numbers: footprint.json of its run, with the summary's own.

    Args:
        options: of the command.
        numbers: the unknowns'.
        polycrystal: in place of the law that the options name.
    """
    words, name = list(options.demo), []
    if polycrystal:
        words, name = [*_law_of(words)[1], "--law", "taylor"], ["polycrystal"]
    for unknown, value in zip(options.unknowns, numbers, strict=True):
        text = f"{value:.8g}"
        name.append(text)
        if unknown.name == "rolled":
            words += ["--rolled", text]
            continue
        words += ["--set", f"{unknown.name}={text}"]
        if options.family is not None:
            for other, ratio in options.family[unknown.name].tied.items():
                words += ["--set", f"{other}={ratio * float(text):.12g}"]
    run = run_once(options.out / "_".join(["run", *name]), DEMO, words, ranks=options.ranks)
    return json.loads((run.folder / "footprint.json").read_text()) | {"summary": run.summary}


def report(options: argparse.Namespace, found: Identified, shape: dict[str, Any]) -> dict[str, Any]:
    """What identified.json holds."""
    warnings = [
        f"{u.name} lies at its {bound} bound: look further, or doubt the law"
        for u, bound in zip(options.unknowns, found.at_bound, strict=True)
        if bound
    ]
    outside = _outside(shape["summary"])
    if outside:
        warnings.append(f"the learnt law is outside of its training data there: {outside}")
    for u, x, e in zip(options.unknowns, found.numbers, found.errors, strict=True):
        warnings += _near_the_end((options.family or {}).get(u.name), x, e)
    return {
        "unknowns": {
            u.name: {"value": x, "standard error": e, "bound": bound}
            for u, x, e, bound in zip(
                options.unknowns, found.numbers, found.errors, found.at_bound, strict=True
            )
        },
        "misfit": found.misfit,
        "correlation": found.uncertainty.correlation.tolist(),
        "persistence of the misfit": found.uncertainty.persistence,
        "impacts": found.runs,
        "warnings": warnings,
    }


def _outside(summary: dict[str, Any]) -> str:
    """What a run's summary says of distances from the training data above 1; or ""."""
    trust, problem = summary.get(TRUST, {}), summary.get("Textured anvil", {})
    far = {key: value for key, value in trust.items() if key.startswith(LARGEST_DISTANCE)}
    for title in FROM_FAMILY.values():
        far |= {key: value for key, value in problem.items() if key.startswith(title)}
    return ", ".join(
        f"{key} {value:.3g}" for key, value in far.items() if value and value > 1.0 + 1e-6
    )


def still_moving(
    unknowns: Sequence[Unknown], found: Identified, searches: Sequence[Sequence[float]]
) -> list[str]:
    """Warnings where the last correction moved a number by more than two standard errors."""
    if len(searches) < 2:
        return []
    moved = np.abs(np.subtract(searches[-1], searches[-2])) / found.errors
    return [
        f"the last correction moved {u.name} by {far:.2g} standard errors: --refine "
        f"{len(searches)} tells whether it stays"
        for u, far in zip(unknowns, moved, strict=True)
        if far > 2.0
    ]


def _near_the_end(parameter: Parameter | None, value: float, error: float) -> list[str]:
    """A warning where two standard errors reach beyond a parameter's training range, or none."""
    if parameter is None or not np.isfinite(error):
        return []
    if parameter.low <= value - 2.0 * error and value + 2.0 * error <= parameter.high:
        return []
    return [
        f"{parameter.name} = {value:.4g}, give or take two standard errors of {error:.2g}, may lie "
        f"outside of the training, which has {parameter}"
    ]


def text(result: dict[str, Any]) -> str:
    """For a person."""
    lines = [f"{result['impacts']} impacts, misfit {result['misfit']:.2%} of the half width"]
    for name, one in result["unknowns"].items():
        error = one["standard error"]
        about = f" ± {error:.2g} ({error / one['value']:.1%})" if np.isfinite(error) else ""
        lines.append(f"  {name} = {one['value']:.5g}{about}")
    if result["persistence of the misfit"] > 0.5:
        lines.append(
            "  neighbouring points are off alike: the law's shape differs from the measured one, "
            "and the errors are no more than a hint"
        )
    return "\n".join(lines + [f"  warning: {line}" for line in result["warnings"]])


def draw(path: Path, measured: Profile, shape: dict[str, Any], title: str) -> None:
    """Half width over height, measured and with the numbers found, in two directions."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    angles = np.unique(measured.angles)
    shown = angles if len(angles) < 3 else angles[[0, len(angles) // 2]]
    figure, axis = plt.subplots(figsize=(5.0, 5.5), layout="constrained")
    at, widths = np.asarray(shape["angles [degrees]"]), np.asarray(shape["half widths [mm]"])
    for k, angle in enumerate(shown):
        own = measured.angles == angle
        axis.plot(measured.half_widths[own], measured.heights[own], "o", ms=4, color=f"C{k}",
                  label=f"measured, {angle:g}°")  # fmt: skip
        near = int(np.abs((at - angle + 90.0) % 180.0 - 90.0).argmin())
        axis.plot(widths[:, near], shape["heights [mm]"], color=f"C{k}",
                  label=f"found, {at[near]:g}°")  # fmt: skip
    axis.set(xlabel="half width, mm", ylabel="height above the wall, mm", title=title)
    axis.legend(fontsize=8)
    with replacing(path) as beside:
        figure.savefig(beside, dpi=120)
    plt.close(figure)


def study(options: argparse.Namespace) -> None:
    """Search, and tell."""

    def misfit(numbers: Sequence[float], polycrystal: bool = False) -> np.ndarray:
        return options.measured.misfit(impact(options, numbers, polycrystal))

    # A law's error is nearly the same for numbers that are near each other.
    correction: np.ndarray | float = 0.0
    runs, steps = 0, []
    for left in reversed(range(options.refine + 1)):
        found = identify(
            options.unknowns, lambda x, c=correction: misfit(x) + c, options.difference
        )
        runs += found.runs
        steps.append(found.numbers.tolist())
        if left:
            correction = misfit(found.numbers, polycrystal=True) - misfit(found.numbers)
    shape = impact(options, found.numbers)
    result = report(options, found, shape) | {"impacts": runs, "searches": steps}
    result["warnings"] += still_moving(options.unknowns, found, steps)
    save_json(options.out / "identified.json", result)
    said = text(result)
    draw(options.out / "identified.png", options.measured, shape, said.splitlines()[1].strip())
    print(said)


main = study_command(options_from, study)

if __name__ == "__main__":
    sys.exit(main())
