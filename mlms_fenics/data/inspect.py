# SPDX-License-Identifier: MIT
"""What a data set holds: `python -m mlms_fenics.data.inspect FILE.h5 [--out PICTURE|FOLDER]`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlms_fenics.data.dataset import FAILED, Dataset
from mlms_fenics.data.measures import Measures, measure
from mlms_fenics.data.pictures import draw_overview
from mlms_fenics.errors import InputError
from mlms_fenics.microstructure import draw_pole_figures
from mlms_fenics.parallel import entry_point
from mlms_fenics.progress import size
from mlms_fenics.weights import are_equal

_PICTURES = (".png", ".pdf", ".svg")


@entry_point
def main(arguments: Sequence[str] | None = None) -> int:
    """The command; see its `--help`."""
    parser = argparse.ArgumentParser(
        prog="python -m mlms_fenics.data.inspect",
        description="Print what a data set holds, and draw its paths, stress-strain curves and the "
        "distributions of strain and rate.",
    )
    parser.add_argument("file", metavar="FILE.h5", help="the data set")
    parser.add_argument(
        "--out",
        metavar="PICTURE|FOLDER",
        help="draw: a .png, .pdf or .svg file, or an existing folder, which gets overview.png and "
        "(3D) pole_figures.png",
    )
    parser.add_argument(
        "--samples", type=int, default=1000, help="most samples to read for statistics (1000)"
    )
    options = parser.parse_args(arguments)
    overview, poles = _targets(options.out)
    if options.samples < 1:
        raise InputError(f"--samples is {options.samples}, but must be at least 1")
    with Dataset(options.file) as dataset:
        print(describe(dataset))
        if len(dataset) == 0:
            if overview:
                raise InputError(f"'{options.file}' holds no good sample to draw")
            return 0
        measures = select(dataset, options.samples)
        print(statistics(measures))
        if overview:
            draw_overview(dataset, measures, overview)
            print(f"wrote {overview}")
        if poles and dataset.dimension == 3:
            draw_pole_figures(dataset.orientations, poles, weights=dataset.weights)
            print(f"wrote {poles}")
    return 0


def _targets(out: str | None) -> tuple[Path | None, Path | None]:
    if out is None:
        return None, None
    path = Path(out)
    if path.is_dir():
        return path / "overview.png", path / "pole_figures.png"
    if path.suffix.lower() not in _PICTURES:
        raise InputError(f"--out: '{out}' is neither a folder nor a {', '.join(_PICTURES)} file")
    if not path.absolute().parent.is_dir():
        raise InputError(f"--out: there is no folder '{path.absolute().parent}'; make it first")
    return path, None


def select(dataset: Dataset, most: int) -> Measures:
    """Measures of up to `most` good samples, spread evenly over the file."""
    rows = np.unique(np.linspace(0, len(dataset) - 1, min(most, len(dataset))).astype(int))
    pairs = [dataset[int(i)] for i in rows]
    U, sigma = (np.stack([pair[part].numpy() for pair in pairs]) for part in (0, 1))
    return measure(U, sigma, dataset.time)


def describe(dataset: Dataset) -> str:
    """The recipe and the counts, as lines of text."""
    attrs = dataset.attrs
    law = json.loads(attrs["law"])
    failed = int((dataset.status == FAILED).sum())
    lines = [
        f"{dataset.path} ({size(dataset.path.stat().st_size)}, written by mlms_fenics "
        f"{attrs['package_version']}, units {attrs['unit_system']})",
        f"samples       {len(dataset.status)}: {len(dataset)} good, {failed} failed",
        f"histories     {attrs['steps'] + 1} entries over {dataset.horizon:g} µs, "
        f"{dataset.dimension}D",
        f"cell          {attrs['cell']}, {len(dataset.orientations)} grains, "
        f"tolerance {attrs['tolerance']:g}"
        + ("" if are_equal(dataset.weights) or dataset.grains is not None else ", weighted"),
        *_grid(dataset),
        f"law           {law['name']}: G = {law['shear_modulus']:g} GPa, "
        f"K = {2 * law['lambda_e']:g} GPa, density {law['density']:g} mg/mm³",
    ]
    for family in (*law["slip"], *law["twins"]):
        lines.append(
            f"              {family['name']}: {len(family['direction'])} systems, "
            f"tau_0 = {1e3 * family['tau_0']:g} MPa, m = {family['rate_exponent']:g}, "
            f"rate {family['rate']:g} /µs"
        )
    lines.append(f"paths         protocol {dataset.protocol}, seed {attrs['seed']}")
    settings = ", ".join(f"{k} = {v}" for k, v in dataset.sampler.items() if v is not None)
    lines.append(f"              {settings}")
    if len(dataset):
        unit = "grain-substeps" if dataset.grains is None else "steps"
        lines.append(f"work          {dataset.substeps.mean():.4g} {unit} a path")
    for k, reason in list(dataset.failures.items())[:10]:
        lines.append(f"failed        sample {k}: {reason}")
    if failed > 10:
        lines.append(f"failed        and {failed - 10} others")
    return "\n".join(lines)


def _grid(dataset: Dataset) -> list[str]:
    """What a full-field cell's grid is, as a line of text; none where there is no grid."""
    if dataset.grains is None:
        return []
    settings = dataset.recipe.cell_settings
    seed = settings["grain_seed"]
    shares = 100 * np.bincount(dataset.grains.ravel()) / dataset.grains.size
    return [
        f"grid          {' × '.join(map(str, dataset.grains.shape))}, operator "
        f"{settings['operator']}, {settings['increments']} increments a step, "
        + ("grain map of a file" if seed is None else f"periodic Voronoi grains of seed {seed}")
        + f", {shares.min():.2g}% to {shares.max():.2g}% of the cell each"
    ]


def statistics(m: Measures) -> str:
    """Ranges of strain, rate and stress, as lines of text."""
    stretch = np.exp(np.linalg.eigvalsh(m.log_strain))
    J = np.exp(m.volume)
    most = m.strain.max(axis=1)

    def percentiles(values: np.ndarray, scale: float = 1.0) -> str:
        low, middle, high = scale * np.percentile(values, (5, 50, 95))
        return f"{low:.3g} / {middle:.3g} / {high:.3g}, largest {scale * values.max():.3g}"

    return "\n".join(
        (
            f"of {len(m.strain)} samples (5% / median / 95%):",
            f"  largest equivalent strain of a path, %   {percentiles(most, 100)}",
            f"  equivalent strain rate, 1/µs             {percentiles(m.rate)}",
            f"  von Mises stress, MPa                    {percentiles(m.stress, 1e3)}",
            f"  pressure, GPa                            {m.pressure.min():.3g} to "
            f"{m.pressure.max():.3g}",
            f"  principal stretches                      {stretch.min():.3g} to "
            f"{stretch.max():.3g}",
            f"  det U                                    {J.min():.3g} to {J.max():.3g}",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
