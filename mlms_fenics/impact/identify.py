# SPDX-License-Identifier: MIT
"""From the final shape of an anvil's bar to its metal or texture.

    python -m mlms_fenics.impact.identify profile.csv --unknown tensile_twin.tau_0=0.01:0.2 \\
        --out results/identified -- --axis RD --velocity 300 --end-time 3 --mesh-size 0.2

PROFILE is a CSV file of angle_deg,height_mm,half_width_mm (angles from x towards y; heights above
the wall) and, if known, a line length_mm,VALUE. Unknowns are numbers of the metal, as the demo's
--set has them, or `rolled`, the scatter of a rolled texture in degrees. What follows -- are options
of demos/textured_anvil.py (--model FILE for a learnt law). Each impact is run once, in a folder of
its own, so that a search that was stopped goes on. It writes identified.json and identified.png.
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
from mlms_fenics.io.report import LARGEST_DISTANCE, TRUST
from mlms_fenics.stages import study_command

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
    new("--unknown", dest="unknowns", action="append", required=True, metavar="NAME=LOW:HIGH",
        help="a number to find, and where to look; repeatable")  # fmt: skip
    new("--difference", type=float, default=0.05,
        help="relative, of a number for derivatives (default: 0.05)")  # fmt: skip
    new("--ranks", type=int, default=1, help="of MPI, for each impact (default: 1)")
    new("--out", type=Path, default=Path("results/identified"), help="folder for everything")
    options = parser.parse_args(given[:cut])
    options.demo = given[cut + 1 :]
    options.unknowns = [Unknown.parse(text) for text in options.unknowns]
    options.measured = read_profile(options.profile)
    require(options.ranks >= 1, f"--ranks {options.ranks}: must be at least 1")
    check = 1e-3 <= options.difference <= 0.5
    require(check, f"--difference {options.difference}: must lie in [0.001, 0.5]")
    return options


def impact(options: argparse.Namespace, numbers: Sequence[float]) -> dict[str, Any]:
    """Shape of the bar with these numbers: footprint.json of its run, with the summary's own."""
    words, name = list(options.demo), []
    for unknown, value in zip(options.unknowns, numbers, strict=True):
        text = f"{value:.8g}"
        words += ["--rolled", text] if unknown.name == "rolled" else [
            "--set", f"{unknown.name}={text}"
        ]  # fmt: skip
        name.append(text)
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
    """What a run's summary says of a distance from the training data above 1; or ""."""
    trust = summary.get(TRUST, {})
    far = {key: value for key, value in trust.items() if key.startswith(LARGEST_DISTANCE)}
    return ", ".join(f"{key} {value:.3g}" for key, value in far.items() if value and value > 1.0)


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
    found = identify(
        options.unknowns,
        lambda numbers: options.measured.misfit(impact(options, numbers)),
        options.difference,
    )
    shape = impact(options, found.numbers)
    result = report(options, found, shape)
    save_json(options.out / "identified.json", result)
    said = text(result)
    draw(options.out / "identified.png", options.measured, shape, said.splitlines()[1].strip())
    print(said)


main = study_command(options_from, study)

if __name__ == "__main__":
    sys.exit(main())
