# SPDX-License-Identifier: MIT
"""How well a bar's final shape tells a number of its metal, or its sharpness, through a family.

    python demos/studies/twin_identification.py results/parameter_family/family.h5

Twin experiments: a bar with a hidden number is simulated with the polycrystal at every point, 1%
noise is put on each half width and on the length, and `mlms_fenics.impact.identify` looks for the
number through the family of laws, once for each seed of the noise; then with one polycrystal's
impact at the answer that corrects the family's shape (--refine). Beside it the same with the hidden
bar simulated by the family's own law, which tells what is the noise's and what the law's.
It writes results.json and table.md. Impacts are run once; a study that was stopped goes on.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.impact.batch import run_once, save_json
from mlms_fenics.impact.identify import DEMO
from mlms_fenics.impact.identify import main as identify
from mlms_fenics.stages import study_command

RATES = [f"{name}.rate" for name in ("basal", "prismatic", "pyramidal", "tensile_twin")]
# What is looked for, its hidden value, how the demo is told it, and --unknown.
HIDDEN: dict[str, tuple[float, list[str], str]] = {
    "prismatic.saturation, GPa": (0.22, ["prismatic.saturation"], "prismatic.saturation"),
    "scatter, degrees": (22.0, [], "rolled=10:40"),
    "rate, 1/µs": (0.16, RATES, "basal.rate"),
    "basal.tau_0, GPa": (0.065, ["basal.tau_0"], "basal.tau_0"),
}
# Rows of the table: what simulates the hidden bar, and impacts of the polycrystal that correct.
ROWS = (
    ("polycrystal", "polycrystal", 0),
    ("polycrystal, corrected", "polycrystal", 1),
    ("family", "family", 0),
)
SCATTER = "20"  # degrees, where that is not what is looked for


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("model", type=Path, help="family of magnesium, of demos/studies/parameter_family.py")
    new("--velocity", type=float, default=300.0, help="of the bars, m/s (default: 300)")
    new("--end-time", type=float, default=1.0, help="µs (default: 1)")
    new("--mesh-size", type=float, default=0.15, help="mm (default: 0.15)")
    new("--grains", type=int, default=64, help="of the hidden bar's polycrystal (default: 64)")
    new("--searched", type=int, default=24, help="of those that correct (default: 24)")
    new("--noise", type=float, default=0.01, help="relative (default: 0.01)")
    new("--seeds", type=int, default=3, help="of the noise, 0, 1, ... (default: 3)")
    new("--only", nargs="+", choices=tuple(HIDDEN), default=list(HIDDEN), help="default: all")
    new("--out", type=Path, default=Path("results/twin_identification"), help="folder")
    options = parser.parse_args(argv)
    require(options.model.is_file(), f"model {options.model}: no such file")
    require(options.seeds >= 1, f"--seeds {options.seeds}: must be at least 1")
    return options


def demo_words(options: argparse.Namespace, case: str) -> list[str]:
    """What hidden bar and search share."""
    words = ["--metal", "magnesium", "--axis", "RD", "--velocity", f"{options.velocity:g}"]
    words += ["--end-time", f"{options.end_time:g}", "--mesh-size", f"{options.mesh_size:g}"]
    return words if case.startswith("scatter") else [*words, "--rolled", SCATTER]


def hidden_shape(options: argparse.Namespace, case: str, law: str) -> dict[str, Any]:
    """footprint.json of the bar with the hidden number."""
    value, names, _ = HIDDEN[case]
    words = demo_words(options, case)
    words += [w for name in names for w in ("--set", f"{name}={value:g}")]
    words += [] if names else ["--rolled", f"{value:g}"]
    if law == "family":
        words += ["--law", "learnt", "--model", str(options.model)]
    else:
        words += ["--law", "taylor", "--grains", str(options.grains)]
    folder = options.out / f"{case.split(',')[0]}_{law}"
    return json.loads((run_once(folder, DEMO, words).folder / "footprint.json").read_text())


def write_profile(path: Path, shape: dict[str, Any], noise: float, seed: int) -> None:
    """The shape as measured: every half width and the length off by normal noise."""
    rng = np.random.default_rng([seed, 43])
    lines = ["angle_deg,height_mm,half_width_mm"]
    for height, row in zip(shape["heights [mm]"], shape["half widths [mm]"], strict=True):
        for angle, width in zip(shape["angles [degrees]"], row, strict=True):
            lines.append(f"{angle:g},{height:.6g},{width * (1.0 + noise * rng.normal()):.6g}")
    lines.append(f"length_mm,{shape['length [mm]'] * (1.0 + noise * rng.normal()):.6g}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def search(
    options: argparse.Namespace, case: str, law: str, seed: int, refine: int
) -> dict[str, Any]:
    """What a search finds."""
    value, _, unknown = HIDDEN[case]
    # All seeds share the impacts that they have in common.
    folder = options.out / f"{case.split(',')[0]}_{law}_search"
    folder.mkdir(parents=True, exist_ok=True)
    shape, profile = hidden_shape(options, case, law), folder / f"profile_{seed}.csv"
    write_profile(profile, shape, options.noise, seed)
    begin = time.perf_counter()
    status = identify([
        str(profile), "--unknown", unknown, "--out", str(folder), "--refine", str(refine), "--",
        *demo_words(options, case), "--grains", str(options.searched), "--law", "learnt",
        "--model", str(options.model),
    ])  # fmt: skip
    require(status == 0, f"the search for {case} failed")
    result = json.loads((folder / "identified.json").read_text())
    found = next(iter(result["unknowns"].values()))
    return {
        "true": value,
        "found": found["value"],
        "off": found["value"] / value - 1.0,
        "standard error": found["standard error"] / value,
        "impacts": result["impacts"],
        "seconds": time.perf_counter() - begin,
        "points": len(shape["heights [mm]"]) * len(shape["angles [degrees]"]),
        "warnings": result["warnings"],
    }


def table(results: dict[str, dict[str, list[dict[str, Any]]]]) -> str:
    """Markdown."""
    lines = [
        "| unknown | true | hidden bar by | off, each seed | mean | standard error | impacts | s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case, laws in results.items():
        for law, found in laws.items():
            offs = [one["off"] for one in found]
            about = [np.mean([one[k] for one in found]) for k in ("standard error", "impacts")]
            lines.append(
                f"| {case} | {found[0]['true']:g} | {law} | {', '.join(f'{x:+.1%}' for x in offs)} "
                f"| {np.mean(offs):+.1%} | {about[0]:.1%} | {about[1]:.0f} "
                f"| {np.mean([one['seconds'] for one in found]):.0f} |"
            )
    return "\n".join(lines) + "\n"


def study(options: argparse.Namespace) -> None:
    """All cases."""
    results: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for case in options.only:
        results[case] = {}
        for name, law, refine in ROWS:
            found = [search(options, case, law, seed, refine) for seed in range(options.seeds)]
            results[case][name] = found
            save_json(options.out / "results.json", results)
            with replacing(options.out / "table.md") as beside:
                beside.write_text(table(results), encoding="utf-8")
    print(table(results))


main = study_command(options_from, study)

if __name__ == "__main__":
    sys.exit(main())
