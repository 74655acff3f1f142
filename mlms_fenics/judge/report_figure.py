# SPDX-License-Identifier: MIT
"""The page of figures of an evaluation (matplotlib, without a display)."""

from pathlib import Path
from typing import Any

import numpy as np

from mlms_fenics.files import replacing
from mlms_fenics.judge.report_page import BASELINES
from mlms_fenics.kinematics.tensors import deviator, from_components, to_components
from mlms_fenics.surrogate.figures import draw_deviators

_SHORT = dict(zip(BASELINES, ("zero", "J2", "J-C"), strict=True))


def draw(report: dict[str, Any], pictures: dict[str, Any], path: Path) -> None:
    """Twelve panels of what `judgement.judge` returned; PNG or PDF by the ending of `path`."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(3, 4, figsize=(20, 13), layout="constrained")
    panels = iter(axes.flat)
    _errors(next(panels), report["results"])
    _distribution(next(panels), report["results"])
    _cost(next(panels), report["cost"], Path(report["model"]).stem)
    _trust(next(panels), report, pictures)
    _paths(next(panels), next(panels), report, pictures["histories"])
    causality = (next(panels), next(panels))
    if "causality" in pictures:
        _causality(*causality, report, pictures["causality"])
    _isotropy(next(panels), report["checks"]["isotropy"], pictures["isotropy"])
    _steps(next(panels), report["checks"])
    _energy(next(panels), report["checks"]["closed_cycles"], pictures["cycles"])
    _tangent(next(panels), pictures["tangent"])
    name = Path(report["model"]).name
    figure.suptitle(f"{name}: {report['architecture']}, {report['parameters']} parameters")
    with replacing(path) as beside:
        figure.savefig(beside, dpi=110)
    plt.close(figure)


def _errors(axis: Any, results: list[dict[str, Any]]) -> None:
    """Mean deviatoric error of law and baselines for each data set, with the law's 90 percent."""
    rows = np.arange(len(results))
    for name, label, marker in (
        ("law", "law, mean to p90", "o"),
        ("law, given the future", "law, given the future", "d"),
        *((name, short, "|") for name, short in _SHORT.items()),
    ):
        found = [
            (k, r["errors"][name]["deviatoric"])
            for k, r in enumerate(results)
            if name in r["errors"]
        ]
        if found:
            style = {"ms": 14, "mew": 2} if marker == "|" else {"ms": 6}
            axis.plot(
                [e["mean"] for _, e in found], [k for k, _ in found], marker, label=label, **style
            )
    for k, result in enumerate(results):
        e = result["errors"]["law"]["deviatoric"]
        axis.plot([e["mean"], e["p90"]], [k, k], color="C0", lw=1.0)
    axis.set_yticks(rows, [r["file"].removesuffix(".h5") for r in results])
    axis.invert_yaxis()
    axis.set(xscale="log", xlabel="relative deviatoric error")
    # Above the panel: inside it would hide marks.
    axis.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5)
    axis.grid(axis="x", which="both", alpha=0.3)


