# SPDX-License-Identifier: MIT
"""Textures of bodies cut from a plate, ellipses of feet, turns of grains, fitted laws."""

import argparse

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mlms_fenics.errors import InputError
from mlms_fenics.impact import textured_laws
from mlms_fenics.impact.footprint import bulge, fit_ellipse, rim_of_foot, silhouette
from mlms_fenics.impact.reorientation import mean_turn
from mlms_fenics.impact.textured_laws import fitted
from mlms_fenics.impact.textures import body_frame, body_texture, in_body
from mlms_fenics.io.layout import Snapshot
from mlms_fenics.materials import Polycrystal, cubic_crystal
from mlms_fenics.materials.library import metal
from mlms_fenics.microstructure import Texture, fibre_texture, random_orientations


def options(**changes) -> argparse.Namespace:
    return argparse.Namespace(
        **{"rolled": None, "orientations": None, "axis": "RD", "grains": 8, **changes}
    )


@pytest.mark.parametrize(
    ("axis", "x", "z"),
    [
        ("RD", (0, 0, 1), (1, 0, 0)),
        ("TD", (0, 0, 1), (0, 1, 0)),
        ("nd", (1, 0, 0), (0, 0, 1)),
        ("90", (0, 0, 1), (1, 0, 0)),
        ("30", (-(3**0.5) / 2, 0, 0.5), (0.5, 0, 3**0.5 / 2)),
    ],
)
def test_frame_of_a_body_along_an_axis(axis, x, z) -> None:
    frame = body_frame(axis)
    assert np.linalg.det(frame) == pytest.approx(1.0)
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(frame[2], z, atol=1e-14)
    # What of ND is across the axis has no part along y.
    assert abs(frame[1, 2]) < 1e-14
    if axis != "30":
        np.testing.assert_allclose(frame[0], x, atol=1e-14)
    else:
        assert frame[0, 2] > 0.0 and frame[0] @ frame[2] == pytest.approx(0.0)


def test_c_axes_of_a_rolled_plate_lie_along_x_of_a_bar_along_rd() -> None:
    whole, few = body_texture(options(rolled=10.0), "hexagonal")
    for texture in (whole, few):
        c = texture.orientations[:, :, 2]
        moment = np.einsum("g,gi,gj->ij", texture.weights, c, c)
        # The mean of the squared cosine of a fibre of 10 degrees' standard deviation each way.
        assert moment[0, 0] == pytest.approx(1.0 - 2.0 * np.radians(10.0) ** 2, abs=0.01)
        assert abs(moment[1, 1] - moment[2, 2]) < 0.01
    assert len(few) == 8 and "RD" in " ".join(few.said)
    turned = in_body(Texture(np.eye(3)[None]), "ND").orientations
    np.testing.assert_allclose(turned[0], np.eye(3), atol=1e-14)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"axis": "up"}, "--axis is 'up'"),
        ({"rolled": 90.0}, "--rolled"),
        ({"rolled": 5.0, "orientations": "x.txt"}, "exclude each other"),
        ({"grains": 0}, "n is 0"),
        ({"grains": 401}, "n is 401"),
    ],
)
def test_textures_out_of_range_are_refused(changes, words) -> None:
    with pytest.raises(InputError, match=words):
        body_texture(options(**changes), "hexagonal")


def test_an_ellipse_is_found_exactly_wherever_it_lies() -> None:
    turn = np.radians(np.arange(0.0, 360.0, 24.0) + 3.0)
    a, b, direction = 0.62, 0.55, np.radians(37.0)
    x, y = a * np.cos(turn), b * np.sin(turn)
    cosine, sine = np.cos(direction), np.sin(direction)
    points = np.stack((x * cosine - y * sine, x * sine + y * cosine), axis=1)
    # The extremes are those of the ellipse only where they are sampled alike: opposite points.
    both = np.concatenate((points, -points))
    for shift in (0.0, 0.2):
        foot = fit_ellipse(both + shift)
        assert (foot.major, foot.minor) == pytest.approx((a, b), rel=1e-12)
        assert foot.direction == pytest.approx(37.0) and foot.misfit < 1e-12
        assert foot.aspect == pytest.approx(a / b)
        assert foot.reach(37.0) == pytest.approx(a) and foot.reach(-53.0) == pytest.approx(b)
    with pytest.raises(InputError, match="at least 5"):
        fit_ellipse(points[:4])


