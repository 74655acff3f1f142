#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The one list of what the environment holds, for a Debian 13 (trixie) system.
#
#   install.sh                 do it all: packages, then setup (as root; the Dockerfile does this)
#   install.sh list            print the names of the Debian packages
#   install.sh packages        install those with apt
#   install.sh setup           all the rest, once the packages are there
#
# TORCH=debian (default) takes Debian's CPU build of torch, TORCH=cuda the CUDA build from PyPI.
# docker/run makes the environment anew whenever this file changes.
set -eu

TORCH=${TORCH:-debian}

# What is imported, what compiles dolfinx's and numba's kernels and exported laws, what runs and
# tests them, what builds the pages of docs/.
# xvfb is there because Debian's VTK (pyvista) draws only where there is an X server.
PACKAGES="
python3-dolfinx-real python3-petsc4py python3-mpi4py python3-mpi4py-fft
python3-h5py python3-h5py-mpi python3-meshio python3-yaml
python3-gmsh python3-numba python3-numpy python3-scipy python3-tqdm
python3-matplotlib python3-pyvista python3-vtk9 xvfb xauth
python3-pytest python3-hypothesis
gcc g++ gfortran libc6-dev libpython3-dev python3-cffi
python3-sphinx python3-myst-parser furo
openmpi-bin libopenblas0-pthread
python3 python-is-python3 python3-pip python3-setuptools python3-wheel
ca-certificates git procps
"
# From PyPI: the linter, which Debian does not have, and torch with CUDA.
RUFF='ruff>=0.17,<0.18'
TORCH_CUDA='torch>=2.6'

case $TORCH in
debian) PACKAGES="$PACKAGES python3-torch" ;;
cuda) ;;
*)
    echo "install.sh: TORCH must be debian or cuda, not '$TORCH'" >&2
    exit 2
    ;;
esac

packages() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    # shellcheck disable=SC2086  # a list of words
    apt-get install --yes --no-install-recommends $PACKAGES
    apt-get clean
    rm -rf /var/lib/apt/lists/*
}

setup() {
    use_openblas
    settle_mpi
    if [ "$TORCH" = cuda ]; then
        pip_install "$TORCH_CUDA"
    fi
    # Only the linter is lost without it, so it is no reason to stop.
    pip_install "$RUFF" || echo "install.sh: warning: no ruff, PyPI does not answer" >&2
}

pip_install() {
    python3 -m pip install --break-system-packages --root-user-action=ignore \
        --no-cache-dir --disable-pip-version-check --no-input --quiet "$@"
}

use_openblas() {
    # Debian's own choice already, unless another BLAS was there before; numpy, scipy, PETSc and
    # torch all reach BLAS by these two names.
    multiarch=$(gcc -print-multiarch)
    for library in libblas.so.3 liblapack.so.3; do
        update-alternatives --set "$library-$multiarch" \
            "/usr/lib/$multiarch/openblas-pthread/$library"
    done
}

settle_mpi() {
    # Shared memory within one machine, and no word about transports that are not there. A
    # variable such as OMPI_MCA_btl still wins over these files.
    cat >>/etc/openmpi/openmpi-mca-params.conf <<'EOF'

# mlms_fenics: shared memory within one machine.
pml = ob1
btl = self,sm
smsc = ^cma
EOF
    # Ranks share the cores with their own threads and with other runs. A run's own files go where
    # containers have a place of their own: in a shared /tmp, two whose mpirun has the same process
    # number would meet.
    cat >>/etc/openmpi/prte-mca-params.conf <<'EOF'

# mlms_fenics: ranks are not bound to cores, and may be more than these.
rmaps_default_mapping_policy = :oversubscribe
hwloc_default_binding_policy = none
prte_tmpdir_base = /dev/shm
EOF
    install -m 755 "$(dirname "$0")/mpirun" /usr/local/bin/mpirun
    ln -sf mpirun /usr/local/bin/mpiexec
}

case ${1:-all} in
list)
    # shellcheck disable=SC2086  # a list of words
    printf '%s\n' $PACKAGES
    ;;
packages) packages ;;
setup) setup ;;
all)
    packages
    setup
    ;;
*)
    echo "usage: install.sh [list | packages | setup]" >&2
    exit 2
    ;;
esac
