# SPDX-License-Identifier: MIT
"""An evaluation in words: the summary on the terminal and the page beside the figures."""

from typing import Any

from mlms_fenics.judge.baselines import ZERO

BASELINES = (ZERO, "J2, fitted", "Johnson-Cook, fitted")
TARGET = 0.8  # rank correlation that the measure of trust must reach


def error_table(results: list[dict[str, Any]]) -> str:
    """Markdown table, readable as it is: a row for each data set."""
    head = (
        "data set", "paths", "dev. mean", "median", "p90", "max", "total", "pressure",
        "vM MPa", "p90", "max", "end dev.", "end vM", "off-line", "zero dev.", "J2", "J-C",
        "outside", "learnt",
    )  # fmt: skip
    rows = []
    for result in results:
        e = result["errors"]
        own = e["law"]
        deviatoric, mises = own["deviatoric"], own["von_mises_mpa"]
        offline = e.get("law, given the future")
        star = "*" if result["other_paths_trained_on"] else ""
        rows.append(
            [
                f"{result['file']} ({_kind(result)}{star})",
                str(result["paths"]),
                *(_percent(deviatoric[s]) for s in ("mean", "median", "p90", "max")),
                _percent(own["total"]["mean"]),
                _percent(own["pressure"]["mean"]),
                *(f"{mises[s]:.1f}" for s in ("mean", "p90", "max")),
                _percent(own["end_deviatoric"]["mean"]),
                f"{own['end_von_mises_mpa']['mean']:.1f}",
                "-" if offline is None else _percent(offline["deviatoric"]["mean"]),
                *(_percent(e[name]["deviatoric"]["mean"]) for name in BASELINES),
                f"{result['distance']['outside']:.0%}",
                "yes" if result["learnt"] else "NO",
            ]
        )
    return _table(head, rows)


def _kind(result: dict[str, Any]) -> str:
    strain = result["sampler"].get("max_strain")
    return result["protocol"] + ("" if strain is None else f" {strain:.0%}")


def cost_table(cost: dict[str, dict[str, float]]) -> str:
    """Markdown table of measured cost and error, cheapest first."""
    law = cost["law"]["us_per_point_and_step"]
    rows = [
        [
            name,
            f"{c['us_per_point_and_step']:.3g}",
            f"{c['points_per_second']:.3g}",
            f"{c['us_per_point_and_step'] / law:.3g}",
            _percent(c["deviatoric"]),
            _percent(c["total"]),
        ]
        for name, c in sorted(cost.items(), key=lambda item: item[1]["us_per_point_and_step"])
    ]
    head = ("", "µs a point and step", "points/s", "over the law", "dev. error", "total error")
    return _table(head, rows)


def statements(report: dict[str, Any]) -> list[str]:
    """A sentence for each check, numbers included."""
    checks, trust = report["checks"], report["trust"]
    lines = []
    for form, c in checks.get("causality", {}).items():
        lines.append(
            f"Causality, {form}: a changed future changes the stress before by at most "
            f"{c['largest_mpa']:.3g} MPa, {c['largest']:.2%} of the path's largest deviator "
            f"(mean of the paths' largest: {c['mean']:.2%})."
        )
    iso = checks["isotropy"]
    parts = [
        f"{name}: deviator {iso[name]['deviatoric']['mean']:.2%}, "
        f"total {iso[name]['total']['mean']:.2%}"
        for name in ("law", "polycrystal")
        if name in iso
    ]
    if "polycrystal" in iso:
        error = iso["law's error on the turned paths"]["deviatoric"]["mean"]
        parts.append(f"the law's deviatoric error on the turned paths {error:.2%}")
    lines.append(
        f"Isotropy, mean difference under {iso['rotations']} rotations: {'; '.join(parts)}."
    )
    parts = [f"{k} {v:.2%}" for k, v in checks["self_consistency"].items()]
    lines.append(f"Self-consistency, deviator changed by other steps: {', '.join(parts)}.")
    grid = checks["discretisation"]
    for form in ("cell", "on-line", "off-line"):
        if form in grid:
            errors = grid[form]["deviatoric"]
            parts = [f"{n}: {e:.2%}" for n, e in zip(grid["steps"], errors, strict=True)]
            name = "the cell itself, on those inputs" if form == "cell" else form
            line = f"Deviatoric error by number of steps, {name}: {', '.join(parts)}"
            if "worst_over_own" in grid[form]:
                errors = ", ".join(_percent(e) for e in grid[form]["on_the_same_input"])
                against = "against the cell on those inputs " if "cell" in grid else ""
                line += (
                    f"; {against}{errors}, the worst {grid[form]['worst_over_own']:.2f} times that "
                    "on the data's steps"
                )
            lines.append(f"{line}.")
    if "pca" in grid:
        pca = grid["pca"]
        lines.append(
            f"Output basis alone, {pca['modes'][-1]} modes: deviatoric "
            f"{pca['deviatoric'][-1]:.2%}, total {pca['total'][-1]:.2%}."
        )
    c = checks["closed_cycles"]
    lines.append(
        f"Energy: negative work in {c['violations']} of {c['cycles']} closed cycles (worst "
        f"{c['largest_violation']:.2%} of the mean work), at any time of {c['at_any_time']} of "
        f"them (worst {c['largest_at_any_time']:.2%})."
    )
    for name, key in (("", "tangent"), (" of the cell itself", "tangent_of_the_cell")):
        for step, t in checks.get(key, {}).items():
            if isinstance(t, dict):
                lines.append(
                    f"Stiffness{name} over the elastic one ({step}): whole, largest "
                    f"{t['total']['largest']:.3g}; deviator, largest "
                    f"{t['deviatoric']['largest']:.3g}, 99th percentile "
                    f"{t['deviatoric']['p99']:.3g}, smallest {t['deviatoric']['smallest']:.3g}."
                )
    lines.append(_beyond(checks["beyond_the_horizon"]))
    ranks = [trust[m]["spearman"] for m in ("deviatoric", "von_mises_mpa")]
    shown = [_optional(r) for r in ranks]
    if not 0.0 < trust["outside"] < 1.0:
        wanted = f"{TARGET} is wanted of data that lie partly outside: give some"
    else:
        reached = "reached" if min(r or 0.0 for r in ranks) >= TARGET else "missed"
        wanted = f"at least {TARGET} is wanted: {reached}"
    lines.append(
        f"Trust: rank correlation of the distance with the deviatoric error {shown[0]}, with the "
        f"von Mises error {shown[1]} ({wanted}); {trust['outside']:.0%} "
        f"of {trust['paths']} paths outside; median deviatoric error inside "
        f"{_optional(trust['deviatoric']['median_inside'], '.2%')}, outside "
        f"{_optional(trust['deviatoric']['median_outside'], '.2%')}."
    )
    return lines


