#!/usr/bin/env bash
# A whole log by workers that are SLURM jobs of one core each: they start as the queue lets them, share the scenes'
# parts, and are cancelled at the end.
#
#   sbatch slurm-dask.sh [more options of 'occ-pipeline run densify']
#
# Where jobs may not submit jobs, run it on the login node instead: bash slurm-dask.sh. What the workers need is said in
# slurm-dask.yaml.
# EDIT 1: partition (and --account=NAME where yours wants one) of the job that steers, and the time of the whole run.
#SBATCH --partition=cpu
#SBATCH --time=24:00:00
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --job-name=occ-pipeline-run
#SBATCH --output=occ-pipeline-%j.log
# Put back into the queue, it goes on where it was, also in its log.
#SBATCH --requeue
#SBATCH --open-mode=append
# Time to cancel the workers before its own is up.
#SBATCH --signal=B:TERM@120
set -euo pipefail

environment=/shared/occ-pipeline/.venv # EDIT 2: the environment that holds occ-pipeline, seen by all machines
# EDIT 3: the log and the store, seen by all machines; how many workers; and their configuration.
log=/shared/nuscenes
store=/shared/labels.zarr
workers=32
config=slurm-dask.yaml

export PATH="$environment/bin:$PATH"
# Instead of the shell, so that the signal reaches it.
exec occ-pipeline run densify --dataroot "$log" --out "$store" --workers "$workers" \
  --cluster slurm --cluster-config "$config" "$@"
