# SPDX-License-Identifier: MIT
"""Command line of the generator."""

import argparse
from typing import NoReturn

from mlms_fenics.data.cells import CELLS, CellType
from mlms_fenics.data.laws import LAWS
from mlms_fenics.data.paths import PROTOCOLS
from mlms_fenics.data.settings import AMPLITUDES, INTERVALS, PathSettings
from mlms_fenics.errors import InputError
from mlms_fenics.unitcell.fft_operators import OPERATORS


class _Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that all ranks end alike and with one message."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Adds the default where there is one to show."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, []):
            return action.help
        return super()._get_help_string(action)


def build_parser() -> argparse.ArgumentParser:
    """The parser of `python -m mlms_fenics.data.generate`."""
    parser = _Parser(
        prog="python -m mlms_fenics.data.generate",
        description="Compute stress histories of a unit cell along sampled strain histories.",
        epilog="Run under mpirun to use many cores. A run that was stopped in whatever way goes on "
        "when the same command is given again, with any number of ranks; with a larger --samples "
        "a finished file grows.",
    )
    commands = parser.add_subparsers(dest="cell", required=True, metavar="|".join(CELLS))
    for name, cell in CELLS.items():
        command = commands.add_parser(
            name,
            help=cell.description,
            description=cell.description + ". Units: mm, µs, GPa, mg.",
            formatter_class=_Help,
        )
        _add_options(command, cell)
    return parser


# fmt: off
def _add_options(parser: argparse.ArgumentParser, cell: CellType) -> None:
    new = parser.add_argument
    defaults = PathSettings()
    new("--out", required=True, metavar="FILE.h5", help="the data set to make, go on with or grow")
    new("--samples", type=int, default=None, help="paths that the file shall hold (default: 400, "
        "or all of --paths)")
    new("--append", action="store_true", help="--samples counts on top of what FILE.h5 holds")
    new("--dry-run", action="store_true", help="print cost and size, write nothing")

    group = parser.add_argument_group("strain paths").add_argument
    group("--protocol", "--sampler", choices=[*PROTOCOLS, "harvested"], default="log",
          help="log: random walk in log U (recommended); paper: that of Liu et al. 2022; "
          "harvested: those of --paths")
    group("--max-strain", type=float, default=defaults.max_strain,
          help="walks: standard deviation that each "
          "component reaches at the end (the equivalent strain: about 2.3 times that); other "
          "protocols: their largest strain")
    group("--max-volume", type=float, default=None,
          help="of log: standard deviation of ln J at the end; of uniaxial-strain: largest |ln J| "
          "(default: max-strain, at most 0.1)")
    group("--steps", type=int, default=None,
          help=f"increments of a stored history (default: {defaults.steps}, or those of --paths)")
    group("--horizon", type=float, default=None, metavar="US",
          help="duration of a path in µs (default: 1 in 3D, 1e6 in 2D, or that of --paths)")
    group("--seed", type=int, default=0, help="of the paths")
    group("--intervals", choices=INTERVALS, default=defaults.intervals, help="of the walks")
    group("--n-intervals", type=int, default=defaults.n_intervals, help="of the walks")
    group("--min-stretch", type=float, default=defaults.min_stretch, help="bound of paper")
    group("--det-range", type=float, nargs=2, default=(defaults.min_det, defaults.max_det),
          metavar=("LOW", "HIGH"), help="bounds of paper")
    group("--amplitude", choices=AMPLITUDES, default=defaults.amplitude,
          help="other protocols: all paths reach max-strain, or a random part of it")
    group("--direction", type=float, nargs="+", default=None, metavar="X",
          help="main direction of uniaxial, load-unload, cavity, shear (default: random)")
    group("--paths", default=None, metavar="FILE",
          help="HDF5 file with your own paths U (n, steps + 1, 6 or d, d)")

    group = parser.add_argument_group("polycrystal").add_argument
    group("--law", default=cell.law, metavar="|".join([*LAWS, "FILE"]), help="crystal law; a "
          "file of your own: YAML (MPa, 1/s; see mlms_fenics.materials.library) or JSON")
    group("--exponent", type=float, default=None, metavar="M",
          help="rate exponent m of all families, in (0, 1] (default: the law's)")
    group("--set", action="append", default=[], metavar="FAMILY.NAME=VALUE",
          help="another value for a parameter of the law, e.g. basal.tau_0=0.01; repeatable")
    group("--grains", type=int, default=None, help=f"number of grains (default: {cell.grains}, or "
          "those of a file)")
    group("--orientation-seed", type=int, default=0, help="of random orientations")
    group("--orientations", default=None, metavar="FILE",
          help="a texture: Bunge Euler angles in degrees or quaternions w x y z, with or without "
          "weights, .tex, .ang, .ctf, material.yaml; python -m mlms_fenics.microstructure FILE "
          "shows what is read, and writes other conventions as this one's (--to)")
    group("--texture-block", type=int, default=None, metavar="N",
          help="of a .tex file (default: the last)")
    group("--texture-phase", default=None, metavar="NAME", help="of a file with several phases")
    group("--fibre", type=float, nargs=3, default=None, metavar=("X", "Y", "Z"),
          help="texture with the c axes along this direction")
    group("--fibre-spread", type=float, default=10.0, metavar="DEG", help="scatter of the fibre")
    if cell.full_field:
        group("--grid", type=int, nargs="+", default=None, metavar="N",
              help="grid cells along all axes alike, or along each (default: 64 in 2D, 16 in 3D)")
        group("--grain-seed", type=int, default=0, help="of the periodic Voronoi tessellation")
        group("--grain-map", default=None, metavar="FILE", help="a grain map of your own, and its "
              "orientations if it holds them (see microstructure.write_grains)")
        group("--operator", choices=OPERATORS, default=OPERATORS[0], help="discrete gradient")

    group = parser.add_argument_group("computation").add_argument
    group("--tolerance", type=float, default=None, help="residual of equilibrium at every step "
          "(default: 1e-4)" if cell.full_field else "relative error of the average stress "
          "(default: 1e-4, or 1e-3 where some 1/m exceeds 5)")
    if cell.full_field:
        group("--increments", type=int, default=1, metavar="N", help="solve each stored step in N "
              "increments, of strain linear in time")
    group("--device", default=None,
          help=f"one of {', '.join(cell.devices)} (default: cpu)")
    group("--block", type=int, default=None, help="paths of one piece of work "
          "(default: cpu)")
# fmt: on
