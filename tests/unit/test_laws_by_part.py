# SPDX-License-Identifier: MIT
"""Several volumes of a mesh with laws of their own: as the laws alone, with output and restart."""

import numpy as np
import pytest
import torch
from bars_of_two_laws import ELASTIC, LENGTH, bimetal_bar
from mpi4py import MPI
from solver_state import COPPER, assert_same, everything
from xdmf_reading import read_grids

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.io import Checkpoint, Recorder
from mlms_fenics.macroscale import ExplicitSolver, Hourglass, RigidPlane
from mlms_fenics.materials import J2, LawsByPart, NeoHookean, drive

COMM = MPI.COMM_SELF
SOFT = NeoHookean(shear_modulus=10.0, bulk_modulus=20.0, density=3.0)


def impact(laws=None, law=None, flat: bool = False, **options) -> ExplicitSolver:
    """The bar flies along -x into a wall."""
    body = bimetal_bar(COMM, 8 if not flat else 10, 2, flat)
    options = {"two_dimensional": "plane-strain" if flat else None, **options}
    wall = RigidPlane((-LENGTH, 0.0, 0.0), (1.0, 0.0, 0.0))
    return ExplicitSolver(
        body, law, laws=laws, velocity=(-0.3, 0.0, 0.0), contacts=[wall], **options
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quadrature": "full"},
        {"hourglass": Hourglass("viscous", 0.1)},
        {"flat": True},
        {"assembly": "dolfinx"},
    ],
)
def test_one_law_in_two_parts_is_that_law_bit_by_bit(options) -> None:
    whole = impact(law=J2(**COPPER), **options)
    parts = impact(laws={"head": J2(**COPPER), "body": J2(**COPPER)}, **options)
    for solver in (whole, parts):
        solver.run(1.0)
    assert whole.energies().internal > 0.0
    one, two = everything(whole), everything(parts)
    for key, values in one.items():
        if not key.startswith("state/"):
            assert np.array_equal(two[key], values), key
    part = two["state/part"].astype(bool)  # 1 in the body
    for key in (key for key in one if key.startswith("state/")):
        name = key.removeprefix("state/")
        both = two[f"state/law 0/{name}"].copy()
        both[part] = two[f"state/law 1/{name}"][part]
        assert np.array_equal(both, one[key]), key


def test_masses_moduli_and_stable_step_are_those_of_each_part() -> None:
    hard, soft = J2(**COPPER), SOFT
    solver = impact(laws={"body": hard, "head": soft})
    volume = LENGTH * (2.0 * 2.0 * LENGTH / 8) ** 2
    assert solver.nodal_mass.sum() == pytest.approx(volume * (hard.density + soft.density))
    alone = [impact(law=law).stable_dt for law in (hard, soft)]
    assert hard.wave_speed > soft.wave_speed
    assert solver.stable_dt == pytest.approx(min(alone), rel=1e-12) and alone[0] != alone[1]
    # Nothing but the density of the interface's nodes: a light part stays with its own step.
    heavy = NeoHookean(10.0, 20.0, 3000.0)
    assert impact(laws={"body": heavy, "head": SOFT}).stable_dt >= alone[1] * (1.0 - 1e-12)


def test_energy_and_momentum_are_kept() -> None:
    solver = impact(laws={"body": J2(**COPPER), "head": SOFT})
    before = solver.momentum[0]
    solver.run(4.0)
    assert abs(solver.energies().balance) < 5e-3
    assert solver.momentum[0] - before == pytest.approx(solver.contact_impulse[0], rel=1e-9)
    strain = solver.material.fields(solver.state)["plastic_strain"].numpy()
    head = solver.state["part"].numpy() == 1
    assert strain[~head].max() > 1e-3 and not strain[head].any()


def test_a_restart_goes_on_bit_by_bit_and_knows_the_laws(tmp_path) -> None:
    laws = {"body": J2(**COPPER), "head": SOFT}
    solver = impact(laws=laws)
    solver.run(1.0)
    Checkpoint(solver, tmp_path / "c.h5").save()
    again = impact(laws=laws)
    Checkpoint(again, tmp_path / "c.h5").restore()
    assert_same(again, everything(solver))
    solver.run(2.0)
    again.run(2.0)
    assert_same(again, everything(solver))
    stiffer = {**laws, "head": NeoHookean(11.0, 20.0, 3.0)}
    with pytest.raises(InputError, match=r"head, shear_modulus: 10.0 then, 11.0 now"):
        Checkpoint(impact(laws=stiffer), tmp_path / "c.h5").restore()
    with pytest.raises(InputError, match="is of another run"):
        Checkpoint(impact(law=laws["body"]), tmp_path / "c.h5").restore()


