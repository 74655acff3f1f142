# SPDX-License-Identifier: MIT
"""VUMAT and UMAT of learnt laws, compiled without warnings and called as Abaqus calls them."""

import ctypes
import subprocess
from pathlib import Path

import abaqus_routines
import numpy as np
import pytest
import torch
from exported_laws import STRICT, command, laws_to_export

from mlms_fenics.errors import SimulationError
from mlms_fenics.export.check import histories
from mlms_fenics.export.write import export
from mlms_fenics.materials import J2, ExternalUmat, ExternalVumat
from mlms_fenics.surrogate.base import LearntLaw

STATES = {"recurrent": 35, "reduced of variants": 28 + 3 * 29}
FORTRAN = ("-O2", "-fPIC", "-Wall", "-Wextra", "-Werror")
# The interface is Abaqus's: an adapter does not use all of it.
UNUSED = ("-Wno-unused-dummy-argument", "-Wno-unused-parameter")

# Linear elasticity and isotropic linear hardening in rate form, as VUMATs are mostly written.
RATE_FORM = (
    abaqus_routines.VUMAT
    + """      dimension props(nprops), strainInc(nblock,6),
     1  stressOld(nblock,6), stressNew(nblock,6),
     2  stateOld(nblock,nstatev), stateNew(nblock,nstatev), s(6)
      bulk = props(1)
      shear = props(2)
      do k = 1, nblock
        tr = strainInc(k,1) + strainInc(k,2) + strainInc(k,3)
        s = stressOld(k,:) + 2*shear*strainInc(k,:)
        s(1:3) = s(1:3) + (bulk - 2*shear/3)*tr
        p = (s(1) + s(2) + s(3))/3
        s(1:3) = s(1:3) - p
        q = sqrt(1.5d0*(sum(s(1:3)**2) + 2*sum(s(4:6)**2)))
        y = props(3) + props(4)*stateOld(k,1)
        d = max(q - y, 0d0)/(3*shear + props(4))
        s = s*(1 - 3*shear*d/max(q, 1d-30))
        s(1:3) = s(1:3) + p
        stressNew(k,:) = s
        stateNew(k,1) = stateOld(k,1) + d
      end do
      end subroutine
"""
)


@pytest.fixture(scope="module")
def laws() -> dict[str, LearntLaw]:
    return laws_to_export()


@pytest.fixture(scope="module")
def vumat(laws, tmp_path_factory) -> Path:
    """Shared library of an exported VUMAT, with the routines that stand for Abaqus's; mm, s, t."""
    folder = tmp_path_factory.mktemp("vumat")
    export(laws["recurrent"], folder, "vumat", precision="float64", units="mm-s")
    command("gcc", *STRICT, "-O1", "-fPIC", "-c", folder / "learnt_law.c", "-o", folder / "law.o")
    include, stubs = f"-I{folder / 'without_abaqus'}", folder / "without_abaqus" / "stubs.f"
    sources = (folder / "learnt_law_vumat.f", stubs)
    for number, source in enumerate(sources):
        made = folder / f"{number}.o"
        command("gfortran", *FORTRAN, *UNUSED, include, "-c", source, "-o", made)
    made = folder / "libvumat.so"
    objects = [folder / name for name in ("0.o", "1.o", "law.o")]
    command("gfortran", "-shared", *objects, "-lm", "-o", made)
    return made


def driven_vumat(library, law, states, properties=()) -> ExternalVumat:
    return ExternalVumat(
        library,
        density=law.density,
        bulk_modulus=law.bulk_modulus,
        shear_modulus=law.shear_modulus,
        states=states,
        properties=properties,
        time_unit=1e6,
        stress_unit=1e-3,
    )


def test_a_vumat_is_the_law(laws, vumat):
    law = laws["recurrent"]
    ours = driven_vumat(vumat, law, 14 + 14 + 7 + 1, [1.5])
    n = 300  # more than two blocks
    F, end = histories(n, 12, 0.1, 1)
    state, own, before = law.initial_state(n), ours.initial_state(n), 0.0
    for f, now in zip(torch.as_tensor(F), end.tolist(), strict=True):
        a, state = law.update(f, now, now - before, state)
        b, own = ours.update(f, now, now - before, own)
        assert float((a - b).norm() / a.norm()) < 1e-9
        before = now
    f, now = f[:20] @ torch.tensor([[1.0, 0.01, 0], [0, 0.99, 0], [0, 0, 1.0]]).double(), 1.05
    few = [{name: value[:20] for name, value in each.items()} for each in (state, own)]
    exact, found = (a.tangent(f, now, 0.05, s) for a, s in zip((law, ours), few, strict=True))
    assert float((found - exact).abs().max() / exact.abs().max()) < 1e-6
    distance = own["variables"][:, 1]
    assert torch.allclose(distance, state["distance"], rtol=1e-7)
    deleted = own["variables"][:, -1] == 0.0
    assert 0 < int(deleted.sum()) < n and bool((deleted == (distance > 1.5)).all())
    # Internal energy per mass is the stress power's integral.
    assert float(own["energy"][:, 0].mean()) > 0.0


