# SPDX-License-Identifier: MIT
"""Interaction matrices q_ab: what slip on system b does to the strength of system a."""

from collections.abc import Mapping, Sequence

import numpy as np

from mlms_fenics.errors import InputError, require
from mlms_fenics.materials.crystal.families import SlipFamily, TwinFamily

Matrix = tuple[tuple[float, ...], ...]

# In DAMASK's order, which tells two kinds of glissile junctions apart; Madec & Kubin, Acta Mater.
# 126 (2017) 166.
JUNCTIONS = ("self", "coplanar", "collinear", "orthogonal", "glissile", "sessile")
_TOLERANCE = 1e-9


def fcc_interaction(values: Mapping[str, float] | Sequence[float], family: SlipFamily) -> Matrix:
    """The matrix of a family {111}⟨110⟩ from its kinds of dislocation junctions.

    Args:
        values: by the names of `JUNCTIONS` (orthogonal: Hirth's lock, sessile: Lomer's), or the
            seven numbers of DAMASK: self, coplanar, collinear, orthogonal, glissile twice, sessile.
        family: the 12 systems, in any order.

    Raises:
        InputError: a name is missing or unknown, a number negative or not finite, seven numbers
            with two values of glissile junctions, or the systems are not {111}⟨110⟩.
    """
    if not isinstance(values, Mapping):
        numbers = list(values)
        require(
            len(numbers) == 7 and numbers[4] == numbers[5],
            f"interaction {numbers}: seven numbers are wanted, in the order self, coplanar, "
            "collinear, orthogonal, glissile, glissile, sessile, both glissile ones the same",
        )
        values = dict(zip(JUNCTIONS, [*numbers[:5], numbers[6]], strict=True))
    _check_names(values, JUNCTIONS)
    kinds = _junctions(np.array(family.direction), np.array(family.normal), family.name)
    return _as_tuples(np.array([float(values[k]) for k in JUNCTIONS])[kinds])


def _junctions(s: np.ndarray, m: np.ndarray, name: str) -> np.ndarray:
    """Index into `JUNCTIONS` of each pair of systems, *Shape* `(12, 12)`."""
    octahedral = (
        len(s) == 12
        and np.allclose(np.abs(m), 1 / np.sqrt(3), atol=_TOLERANCE)
        and np.allclose(np.sort(np.abs(s), axis=1), [0.0, np.sqrt(0.5), np.sqrt(0.5)])
    )
    require(octahedral, f"family {name!r}: these junctions are those of the 12 {{111}}<110> alone")
    same_plane = np.abs(m @ m.T) > 1 - _TOLERANCE
    along = np.abs(s @ s.T)
    # The junction's Burgers vector, sum or difference of the two, can glide in the plane that
    # holds both of them.
    in_plane = np.abs(s @ m.T) < _TOLERANCE
    return np.select(
        (
            same_plane & (along > 1 - _TOLERANCE),
            same_plane,
            along > 1 - _TOLERANCE,
            along < _TOLERANCE,
            in_plane | in_plane.T,
        ),
        range(5),
        5,
    )


def coplanar_interaction(coplanar: float, latent: float, family: SlipFamily) -> Matrix:
    """One number within a plane (self included), another between planes: Peirce et al. 1982.

    Raises:
        InputError: a number is negative or not finite.
    """
    _check_names({"coplanar": coplanar, "latent": latent}, ("coplanar", "latent"))
    m = np.array(family.normal)
    return _as_tuples(np.where(np.abs(m @ m.T) > 1 - _TOLERANCE, float(coplanar), float(latent)))


def block_interaction(
    families: Sequence[SlipFamily | TwinFamily],
    blocks: Mapping[str, Mapping[str, float]],
    own: Mapping[str, Matrix] | None = None,
) -> Matrix:
    """The matrix of a law from numbers for its pairs of families.

    Args:
        families: of the law, slip before twins.
        blocks: q of [strengthened family][acting family] by their names; 1 where none is given.
        own: matrices of families with themselves that are no single number.

    Raises:
        InputError: an unknown family, or a number that is negative or not finite.
    """
    names = [f.name for f in families]
    sizes = [len(f.direction) for f in families]
    starts = np.concatenate(([0], np.cumsum(sizes)))
    q = np.ones((starts[-1], starts[-1]))

    def span(name: str) -> slice:
        require(name in names, f"interaction: no family {name!r}; there are {', '.join(names)}")
        k = names.index(name)
        return slice(starts[k], starts[k + 1])

    for target, row in blocks.items():
        require(isinstance(row, Mapping), f"interaction of {target!r} must be numbers by family")
        span(target)
        _check_names(row, names, complete=False)
        for acting, value in row.items():
            q[span(target), span(acting)] = value
    for name, matrix in (own or {}).items():
        q[span(name), span(name)] = matrix
    return _as_tuples(q)


def _check_names(values: Mapping, names: Sequence[str], complete: bool = True) -> None:
    unknown = [str(k) for k in values if k not in names]
    missing = [k for k in names if k not in values] if complete else []
    if unknown or missing:
        raise InputError(
            f"interaction: unknown {', '.join(unknown) or 'none'}, missing "
            f"{', '.join(missing) or 'none'}; the names are {', '.join(names)}"
        )
    for key, value in values.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        require(
            number and np.isfinite(value) and value >= 0,
            f"interaction: {key} = {value!r} must be a finite number, not negative",
        )


def _as_tuples(q: np.ndarray) -> Matrix:
    return tuple(tuple(float(v) for v in row) for row in q)
