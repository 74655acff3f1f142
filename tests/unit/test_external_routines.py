# SPDX-License-Identifier: MIT
"""Compiled UMATs and VUMATs as laws: their tangents, rotation, and slow loading with them."""

from pathlib import Path

import abaqus_routines
import numpy as np
import pytest
import torch
from dolfinx import mesh
from exported_laws import command
from mpi4py import MPI
from tangents import after_history, differences, largest_error, random_rotations

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.macroscale import ImplicitSolver, PrescribedVelocity, symmetry_plane
from mlms_fenics.materials import J2, ExternalUmat, ExternalVumat

YOUNG, POISSON, STRENGTH, SLOPE = 117.0, 0.35, 0.4, 0.5
G, K = YOUNG / (2.0 * (1.0 + POISSON)), YOUNG / (3.0 * (1.0 - 2.0 * POISSON))
NUMBERS = {"density": 8.9, "bulk_modulus": K, "shear_modulus": G, "states": 1,
           "properties": [K, G, STRENGTH, SLOPE]}  # fmt: skip

# Isotropic linear elasticity and hardening in rate form, as such routines are mostly written.
RETURN = """
        tr = d(1) + d(2) + d(3)
        s(1:3) = s(1:3) + 2*shear*d(1:3) + (bulk - 2*shear/3)*tr
        s(4:6) = s(4:6) + shear*d(4:6)
        p = (s(1) + s(2) + s(3))/3
        s(1:3) = s(1:3) - p
        q = sqrt(1.5d0*(sum(s(1:3)**2) + 2*sum(s(4:6)**2)))
        q = max(q, 1d-30)
        e = max(q - props(3) - props(4)*eold, 0d0)
        e = e/(3*shear + props(4))
"""
VUMAT = f"""{abaqus_routines.VUMAT}      dimension props(nprops), strainInc(nblock,6), d(6), s(6),
     1  stressOld(nblock,6), stressNew(nblock,6),
     2  stateOld(nblock,nstatev), stateNew(nblock,nstatev)
      bulk = props(1)
      shear = props(2)
      do k = 1, nblock
        d = strainInc(k,:)
        d(4:6) = 2*d(4:6)
        s = stressOld(k,:)
        eold = stateOld(k,1)
{RETURN}
        s = s*(1 - 3*shear*e/q)
        s(1:3) = s(1:3) + p
        stressNew(k,:) = s
        stateNew(k,1) = eold + e
      end do
      end subroutine
"""
UMAT = f"""
      subroutine umat(s,statev,ddsdde,sse,spd,scd,
     1  rpl,ddsddt,drplde,drpldt,
     2  stran,d,time,dtime,temp,dtemp,predef,dpred,cmname,
     3  ndi,nshr,ntens,nstatv,props,nprops,coords,drot,pnewdt,
     4  celent,dfgrd0,dfgrd1,noel,npt,layer,kspt,jstep,kinc)
      implicit real*8 (a-h,o-z)
      character*80 cmname
      dimension s(6),statev(nstatv),ddsdde(6,6),d(6),time(2),props(4),
     1  stran(6),drot(3,3),dfgrd0(3,3),dfgrd1(3,3),u(6)
      if (abs(d(1)) .gt. 0.1d0) pnewdt = 0.5d0
      bulk = props(1)
      shear = props(2)
      eold = statev(1)
{RETURN}
      f = 1 - 3*shear*e/q
      u = s/q
      ddsdde = 0
      g = 0
      if (e .gt. 0) g = 9*shear*shear*(e/q - 1/(3*shear + props(4)))
      do i = 1, 6
        do j = 1, 6
          ddsdde(i,j) = g*u(i)*u(j)
        end do
      end do
      do i = 1, 3
        ddsdde(i,1:3) = ddsdde(i,1:3) + bulk - 2*shear*f/3
        ddsdde(i,i) = ddsdde(i,i) + 2*shear*f
        ddsdde(i+3,i+3) = ddsdde(i+3,i+3) + shear*f
      end do
      s = s*f
      s(1:3) = s(1:3) + p
      spd = spd + e*(q*f)
      statev(1) = eold + e
      end subroutine
"""
KINDS = {ExternalVumat: VUMAT, ExternalUmat: UMAT}


@pytest.fixture(scope="module")
def laws(tmp_path_factory) -> dict[type, ExternalVumat | ExternalUmat]:
    folder = tmp_path_factory.mktemp("routines")
    made = {}
    for kind, text in KINDS.items():
        source, library = folder / f"{kind.ROUTINE}.f", folder / f"lib{kind.ROUTINE}.so"
        source.write_text(text)
        command("gfortran", "-O2", "-fPIC", "-shared", source, "-o", library)
        made[kind] = kind(library, **NUMBERS)
    return made