def test_a_vumat_in_two_dimensions_and_at_its_start(laws, vumat):
    law = laws["recurrent"]
    ours = driven_vumat(vumat, law, 36)
    n = 5
    strain = np.zeros((4, n))
    strain[0], strain[3] = 1e-3, 2e-4
    rows = {"strain": strain, "spin": np.zeros((1, n)), "stretch": strain + 0.0}
    rows["stretch"][:3] += 1.0
    elastic = called(ours, rows, 0.0, 1e-9) * 1e-3
    G, K = law.shear_modulus, law.bulk_modulus
    assert elastic[0] == pytest.approx(np.full(n, (K + 4 * G / 3) * 1e-3))
    assert elastic[3] == pytest.approx(np.full(n, 2 * G * 2e-4))
    full = torch.eye(3, dtype=torch.float64).repeat(n, 1, 1)
    full[:, 0, 0], full[:, 0, 1], full[:, 1, 0] = 1.001, 2e-4, 2e-4
    exact, _ = law.update(full, 1e-3, 1e-3, law.initial_state(n))
    found = called(ours, rows, 1e-9, 1e-9) * 1e-3
    assert (
        pytest.approx(
            np.stack([exact[:, i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1))], 1), rel=1e-8
        )
        == found[[0, 1, 2, 3]].T
    )


def called(ours: ExternalVumat, rows: dict, time: float, dt: float) -> np.ndarray:
    """Stress of one call with a single shear component, as of plane strain."""
    library = ctypes.CDLL(str(ours.library))
    n = rows["strain"].shape[1]
    integers = (n, 3, 1, ours.states, 1, 0, 0)
    new, state, one = np.zeros((4, n)), np.zeros((2, ours.states, n)), np.ones((8, n))
    arrays = (
        one, one, one, one, rows["strain"], rows["spin"], one, one, one, one, 0.0 * one,
        state[0], one, one, one, rows["stretch"], one, one, new, state[1], one, one,
    )  # fmt: skip
    library.vumat_(
        *(ctypes.byref(ctypes.c_int(i)) for i in integers),
        *(ctypes.byref(ctypes.c_double(t)) for t in (time, time, dt)),
        ctypes.c_char_p(b" " * 80),
        *(a.ctypes.data_as(ctypes.c_void_p) for a in arrays),
        ctypes.c_size_t(80),
    )
    return new


def test_a_host_in_trouble_gets_a_clear_line(laws, vumat, capfd):
    ours = driven_vumat(vumat, laws["recurrent"], 36)
    rows = {"strain": np.zeros((4, 3)), "spin": np.zeros((1, 3)), "stretch": np.zeros((4, 3))}
    rows["stretch"][:3] = 1.0
    rows["stretch"][1, 2] = np.nan
    assert np.isnan(called(ours, rows, 1e-8, 1e-8)).all()
    assert "learnt_law: point 3 of a block has a stretch that is not positive or is NaN" in (
        capfd.readouterr().err
    )
    called(driven_vumat(vumat, laws["recurrent"], 20), rows, 1e-8, 1e-8)
    assert "*DEPVAR 36 state variables, but has 20" in capfd.readouterr().err


def test_a_vumat_in_rate_form(tmp_path):
    source, made = tmp_path / "vumat.f", tmp_path / "libvumat.so"
    source.write_text(RATE_FORM)
    command("gfortran", "-O2", "-fPIC", "-shared", source, "-o", made)
    G, K, strength, slope = 48.0, 140.0, 0.4, 0.5
    ours = ExternalVumat(
        made, density=8.9, bulk_modulus=K, shear_modulus=G, states=1,
        properties=[K, G, strength, slope],
    )  # fmt: skip
    young, poisson = 9.0 * K * G / (3.0 * K + G), (3.0 * K - 2.0 * G) / (2.0 * (3.0 * K + G))
    law = J2(young, poisson, yield_stress=strength, hardening=slope, density=8.9)
    # Stretches along fixed axes: then rate form and logarithmic strain agree but for the volume.
    t = np.linspace(0.0, 1.0, 201)[1:]
    log = np.outer(0.1 * np.sin(4.0 * t), [1.0, -0.5, -0.5])
    n, state, own = 2, law.initial_state(2), ours.initial_state(2)
    for k, stretch in enumerate(np.exp(log)):
        F = torch.diag(torch.as_tensor(stretch)).repeat(n, 1, 1)
        a, state = law.update(F, t[k], 0.005, state)
        b, own = ours.update(F, t[k], 0.005, own)
    assert float((a - b).norm() / a.norm()) < 2e-3
    with pytest.raises(SimulationError, match="stress that is not finite"):
        driven_nan = {**own, "stress": own["stress"] * float("nan")}
        ours.update(F, 1.0, 0.005, driven_nan)


