# SPDX-License-Identifier: MIT
"""Laws of a textured bar beside the polycrystal at every point: the foot's ellipse, as tables."""

import json
from typing import Any

from mlms_fenics.impact.batch import Run
from mlms_fenics.impact.compare import compare_runs


def judge_textured(runs: dict[str, Run]) -> dict[str, Any]:
    """Foot, length and fields of each law beside the truth's.

    Args:
        runs: of `demos/textured_anvil.py` by law, that of "truth" among them.

    Returns:
        By law: growth of the foot's ellipse along x and y and the bar's length (mm), what part of
        the truth's growth it is off by, the aspect ratio, the cost, and but for the truth the
        relative L2 differences over the body at the end.
    """
    feet = {
        name: json.loads((run.folder / "footprint.json").read_text()) for name, run in runs.items()
    }
    truth, results = feet["truth"], {}
    end = runs["truth"].summary["Run"]["simulated time [us]"]
    for name, foot in feet.items():
        radius = foot["radius at rest [mm]"]
        growth = {k: v - radius for k, v in foot["ellipse of the foot [mm]"].items()}
        exact = {k: v - radius for k, v in truth["ellipse of the foot [mm]"].items()}
        x, y = growth["x"], growth["y"]
        results[name] = {
            "growth [mm]": growth,
            "growth off by": {k: growth[k] / exact[k] - 1.0 for k in growth},
            "aspect": (radius + x) / (radius + y),
            "length [mm]": foot["length [mm]"],
            "cost": runs[name].cost,
        }
        if name != "truth":
            found = compare_runs(
                runs[name].folder, runs["truth"].folder, [end],
                flight=-1e-3 * runs["truth"].summary["Textured anvil"]["velocity [m/s]"],
            )  # fmt: skip
            results[name]["relative L2"] = {k: e[-1] for k, e in found.errors.items()}
    return results


def strength_table(results: dict[str, Any], strain: float) -> str:
    """Strengths under tension and compression to a strain, as a table in Markdown.

    Args:
        results: by law, MPa by "tension along x", "compression along x", ...
        strain: to which they were loaded.
    """
    lines = [
        f"| law | tension to {100 * strain:g}% along x, y, z, MPa | compression | the latter over "
        "the former, per cent |",
        "|---|---|---|---|",
    ]
    for name, r in results.items():
        pull = [r[f"tension along {k}"] for k in "xyz"]
        push = [-r[f"compression along {k}"] for k in "xyz"]
        over = ", ".join(f"{100 * b / a:.0f}" for a, b in zip(pull, push, strict=True))
        shown = [", ".join(f"{v:.0f}" for v in part) for part in (pull, push)]
        lines.append(f"| {name} | {shown[0]} | {shown[1]} | {over} |")
    return "\n".join(lines) + "\n"


def growth_table(results: dict[str, Any]) -> str:
    """The results of `judge_textured` as a table in Markdown."""
    lines = [
        "| law | foot grows along x, y, mm | off by | x over y | length, mm | motion, σ_M, e_d off "
        "by | CPU of the run, s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, r in results.items():
        g, off = r["growth [mm]"], r["growth off by"]
        shown = "" if name == "truth" else f"{100 * off['x']:+.1f}%, {100 * off['y']:+.1f}%"
        fields = r.get("relative L2")
        far = (
            ", ".join(f"{100 * fields[k]:.1f}%" for k in ("motion", "sigma_M", "e_d"))
            if fields
            else ""
        )
        lines.append(
            f"| {name} | {g['x']:.4f}, {g['y']:.4f} | {shown} | {r['aspect']:.4f} | "
            f"{r['length [mm]']:.4f} | {far} | {r['cost']['CPU [s]']:.3g} |"
        )
    return "\n".join(lines) + "\n"
