# SPDX-License-Identifier: MIT
"""Laws stiffer than they say, collapsing steps, growing energy: found, with place and cause."""

import numpy as np
import pytest
import torch
from dolfinx import mesh
from mpi4py import MPI

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.macroscale import ExplicitSolver, Hourglass, RigidPlane, diagnosis, solver
from mlms_fenics.macroscale.diagnosis import crushed
from mlms_fenics.macroscale.stiffness import stiffness_ratio
from mlms_fenics.materials import J2, NeoHookean
from mlms_fenics.materials.stiffness import stiffest_when_deformed
from mlms_fenics.surrogate import load_model

G, K, RHO = 25.0, 48.0, 10.0


class Declares(NeoHookean):
    """An elastic law that says that it is softer than it is, by a factor, after some time."""

    def __init__(self, factor: float, after: float = 0.0) -> None:
        super().__init__(G, K, RHO)
        self.factor, self.after = factor, after

    def update(self, F, time, dt, state):
        sigma, state = super().update(F, time, dt, state)
        return sigma * (self.factor if time > self.after else 1.0), state


def cube(n: int = 3) -> mesh.Mesh:
    return mesh.create_unit_cube(MPI.COMM_WORLD, n, n, n, mesh.CellType.hexahedron)


def test_stiffness_ratio_of_known_laws() -> None:
    virgin = np.broadcast_to(np.eye(3), (4, 3, 3)).copy()
    for factor in (0.5, 1.0, 3.0):
        ratio = stiffness_ratio(Declares(factor), virgin, 0.1, 0.1, {}, strain=1e-5)
        np.testing.assert_allclose(ratio, factor, rtol=1e-4)
    # Flowing steel is softer than elastic steel; elastic in compression it is a little stiffer.
    law = J2(young=200.0, poisson=0.3, yield_stress=0.5, hardening=1.0, density=7.8)
    state = law.initial_state(2)
    stretched = np.array([np.diag([1.1, 0.95, 0.95]), 0.97 * np.eye(3)])
    _, state = law.update(torch.from_numpy(stretched), 1.0, 1.0, state)
    volumetric = stiffness_ratio(law, stretched, 2.0, 1.0, state)
    assert 1.0 < volumetric[1] < 1.2
    # K alone still resists a change of volume where flow lets the shape change.
    assert 0.9 < volumetric[0] < 1.1
    assert np.isnan(stiffness_ratio(Declares(np.nan), virgin, 0.1, 0.1, {})).all()
    assert stiffness_ratio(law, virgin[:0], 0.1, 0.1, law.initial_state(0)).shape == (0,)


def test_a_law_stiffer_than_its_moduli_is_refused_if_wanted() -> None:
    with pytest.raises(InputError, match=r"3\.\d+ times as stiff .* safety factor below 0\.5"):
        ExplicitSolver(cube(), Declares(3.0), stiffness="declared")
    ExplicitSolver(cube(), Declares(3.0), safety=0.5, stiffness="declared")
    ExplicitSolver(cube(), Declares(1.3), stiffness="declared")  # 1.5 at 10%, by geometry
    with pytest.raises(InputError, match="not finite"):
        ExplicitSolver(cube(), Declares(np.nan))
    with pytest.raises(InputError, match="stiffness is 'guessed'"):
        ExplicitSolver(cube(), Declares(1.0), stiffness="guessed")
    with pytest.raises(InputError, match=r"1\.\d+e\+06 times as stiff"):  # moduli in kPa
        ExplicitSolver(cube(), Declares(1e6))


class Rate(NeoHookean):
    """Elastic and viscous: what it answers to a small strain in one step goes like 1/dt."""

    def initial_state(self, n):
        return {"old": torch.eye(3, dtype=torch.float64).repeat(n, 1, 1)}

    def update(self, F, time, dt, state):
        sigma, _ = super().update(F, time, dt, {})
        change = (F - state["old"]) / dt
        return sigma + 6.0 * (change + change.mT), {"old": F.clone()}


@pytest.mark.parametrize("law", [Declares(5.0), Rate(G, K, RHO)])
def test_steps_are_shortened_for_a_stiffer_law_until_they_are_stable(law, monkeypatch) -> None:
    given = {"velocity": (0, 0, -0.01), "contacts": [RigidPlane()], "viscosity": (0.0, 0.0)}
    declared = ExplicitSolver(cube(), NeoHookean(G, K, RHO), **given).stable_dt
    with pytest.warns(UserWarning, match="time steps are .* times shorter"):
        body = ExplicitSolver(cube(), law, **given)
    assert 0.1 * declared < body.stable_dt < 0.5 * declared
    body.run(2.0)
    assert abs(body.energies().balance) < 0.02
    monkeypatch.setattr(solver, "step_share", lambda *_: 1.0)
    monkeypatch.setattr(solver, "_CHECK_EVERY", 10)
    with pytest.raises(SimulationError):
        ExplicitSolver(cube(), law, **given).run(2.0)


class Locks(NeoHookean):
    """An elastic law that stiffens by a factor beyond a shape change of 5%."""

    def __init__(self, factor: float) -> None:
        super().__init__(G, K, RHO)
        self.factor = factor

    def update(self, F, time, dt, state):
        sigma, state = super().update(F, time, dt, state)
        mean = sigma.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None] * torch.eye(3)
        size = torch.linalg.matrix_norm(sigma - mean)[:, None, None] / (2.0 * G)
        excess = torch.clamp(size - 0.05, min=0.0) / torch.clamp(size, min=1e-9)
        return sigma + (self.factor - 1.0) * excess * (sigma - mean), state


