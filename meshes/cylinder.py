# SPDX-License-Identifier: MIT
"""Write the cylinder of the Taylor anvil to a gmsh file.

python meshes/cylinder.py cylinder.msh [--diameter 1] [--height 5] [--size 0.1]
"""

import argparse
import sys

from mlms_fenics.geometry import cylinder_divisions, gmsh_cylinder, write_msh
from mlms_fenics.parallel import entry_point


@entry_point
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", help="ends in .msh, or in another suffix that gmsh writes")
    parser.add_argument("--diameter", type=float, default=1.0, help="mm (%(default)s)")
    parser.add_argument("--height", type=float, default=5.0, help="mm (%(default)s)")
    parser.add_argument("--size", type=float, default=0.1, help="of elements, mm (%(default)s)")
    a = parser.parse_args()
    side, ring, layers = cylinder_divisions(a.diameter, a.height, a.size)
    write_msh(a.file, lambda model: gmsh_cylinder(model, "cylinder", a.diameter, a.height, a.size))
    print(f"{a.file}: {(side**2 + 4 * side * ring) * layers} hexahedra")


if __name__ == "__main__":
    sys.exit(main())
