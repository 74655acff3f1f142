# SPDX-License-Identifier: MIT
"""What makes the recurrent operator good: it is trained again without each of its ingredients.

Every row is a short training on the same histories with the same number of epochs, judged on test
paths: on the data's own steps, and led along every fourth sample and along four times finer steps,
each against the Taylor average on that very polygon.

    python demos/studies/ablation.py --out results/ablation
    python demos/studies/ablation.py --out results/ablation --rows full --paths 200 800 3200

Rows that are there already are not computed again. Without --data the histories are computed.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.files import replacing
from mlms_fenics.kinematics.tensors import from_components, to_components
from mlms_fenics.locking import Claim
from mlms_fenics.parallel import entry_point
from mlms_fenics.surrogate.fitting.data import TrainingData, load_data
from mlms_fenics.surrogate.fitting.training import Settings, optimise
from mlms_fenics.surrogate.metrics import path_errors
from mlms_fenics.surrogate.recurrent.cell import FAST, RecurrentCell
from mlms_fenics.surrogate.recurrent.grids import random_nodes
from mlms_fenics.surrogate.recurrent.law import RecurrentLaw
from mlms_fenics.surrogate.recurrent.training import Problem
from mlms_fenics.unitcell import TaylorAverage

COARSE = 4


class NoSplit(RecurrentCell):
    """A plain gated network: stress is one more variable that relaxes to a learnt target."""

    def forward(self, y: Tensor, drivers: Tensor, increment: Tensor, dt: Tensor) -> Tensor:
        h = nn.functional.silu(drivers + self.from_state(y))
        rates, targets = self.flow(nn.functional.silu(self.hidden(h))).chunk(2, dim=-1)
        return y - (targets - y) * torch.expm1(-nn.functional.softplus(rates) * (FAST * dt))


class Euler(RecurrentCell):
    """The same equations, stepped explicitly instead of solved over the step."""

    def forward(self, y: Tensor, drivers: Tensor, increment: Tensor, dt: Tensor) -> Tensor:
        h = nn.functional.silu(drivers + self.from_state(y))
        rates, targets = self.flow(nn.functional.silu(self.hidden(h))).chunk(2, dim=-1)
        elastic = y[:, : self.elastic]
        square = elastic.square().sum(-1, keepdim=True)
        x = nn.functional.softplus(rates) * (FAST * dt) * ((square + 1e-20).sqrt() - 1e-10)
        return y + nn.functional.pad(increment, (0, self.internal)) + (targets - y) * x


def own_grid(n_t: int, longest: int, generator: torch.Generator) -> Tensor:
    return torch.arange(n_t + 1).double()


BASE = {"one_rate": True, "internal": 20, "width": 96, "branches": 1, "optimiser": "soap"}
ROWS: dict[str, dict[str, Any]] = {
    "full": {},
    "no elastic split": {"kind": NoSplit},
    "explicit Euler update": {"kind": Euler},
    "one fixed grid": {"nodes": own_grid},
    "long steps not divided": {"divided": False},
    "AdamW for SOAP": {"optimiser": "adamw"},
    "4 internal variables": {"internal": 4},
    "8 internal variables": {"internal": 8},
    "32 internal variables": {"internal": 32},
    "width 48": {"width": 48},
    "width 144": {"width": 144},
    "4 elastic strains": {"branches": 4},
}


def main_options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    new = parser.add_argument
    new("--data", type=Path, nargs="+", help="data sets of a Taylor average, by random walks")
    new("--rows", nargs="+", choices=list(ROWS), default=list(ROWS), help="default: all")
    new("--paths", type=int, nargs="+", default=[1000], help="training paths (default: 1000)")
    new("--epochs", type=int, default=12, help="default: 12")
    new("--seed", type=int, default=0, help="of the training (default: 0)")
    new("--test", type=int, default=60, help="test paths (default: 60)")
    new("--out", type=Path, default=Path("results/ablation"), help="folder of the table")
    new("--quick", action="store_true", help="few grains, paths and rows: a test of the script")
    options = parser.parse_args(argv)
    if options.quick:
        options.paths, options.epochs, options.test = [40], 2, 5
        options.rows = ["full", "no elastic split", "explicit Euler update", "4 internal variables"]
    return options


def histories(options: argparse.Namespace) -> list[Path]:
    """The data sets, computed where none are given."""
    if options.data is not None:
        return options.data
    from mlms_fenics.data.generate import main as generate

    path = options.out / "data.h5"
    size = ["--samples", "60", "--grains", "4", "--steps", "40"] if options.quick else []
    size = size or ["--samples", str(max(100, int(1.3 * max(options.paths))))]
    generate(["taylor", "--out", str(path), "--seed", "1", *size])
    return [path]


def truths(data: TrainingData, rows: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Stretches and stresses of test paths on own and coarse steps (components)."""
    coarse = data.U[rows][:, ::COARSE].astype(float)
    cell = TaylorAverage(data.law, data.orientations)
    sigma = to_components(cell.stress(from_components(coarse), data.horizon))
    return {"own": (data.U[rows].astype(float), data.sigma[rows]), "coarser": (coarse, sigma)}


