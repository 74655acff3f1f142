# SPDX-License-Identifier: MIT
"""The price list as a page of Markdown."""

from typing import Any

# The paper's Table 2, seconds: (anvil, plate), or what does not depend on the problem.
JOHNSON_COOK = "Johnson-Cook"
PAPER: dict[str, str] = {
    JOHNSON_COOK: "50 / 262",
    "PCA-Net, the paper's": "435 / 2362",
    "concurrent Taylor": "1.2e8 / 3.9e8 (estimate)",
    "concurrent FFT": "3.2e12 / 7.6e12 (estimate)",
    "off-line data": "5.9e6",
    "training": "6.0e4 (GPU)",
}


def table(results: dict[str, Any]) -> str:
    """Markdown, rows by law.

    Args:
        results: "machine", "ranks" (by number, problem and law, see `costs.time_run`, with "load"
            and "note"), "off-line" and "training", as `demos/studies/cost_table.py` collects them.
    """
    machine, notes = results["machine"], []
    lines = [f"{machine['processor']}, {machine['cores']} core(s).", ""]
    for ranks, problems in results["ranks"].items():
        for problem, found in problems.items():
            base = found[JOHNSON_COOK]
            lines += [
                f"### {problem}, {base['elements']:,} elements, {ranks} rank(s)",
                "",
                "| law | steps | wall s | CPU s | element-steps/s | state B/element | memory MB "
                "| ratio to Johnson-Cook (CPU a step) | load | the paper s |",
                "|---|---|---|---|---|---|---|---|---|---|",
            ]
            for name, r in found.items():
                if r["note"]:
                    notes.append(f"- {problem}, {ranks} rank(s), {name}: {r['note']}")
                per = (r["CPU [s]"] / r["steps"]) / (base["CPU [s]"] / base["steps"])
                lines.append(
                    f"| {name} | {r['steps']} | {r['wall [s]']:.3g} | {r['CPU [s]']:.3g} | "
                    f"{r['element-steps/s']:.2g} | {r['state [B/element]']:.0f} | "
                    f"{r['memory [MB]']:.0f} | {per:.2f} | {r['load']:.1f} | "
                    f"{PAPER.get(name, '')} |"
                )
            cell = results["off-line"]["full-field cell"]
            lines += [
                f"| concurrent FFT (estimate: {cell['grid']:.0f}² two-dimensional cell, "
                f"{cell['CPU [s]']:.3g} s CPU a history, at every point) | {cell['steps']} | | "
                f"{cell['CPU [s]'] * base['elements']:.2g} | | | | | | {PAPER['concurrent FFT']} |",
                "",
            ]
    path = results["off-line"]["Taylor path"]["CPU [s]"]
    lines += [
        "### off-line, CPU seconds of one core",
        "",
        "| what | s | the paper s |",
        "|---|---|---|",
        f"| 30,000 paths to 50%, 128 grains (estimate: {path:.3g} s a path, tolerance 1e-3) | "
        f"{30000 * path:.3g} | {PAPER['off-line data']} |",
        f"| training of the recurrent operator ({results['training']['note']}) | "
        f"{results['training']['seconds']:.3g} | {PAPER['training']} |",
    ]
    if notes:
        lines += ["", "### notes", "", *notes]
    return "\n".join(lines) + "\n"
