# SPDX-License-Identifier: MIT
"""The linear solvers of an implicit run, as PETSc options."""

from mlms_fenics.errors import require

_MULTIGRID = {"pc_type": "gamg", "pc_gamg_threshold": 0.01, "mg_levels_ksp_max_it": 3}
LINEAR = {
    "direct": {"ksp_type": "preonly", "pc_type": "lu", "pc_factor_mat_solver_type": "mumps"},
    "cg": {"ksp_type": "cg", "ksp_rtol": 1e-9, "ksp_max_it": 500, **_MULTIGRID},
    "gmres": {
        "ksp_type": "gmres", "ksp_rtol": 1e-9, "ksp_max_it": 500, "ksp_gmres_restart": 100,
        **_MULTIGRID,
    },
}  # fmt: skip


def check_linear(name: str) -> str:
    """`name`, or `InputError` unless it is one of `LINEAR`."""
    require(
        name in LINEAR,
        f"linear solver is {name!r}, but must be one of {', '.join(LINEAR)}: cg needs a law with a "
        "symmetric tangent",
    )
    return name
