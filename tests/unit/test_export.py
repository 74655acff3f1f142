# SPDX-License-Identifier: MIT
"""Learnt laws in C: compiled here and compared with the package, along histories that turn."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from exported_laws import checked, laws_to_export, library
from untrained_laws import untrained_laws

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.export.__main__ import main
from mlms_fenics.export.check import TOLERANCE, histories
from mlms_fenics.export.write import export
from mlms_fenics.materials.base import drive
from mlms_fenics.materials.library import metal
from mlms_fenics.surrogate import load_model
from mlms_fenics.surrogate.base import LearntLaw
from mlms_fenics.surrogate.parts import parts_by_strain
from mlms_fenics.surrogate.trust import TrustMeasure

NETWORKS = (
    "recurrent",
    "recurrent of any rate",
    "grains",
    "grains of any rate",
    "pca-net",
    "pca-net of the paper",
    "pca-net of old",
    "pca-net of the rest",
)
QUICK = ("-O1",)  # for the compiler
SYSTEMS = ("mm-ms", "mm-s", "SI")


@pytest.fixture(scope="module")
def laws() -> dict[str, LearntLaw]:
    return laws_to_export()


@pytest.fixture(scope="module")
def recurrent(laws, tmp_path_factory):
    return library(laws["recurrent"], tmp_path_factory.mktemp("law"), "float32")


def driven(law, size: float, seed: int, points: int = 100, steps: int = 25):
    """Stress histories without their pressure, which all have in common, and the last state."""
    F, end = histories(points, steps, size, seed)
    F = np.concatenate([np.tile(np.eye(3), (1, points, 1, 1)), F]).swapaxes(0, 1)
    times = np.concatenate([[0.0], 0.8 * end])
    sigma = drive(law, torch.as_tensor(F), times).double().numpy()
    return sigma - np.trace(sigma, axis1=2, axis2=3)[..., None, None] / 3.0 * np.eye(3), sigma


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


@pytest.mark.parametrize(
    ("architecture", "precision"),
    [
        *((name, precision) for name in NETWORKS for precision in ("float64", "float32")),
        ("reduced", "float64"),
        ("reduced of variants", "float64"),
    ],
)
def test_histories_are_those_of_the_package(laws, architecture, precision, tmp_path):
    law = laws[architecture]
    ours = library(law, tmp_path, precision, () if precision == "float32" else QUICK)
    for size, seed in ((0.1, 1), (0.01, 2), (0.5, 3)):
        found, exact = driven(ours, size, seed), driven(law, size, seed)
        for a, b in zip(found, exact, strict=True):
            assert distance(a, b) < TOLERANCE[precision]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "precision"),
    [
        ("recurrent of any rate", "float64"),
        ("grains of any rate", "float32"),
        ("pca-net of old", "float64"),
        ("reduced", "float64"),
    ],
)
def test_its_own_check_passes_under_the_sanitizers(laws, architecture, precision, tmp_path):
    checked(laws[architecture], tmp_path, precision)


def test_the_shipped_law_in_parts_of_steps(tmp_path):
    law = load_model("one-microsecond", dtype=torch.float64)
    law.network.longest_step = 0.01
    ours = library(law, tmp_path, "float64", QUICK)
    assert (ours.density, ours.shear_modulus) == pytest.approx((law.density, law.shear_modulus))
    assert law.substeps(0.05) > 1
    F, end = histories(20, 15, 0.08, 4)
    state, own = law.initial_state(20), ours.initial_state(20)
    before = 0.0
    for f, now in zip(torch.as_tensor(F), end.tolist(), strict=True):
        a, state = law.update(f, now, now - before, state)
        b, own = ours.update(f, now, now - before, own)
        assert distance(b.numpy(), a.numpy()) < 1e-9
        assert distance(ours.fields(own)["distance"].numpy(), state["distance"].numpy()) < 1e-9
        before = now


@pytest.mark.parametrize("longest", [0.02, 0.03])
def test_steps_in_parts_by_strain(tmp_path, longest):
    law = load_model("many-rates", dtype=torch.float64)
    assert law.longest_strain == 0.02  # of files that do not say
    law.report["longest_strain"] = longest
    ours = library(law, tmp_path, "float64", QUICK)
    F, end = histories(40, 8, 0.3, 4)
    state, own = law.initial_state(40), ours.initial_state(40)
    before, parts = 0.0, []
    for f, now in zip(torch.as_tensor(F), end.tolist(), strict=True):
        start = state["strain"]
        a, state = law.update(f, now, now - before, state)
        b, own = ours.update(f, now, now - before, own)
        parts.append(parts_by_strain(start, state["strain"], longest))
        assert distance(b.numpy(), a.numpy()) < 1e-9
        before = now
    # Points of one chunk in few and in many parts.
    assert all(len(set(p.tolist())) > 1 for p in parts), parts


@pytest.mark.parametrize("units", SYSTEMS)
def test_units_of_the_host(laws, units, tmp_path):
    law = laws["recurrent"]
    ours = library(law, tmp_path, "float64", QUICK, units=units, name="metal")
    assert ours.bulk_modulus == pytest.approx(law.bulk_modulus)
    assert ours.density == pytest.approx(law.density)
    assert distance(driven(ours, 0.1, 5, 10)[0], driven(law, 0.1, 5, 10)[0]) < 1e-9
    factor = {"mm-ms": 1e3, "mm-s": 1e6, "SI": 1e6}[units]
    assert f"#define HOST_TIME {factor!r}" in (tmp_path / "metal.c").read_text()


def test_points_do_not_depend_on_their_neighbours(recurrent):
    ours = recurrent
    many, few = driven(ours, 0.1, 6, 131)[1], []
    F, end = histories(131, 25, 0.1, 6)
    for rows in (slice(0, 1), slice(64, 70), slice(130, 131)):
        state, before = ours.initial_state(len(many[rows])), 0.0
        for f, now in zip(torch.as_tensor(F[:, rows]), (0.8 * end).tolist(), strict=True):
            sigma, state = ours.update(f, now, now - before, state)
            before = now
        few.append(np.array_equal(sigma.numpy(), many[rows, -1]))
    assert all(few)


def test_in_plain_c_and_with_the_measure_of_older_models(laws, tmp_path):
    law = copy.copy(laws["recurrent"])
    law.trust = TrustMeasure(3, 1.0, groups=0)
    law.trust.mean.normal_(0.0, 0.01)
    law.trust.whitening += 0.1 * torch.randn(7, 7)
    # Without the vectors of GCC's kind, and without anything that is not C99.
    ours = library(law, tmp_path, "float64", ("-DPLAIN_C", "-pedantic", *QUICK))
    assert distance(driven(ours, 0.1, 7, 20)[0], driven(law, 0.1, 7, 20)[0]) < 1e-9
    F = torch.as_tensor(histories(20, 1, 0.1, 8)[0][0])
    a, b = (x.update(F, 0.1, 0.1, x.initial_state(20))[1] for x in (law, ours))
    assert torch.allclose(a["distance"], ours.fields(b)["distance"], rtol=1e-9)


def test_threads_may_share_it(recurrent):
    ours = recurrent
    exact = [driven(ours, 0.1, seed, 40)[1] for seed in range(4)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda seed: driven(ours, 0.1, seed, 40)[1], range(4)))
    assert all(np.array_equal(a, b) for a, b in zip(found, exact, strict=True))


def test_bad_steps_are_refused(recurrent):
    ours = recurrent
    F = torch.eye(3, dtype=torch.float64).repeat(70, 1, 1)
    for wrong in (-1.0, 0.0, float("nan")):
        F[66, 0, 0] = wrong
        with pytest.raises(InputError, match=f"det F > 0, but one is {wrong:g}"):
            ours.update(F, 0.01, 0.01, ours.initial_state(70))
    with pytest.raises(InputError, match=r"dt is 0\.0 µs, but must be positive"):
        ours.update(F[:3], 0.01, 0.0, ours.initial_state(3))


def test_a_law_with_a_horizon_refuses_times_beyond(laws, tmp_path):
    ours = library(laws["pca-net"], tmp_path, "float32", QUICK, units="SI")
    F = torch.eye(3, dtype=torch.float64)[None]
    ours.update(F, 1.0, 0.1, ours.initial_state(1))
    for call in (
        lambda: ours.update(F, 1.1, 0.1, ours.initial_state(1)),
        lambda: ours.check_end_time(1.1),
    ):
        with pytest.raises(InputError, match="histories of 1 µs; shorten the run"):
            call()


def test_a_grain_that_cannot_be_integrated_is_told(laws, tmp_path):
    ours = library(laws["reduced"], tmp_path, "float64", QUICK)
    F = torch.eye(3, dtype=torch.float64).repeat(3, 1, 1)
    F[1, 0, 0] = 1e60
    with pytest.raises(SimulationError, match="point 1 could not be integrated over a step of 1 "):
        ours.update(F, 1.0, 1.0, ours.initial_state(3))


def test_what_cannot_be_exported_is_named(laws, tmp_path):
    flat = untrained_laws()["recurrent 2D"]
    with pytest.raises(InputError, match="dimension 2, but laws for other codes are in three"):
        export(flat, tmp_path)
    stiff = copy.copy(laws["reduced"])
    stiff.law = metal("copper")
    with pytest.raises(InputError, match="needs implicit steps"):
        export(stiff, tmp_path)
    law = laws["recurrent"]
    for options, message in (
        ({"target": "lsdyna"}, "target 'lsdyna': must be one of c, vumat, umat"),
        ({"units": "inch"}, "units 'inch': must be one of mm-us"),
        ({"precision": "float16"}, "must be one of float32, float64"),
        ({"name": "a b"}, "must begin with a letter"),
        ({"target": "umat", "precision": "float32"}, "a UMAT needs float64"),
    ):
        with pytest.raises(InputError, match=message):
            export(law, tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_libraries_that_are_none(tmp_path):
    from mlms_fenics.materials import ExternalLaw

    with pytest.raises(InputError, match="does not exist: compile"):
        ExternalLaw(tmp_path / "libnone.so")
    (tmp_path / "libtext.so").write_text("no library")
    with pytest.raises(InputError, match="is not a shared library"):
        ExternalLaw(tmp_path / "libtext.so")


def test_the_command(tmp_path, capsys):
    assert main(["default", "--out", str(tmp_path), "--name", "mg"]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"mg.h", "mg.c", "mg_check.c", "README.md"}
    assert "wrote" in capsys.readouterr().out
    page = (tmp_path / "README.md").read_text()
    assert "@" not in page and f"| {14 + 20 + load_model().network.state} |" in page
