#!/bin/bash
# SPDX-License-Identifier: MIT
#
# docker/try_wheel.sh [trixie | sid]
#
# Builds the wheel, installs it into an empty folder of an environment, and uses it from there: the
# shipped law, a short anvil on two ranks, and the tests of elements, solver, meshes and output. sid
# is Debian's unstable, with its newer dolfinx; its environment is built the first time.
set -euo pipefail

here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
checkout=$(dirname -- "$here")
suite=${1:-sid}
tests=(macroscale_element macroscale_solver geometry_groups io_xdmf io_checkpoint)
files=("${tests[@]/#/$checkout/tests/unit/test_}")
files=("${files[@]/%/.py}")

if [[ -z ${MLMS_FENICS_ENVIRONMENT-} ]]; then
    exec env MLMS_FENICS_SUITE="$suite" "$here/run" "$here/try_wheel.sh" "$suite"
fi

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/source"
# A copy, so that building leaves nothing in the checkout.
cp -r "$checkout"/{pyproject.toml,README.md,LICENSE,mlms_fenics} "$place/source"
pip=(python3 -m pip --disable-pip-version-check -q)
"${pip[@]}" wheel --no-deps --no-build-isolation -w "$place" "$place/source"
"${pip[@]}" install --no-deps --no-index --target "$place/installed" "$place"/*.whl
rm -rf "$place/source"

export PYTHONPATH=$place/installed
cd "$place"
python3 - <<'PYTHON'
import sys

import dolfinx
import mpi4py
import numba
import numpy
import petsc4py
import torch

import mlms_fenics
from mlms_fenics.surrogate import load_model

print("from", mlms_fenics.__file__)
print(f"mlms_fenics {mlms_fenics.__version__}, Python {sys.version.split()[0]}")
for module in (dolfinx, petsc4py, mpi4py, torch, numba, numpy):
    print(module.__name__, module.__version__)
print("shipped law:", load_model(device="cpu").architecture)
PYTHON
mpirun -n 2 python3 "$checkout/demos/taylor_anvil.py" --quick --no-pictures --out "$place/anvil"
pytest -q -p no:cacheprovider -m "not slow" --rootdir "$checkout" -c "$checkout/pyproject.toml" \
    "${files[@]}"