def _beyond(result: dict[str, Any]) -> str:
    if "refused" in result:
        return f"Beyond the horizon: refused ({result['refused']})."
    text = (
        "Beyond the horizon (twice as long): "
        + ("bounded" if result["bounded"] else "NOT BOUNDED")
        + f", largest deviator {result['growth']:.3g} times that of the first half"
    )
    if "second" in result:
        text += f"; deviatoric error {result['first']:.2%}, then {result['second']:.2%}"
    return f"{text}; {result['outside_training_range']:.0%} of the paths leave the training range."


def verdict(report: dict[str, Any]) -> str:
    """Whether the law deserves the name."""
    bad = [r["file"] for r in report["results"] if not r["learnt"]]
    if not bad:
        return "Learnt: its deviatoric error is below every baseline's on every data set."
    return f"NOT LEARNT on {', '.join(bad)}: a fitted empirical law (or none) does better there."


def fitted(report: dict[str, Any]) -> str:
    """The baselines' parameters."""
    parts = [
        f"{name}: {', '.join(f'{k} = {v:.4g}' for k, v in p.items())}"
        for name, p in report["baselines"].items()
        if p
    ]
    source = report["baselines_fitted_to"]
    return (
        f"{'; '.join(parts)} (GPa, 1/µs; fitted to {source['paths']} paths of "
        f"{', '.join(source['files'])}"
        + (", judged ones among them" if source["among_the_judged"] else "")
        + "; all baselines have the exact pressure)."
    )


def page(report: dict[str, Any], figures: list[str]) -> str:
    """The report as Markdown."""
    parts = [f"# Evaluation of {report['model']}", describe(report), verdict(report)]
    parts += [
        "## Errors",
        "Relative L2 errors in time of each path against the unit cell, means over paths where not "
        "said otherwise; `dev.`: deviator; `vM`: von Mises stress; `off-line`: deviator, given the "
        "future; the three last errors are the baselines' deviatoric ones; `outside`: paths that "
        "leave the training range; `*`: the law was trained on other paths of this data set.",
        error_table(report["results"]),
        fitted(report),
        f"## Checks, on paths of {report['checks']['file']}",
        "\n".join(f"- {line}" for line in statements(report)),
        "## Cost and error",
        "CPU time of one update of 3200 points, one thread, all in one run; errors of 50 paths.",
        cost_table(report["cost"]),
        *(f"![figures]({name})" for name in figures),
    ]
    if report["missing_protocols"]:
        lines = [f"- {k}: `{v}`" if v else f"- {k}" for k, v in report["missing_protocols"].items()]
        parts += ["## Protocols that are missing", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def describe(report: dict[str, Any]) -> str:
    """What was judged."""
    return (
        f"{report['architecture']}, {report['parameters']} parameters, trained for histories of "
        f"{report['horizon']:g} µs."
    )


def terminal(report: dict[str, Any]) -> str:
    """The summary on stdout."""
    parts = [
        f"{report['model']}: {describe(report)} {verdict(report)}",
        error_table(report["results"]),
        fitted(report),
        "\n".join(statements(report)),
        cost_table(report["cost"]),
    ]
    missing = report["missing_protocols"]
    if any(missing.values()):
        parts.append("Missing protocols; these commands make them:\n" + "\n".join(missing.values()))
    elif missing:
        parts.append(f"Missing protocols: {', '.join(missing)}.")
    return "\n\n".join(parts)


def _table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    width = [max(len(r[k]) for r in (head, *rows)) for k in range(len(head))]

    def line(cells: tuple[str, ...] | list[str]) -> str:
        first, *others = zip(cells, width, strict=True)
        return (
            "| ".join(["", first[0].ljust(first[1]) + " ", *(c.rjust(w) + " " for c, w in others)])
            + "|"
        )

    rule = (
        "|" + "|".join("-" * (w + 1) + ("-" if k == 0 else ":") for k, w in enumerate(width)) + "|"
    )
    return "\n".join([line(head).strip(), rule, *(line(row).strip() for row in rows)])


def _percent(value: float) -> str:
    return f"{100 * value:.2f}%" if value < 0.1 else f"{100 * value:.1f}%"


def _optional(value: float | None, form: str = ".2f") -> str:
    return "-" if value is None else format(value, form)