def test_fields_of_all_laws_and_the_part_are_written(tmp_path) -> None:
    solver = impact(laws={"body": J2(**COPPER), "head": SOFT})
    Recorder(solver, tmp_path, name="bar", end_time=0.5, outputs=1).run()
    _, points, _, cell = read_grids(tmp_path / "bar.xdmf")[-1]
    assert cell["part"].tolist() == [0.0] * 16 + [1.0] * 16 and "plastic_strain" in cell
    assert points is not None


def test_what_is_wrong_is_said_in_one_line() -> None:
    body = bimetal_bar(COMM, 8)
    two = {"body": SOFT, "head": SOFT}
    for given, words in (
        ((body, SOFT, two), "one law, or laws="),
        ((body, None, None), "one law, or laws="),
        ((body.mesh, None, two), "laws= needs a mesh with names"),
        ((body, None, {"body": SOFT}), r"4 elements .* in none .*\(body\), .* element 4 of"),
        ((body, None, {**two, "both": SOFT}), "8 elements .* in more than one .* element 0 of"),
        ((body, None, {**two, "tail": SOFT}), "no volume 'tail', but body, head, both"),
        ((body, None, {}), "at least one"),
        ((body, None, [SOFT]), "by the names of the parts"),
        ((body, None, {"both": "copper"}), "part 'both' is str, but must be one law"),
        ((body, "copper", None), "'copper' is no law"),
    ):  # fmt: skip
        domain, material, laws = given
        with pytest.raises(InputError, match=words) as caught:
            ExplicitSolver(domain, material, laws=laws)
        assert "\n" not in str(caught.value)
    assert ExplicitSolver(body, SOFT).stable_dt > 0.0  # a named mesh with one law will do


class Weak(NeoHookean):
    """Fails after some time; three times as stiff as it declares."""

    def update(self, F, time, dt, state):
        if time > 0.5:
            raise SimulationError("it is over")
        sigma, state = super().update(F, time, dt, state)
        return 3.0 * sigma, state


def test_failures_and_stiffness_name_the_part() -> None:
    laws = {"body": SOFT, "head": Weak(10.0, 20.0, 3.0)}
    with pytest.raises(InputError, match=r"the law at .* in part 'head' is .* bulk_modulus 20 GPa"):
        impact(laws=laws, stiffness="declared")
    with pytest.warns(UserWarning, match="in part 'head' is .* times as stiff"):
        solver = impact(laws=laws)
    with pytest.raises(SimulationError, match="law failed: in part 'head': it is over"):
        solver.run(1.0)


def test_the_law_of_parts_keeps_the_contract() -> None:
    laws = LawsByPart({"a": J2(**COPPER), "b": ELASTIC["head"]})
    gamma = torch.linspace(0.0, 0.05, 6, dtype=torch.float64)
    F = torch.eye(3, dtype=torch.float64).repeat(4, 6, 1, 1)
    F[..., 0, 1] = gamma
    part = np.array([1, 0, 0, 1])
    state = laws.virgin(part)
    for k in range(1, 6):
        sigma, state = laws.update(F[:, k], 0.1 * k, 0.1, state)
    alone = [drive(law, F[:1], 0.1 * np.arange(6))[0, -1] for law in laws.laws.values()]
    for row, k in enumerate(part):
        torch.testing.assert_close(sigma[row], alone[k], rtol=1e-13, atol=1e-13)
    first = drive(laws, F[:2], 0.1 * np.arange(6))[:, -1]
    torch.testing.assert_close(first[0], alone[0], rtol=1e-13, atol=1e-13)
    old = {key: values.clone() for key, values in state.items()}
    later = F[:, -1].clone()
    later[:, 0, 0] += 0.01
    sigma, _, slope = laws.linearise(later, 0.6, 0.1, state)
    assert all(torch.equal(old[key], values) for key, values in state.items())
    h, direction = 1e-6, torch.randn(3, 3, generator=torch.manual_seed(2), dtype=torch.float64)

    def piola(G: torch.Tensor) -> torch.Tensor:
        stress, _ = laws.update(G, 0.6, 0.1, state)
        return torch.linalg.det(G)[:, None, None] * stress @ torch.linalg.inv(G).mT

    change = (piola(later + h * direction) - piola(later - h * direction)) / (2.0 * h)
    expected = torch.einsum("niJkL,kL->niJ", slope, direction)
    torch.testing.assert_close(expected, change, rtol=1e-6, atol=1e-6)
