# SPDX-License-Identifier: MIT
"""A crystal or polycrystal under a test of materials science: `python -m mlms_fenics.unitcell`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlms_fenics.data.laws import LAWS, law_from_options
from mlms_fenics.errors import InputError, require
from mlms_fenics.materials.crystal.law import CrystalLaw
from mlms_fenics.materials.crystal.reorientation import lattice_after, lattice_with_twins
from mlms_fenics.microstructure import (
    Texture,
    draw_pole_figures,
    random_orientations,
    read_texture,
    voronoi_grains,
    write_orientations,
)
from mlms_fenics.parallel import entry_point
from mlms_fenics.unitcell.fft_cell import FFTCell
from mlms_fenics.unitcell.loadings import LOADINGS, crystal_along
from mlms_fenics.unitcell.mixed_cell import mixed_control_of_cell
from mlms_fenics.unitcell.mixed_control import MixedResult, mixed_control
from mlms_fenics.unitcell.mixed_output import draw_curves, write_curves
from mlms_fenics.units import PER_SECOND
from mlms_fenics.weights import are_equal


@entry_point
def main(arguments: Sequence[str] | None = None) -> int:
    """The command; see its `--help`."""
    options = _parser().parse_args(arguments)
    out = Path(options.out)
    if not out.absolute().parent.is_dir():
        raise InputError(f"--out: there is no folder '{out.absolute().parent}'")
    law = law_from_options(options.law, options.exponent, options.set)
    texture = _texture(options)
    tolerance = options.tolerance
    loading = LOADINGS[options.loading](options.strain, options.rate * PER_SECOND, options.steps)
    if options.cell == "fft":
        texture = texture.resampled(options.grains)
        result = mixed_control_of_cell(_cell(options, law, texture), loading, tolerance=tolerance)
    else:
        Q, weights = texture.orientations, texture.weights
        result = mixed_control(law, Q, loading, weights=weights, tolerance=tolerance)
    _report(result)
    files = [out.with_suffix(end) for end in (".csv", ".png")]
    write_curves(result, files[0])
    draw_curves(result, files[1])
    lattice = law.symmetry or texture.lattice
    if len(texture.orientations) > 1 and lattice is not None:
        files += _textures(result, lattice, out)
    print("wrote " + ", ".join(map(str, files)))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlms_fenics.unitcell",
        description="Strain a single crystal, grains that all deform alike, or a full-field cell "
        "of grains, with some of F and the rest of the stress prescribed. Writes OUT.csv, OUT.png "
        "and, of several grains, pole figures before and after and the orientations after.",
    )
    new = parser.add_argument
    new("--law", default="copper", metavar="|".join([*LAWS, "FILE"]), help="crystal law (copper)")
    new("--exponent", type=float, metavar="M", help="rate exponent m of all families")
    new("--set", action="append", default=[], metavar="FAMILY.NAME=VALUE", help="another value of "
        "the law (mm, µs, GPa, mg); repeatable")  # fmt: skip
    new("--loading", choices=LOADINGS, default="uniaxial-stress", help="(uniaxial-stress) along "
        "x; plane-strain: a die along y, the load along z; torsion: shear xy")  # fmt: skip
    new("--strain", type=float, default=0.2, help="at the end, logarithmic, negative in "
        "compression; of torsion the shear (0.2)")  # fmt: skip
    new("--rate", type=float, default=1e-3, metavar="PER_S", help="of the strain, 1/s (1e-3)")
    new("--steps", type=int, default=50, help="equal steps of strain (50)")
    new("--along", type=float, nargs=3, metavar=("U", "V", "W"), help="a single crystal with this "
        "direction of the crystal frame (cubic: the indices) along x")  # fmt: skip
    new("--grains", type=int, default=100, help="random orientations (100)")
    new("--seed", type=int, default=0, help="of them")
    new("--cell", choices=("taylor", "fft"), default="taylor", help="taylor (default): "
        "all grains deform alike; fft: a periodic cell of as many Voronoi grains")  # fmt: skip
    new("--resolution", type=int, default=16, metavar="N", help="of --cell fft: N³ points (16)")
    new("--orientations", metavar="FILE", help="a texture instead, as mlms_fenics.microstructure "
        "reads it")  # fmt: skip
    new("--tolerance", type=float, default=1e-3, help="relative error of the average stress, of "
        "--cell fft of equilibrium (1e-3)")  # fmt: skip
    new("--out", default="mixed", metavar="OUT", help="files' name without ending (mixed)")
    return parser


def _texture(options: argparse.Namespace) -> Texture:
    if options.along is not None and options.orientations is not None:
        raise InputError("--along is a single crystal: give it or --orientations, not both")
    if options.along is not None:
        return Texture(crystal_along(np.array(options.along)))
    if options.orientations is not None:
        return read_texture(options.orientations)
    return Texture(random_orientations(options.grains, seed=options.seed))


def _cell(options: argparse.Namespace, law: CrystalLaw, texture: Texture) -> FFTCell:
    """A periodic cell whose Voronoi grains have the texture's orientations, of equal weight."""
    n = options.resolution
    require(1 <= n <= 256, f"--resolution is {n}, but must be 1 to 256")
    require(
        are_equal(texture.weights),
        "the cell's grains are of about one size, but the texture's weights differ: give --grains "
        "a number smaller than that of its orientations, which are then drawn by weight",
    )
    grains = voronoi_grains((n, n, n), len(texture), options.seed)
    return FFTCell(law, grains, texture.orientations)


def _report(result: MixedResult) -> None:
    sigma = 1e3 * result.stress[-1]
    names = ("11", "22", "33", "12", "23", "13")
    at = ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2))
    shown = ", ".join(f"{n} {sigma[k]:.4g}" for n, k in zip(names, at, strict=True))
    print(f"{result.law.name} at strain {result.loading.strain[-1]:g}: stress in MPa: {shown}")
    for f, slip in zip(result.law.slip, result.slip[-1], strict=True):
        print(f"  {f.name}: slip {slip:.4g}")
    for f, fraction in zip(result.law.twins, result.twin_fraction[-1], strict=True):
        print(f"  {f.name}: volume fraction {fraction:.4g}")


def _textures(result: MixedResult, lattice: str, out: Path) -> list[Path]:
    rotated = lattice_after(result.local_F, result.packed, result.orientations)
    after, weights = lattice_with_twins(result.law, rotated, result.packed, result.weights)
    files = [out.with_name(out.stem + end) for end in ("_before.png", "_after.png", "_after.txt")]
    draw_pole_figures(result.orientations, files[0], lattice=lattice, weights=result.weights)
    draw_pole_figures(after, files[1], lattice=lattice, weights=weights)
    write_orientations(files[2], after, weights=weights)
    return files


if __name__ == "__main__":
    sys.exit(main())
