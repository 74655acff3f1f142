# SPDX-License-Identifier: MIT
"""Slip and twin systems against crystallography."""

import numpy as np
import pytest

from mlms_fenics.errors import InputError
from mlms_fenics.materials.crystal import lattice

MAGNESIUM = 1.624
FAMILIES = {"basal": 3, "prismatic": 3, "pyramidal": 6, "tensile_twin": 6}


def lines(s, m):
    """Schmid tensors up to the sign of s and m together, sorted, to compare sets of systems."""
    P = np.einsum("ai,aj->aij", s, m).reshape(-1, 9)
    return P[np.lexsort(np.round(P, 9).T)]


@pytest.mark.parametrize("family", FAMILIES)
def test_hexagonal_systems_are_orthonormal_and_distinct(family):
    s, m = lattice.hexagonal_systems(family, MAGNESIUM)
    assert len(s) == FAMILIES[family]
    np.testing.assert_allclose((s * s).sum(1), 1.0, atol=1e-15)
    np.testing.assert_allclose((m * m).sum(1), 1.0, atol=1e-15)
    np.testing.assert_allclose((s * m).sum(1), 0.0, atol=1e-15)
    P = np.einsum("ai,aj->aij", s, m).reshape(len(s), -1)
    overlap = np.abs(P @ P.T) - np.eye(len(s))
    assert overlap.max() < 0.999


@pytest.mark.parametrize("family", ["pyramidal", "tensile_twin"])
def test_a_family_is_one_orbit_of_the_hexagonal_group(family):
    s, m = lattice.hexagonal_systems(family, MAGNESIUM)
    known = lines(s, m)
    for R in lattice.hexagonal_rotations():
        np.testing.assert_allclose(lines(s @ R.T, m @ R.T), known, atol=1e-12)


def test_directions_and_normals_against_the_unit_cell():
    # Lattice vectors a1 = a x, c along z; [uvtw] = u a1 + v a2 + t a3 + w c.
    a, c = 1.0, MAGNESIUM
    basis = [np.array([np.cos(t), np.sin(t), 0.0]) * a for t in np.deg2rad([0, 120, 240])]
    for uvtw in [(2, -1, -1, 0), (-1, -1, 2, 3), (1, 0, -1, 0), (-1, 0, 1, 1)]:
        direct = sum(i * e for i, e in zip(uvtw[:3], basis, strict=True))
        direct = direct + np.array([0, 0, uvtw[3] * c])
        np.testing.assert_allclose(
            lattice.hexagonal_direction(np.array(uvtw), c),
            direct / np.linalg.norm(direct),
            atol=1e-15,
        )
    # A plane (hkil) cuts a1 at a/h, a2 at a/k and c at c/l.
    for hkil in [(1, 1, -2, 2), (1, 0, -1, 2), (0, 1, -1, 1)]:
        n = lattice.hexagonal_normal(np.array(hkil), c)
        intercepts = [n @ (basis[0] * 1), n @ (basis[1] * 1), n @ np.array([0, 0, c])]
        np.testing.assert_allclose(np.cross(intercepts, [hkil[0], hkil[1], hkil[3]]), 0, atol=1e-14)


def test_twin_reorients_the_c_axis_by_86_3_degrees():
    _, m = lattice.hexagonal_systems("tensile_twin", MAGNESIUM)
    c = np.array([0.0, 0.0, 1.0])
    angle = np.degrees(np.arccos(np.abs(lattice.mirror(m) @ c @ c)))
    np.testing.assert_allclose(angle, 86.3, atol=0.05)


def test_twinning_shear_of_magnesium():
    # Christian & Mahajan 1995: γ = |(c/a)² - 3| / (√3 c/a) for {10-12}.
    assert abs(MAGNESIUM**2 - 3) / (np.sqrt(3) * MAGNESIUM) == pytest.approx(0.129, abs=5e-4)


@pytest.mark.parametrize(
    ("family", "along", "largest"),
    [
        ("basal", (0, 0, 1), 0.0),
        ("prismatic", (0, 0, 1), 0.0),
        ("pyramidal", (0, 0, 1), 0.446),  # Mg, {11-22}⟨-1-123⟩ under c-axis load
        ("tensile_twin", (0, 0, 1), 0.499),  # Mg, {10-12}⟨-1011⟩ under c-axis tension
        ("basal", (1, 0, 1), 0.5),
        ("prismatic", (np.cos(np.pi / 12), np.sin(np.pi / 12), 0), 0.5),
        ("prismatic", (1, 0, 0), 0.433),  # ⟨11-20⟩: sin 60° cos 60°
        ("basal", (1, 0, 0), 0.0),
    ],
)
def test_schmid_factors(family, along, largest):
    s, m = lattice.hexagonal_systems(family, MAGNESIUM)
    t = np.array(along) / np.linalg.norm(along)
    assert np.abs((s @ t) * (m @ t)).max() == pytest.approx(largest, abs=6e-4)


def test_tensile_twins_extend_the_c_axis():
    s, m = lattice.hexagonal_systems("tensile_twin", MAGNESIUM)
    assert (s[:, 2] * m[:, 2] > 0.49).all()


@pytest.mark.parametrize("family", ["{111}<110>", "{110}<111>", "{112}<111>"])
def test_cubic_systems(family):
    s, m = lattice.cubic_systems(family)
    assert len(s) == 12
    np.testing.assert_allclose((s * m).sum(1), 0.0, atol=1e-15)
    P = np.einsum("ai,aj->aij", s, m).reshape(12, -1)
    assert (np.abs(P @ P.T) - np.eye(12)).max() < 0.999
    for R in lattice.cubic_rotations():  # one orbit, up to the sign of s
        turned = np.einsum("ai,aj->aij", s @ R.T, m @ R.T).reshape(12, -1)
        np.testing.assert_allclose(np.abs(turned @ P.T).max(1), 1.0, atol=1e-12)
    t = np.array([1.0, 0.0, 0.0])
    largest = {"{111}<110>": 0.408, "{110}<111>": 0.408, "{112}<111>": 0.471}[family]
    assert np.abs((s @ t) * (m @ t)).max() == pytest.approx(largest, abs=5e-4)


def test_rotation_groups():
    for group, order in ((lattice.hexagonal_rotations(), 12), (lattice.cubic_rotations(), 24)):
        assert len(group) == order
        np.testing.assert_allclose(np.linalg.det(group), 1.0)
        products = (group[:, None] @ group[None]).reshape(-1, 9)
        nearest = np.abs(products[:, None] - group.reshape(1, -1, 9)).max(-1).min(1)
        assert nearest.max() < 1e-12


def test_bad_input():
    with pytest.raises(InputError, match="unknown hexagonal family 'pyramid'"):
        lattice.hexagonal_systems("pyramid", 1.6)
    with pytest.raises(InputError, match="c/a must be positive"):
        lattice.hexagonal_systems("basal", -1.0)
    with pytest.raises(InputError, match="unknown cubic family"):
        lattice.cubic_systems("{100}<110>")
