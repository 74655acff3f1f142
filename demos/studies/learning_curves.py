# SPDX-License-Identifier: MIT
"""What limits the recurrent operator: data, size or training. Errors against all three, drawn.

Every point is a training with the same number of optimiser steps, judged on test paths and on some
of its own training paths: where both errors are equal more data cannot help, where the training
error is far below the test error they would. The picture also has the error along the path, of the
training with the most paths.

    python demos/studies/learning_curves.py s10.h5 s50.h5+s50b.h5 --paths 200 800 3200 16000

Each argument is a curve; files joined by + are one. Points that are there already are not computed
again.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ablation import train

from mlms_fenics.errors import require
from mlms_fenics.files import replacing
from mlms_fenics.stages import study_command
from mlms_fenics.surrogate.evaluate import predict
from mlms_fenics.surrogate.fitting.data import TrainingData, load_data
from mlms_fenics.surrogate.metrics import path_errors

BATCH = 32
PARTS = 10  # of a path, for the error along it


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("data", nargs="+", metavar="FILE[+FILE]", help="data sets of random walks")
    new("--paths", type=int, nargs="+", default=[200, 800, 3200], help="training paths")
    new("--width", type=int, default=144, help="of the hidden layers (default: 144)")
    new("--internal", type=int, default=20, help="internal variables (default: 20)")
    new("--widths", type=int, nargs="*", default=[], help="also these, with the most paths")
    new("--internals", type=int, nargs="*", default=[], help="also these, with the most paths")
    new("--steps", type=int, default=4000, help="optimiser steps of each (default: 4000)")
    new("--more-steps", type=int, nargs="*", default=[], help="also these, with the most paths")
    new("--seed", type=int, default=0, help="of the training (default: 0)")
    new("--test", type=int, default=100, help="paths to judge on (default: 100)")
    new("--out", type=Path, default=Path("results/learning_curves"), help="folder")
    options = parser.parse_args(argv)
    for name in ("paths", "widths", "internals", "more_steps"):
        values = getattr(options, name)
        least = 10 if name == "paths" else 1
        text = f"--{name.replace('_', '-')} {values}: each must be at least {least}"
        require(min(values, default=least) >= least, text)
    for name in ("width", "internal", "steps", "test"):
        value = getattr(options, name)
        require(value >= 1, f"--{name} {value}: must be at least 1")
    return options


def points(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Sizes to train with."""
    base = {"width": options.width, "internal": options.internal, "steps": options.steps}
    most = {**base, "paths": max(options.paths)}
    found = [{**base, "paths": n} for n in sorted(options.paths)]
    found += [{**most, "width": w} for w in options.widths]
    found += [{**most, "internal": k} for k in options.internals]
    found += [{**most, "steps": s} for s in options.more_steps]
    return [p for n, p in enumerate(found) if p not in found[:n]]


def judged(law: Any, data: TrainingData, rows: np.ndarray) -> tuple[float, list[float]]:
    """Mean deviatoric error of some paths, and that of each part of them."""
    U, truth = data.U[rows].astype(float), data.sigma[rows].astype(float)
    sigma = predict(law, U, data.horizon)[0]
    error = path_errors(sigma, truth, data.time)["deviatoric"]
    trace = np.zeros(truth.shape[-1])
    trace[: data.dimension] = 1.0

    def deviator(s: np.ndarray) -> np.ndarray:
        pressure = s[..., : data.dimension].mean(-1, keepdims=True)
        weights = np.where(trace > 0, 1.0, 2.0)  # shear components count twice in the norm
        return ((s - pressure * trace) ** 2 * weights).sum(-1)

    off, size = deviator(sigma - truth)[:, 1:], deviator(truth)[:, 1:]
    pieces = np.array_split(np.arange(off.shape[1]), PARTS)
    return float(error.mean()), [float(np.sqrt(off[:, p].sum() / size[:, p].sum())) for p in pieces]


