# SPDX-License-Identifier: MIT
"""Write the plate that a projectile hits to a gmsh file.

python meshes/plate.py plate.msh [--thickness 1] [--radius 8] [--projectile 1] [--size 0.1]
"""

import argparse
import sys

from mlms_fenics.geometry import gmsh_plate, plate_divisions, write_msh
from mlms_fenics.parallel import entry_point


@entry_point
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", help="ends in .msh, or in another suffix that gmsh writes")
    parser.add_argument("--thickness", type=float, default=1.0, help="mm (%(default)s)")
    parser.add_argument("--radius", type=float, default=8.0, help="mm (%(default)s)")
    parser.add_argument(
        "--projectile", type=float, default=1.0, help="radius, mm; fine there (%(default)s)"
    )
    parser.add_argument(
        "--size", type=float, default=0.1, help="of elements under it, mm (%(default)s)"
    )
    a = parser.parse_args()
    numbers = (a.thickness, a.radius, a.projectile, a.size)
    side, ring, outer, layers = plate_divisions(*numbers)
    write_msh(a.file, lambda model: gmsh_plate(model, "plate", *numbers))
    print(f"{a.file}: {(side**2 + 4 * side * (ring + outer)) * layers} hexahedra")


if __name__ == "__main__":
    sys.exit(main())