def _distribution(axis: Any, results: list[dict[str, Any]]) -> None:
    for k, result in enumerate(results):
        error = np.sort(result["per_path"]["deviatoric"])
        share = (np.arange(len(error)) + 0.5) / len(error)
        style = ("-", "--", ":")[k // 10 % 3]
        axis.plot(error, share, style, label=result["file"].removesuffix(".h5"))
    axis.set(
        xscale="log",
        xlabel="relative deviatoric error",
        ylabel="share of the paths",
        title="distribution over paths",
    )
    axis.legend(fontsize=7)


def _cost(axis: Any, cost: dict[str, dict[str, float]], model: str) -> None:
    for name, c in cost.items():
        marker = (
            "*" if name == "law" else "s" if "grains" in name else "x" if "fitted" in name else "o"
        )
        x, y = c["us_per_point_and_step"], c["deviatoric"]
        axis.plot(x, y, marker, ms=12 if marker == "*" else 6)
        right = x == max(c["us_per_point_and_step"] for c in cost.values())
        offset, side = ((-7, 5), "right") if right else ((6, 4), "left")
        label = model if name == "law" else name
        axis.annotate(label, (x, y), offset, textcoords="offset points", fontsize=8, ha=side)
    axis.set(
        xscale="log",
        yscale="log",
        xlabel="µs of CPU per point and step (3200 points, one thread)",
        ylabel="relative deviatoric error",
        title="what decides: error against cost",
    )
    axis.margins(0.25, 0.15)
    axis.grid(which="both", alpha=0.3)


def _trust(axis: Any, report: dict[str, Any], pictures: dict[str, Any]) -> None:
    for result, distance, error in zip(
        report["results"], pictures["distances"], pictures["errors"], strict=True
    ):
        axis.plot(
            distance, error["deviatoric"], ".", ms=3, label=result["file"].removesuffix(".h5")
        )
    rank = report["trust"]["deviatoric"]["spearman"]
    shown = "" if rank is None else f", rank correlation {rank:.2f}"
    axis.axvline(1.0, color="0.4", lw=0.8)
    axis.set(
        xscale="log",
        yscale="log",
        xlabel="distance from the training data (1: its edge)",
        ylabel="relative deviatoric error",
        title=f"trust{shown}",
    )
    axis.legend(fontsize=7, markerscale=3)


def _paths(
    first: Any, second: Any, report: dict[str, Any], histories: list[dict[str, Any]]
) -> None:
    """The held-out paths with the median and the 90th percentile of the error."""
    name = report["checks"]["file"]
    history = next(h for h in histories if h["data"].file == name)
    data, stress = history["data"], history["stress"]
    result = next(r for r in report["results"] if r["file"] == name)
    order = np.argsort(result["per_path"]["deviatoric"])
    for axis, share in ((first, 0.5), (second, 0.9)):
        k = order[min(int(share * len(order)), len(order) - 1)]
        draw_deviators(axis, data.time, data.sigma[k], stress[k])
        error = result["per_path"]["deviatoric"][k]
        axis.set_title(f"{name}, held out, {share:.0%} quantile: {error:.1%} (dashed: law)")


def _causality(strain: Any, stress: Any, report: dict[str, Any], drawn: dict[str, Any]) -> None:
    time, U = drawn["time"], drawn["U"]
    shear = U.shape[-1] // 2 if U.shape[-1] == 6 else 2
    forms = [("cell", "-", 2.5, 0.35), ("off-line", ":", 1.2, 1.0), ("on-line", "--", 1.2, 1.0)]
    for k in range(len(U)):
        strain.plot(time, U[k, :, shear], color=f"C{k}")
        for form, style, width, alpha in forms:
            if form in drawn:
                curve = 1e3 * drawn[form][k, :, shear]
                label = form if k == 0 else None
                stress.plot(time, curve, style, color=f"C{k}", lw=width, alpha=alpha, label=label)
    parts = [
        f"{form} {c['largest_mpa']:.3g} MPa" for form, c in report["checks"]["causality"].items()
    ]
    strain.set(xlabel="time, µs", ylabel="U12", title="causality: five futures of one past")
    stress.set(
        xlabel="time, µs", ylabel="stress 12, MPa", title=f"change of the past: {', '.join(parts)}"
    )
    stress.title.set_fontsize(10)
    stress.legend(fontsize=7)


def _isotropy(axis: Any, numbers: dict[str, Any], drawn: dict[str, Any]) -> None:
    for name, style, width, alpha in (("polycrystal", "-", 2.5, 0.35), ("law", "--", 1.2, 1.0)):
        if name in drawn:
            for k, values in enumerate(drawn[name]):
                curves = 1e3 * to_components(deviator(from_components(values)))
                label = name if k == 0 else None
                for c in (0, len(curves.T) // 2):
                    axis.plot(
                        drawn["time"],
                        curves[:, c],
                        style,
                        color=f"C{k}",
                        lw=width,
                        alpha=alpha,
                        label=label,
                    )
                    label = None
    parts = [
        f"{name} {numbers[name]['deviatoric']['mean']:.1%}"
        for name in ("law", "polycrystal")
        if name in numbers
    ]
    axis.set(
        xlabel="time, µs",
        ylabel="deviatoric stress 11 and 12, turned back, MPa",
        title=f"isotropy: {', '.join(parts)}",
    )
    axis.legend(fontsize=7)


def _steps(axis: Any, checks: dict[str, Any]) -> None:
    grid = checks["discretisation"]
    for form in ("on-line", "off-line"):
        if form in grid:
            axis.plot(grid["steps"], grid[form]["deviatoric"], "o-", label=f"{form}, deviator")
            axis.plot(grid["steps"], grid[form]["total"], "s--", label=f"{form}, total")
            if "cell" in grid:
                same, label = grid[form]["on_the_same_input"], f"{form}, against the cell there"
                axis.plot(grid["steps"], same, ".:", label=label)
    if "cell" in grid:
        label = "the cell on those inputs, deviator"
        axis.plot(grid["steps"], grid["cell"]["deviatoric"], "-", color="0.6", label=label)
    if "pca" in grid:
        pca = grid["pca"]
        axis.plot(
            pca["modes"], pca["deviatoric"], "k.-", lw=0.8, label="basis alone, by number of modes"
        )
    parts = [f"{k} {v:.1%}" for k, v in checks["self_consistency"].items()]
    axis.set(
        xscale="log",
        yscale="log",
        xlabel="steps of the same input" + (" (dots: number of modes)" if "pca" in grid else ""),
        ylabel="relative error",
        title=f"other steps change the deviator: {', '.join(parts)}",
    )
    axis.title.set_fontsize(9)
    axis.legend(fontsize=7)
    axis.grid(which="both", alpha=0.3)


def _energy(axis: Any, numbers: dict[str, Any], drawn: dict[str, Any]) -> None:
    axis.plot(1e3 * drawn["work"], label="over the whole cycle, sorted")
    axis.plot(np.sort(1e3 * drawn["lowest"]), label="lowest at any time, sorted")
    axis.axhline(0.0, color="0.4", lw=0.8)
    axis.set(
        xlabel="closed strain cycle",
        ylabel="work, mJ/mm³",
        title=f"energy: {numbers['violations']} of {numbers['cycles']} cycles violate",
    )
    axis.legend(fontsize=7)


def _tangent(axis: Any, drawn: dict[str, Any]) -> None:
    for color, key in enumerate(k for k in drawn if k != "time"):
        high, low = drawn[key]
        name = "the data's step" if key == 1 else f"1/{key} of it"
        axis.plot(drawn["time"], high, "-", color=f"C{color}", label=f"largest, {name}")
        axis.plot(drawn["time"], low, "--", color=f"C{color}", label=f"smallest, {name}")
    axis.axhline(1.0, color="0.4", lw=0.8)
    axis.axhline(0.0, color="0.4", lw=0.8)
    axis.set(
        xlabel="time, µs", ylabel="eigenvalue over 2G", title="deviatoric stiffness along paths"
    )
    axis.legend(fontsize=7)