def stretched(n: int, size: float, seed: int) -> torch.Tensor:
    E = torch.from_numpy(size * np.random.default_rng(seed).uniform(-1.0, 1.0, (n, 3, 3)))
    return torch.eye(3, dtype=torch.float64) + E


def test_a_vumats_tangent_is_the_derivative_of_its_stress(laws):
    law, F = laws[ExternalVumat], stretched(40, 0.03, 0)
    _, state = after_history(law, F, 0.1)
    # On with flow, back in elasticity, and turned; away from kinks.
    R = random_rotations(40, np.random.default_rng(1))
    back = torch.lerp(F, torch.eye(3, dtype=torch.float64), 0.05)
    for end in (F @ stretched(40, 0.02, 2), back, R @ F @ F):
        sigma, new, A = law.linearise(end, 0.5, 0.1, state)
        plain, after = law.update(end, 0.5, 0.1, state)
        assert torch.equal(sigma, plain) and torch.equal(new["variables"], after["variables"])
        exact = differences(law, end, 0.5, 0.1, state, 1e-5)
        error = float((A - exact).abs().max()) / (K + 4.0 * G / 3.0)
        assert error < 1e-7


def test_a_umat_gives_stress_and_tangent(laws):
    law, exact = laws[ExternalUmat], J2(YOUNG, POISSON, STRENGTH, SLOPE, 8.9)
    # Small steps along fixed axes: rate form and logarithmic strain agree but for the volume.
    axes = random_rotations(1, np.random.default_rng(4))[0]
    state, other = law.initial_state(2), exact.initial_state(2)
    for k in range(1, 201):
        log = 0.1 * np.sin(4.0 * k / 200) * np.array([1.0, -0.5, -0.5])
        F = (axes @ torch.diag(torch.from_numpy(np.exp(log))) @ axes.T).repeat(2, 1, 1)
        found, state = law.update(F, 0.005 * k, 0.005, state)
        sigma, other = exact.update(F, 0.005 * k, 0.005, other)
    assert float((found - sigma).norm() / sigma.norm()) < 2e-3
    # A rotation alone turns the stress, however large the step.
    R = random_rotations(2, np.random.default_rng(5))
    turned, after = law.update(R @ F, 1.1, 0.1, state)
    assert torch.allclose(turned, R @ found @ R.mT, atol=1e-13)
    assert torch.allclose(after["variables"], state["variables"], rtol=1e-12)
    # DDSDDE is the derivative but for terms of the size of the step's strain.
    for size in (1e-3, 1e-4):
        end = F @ stretched(2, size, 6)
        _, _, A = law.linearise(end, 1.1, 0.1, state)
        assert largest_error(A, differences(law, end, 1.1, 0.1, state, 1e-6)) < 12.0 * size


@pytest.mark.parametrize("kind", list(KINDS))
def test_slow_loading_with_a_compiled_law(laws, kind):
    forces = []
    for law in (laws[kind], J2(YOUNG, POISSON, STRENGTH, SLOPE, 8.9)):
        top = PrescribedVelocity(lambda x: np.abs(x[2] - 1.0) < 1e-9, 1e-3, components=(2,))
        solver = ImplicitSolver(
            mesh.create_unit_cube(MPI.COMM_SELF, 2, 1, 1, mesh.CellType.hexahedron), law, steps=1.0,
            constraints=[*(symmetry_plane(k) for k in range(3)), top],
        )  # fmt: skip
        solver.run(20.0)
        assert solver.failed_steps == 0 and solver.iterations <= 5
        forces.append(solver.reaction(3)[2])
    assert forces[0] == pytest.approx(forces[1], rel=2e-3)


def test_what_cannot_be_is_said(laws, tmp_path):
    law = laws[ExternalUmat]
    one = torch.eye(3, dtype=torch.float64)[None]
    with pytest.raises(SimulationError, match=r"a step of 0\.5 times the length at point 0"):
        law.update(1.3 * one, 1.0, 1.0, law.initial_state(1))
    with pytest.raises(InputError, match="det F > 0"):
        law.update(-one, 1.0, 1.0, law.initial_state(1))
    bad = {**law.initial_state(1), "stress": torch.full((1, 6), torch.nan).double()}
    with pytest.raises(SimulationError, match=r"the UMAT of .* not finite at 1 µs"):
        law.update(one, 1.0, 1.0, bad)
    with pytest.raises(InputError, match=r"has no VUMAT \(symbol vumat_\)"):
        ExternalVumat(law.library, **NUMBERS)
    with pytest.raises(InputError, match="does not exist"):
        ExternalUmat(Path(tmp_path) / "libumat.so", **NUMBERS)