def test_a_law_that_stiffens_when_deformed_is_found_at_the_start() -> None:
    assert stiffest_when_deformed(NeoHookean(G, K, RHO), 0.01)[0] < 1.15
    ratio, strain = stiffest_when_deformed(Locks(4.0), 0.01)
    assert 3.5 < ratio < 4.7 and 0.05 < strain <= 0.1
    with pytest.raises(InputError, match=r"at \d+% of strain is [34]\.\d+ times as stiff"):
        ExplicitSolver(cube(), Locks(4.0), stiffness="declared")
    ExplicitSolver(cube(), Locks(4.0), safety=0.4)
    ExplicitSolver(cube(), Locks(1.2))


@pytest.mark.slow
def test_shipped_learnt_law_is_as_stiff_as_it_says_when_deformed() -> None:
    assert 0.9 < stiffest_when_deformed(load_model(), 0.005)[0] < 1.3


def test_laws_that_stop_the_look_are_not_refused() -> None:
    class Stops(NeoHookean):
        def update(self, F, time, dt, state):
            if float((F - torch.eye(3)).abs().max()) > 0.03:
                raise ValueError("too far")
            return super().update(F, time, dt, state)

    ExplicitSolver(cube(), Stops(G, K, RHO))


def test_growing_energy_names_the_law_and_the_place(monkeypatch) -> None:
    monkeypatch.setattr(solver, "_CHECK_EVERY", 1)
    # Stiff enough to be unstable only once it is under way.
    body = ExplicitSolver(
        cube(), Declares(8.0, after=0.5), velocity=(0, 0, -0.01), contacts=[RigidPlane()]
    )
    words = r"time 0\.\d+ µs, step \d+: energy has grown .* element \d+ at \(.*\) mm moves most"
    warned = pytest.warns(
        UserWarning, match=r"element \d+ at .* times as stiff as its bulk_modulus"
    )
    with warned, pytest.raises(SimulationError, match=words) as caught:
        body.run(5.0)
    assert 7.0 < body.law_stiffness < 12.0
    ratio = float(str(caught.value).partition("up to ")[2].split()[0])
    assert 7.0 < ratio < 12.0
    assert 0.5 < body.time < 1.5


def test_a_collapsing_step_names_the_crushed_element(monkeypatch) -> None:
    body = ExplicitSolver(cube(), NeoHookean(G, K, RHO), hourglass=Hourglass("none"))
    X = body.elements.coordinates
    cell = 5
    low = X[body.elements.dofs[cell]].min(axis=0)
    high = low + 1.0 / 3.0
    u = body.u.x.array.reshape(-1, 3)
    top = np.isclose(X[:, 2], high[2]) & (np.abs(X[:, :2] - low[:2] - 1 / 6).max(axis=1) < 0.17)
    assert top.sum() == 4
    u[top, 2] = -0.3
    monkeypatch.setattr(diagnosis, "COLLAPSE", 0.3)
    with pytest.raises(SimulationError, match="the stable time step has collapsed") as caught:
        body.step()
    original = body.mesh.topology.original_cell_index[cell]
    assert f"element {original} at ({low[0] + 1 / 6:.4g}, " in str(caught.value)
    assert "is 0.1 of its first size across" in str(caught.value)
    assert crushed(body.body, body.motion) in str(caught.value)


class Defective(NeoHookean):
    """Fails from some time on as a law does that is wrongly written, or as one that is not."""

    def __init__(self, error: Exception, after: float) -> None:
        super().__init__(G, K, RHO)
        self.error, self.after = error, after

    def update(self, F, time, dt, state):
        if time > self.after:
            raise self.error
        return super().update(F, time, dt, state)


DEFECTS = (KeyError("plastic"), TypeError("two arguments"), RuntimeError("shapes do not fit"))


@pytest.mark.parametrize("error", DEFECTS, ids=lambda error: type(error).__name__)
def test_a_defect_of_the_law_is_raised_where_its_stiffness_is_looked_at(error) -> None:
    with pytest.raises(type(error)):  # late on the paths of the start, which end at 0.2 µs
        ExplicitSolver(cube(), Defective(error, after=0.15))
    body = ExplicitSolver(cube(), NeoHookean(G, K, RHO), velocity=(0, 0, -0.01))
    law = Defective(error, after=-1.0)
    for look in (
        lambda: diagnosis.watch_law(law, body.body, body.motion, 0.0, 1.0),
        lambda: diagnosis.fastest(law, body.body, body.motion),
    ):
        with pytest.raises(type(error)):
            look()


@pytest.mark.parametrize(
    "error", [InputError("too late"), SimulationError("no convergence"), ZeroDivisionError()]
)
def test_a_law_may_refuse_to_be_looked_at(error) -> None:
    ExplicitSolver(cube(), Defective(error, after=0.15))
    body = ExplicitSolver(cube(), NeoHookean(G, K, RHO), velocity=(0, 0, -0.01))
    law = Defective(error, after=-1.0)
    assert diagnosis.watch_law(law, body.body, body.motion, 0.0, 1.0) == 0.0
    assert "up to 0 times as stiff" in diagnosis.fastest(law, body.body, body.motion)