@pytest.mark.parametrize(
    ("architecture", "allowed"), [("recurrent", 3e-6), ("reduced of variants", 1e-4)]
)
def test_a_umat_is_the_law_and_its_tangent(laws, architecture, allowed, tmp_path):
    law = laws[architecture]
    export(law, tmp_path, "umat")
    include, stubs = f"-I{tmp_path / 'without_abaqus'}", tmp_path / "without_abaqus" / "stubs.f"
    command(
        "gcc", *STRICT, "-O1", "-fPIC", "-c", tmp_path / "learnt_law.c", "-o", tmp_path / "law.o"
    )
    source = tmp_path / "learnt_law_umat.f"
    command("gfortran", *FORTRAN, *UNUSED, include, "-c", source, "-o", tmp_path / "umat.o")
    made = tmp_path / "libumat.so"
    command("gfortran", "-shared", "-fPIC", stubs, tmp_path / "umat.o", tmp_path / "law.o",
            "-lm", "-o", made)  # fmt: skip
    umat = ctypes.CDLL(str(made)).umat_
    F, end = histories(1, 12, 0.1, 3)
    state, own, before = law.initial_state(1), np.zeros(STATES[architecture]), 0.0
    for f, now in zip(torch.as_tensor(F), end.tolist(), strict=True):
        sigma, state, A = law.linearise(f, now, now - before, state)
        found, tangent, shorter = umat_call(umat, f[0].numpy(), before, now - before, own)
        assert shorter == 1.0
        assert found == pytest.approx(voigt(sigma[0].numpy()), rel=1e-9, abs=1e-10)
        exact = abaqus_tangent(A[0].numpy(), f[0].numpy(), sigma[0].numpy())
        assert np.abs(tangent - exact).max() < allowed * np.abs(exact).max()
        before = now
    ours = ExternalUmat(
        made, density=law.density, bulk_modulus=law.bulk_modulus, shear_modulus=law.shear_modulus,
        states=STATES[architecture],
    )  # fmt: skip
    state, own_state, before = law.initial_state(1), ours.initial_state(1), 0.0
    for f, now in zip(torch.as_tensor(F[:4]), end.tolist(), strict=False):
        sigma, state, A = law.linearise(f, now, now - before, state)
        found, own_state, tangent = ours.linearise(f, now, now - before, own_state)
        assert torch.allclose(found, sigma, rtol=1e-9, atol=1e-10)
        assert float((tangent - A).abs().max() / A.abs().max()) < allowed
        before = now
    before = end[-1]
    # Plane strain: one shear component.
    flat, slope, _ = umat_call(umat, F[-1, 0], before, 0.1, own.copy(), shears=1)
    whole, full, _ = umat_call(umat, F[-1, 0], before, 0.1, own.copy())
    assert np.array_equal(flat, whole[:4]) and np.array_equal(slope, full[:4, :4])
    kept = own.copy()
    _, _, shorter = umat_call(umat, np.diag([-1.0, 1.0, 1.0]), before, 0.1, own)
    assert shorter == 0.25 and np.array_equal(own, kept)


def test_the_five_commands_of_the_page(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "other_codes.md").read_text(encoding="utf-8")
    lines = page.split("```bash\n")[1].split("```")[0]
    assert len(lines.splitlines()) == 5
    done = subprocess.run(
        ["bash", "-ec", lines], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "relative difference from the package" in done.stdout
    assert b"vumat_" in (tmp_path / "abaqus" / "learnt_law_vumat.o").read_bytes()


ORDER = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))  # of Abaqus/Standard


def voigt(T: np.ndarray) -> np.ndarray:
    return np.array([T[i, j] for i, j in ORDER])


def abaqus_tangent(A: np.ndarray, F: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """(1/J) d(J σ) for d(F) = e F, from dP/dF and P = J σ F⁻ᵀ."""
    J, columns = np.linalg.det(F), []
    P = J * sigma @ np.linalg.inv(F).T
    for i, j in ORDER:
        e = np.zeros((3, 3))
        e[i, j] += 0.5
        e[j, i] += 0.5
        dF = e @ F
        columns.append(voigt((np.einsum("iJkL,kL->iJ", A, dF) @ F.T + P @ dF.T) / J))
    return np.array(columns).T


def umat_call(umat, F, start, dt, state, shears=3):
    """Stress, DDSDDE and PNEWDT; `state` is changed in place."""
    n = 3 + shears
    stress, tangent = np.zeros(n), np.zeros((n, n), order="F")
    shorter = ctypes.c_double(1.0)
    zero, gradient = np.zeros(36), np.asfortranarray(F)
    times = np.array([start, start])
    d = [a.ctypes.data_as(ctypes.c_void_p) for a in (zero, stress, state, tangent, gradient, times)]
    unused, sigma, own, slope, f, at = d
    number = [ctypes.byref(ctypes.c_int(i)) for i in (3, shears, n, len(state), 0)]
    umat(
        sigma, own, slope, *[unused] * 9, at, ctypes.byref(ctypes.c_double(dt)), *[unused] * 4,
        ctypes.c_char_p(b" " * 80), *number[:4], unused, number[4], unused, unused,
        ctypes.byref(shorter), unused, f, f, *[number[4]] * 4, unused, number[4],
        ctypes.c_size_t(80),
    )  # fmt: skip
    return stress, tangent, shorter.value
