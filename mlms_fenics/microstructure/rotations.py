# SPDX-License-Identifier: MIT
"""Rotations in three notations.

Everywhere a rotation Q takes the lattice frame to the sample frame: v_sample = Q v_crystal, as in
F_crystal = F Q. Bunge's matrix g takes sample to crystal coordinates, so Q = gᵀ.
"""

import numpy as np

from mlms_fenics.checks import real_array
from mlms_fenics.errors import InputError

# Of the three angles in degrees: sign and shift that make Bunge's of them. Kocks, Tomé & Wenk,
# Texture and Anisotropy (1998), ch. 2: Roe's Ψ, Θ, Φ turn about z, y, z (Matthies' α, β, γ are the
# same); Kocks' third angle is 180° less Roe's.
CONVENTIONS = {
    "bunge": ((1, 0), (1, 0), (1, 0)),
    "roe": ((1, 90), (1, 0), (1, -90)),
    "kocks": ((1, 90), (1, 0), (-1, 90)),
}


def rotations_from_euler(angles: np.ndarray, convention: str = "bunge") -> np.ndarray:
    """Q = R_z(φ1) R_x(Φ) R_z(φ2) from Euler angles, by default Bunge's.

    Args:
        angles: φ1, Φ, φ2 (Ψ, Θ, Φ of Roe; Ψ, Θ, φ of Kocks) in degrees, *Shape* `(..., 3)`.
        convention: a key of `CONVENTIONS`.

    Returns:
        *Shape* `(..., 3, 3)`.

    Raises:
        InputError: unknown convention.
    """
    if convention not in CONVENTIONS:
        raise InputError(
            f"convention is '{convention}', but must be one of {', '.join(CONVENTIONS)}"
        )
    angles = real_array("angles", angles)
    if convention != "bunge":
        sign, shift = np.array(CONVENTIONS[convention]).T
        angles = sign * angles + shift
    phi1, Phi, phi2 = np.moveaxis(np.radians(angles), -1, 0)
    return _about_z(phi1) @ _about_x(Phi) @ _about_z(phi2)


def euler_from_rotations(Q: np.ndarray) -> np.ndarray:
    """Bunge's Euler angles of `Q`, degrees, 0 <= φ1, φ2 < 360 and 0 <= Φ <= 180.

    Where Φ is 0 or 180 only one angle about z is determined; it is given to φ1, and φ2 is 0.

    Args:
        Q: *Shape* `(..., 3, 3)`.

    Returns:
        *Shape* `(..., 3)`.
    """
    Q = real_array("rotations", Q)
    sine = np.hypot(Q[..., 0, 2], Q[..., 1, 2])
    Phi = np.arctan2(sine, Q[..., 2, 2])
    regular = sine > 1e-12
    phi1 = np.where(
        regular,
        np.arctan2(Q[..., 0, 2], -Q[..., 1, 2]),
        np.arctan2(Q[..., 1, 0], Q[..., 0, 0]),
    )
    phi2 = np.where(regular, np.arctan2(Q[..., 2, 0], Q[..., 2, 1]), 0.0)
    angles = np.degrees(np.stack((phi1, Phi, phi2), axis=-1))
    angles[..., [0, 2]] %= 360.0
    return angles


def rotations_from_quaternions(q: np.ndarray) -> np.ndarray:
    """Q of quaternions w, x, y, z (scalar first, q and -q are the same; normalised here).

    Args:
        q: *Shape* `(..., 4)`.

    Returns:
        *Shape* `(..., 3, 3)`.

    Raises:
        InputError: a quaternion of length zero.
    """
    q = real_array("quaternions", q)
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    if not (length > 0).all():
        raise InputError("a quaternion of length 0 (or NaN) is no rotation")
    w, x, y, z = np.moveaxis(q / length, -1, 0)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quaternions_from_rotations(Q: np.ndarray) -> np.ndarray:
    """Quaternions w, x, y, z of `Q` with w >= 0.

    They are the dominant eigenvectors of Bar-Itzhack's 4×4 matrix (J. Guidance 23, 2000), which
    has no case in which digits are lost.

    Args:
        Q: *Shape* `(..., 3, 3)`.

    Returns:
        *Shape* `(..., 4)`.
    """
    Q = real_array("rotations", Q)
    K = np.zeros((*Q.shape[:-2], 4, 4))
    t = np.trace(Q, axis1=-2, axis2=-1)
    K[..., 0, 0] = t
    for i in range(3):
        K[..., 0, i + 1] = Q[..., (i + 2) % 3, (i + 1) % 3] - Q[..., (i + 1) % 3, (i + 2) % 3]
        for j in range(i, 3):
            K[..., i + 1, j + 1] = Q[..., i, j] + Q[..., j, i] - (t if i == j else 0.0)
    q = np.linalg.eigh(K, UPLO="U")[1][..., :, -1]
    return np.where(q[..., :1] < 0, -q, q)


def rotations_from_angles(angles: np.ndarray) -> np.ndarray:
    """Plane rotations [[c, -s], [s, c]], `(..., 2, 2)`, from angles in degrees, `(...)`."""
    return _about_z(np.radians(real_array("angles", angles)))[..., :2, :2]


def check_rotations(Q: np.ndarray, name: str = "orientations") -> np.ndarray:
    """`Q` as float64 `(n, d, d)`, having checked that they are proper rotations.

    Raises:
        InputError: wrong shape, not finite, not orthogonal within 1e-6, det = -1; names the grain.
    """
    Q = real_array(name, Q)
    if Q.ndim != 3 or Q.shape[1:] not in ((2, 2), (3, 3)) or len(Q) == 0:
        raise InputError(f"{name} must have the shape (n, 3, 3) or (n, 2, 2), not {Q.shape}")
    finite = np.isfinite(Q).all(axis=(1, 2))
    if not finite.all():
        raise InputError(f"{name}: grain {int(np.argmin(finite))} holds NaN or infinity")
    near = np.clip(Q, -10.0, 10.0)  # the squares of some numbers overflow
    error = np.abs(near.transpose(0, 2, 1) @ near - np.eye(Q.shape[-1])).max(axis=(1, 2))
    worst = int(np.argmax(error))
    if error[worst] > 1e-6:
        raise InputError(
            f"{name}: grain {worst} is no rotation (QᵀQ differs from I by {error[worst]:.2g}, "
            "allowed 1e-6): normalise it, or check the column order"
        )
    det = np.linalg.det(Q)
    if (det < 0).any():
        raise InputError(
            f"{name}: grain {int(np.argmin(det))} is a reflection (det -1), not a rotation"
        )
    return Q


def _about_z(angle: np.ndarray) -> np.ndarray:
    c, s, zero = np.cos(angle), np.sin(angle), np.zeros_like(angle)
    one = zero + 1.0
    return _stack(((c, -s, zero), (s, c, zero), (zero, zero, one)))


def _about_x(angle: np.ndarray) -> np.ndarray:
    c, s, zero = np.cos(angle), np.sin(angle), np.zeros_like(angle)
    one = zero + 1.0
    return _stack(((one, zero, zero), (zero, c, -s), (zero, s, c)))


def _stack(rows: tuple[tuple[np.ndarray, ...], ...]) -> np.ndarray:
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
