# SPDX-License-Identifier: MIT
"""One step of explicit dynamics on a device: central differences, stress, forces."""

from math import inf

import numpy as np
import torch

from mlms_fenics.device import place
from mlms_fenics.errors import require
from mlms_fenics.gpu.launch import usable
from mlms_fenics.loop.contact import Contact, PlaneContact
from mlms_fenics.loop.cylinder import CylinderContact
from mlms_fenics.loop.data import CylinderData, DeadLoadData, PlaneData, PressureData, Problem
from mlms_fenics.loop.exchange import Ranks
from mlms_fenics.loop.geometry import Cells, upload
from mlms_fenics.loop.given import DeadLoad, Held, PressureLoad
from mlms_fenics.loop.hourglass import Hourglassing
from mlms_fenics.loop.on_gpu import Arrays, CellKernels
from mlms_fenics.loop.stresses import Moduli, Number, stresses
from mlms_fenics.materials import Material, State


class Loop:
    """A problem's motion on a device; all tensors keep their places in memory.

    A step is `move`, `deform`, `ask_law`, `answer`, `push`. Its length and the time may be floats
    or 0-d tensors on the device; with these, no method waits for the device or copies from it
    where the loop is `resident`.

    Args:
        problem: what moves, on one rank.
        law: of it.
        device: where.
        ranks: of the body.
        moduli: of the law in each cell, density, bulk and shear, `(n_cells,)`; None: the law's own.
        state: of the law at the start; None: that of virgin points.

    Attributes:
        u: displacement, mm, `(3, n_nodes)`.
        v: velocity half a step before, mm/µs, likewise.
        force: nodal forces, kN, likewise.
        F, F_old: deformation gradients now and a step before, `(3, 3, n_points)`.
        sigma: Cauchy stress, GPa, likewise.
        P: first Piola-Kirchhoff stress with bulk viscosity, GPa, likewise.
        viscous: bulk-viscous pressure, GPa, `(n_points,)`.
        work: of the stress in `P` and of the viscosity in it, J, `(2,)`.
        state: of the law, on its own device.
        mass: lumped, of the nodes, mg, `(n_nodes,)`.
        ready_law: the law, `Material.for_steps` as long as are taken.
        contacts, held, loads, hourglass: parts with a memory.
        kernels: the compiled loop's own code for the cells, on a GPU that numba can compile for;
            None: PyTorch's operations do the same.
    """

    def __init__(
        self,
        problem: Problem,
        law: Material,
        device: torch.device | str = "cpu",
        ranks: Ranks | None = None,
        moduli: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
        state: State | None = None,
    ) -> None:
        device = place(device)
        self.problem, self.law, self.device = problem, law, device
        self.ready_law, self._flat = law, problem.flat
        self.ranks = ranks or Ranks(device=device)
        linear, quadratic = problem.viscosity
        if moduli is None:
            one = (law.density, law.bulk_modulus, law.shear_modulus)
            moduli = tuple(np.full(len(problem.dofs), x) for x in one)
        density, bulk, shear = (upload(values, device) for values in moduli)
        self._cells = cells = Cells(problem, device)
        self._moduli = Moduli(
            *(cells.at_points(x) for x in (density, bulk, shear)), linear, quadratic,
            1.0 if problem.flat else 2.0, float(problem.axisymmetric),
        )  # fmt: skip
        self._smallest = density * upload(problem.shares.min(axis=1, initial=inf), device)
        cells.sums.parts.copy_((density * upload(problem.shares.T, device)).expand(3, -1, -1))
        mass = cells.sums.total()
        self.ranks.sum(mass)
        self.mass = mass[0].clone()
        self._inverse_mass = 1.0 / self.mass
        n, points = len(problem.coordinates), len(problem.volume)
        like = {"dtype": torch.float64, "device": device}
        self.u, self.force = torch.zeros(3, n, **like), torch.zeros(3, n, **like)
        self.v = upload(problem.velocity.T, device)
        eye = torch.eye(3, **like)[:, :, None]
        self.F, self.F_old = eye.repeat(1, 1, points), eye.repeat(1, 1, points)
        self.sigma, self.P = torch.zeros_like(self.F), torch.zeros_like(self.F)
        self.viscous, self.work = torch.zeros(points, **like), torch.zeros(2, **like)
        self._ratio = self.viscous
        self.state: State = law.initial_state(points) if state is None else state
        self.contacts = [self._contact(given) for given in problem.contacts]
        self.held = [Held(given, n, problem.owned, self.mass) for given in problem.held]
        self.loads = [self._load(given) for given in problem.loads]
        self.hourglass = None
        if problem.hourglass is not None:
            self.hourglass = Hourglassing(problem.hourglass, self._moduli)
        self.kernels: CellKernels | None = None
        if usable(device) and len(problem.dofs):
            self.kernels = self._own_kernels()

    def _own_kernels(self) -> CellKernels:
        cells, dofs = self._cells, self.problem.dofs.astype(np.int32).T
        arrays = Arrays(
            torch.from_numpy(np.ascontiguousarray(dofs)).to(self.device), cells.gradients,
            cells.metric, cells.volume, self._smallest, cells.sums.parts,
        )  # fmt: skip
        return CellKernels(self.problem, arrays, self._moduli, self.hourglass)

    def _contact(self, given: PlaneData | CylinderData) -> Contact:
        bound = (self.problem.owned, self._inverse_mass)
        if isinstance(given, PlaneData):
            return PlaneContact(given, *bound)
        return CylinderContact(given, *bound, self.ranks.gather)

    def _load(self, given: DeadLoadData | PressureData) -> DeadLoad | PressureLoad:
        problem = self.problem
        if isinstance(given, DeadLoadData):
            return DeadLoad(given, problem.owned, self.mass)
        return PressureLoad(
            given, problem.coordinates, problem.owned, problem.axisymmetric, self.ranks.sum,
            self.device,
        )  # fmt: skip

    @property
    def resident(self) -> bool:
        """Whether steps can be taken without the host's looking at any number.

        Not where the law is on another device, something is a function of the time, which is called
        on the host, or values are exchanged with other ranks.
        """
        alone = self.ranks.size == 1 and not self.problem.timed
        here, there = self.device, self.law.device
        return alone and (here.type, here.index or 0) == (there.type, there.index or 0)

    def compile(self, backend: str = "inductor") -> None:
        """Have torch make a few kernels of all that is not the law's.

        Only where the loop is `resident`: lengths of steps must then be tensors, as of `Resident`,
        since a number would be compiled anew at every step. The first step takes a minute.

        Args:
            backend: of `torch.compile`; "inductor" needs Triton, or a C++ compiler for a CPU.

        Raises:
            InputError: the loop is not `resident`.
        """
        require(
            self.resident,
            "the loop cannot be compiled: its law is elsewhere, something is a function of the "
            "time, or there are several ranks",
        )
        self.kernels = None
        for name in ("move", "_deform", "answer", "push"):
            whole = torch.compile(
                getattr(self, name), fullgraph=True, dynamic=False, backend=backend
            )
            setattr(self, name, whole)

    def move(self, dt_mean: Number, dt: Number, before: Number) -> None:
        """Velocities and displacements over a step of `dt` µs from the time `before`, µs."""
        u, v, force = self.u, self.v, self.force
        v += dt_mean * self._inverse_mass * force
        for held in self.held:
            held.apply(v, force, dt_mean, dt, before + 0.5 * dt)
        for contact in self.contacts:
            contact.apply(u, v, force, dt_mean, dt, before + dt)
        u += dt * v

    def deform(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Set F; its least determinant and that point, 0-d (infinity where there is no cell)."""
        # Apart from what is compiled: torch 2.6 would copy F after it has been set anew.
        self.F_old.copy_(self.F)
        return self._deform()

    def _deform(self) -> tuple[torch.Tensor, torch.Tensor]:
        if self.kernels is not None:
            return self.kernels.deform(self.u, self.F)
        self._cells.gather(self.u)
        self._cells.deformation(self.F)
        if self.F.shape[-1] == 0:
            return torch.tensor(inf, dtype=torch.float64), torch.tensor(-1)
        return self._cells.smallest_determinant(self.F)

    def ask_law(self, time: Number, dt: Number) -> None:
        """Set stress and state at `time`, the end of a step of `dt` µs."""
        F, law = self.F, self.ready_law
        if self.problem.mean_dilatation:
            F, self._ratio = self._cells.with_mean_dilatation(F)
        with torch.no_grad():
            sigma, new = law.update(F.permute(2, 0, 1).to(law.device), time, dt, self.state)
        sigma = sigma.to(self.device, torch.float64).permute(1, 2, 0)
        if self.problem.mean_dilatation:
            sigma = self._cells.with_mean_pressure(sigma, self._ratio)
        self.sigma.copy_(sigma)
        for name, values in new.items():
            self.state[name].copy_(values)

    def answer(self, dt: Number | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Set P; stable step, µs, and the first point whose stress is not finite or -1, 0-d.

        Args:
            dt: of the step, µs; None at the very start.
        """
        if self.F.shape[-1] == 0:
            return torch.tensor(inf, dtype=torch.float64), torch.tensor(-1)
        if self.kernels is not None:
            return self.kernels.stresses(
                self.F, self.F_old, self.sigma, self.P, self.viscous, dt, self.work
            )
        return stresses(
            self._cells, self._moduli, self._smallest, self.F, self.F_old, self.sigma, self.P,
            self.viscous, dt, self.work,
        )  # fmt: skip

    def push(self, time: Number, dt: Number | None) -> None:
        """Set the nodal forces at `time`; arguments as of `answer`."""
        if self.kernels is None:
            self._push_cells(dt)
        else:
            self.kernels.forces(self.u, self.F, self.sigma, self.P, dt)
        self.force.copy_(self._cells.sums.total())
        self.ranks.sum(self.force)
        for load in self.loads:
            load.apply(self.u, self.v, self.force, 0.0 if dt is None else dt, time)
        if self._flat:
            self.force[2].zero_()

    def _push_cells(self, dt: Number | None) -> None:
        cells = self._cells
        stress = -cells.volume * self.P
        if self.hourglass is None:
            cells.forces(stress)
            return
        modes = self.hourglass.add(cells.local, self.F, self.sigma, dt, stress)
        cells.forces(stress)
        self.hourglass.spread(modes, cells.sums.parts)
