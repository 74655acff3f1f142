#!/bin/bash
# SPDX-License-Identifier: MIT
#SBATCH --job-name=mlms-impact
#SBATCH --ntasks=128
#SBATCH --cpus-per-task=1
#SBATCH --time=08:00:00
#SBATCH --signal=TERM@300
#
# The anvil on many ranks: sbatch docker/slurm/impact.sh --mesh-size 0.02 --model model.h5
# Slurm's SIGTERM, five minutes before the end, makes the run save itself; send the same again, and
# it goes on from its checkpoint.
set -euo pipefail

image=${IMAGE:-mlms_fenics.sif}
demo=${DEMO:-/opt/mlms_fenics/demos/taylor_anvil.py}
out=${OUT:-results/anvil}
export OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1
again=()
[[ ! -e $out/checkpoint.h5 ]] || again=(--restart)
srun --mpi=pmix apptainer exec "$image" python3 "$demo" --out "$out" \
    --checkpoint-every "${CHECKPOINT_EVERY:-2000}" "${again[@]}" "$@"
