# SPDX-License-Identifier: MIT
"""Write the half section of a cylinder, for axisymmetric runs, to a gmsh file.

python meshes/half_section.py rod.msh [--diameter 1] [--height 5] [--size 0.1]
"""

import argparse
import sys

from mlms_fenics.geometry import gmsh_half_section, half_section_divisions, write_msh
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
    across, along = half_section_divisions(a.diameter, a.height, a.size)
    write_msh(a.file, lambda model: gmsh_half_section(model, "rod", a.diameter, a.height, a.size))
    print(f"{a.file}: {across * along} quadrilaterals")


if __name__ == "__main__":
    sys.exit(main())
