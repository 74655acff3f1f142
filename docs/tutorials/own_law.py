# SPDX-License-Identifier: MIT
"""# A law of your own on a mesh of your own

A cone-nosed bar of a metal with Swift's hardening hits a wall. The law is written here, checked
at a point against a scalar equation, and put into a mesh made with gmsh: about a minute.

```bash
docker/run python docs/tutorials/own_law.py        # --quick: coarse; --out FOLDER
```
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from mpi4py import MPI
from scipy.optimize import brentq

from mlms_fenics.geometry import read_mesh, write_msh
from mlms_fenics.io import NodeHistory, Recorder, cut, draw_sections
from mlms_fenics.io.section_figure import Panel
from mlms_fenics.macroscale import ExplicitSolver, PrescribedVelocity, RigidPlane
from mlms_fenics.materials import Material, drive

parser = argparse.ArgumentParser()
parser.add_argument("--quick", action="store_true")
parser.add_argument("--out", type=Path, default=Path("results/tutorial_own_law"))
options = parser.parse_args()
options.out.mkdir(parents=True, exist_ok=True)

# %% ## The law
#
# Yield stress A (ε₀ + ε_p)ⁿ; elasticity linear in the logarithmic strain. The state is the
# plastic strain and C_p⁻¹, from which F C_pₙ⁻¹ Fᵀ is the elastic strain that a step would have
# without flow. The flow takes it back along its own axes (the radial return of Simo 1992), so
# that one scalar equation remains. It falls and is convex: Newton's iteration from zero cannot
# miss.


class Swift(Material):
    """J2 flow with Swift's hardening; GPa, mg/mm³."""

    def __init__(self, shear, bulk, density, A, start, n):
        self.shear_modulus, self.bulk_modulus, self.density = shear, bulk, density
        self.A, self.start, self.n = A, start, n

    def initial_state(self, n):
        one = torch.eye(3, dtype=self.dtype).repeat(n, 1, 1)
        return {"inverse_Cp": one, "plastic_strain": torch.zeros(n, dtype=self.dtype)}

    def yield_stress(self, p):
        return self.A * (self.start + p) ** self.n

    def update(self, F, time, dt, state):
        G, K, p = self.shear_modulus, self.bulk_modulus, state["plastic_strain"]
        squares, axes = torch.linalg.eigh(F @ state["inverse_Cp"] @ F.mT)
        strain = 0.5 * torch.log(squares)
        mean = strain.mean(-1, keepdim=True)
        trial = 2.0 * G * (strain - mean)
        size = torch.sqrt(1.5 * (trial**2).sum(-1))  # von Mises
        more = torch.zeros_like(p)
        for _ in range(15):
            over = size - 3.0 * G * more - self.yield_stress(p + more)
            slope = 3.0 * G + self.n * self.yield_stress(p + more) / (self.start + p + more)
            more = more + torch.relu(over) / slope
        kept = (1.0 - 3.0 * G * more / size.clamp_min(1e-300))[:, None]
        J = torch.linalg.det(F)[:, None]
        principal = (kept * trial + 3.0 * K * mean) / J
        sigma = axes @ torch.diag_embed(principal) @ axes.mT
        stretched = torch.exp(2.0 * (kept * (strain - mean) + mean))
        elastic = axes @ torch.diag_embed(stretched) @ axes.mT
        back = torch.linalg.inv(F)
        return sigma, {"inverse_Cp": back @ elastic @ back.mT, "plastic_strain": p + more}

    def fields(self, state):
        return {"plastic_strain": state["plastic_strain"]}


law = Swift(shear=26.0, bulk=70.0, density=2.7, A=0.4, start=0.002, n=0.2)

# %% ## At a point
#
# Stretched by exp(ε) along x at constant volume, the von Mises stress s solves s = A (ε₀ + ε −
# s/3G)ⁿ. `drive` leads the law there without a mesh; scipy solves the equation.

strain = np.linspace(0.0, 0.5, 51)
F = np.zeros((1, 51, 3, 3))
F[0, :, 0, 0] = np.exp(strain)
F[0, :, 1, 1] = F[0, :, 2, 2] = np.exp(-strain / 2)
stress = drive(law, torch.from_numpy(F), torch.linspace(0.0, 10.0, 51))[0, :, 0, 0].numpy() * 1.5