def judge(law: RecurrentLaw, truth: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Mean deviatoric errors on own, coarser and finer steps."""

    def error(U: np.ndarray, sigma: np.ndarray, every: int = 1) -> float:
        stress = to_components(law.stress(from_components(U), law.horizon))[:, ::every]
        time = np.linspace(0.0, law.horizon, len(sigma[0]))
        return float(path_errors(stress, sigma, time)["deviatoric"].mean())

    errors = {name: error(*pair) for name, pair in truth.items()}
    U, sigma = truth["own"]
    time = np.arange(COARSE * (U.shape[1] - 1) + 1) / COARSE
    low = np.minimum(time.astype(int), U.shape[1] - 2)
    part = (time - low)[:, None]
    errors["finer"] = error(U[:, low] * (1 - part) + U[:, low + 1] * part, sigma, COARSE)
    return errors


def train(data: TrainingData, changes: dict[str, Any], options: argparse.Namespace) -> RecurrentLaw:
    """One row's law."""
    chosen = {**BASE, **changes}
    torch.manual_seed(options.seed)
    kind, nodes = chosen.get("kind", RecurrentCell), chosen.get("nodes", random_nodes)
    problem = Problem(data, chosen, kind, nodes)
    if not chosen.get("divided", True):
        problem.network.longest_step = None
    settings = Settings(
        epochs=options.epochs,
        batch=32,
        rate=3e-3,
        final_rate=3e-5,
        weight_decay=1e-4,
        seed=options.seed,
        optimiser=chosen["optimiser"],
        warmup=0.01,
    )
    optimise(problem.network, problem.loss, problem.validate, len(data.train), settings)
    return RecurrentLaw.trained(problem.network, data, {})


def table(results: dict[str, Any]) -> str:
    lines = [
        f"{'':26}{'paths':>7}{'parameters':>12}{'CPU s':>8}{'own':>9}{'coarser':>9}{'finer':>9}"
    ]
    for row in results.values():
        numbers = f"{row['name']:26}{row['paths']:7}{row['parameters']:12}{row['cpu_s']:8.0f}"
        if "errors" in row:
            lines.append(numbers + "".join(f"{100 * e:8.2f}%" for e in row["errors"].values()))
        else:
            lines.append(numbers + "  diverged")
    return "\n".join(lines)


def study(options: argparse.Namespace) -> None:
    """Train and judge all rows that are not done."""
    record = options.out / "ablation.json"
    results = json.loads(record.read_text()) if record.exists() else {}
    files = histories(options)
    truth = None
    for paths in options.paths:
        data = load_data(files, paths)
        truth = truth or truths(data, data.test_rows(0)[: options.test])
        for name in options.rows:
            settings = [str(f) for f in files] + [options.epochs, options.seed, options.test]
            key = json.dumps([name, paths, *settings])
            if key in results:
                continue
            start = time.process_time()
            row: dict[str, Any] = {"name": name, "paths": len(data.train)}
            try:
                law = train(data, ROWS[name], options)
                row["parameters"] = sum(p.numel() for p in law.network.parameters())
                row["cpu_s"] = time.process_time() - start
                row["errors"] = judge(law, truth)
            except SimulationError:
                row |= {"parameters": 0, "cpu_s": time.process_time() - start}
            results[key] = row
            with replacing(record) as beside:
                beside.write_text(json.dumps(results, indent=1))
    print("Mean deviatoric error on test paths: own steps, 4 times coarser, 4 times finer")
    print(table(results))


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    options = main_options(argv)
    for name in ("epochs", "test"):
        require(getattr(options, name) >= 1, f"--{name} {getattr(options, name)}: at least 1")
    require(min(options.paths) >= 10, f"--paths {options.paths}: each must be at least 10")
    with Claim(options.out):
        study(options)


if __name__ == "__main__":
    sys.exit(main())
