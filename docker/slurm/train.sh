#!/bin/bash
# SPDX-License-Identifier: MIT
#SBATCH --job-name=mlms-train
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --time=02:00:00
#
# A learnt law from data sets: sbatch docker/slurm/train.sh data.h5 more.h5
# On a GPU: DEVICE=cuda sbatch --gres=gpu:1 docker/slurm/train.sh data.h5   (image with TORCH=cuda)
# Send it again where the time was too short: --resume goes on.
set -euo pipefail

image=${IMAGE:-mlms_fenics.sif}
device=${DEVICE:-cpu}
gpu=()
[[ $device == cpu ]] || gpu=(--nv)
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-8} NUMBA_NUM_THREADS=${SLURM_CPUS_PER_TASK:-8}
srun apptainer exec "${gpu[@]}" "$image" python3 -m mlms_fenics.surrogate.train "$@" \
    --device "$device" --minutes "${MINUTES:-100}" --epochs "${EPOCHS:-3000}" --resume \
    --out "${OUT:-model.h5}"