def measured(data: TrainingData, point: dict[str, Any], options: argparse.Namespace) -> Any:
    """Train with one choice of sizes."""
    begin = time.process_time()
    batches = math.ceil(len(data.train) / BATCH)
    settings = argparse.Namespace(seed=options.seed, epochs=math.ceil(point["steps"] / batches))
    law = train(data, {"width": point["width"], "internal": point["internal"]}, settings)
    test, along = judged(law, data, data.test_rows(0)[: options.test])
    return {
        **point,
        "paths": len(data.train),
        "parameters": sum(p.numel() for p in law.network.parameters()),
        "test": test,
        "train": judged(law, data, data.train[: options.test])[0],
        "along": along,
        "cpu_s": time.process_time() - begin,
    }


def curve(files: str, options: argparse.Namespace, results: dict[str, Any], record: Path) -> str:
    """All points of one curve, and what it is called."""
    name = Path(files.split("+")[0]).stem
    for point in points(options):
        key = json.dumps([files, point, options.seed, options.test])
        if key in results:
            continue
        results[key] = measured(load_data(files.split("+"), point["paths"]), point, options)
        results[key]["curve"] = name
        with replacing(record) as beside:
            beside.write_text(json.dumps(results, indent=1))
    return name


def table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [
        f"{'curve':16}{'paths':>7}{'steps':>7}{'width':>7}{'internal':>10}{'parameters':>12}"
        f"{'CPU s':>7}{'training':>10}{'test':>8}"
    ]
    for r in rows:
        lines.append(
            f"{r['curve']:16}{r['paths']:7}{r['steps']:7}{r['width']:7}{r['internal']:10}"
            f"{r['parameters']:12}{r['cpu_s']:7.0f}{r['train']:10.2%}{r['test']:8.2%}"
        )
    return "\n".join(lines)


def draw(rows: Sequence[dict[str, Any]], options: argparse.Namespace, path: Path) -> None:
    """Error against paths, against parameters, and along the path."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    names = list(dict.fromkeys(r["curve"] for r in rows))
    for k, name in enumerate(names):
        own, colour = [r for r in rows if r["curve"] == name], f"C{k}"
        sizes = (options.width, options.internal)
        base = [r for r in own if (r["width"], r["internal"]) == sizes]
        base = sorted((r for r in base if r["steps"] == options.steps), key=lambda r: r["paths"])
        x = [r["paths"] for r in base]
        axes[0].plot(x, [100 * r["test"] for r in base], "o-", c=colour, label=f"{name}, test")
        train = [100 * r["train"] for r in base]
        axes[0].plot(x, train, "o--", c=colour, mfc="w", label=f"{name}, training")
        largest = base[-1]
        same = [r for r in own if (r["paths"], r["steps"]) == (x[-1], options.steps)]
        same = sorted(same, key=lambda r: r["parameters"])
        size = [r["parameters"] for r in same]
        axes[1].plot(size, [100 * r["test"] for r in same], "o-", c=colour, label=name)
        axes[1].plot(size, [100 * r["train"] for r in same], "o--", c=colour, mfc="w")
        time = (np.arange(PARTS) + 0.5) / PARTS
        axes[2].plot(time, [100 * e for e in largest["along"]], "o-", c=colour, label=name)
    axes[0].set(xscale="log", yscale="log", xlabel="training paths")
    axes[1].set(xscale="log", yscale="log", xlabel="parameters, most paths")
    axes[2].set(xlabel="time over the length of the path", ylim=(0, None))
    axes[0].set_ylabel("deviatoric error, %")
    axes[0].legend(frameon=False, fontsize="small")
    for ax in axes:
        ax.grid(alpha=0.3, which="both")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter("{x:g}")
    with replacing(path) as beside:
        figure.savefig(beside, dpi=120, format="png")
    plt.close(figure)


def study(options: argparse.Namespace) -> None:
    """All curves, as a table and a picture."""
    record = options.out / "learning_curves.json"
    results = json.loads(record.read_text()) if record.exists() else {}
    names = [curve(files, options, results, record) for files in options.data]
    rows = [r for r in results.values() if r["curve"] in names]
    print("Mean deviatoric error on training and on test paths")
    print(table(rows))
    draw(rows, options, options.out / "learning_curves.png")
    print(f"picture written to {options.out / 'learning_curves.png'}")


main = study_command(options_from, study)

if __name__ == "__main__":
    sys.exit(main())