def test_rim_and_silhouette_of_a_stretched_cylinder() -> None:
    turn = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    ring = np.stack((np.cos(turn), np.sin(turn)), axis=1)
    X = np.concatenate(
        [np.column_stack((r * ring, np.full(24, z))) for z in (0.0, 1.0) for r in (0.5, 0.2)]
    )
    grown = np.where(X[:, 2] == 0.0, 1.0, 0.0)[:, None] * np.array([0.2, 0.1, 0.0]) * X
    body = Snapshot(X, np.zeros((0, 8), int), "hexahedron", {"u": grown}, {})
    foot = fit_ellipse(rim_of_foot(body))
    assert (foot.major, foot.minor) == pytest.approx((0.6, 0.55), rel=1e-12)
    heights, widths = silhouette(body, np.array([0.0, 90.0]))
    np.testing.assert_allclose(heights, [0.0, 1.0])
    np.testing.assert_allclose(widths, [[0.6, 0.55], [0.5, 0.5]])


def test_mean_turn_of_grains_and_of_their_twins() -> None:
    crystal = metal("magnesium-extruded")
    Q = fibre_texture(3, 0, spread=20.0)
    law = Polycrystal(crystal, Q, weights=np.array([0.5, 0.3, 0.2]))
    state = law.initial_state(3)
    turn = Rotation.from_rotvec([0.0, 0.4, 0.0]).as_matrix()
    F = np.stack((np.eye(3), turn, np.eye(3)))
    # The third point is all twins of the first system: c turns by 86.3 degrees in each.
    state["grains"][2, :, 9] = 1.0
    c, c_turned = Q[:, :, 2], Q[:, :, 2] @ turn.T
    expected = law.weights @ np.degrees(np.arccos(np.sum(c * c_turned, axis=1)))
    found = mean_turn(law, F, state)
    np.testing.assert_allclose(found[:2], [0.0, expected], atol=1e-5)
    assert found[2] == pytest.approx(86.3, abs=0.1)
    cubic = cubic_crystal(
        "fcc", shear_modulus=40.0, lambda_e=60.0, density=8.9,
        slip={"{111}<110>": {"tau_0": 0.02, "rate": 1e-3, "rate_exponent": 0.1}},
    )  # fmt: skip
    plain = Polycrystal(cubic, Q)
    np.testing.assert_allclose(mean_turn(plain, F, plain.initial_state(3))[0], 0.0, atol=1e-5)


@pytest.mark.slow
def test_hill_is_nearer_to_a_rolled_plate_than_mises_and_equal_for_random_grains(
    monkeypatch,
) -> None:
    monkeypatch.setattr(textured_laws, "NUMBER", 5)  # of histories of each kind: enough here
    crystal = metal("magnesium-wang2014")
    sharp = body_texture(options(rolled=10.0), "hexagonal")[1]
    errors = {name: fitted(name, crystal, sharp)[2] for name in ("hill", "johnson-cook", "j2")}
    assert errors["hill"]["error"] < 0.9 * errors["johnson-cook"]["error"]
    assert errors["johnson-cook"]["error"] <= errors["j2"]["error"] + 1e-3
    random = Texture(random_orientations(30, 0))
    law, name, found = fitted("hill", crystal, random)
    normal = np.array([found[k] for k in "FGH"])
    np.testing.assert_allclose(normal, normal.mean(), rtol=0.25)
    assert "30 grains" in name and law.density == crystal.density
    with pytest.raises(InputError, match="law is 'x'"):
        fitted("x", crystal, random)


def test_bulge_of_a_plate_is_half_as_high_where_it_says() -> None:
    line = np.linspace(-2.0, 2.0, 81)
    x, y = (a.ravel() for a in np.meshgrid(line, line))
    X = np.concatenate([np.column_stack((x, y, np.full(x.size, z))) for z in (0.0, 1.0)])
    # A tent: half as high at 0.6 mm along x and 0.8 mm along y.
    height = 0.1 * np.maximum(1.0 - np.hypot(X[:, 0] / 1.2, X[:, 1] / 1.6), 0.0)
    u = np.zeros_like(X)
    u[:, 2] = np.where(X[:, 2] == 1.0, height, 7.0)
    found = bulge(Snapshot(X, np.zeros((0, 8), int), "hexahedron", {"u": u}, {}))
    assert found["deflection [mm]"] == pytest.approx(0.1)
    assert found["half width along x [mm]"] == pytest.approx(0.6, rel=0.01)
    assert found["half width along y [mm]"] == pytest.approx(0.8, rel=0.01)
    u[:, 2] = 0.1
    flat = bulge(Snapshot(X, np.zeros((0, 8), int), "hexahedron", {"u": u}, {}))
    assert np.isnan(flat["half width along x [mm]"])
