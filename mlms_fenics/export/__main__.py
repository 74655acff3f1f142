# SPDX-License-Identifier: MIT
"""A learnt law for another code: `python -m mlms_fenics.export MODEL.h5 --to vumat --out DIR`."""

import argparse
import sys
from collections.abc import Sequence

from mlms_fenics.export.units import SYSTEMS
from mlms_fenics.export.write import PRECISIONS, TARGETS, export
from mlms_fenics.parallel import entry_point
from mlms_fenics.surrogate.model_file import load_model


@entry_point
def main(arguments: Sequence[str] | None = None) -> int:
    """The command; see its `--help`."""
    options = _parser().parse_args(arguments)
    law = load_model(options.model, device="cpu")
    written = export(
        law,
        options.out,
        options.to,
        name=options.name,
        units=options.units,
        precision=options.precision,
    )
    print("wrote " + ", ".join(map(str, written)))
    return 0


def _parser() -> argparse.ArgumentParser:
    systems = ", ".join(f"{name}: {system.text}" for name, system in SYSTEMS.items())
    parser = argparse.ArgumentParser(
        prog="python -m mlms_fenics.export",
        description="Write a learnt law as one C file without dependencies, with a header, a check "
        "against the package and a README, and the adapter of a host code.",
    )
    new = parser.add_argument
    new("model", help="model file, or 'default' for the shipped one")
    new("--to", choices=TARGETS, default="c", help="c alone (default), or with the adapter for "
        "Abaqus/Explicit (vumat), Abaqus/Standard (umat) or MFront (mfront)")  # fmt: skip
    new("--out", required=True, metavar="FOLDER", help="made if need be")
    new("--name", default="learnt_law", help="of the files and functions (%(default)s)")
    new("--units", choices=tuple(SYSTEMS), default="mm-us", help=f"of the host code ({systems}; "
        "default: mm-us)")  # fmt: skip
    new("--precision", choices=PRECISIONS, help="of the network (float32; umat, mfront: float64)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