def exact(e):
    over = lambda s: s - law.yield_stress(max(e - s / (3 * law.shear_modulus), 0.0))  # noqa: E731
    return min(3 * law.shear_modulus * e, brentq(over, 0.0, 10.0, xtol=1e-14))


error = max(abs(s - exact(e)) for s, e in zip(stress[1:], strain[1:], strict=True))
print(f"largest error at a point: {error:.1e} GPa of {stress[-1]:.3f}")
assert error < 1e-9

# %% ## The mesh
#
# The half section of the bar, radius first and axis second: a cone of 3 mm and a shank of 9 mm, 3
# mm in radius, the nose blunt with 1 mm. Quadrilaterals, and names for the parts that something
# will happen to. Any program's mesh would do as well, see [meshes](../meshes.md).

size = 0.5 if options.quick else 0.2


def bar(model):
    model.add("bar")
    corners = [(0, 0), (1, 0), (3, 3), (3, 12), (0, 12), (0, 3)]
    points = [model.geo.addPoint(x, y, 0) for x, y in corners]
    lines = [model.geo.addLine(points[a], points[(a + 1) % 6]) for a in range(6)]
    across = model.geo.addLine(points[5], points[2])
    loops = [[lines[0], lines[1], -across, lines[5]], [across, lines[2], lines[3], lines[4]]]
    faces = [model.geo.addPlaneSurface([model.geo.addCurveLoop(loop)]) for loop in loops]
    cells = {
        lines[0]: 3,
        across: 3,
        lines[3]: 3,
        lines[1]: 3,
        lines[5]: 3,
        lines[2]: 9,
        lines[4]: 9,
    }
    for line, length in cells.items():
        model.geo.mesh.setTransfiniteCurve(line, round(length / size) + 1)
    for face in faces:
        model.geo.mesh.setTransfiniteSurface(face)
        model.geo.mesh.setRecombine(2, face)
    model.geo.synchronize()
    model.addPhysicalGroup(2, faces, name="bar")
    model.addPhysicalGroup(1, [lines[0]], name="nose")
    model.addPhysicalGroup(1, [lines[5], lines[4]], name="axis")
    model.addPhysicalGroup(1, [lines[3]], name="back")
    model.mesh.generate(2)


comm = MPI.COMM_WORLD
if comm.rank == 0:
    write_msh(options.out / "bar.msh", bar)
comm.barrier()
body = read_mesh(comm, options.out / "bar.msh", dimension=2)

# %% ## The impact
#
# 150 m/s towards a rigid wall at y = 0, a body of revolution. The axis stays on the axis. The
# history gets the velocity of the back as a column.

solver = ExplicitSolver(
    body.mesh,
    law,
    velocity=(0.0, -0.15, 0.0),
    two_dimensional="axisymmetric",
    contacts=[RigidPlane(normal=(0.0, 1.0, 0.0))],
    constraints=[PrescribedVelocity(body.nodes("axis"), components=(0,))],
)
back = NodeHistory(solver, body.nodes("back"), "v", 1)
recorder = Recorder(
    solver, options.out, name="bar", end_time=8.0 if options.quick else 30.0, outputs=6, keep=1,
    probes={"back_velocity": back},
)  # fmt: skip
recorder.run()

# %% ## What came out
#
# The energy balance says whether to believe it; the plastic strain is in `bar.xdmf` for ParaView,
# and in a picture.

history = {name: np.array(column) for name, column in recorder.history.items()}
if comm.rank == 0:
    print(f"steps: {solver.step_count}, energy balance within {abs(history['balance']).max():.1e}")
    print(f"back at the end: {1000 * history['back_velocity'][-1]:.1f} m/s")
    time, shot = recorder.snapshots[-1]
    panels = [Panel("sigma_M", "von Mises stress [MPa]", scale=1000.0)]
    panels += [Panel("plastic_strain", "plastic strain")]
    draw_sections(options.out / "bar.png", [cut(shot, time)], panels, title="Cone-nosed bar")

# %% ![The bar after the impact: von Mises stress, plastic strain](own_law.png)
#
# *The half section after 30 µs (without `--quick`): the cone has become a foot, and the bar has
# left the wall.*
#
# ## From here
#
# - What a law must keep: [your own law](../guide/own_law.md). What else can act on a body: [your
#   own geometry](../guide/own_geometry.md).
# - `demos/own_law.py` is a law with a relaxing stress, in three dimensions, on any number of
#   ranks and any mesh.
