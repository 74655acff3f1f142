# SPDX-License-Identifier: MIT
"""# A Taylor anvil, and ParaView

A magnesium cylinder, 5 mm long and 1 mm thick, hits a rigid wall at 200 m/s; its material is the
shipped law, learnt from 128 grains. The script runs the impact, reads the results as any program
would, and draws a picture with pyvista: about a minute.

```bash
docker/run xvfb-run -a -s -noreset mpirun -n 2 python docs/tutorials/anvil.py
```

`--quick` makes it coarse and short, `--out FOLDER` names another folder. `xvfb-run` is a screen
where there is none: Debian's VTK, which draws the picture, needs one.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from mpi4py import MPI

from mlms_fenics.geometry import cylinder_mesh
from mlms_fenics.io import FootRadius, Length, Recorder, XDMFReader, read_history
from mlms_fenics.macroscale import ExplicitSolver, RigidPlane
from mlms_fenics.surrogate import load_model

parser = argparse.ArgumentParser()
parser.add_argument("--quick", action="store_true")
parser.add_argument("--out", type=Path, default=Path("results/tutorial_anvil"))
options = parser.parse_args()
comm = MPI.COMM_WORLD

# %% ## The law
#
# `load_model()` gives the shipped one, `load_model("mine.h5")` yours. It is a material like any
# other.

law = load_model()
if comm.rank == 0:
    print(f"{law.architecture}, learnt from {len(law.orientations)} grains of {law.law.name}")
    print(f"waves at {law.wave_speed:.2f} mm/µs")

# %% ## The body
#
# Hexahedra with one quadrature point; the cylinder stands on z = 0 and flies along -z. Units are
# mm, µs, GPa, mg, so that 200 m/s are 0.2 mm/µs.

mesh, _, _ = cylinder_mesh(comm, 1.0, 5.0, 0.2 if options.quick else 0.1)
solver = ExplicitSolver(
    mesh, law, velocity=(0.0, 0.0, -0.2), contacts=[RigidPlane((0.0, 0.0, 0.0))]
)

# %% ## The run
#
# A `Recorder` drives the solver and writes fields (XDMF and HDF5) and a table of scalars. Probes
# are further columns of the table.

recorder = Recorder(
    solver,
    options.out,
    name="anvil",
    end_time=0.3 if options.quick else 1.0,
    outputs=5,
    probes={"length": Length(), "foot": FootRadius(solver)},
)
recorder.run()

# %% ## The table
#
# `history.csv` has a name and a unit for each column. The balance is the error of the energy
# balance over the energy at the start. `outside_training` is the share of the body that has left
# the range of the law's training data: a learnt law is not to be believed there without a look at
# the concurrent polycrystal (`--law taylor` of the demo).

if comm.rank == 0:
    table = read_history(options.out / "history.csv")
    print(f"{solver.step_count} steps to {table['time'][-1]:g} µs")
    print(f"length {table['length'][-1]:.4f} mm, foot {table['foot'][-1]:.4f} mm")
    print(f"energy balance within {100 * np.abs(table['balance']).max():.3f}%")
    print(f"share of the body outside the training data: {table['outside_training'][-1]:.2%}")

# %% ## The picture
#
# `anvil.xdmf` names the arrays: the displacement `u` and the velocity `v` at nodes; `sigma_M`
# (von Mises stress, GPa), `e_d`, `e_v` and `distance` (above 1 is outside of the training data)
# in cells. ParaView and VisIt read it; so does `XDMFReader`, which gives plain arrays, for
# figures of your own: here with pyvista.


def draw(file: Path, picture: Path) -> None:
    import pyvista

    result = XDMFReader(file)
    print("fields:", ", ".join(result.names()))
    cells = {pyvista.CellType.HEXAHEDRON: result.connectivity}
    body = pyvista.UnstructuredGrid(cells, result.points + result.field("u"))
    body.cell_data["sigma_M"] = result.field("sigma_M")
    half = body.clip(normal="y", origin=(0.0, 0.02, 0.0))
    low, high = half.bounds[4:]
    plotter = pyvista.Plotter(off_screen=True, window_size=(700, 1000))
    bar = {"title": "sigma_M [GPa]", "vertical": True, "position_x": 0.78, "fmt": "%.2f"}
    shown = {"scalars": "sigma_M", "cmap": "viridis", "show_edges": True, "lighting": False}
    plotter.add_mesh(half, scalar_bar_args={**bar, "color": "black"}, **shown)
    plotter.background_color = "white"
    plotter.camera.position = (0.0, 12.0, 0.5 * (low + high) + 2.0)
    plotter.camera.focal_point = (0.0, 0.0, 0.5 * (low + high))
    plotter.camera.up = (0.0, 0.0, 1.0)
    plotter.screenshot(picture)
    plotter.close()


if comm.rank == 0 and os.environ.get("DISPLAY"):
    draw(options.out / "anvil.xdmf", options.out / "anvil.png")
    print(f"picture: {options.out / 'anvil.png'}")
elif comm.rank == 0:
    print("no picture, since there is no screen: put `xvfb-run -a -s -noreset` before the command")

# %% ![The cylinder opened along its axis, coloured by the von Mises stress](anvil.png)
#
# *The cylinder after 1 µs, opened along its axis (without `--quick`).*
#
# ## In ParaView
#
# 1. *File, Open*, `results/tutorial_anvil/anvil.xdmf`; where it asks for a reader, *XDMF Reader*;
#   *Apply*.
# 2. *Filters, Warp By Vector* with `u`, *Apply*; *Filters, Clip* with the plane's normal along y,
#   *Apply*.
# 3. Colour by `sigma_M`; press play.
#
# `pvbatch demos/paraview_taylor_anvil.py results/tutorial_anvil/anvil.xdmf picture.png` does the
# same without a window, and lists all arrays.
#
# ## From here
#
# - `demos/taylor_anvil.py --help`: other laws, velocities, meshes, checkpoints, a summary.
# - [Your own geometry](../guide/own_geometry.md), [results](../results.md) of this law beside the
#   polycrystal itself.
