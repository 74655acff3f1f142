# SPDX-License-Identifier: MIT
"""Compiled loops over the nodes that a rigid body may touch."""

from math import sqrt

import numba

_jit = numba.njit(cache=True, error_model="numpy")


@_jit
def plane_distances(nodes, gap, normal, shift, u, v, dt, distance):
    """Distance of each node from a plane at the end of the step, mm, negative inside."""
    n0, n1, n2 = normal
    for k in range(nodes.shape[0]):
        i = nodes[k]
        vn = v[i, 0] * n0 + v[i, 1] * n1 + v[i, 2] * n2
        un = u[i, 0] * n0 + u[i, 1] * n1 + u[i, 2] * n2
        distance[k] = gap[k] + un + dt * vn - shift


@_jit
def cylinder_distances(
    nodes, offset, axis, radius, face, speed, u, v, dt, distance, normals, ahead
):
    """Distance of each node from a flat-ended cylinder at the end of the step, mm.

    A node that would end inside is put where it came from: on the face if it was ahead of it at the
    beginning of the step, on the side otherwise.

    Args:
        offset: reference positions relative to the centre of the face at time 0, mm, `(n, 3)`.
        axis: unit vector out of the face.
        radius: mm.
        face: how far the face has moved along the axis at the beginning of the step, mm.
        speed: of the face along the axis, mm/µs.
        distance, normals: results, `(n,)` and `(n, 3)`; positive distances may be anything.
        ahead: result, how far a node under the face is ahead of it at the beginning, mm, `(n,)`;
            NaN for a node that is not under the face.
    """
    n0, n1, n2 = axis
    tolerance = 1e-9 * radius
    for k in range(nodes.shape[0]):
        i = nodes[k]
        x0, x1, x2 = offset[k, 0] + u[i, 0], offset[k, 1] + u[i, 1], offset[k, 2] + u[i, 2]
        before = x0 * n0 + x1 * n1 + x2 * n2 - face
        x0, x1, x2 = x0 + dt * v[i, 0], x1 + dt * v[i, 1], x2 + dt * v[i, 2]
        along = x0 * n0 + x1 * n1 + x2 * n2
        r0, r1, r2 = x0 - along * n0, x1 - along * n1, x2 - along * n2
        r = sqrt(r0 * r0 + r1 * r1 + r2 * r2)
        after = along - face - dt * speed
        distance[k], ahead[k] = 1.0, float("nan")
        if r >= radius:
            continue
        if before >= -tolerance:
            distance[k], ahead[k] = after, before
            normals[k, 0], normals[k, 1], normals[k, 2] = n0, n1, n2
        elif after < 0.0 and r > 0.0:
            distance[k] = r - radius
            normals[k, 0], normals[k, 1], normals[k, 2] = r0 / r, r1 / r, r2 / r


@_jit
def below(nodes, owned, ahead, axis, speed, v, inverse_mass, dt):
    """Mass of the own nodes that a face at `speed` would overtake, and their w-momentum.

    w = v·n + ahead/dt is the speed that a face would need to end the step level with the node.
    """
    mass, momentum = 0.0, 0.0
    for k in range(nodes.shape[0]):
        i = nodes[k]
        if i < owned and ahead[k] == ahead[k]:
            w = v[i, 0] * axis[0] + v[i, 1] * axis[1] + v[i, 2] * axis[2] + ahead[k] / dt
            if w < speed:
                mass += 1.0 / inverse_mass[i]
                momentum += w / inverse_mass[i]
    return mass, momentum


@_jit
def land(
    nodes, owned, distance, normals, surface, friction, v, force, inverse_mass, dt_mean, dt,
    touching, rubbing, impulse,
):  # fmt: skip
    """Put the nodes of negative distance on the surface, with Coulomb friction; work, J.

    Args:
        surface: velocity of the rigid body, mm/µs, `(3,)`.
        friction: Coulomb's coefficient.
        touching: result, which nodes touch, `(n,)`.
        rubbing: result, force of friction on each node, kN, `(n, 3)`.
        impulse: on the body, of own nodes, kN µs, `(3,)`; set.
    """
    work = 0.0
    impulse[:] = 0.0
    for k in range(nodes.shape[0]):
        i = nodes[k]
        touching[k] = distance[k] < 0.0
        rubbing[k, 0] = rubbing[k, 1] = rubbing[k, 2] = 0.0
        if not touching[k]:
            continue
        push = -distance[k] / dt
        n0, n1, n2 = normals[k]
        d0, d1, d2 = push * n0, push * n1, push * n2
        if friction > 0.0:
            t0, t1, t2 = v[i, 0] - surface[0], v[i, 1] - surface[1], v[i, 2] - surface[2]
            along = t0 * n0 + t1 * n1 + t2 * n2
            t0, t1, t2 = t0 - along * n0, t1 - along * n1, t2 - along * n2
            size = sqrt(t0 * t0 + t1 * t1 + t2 * t2)
            if size > 0.0:
                slow = min(friction * push, size) / size
                d0, d1, d2 = d0 - slow * t0, d1 - slow * t1, d2 - slow * t2
                scale = -slow / (inverse_mass[i] * dt_mean)
                rubbing[k, 0], rubbing[k, 1] = scale * t0, scale * t1
                rubbing[k, 2] = scale * t2
        if i < owned:
            m = 1.0 / inverse_mass[i]
            s = dt_mean * inverse_mass[i]
            work += m * (
                d0 * (v[i, 0] + 0.5 * (d0 - s * force[i, 0]))
                + d1 * (v[i, 1] + 0.5 * (d1 - s * force[i, 1]))
                + d2 * (v[i, 2] + 0.5 * (d2 - s * force[i, 2]))
            )
            impulse[0] += m * d0
            impulse[1] += m * d1
            impulse[2] += m * d2
        v[i, 0] += d0
        v[i, 1] += d1
        v[i, 2] += d2
    return work
