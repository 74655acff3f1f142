#!/bin/bash
# SPDX-License-Identifier: MIT
#SBATCH --job-name=mlms-generate
#SBATCH --ntasks=128
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@120
#
# Stress histories of a polycrystal on many cores: sbatch docker/slurm/generate.sh
# Send it again until all samples are there: it goes on where it was, with any number of ranks.
set -euo pipefail

image=${IMAGE:-mlms_fenics.sif}
out=${OUT:-data.h5}
# Ranks are Slurm's, threads none: the paths are what is shared out.
export OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1
srun --mpi=pmix apptainer exec "$image" python3 -m mlms_fenics.data.generate taylor \
    --law "${LAW:-magnesium}" --samples "${SAMPLES:-20000}" --max-strain "${MAX_STRAIN:-0.3}" \
    --seed "${SEED:-1}" --out "$out" "$@"
