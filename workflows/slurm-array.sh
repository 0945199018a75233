#!/usr/bin/env bash
# A whole log by a SLURM array, with no scheduler but SLURM's: task i of n makes every n-th scene.
#
#   sbatch slurm-array.sh [more options of 'occ-pipeline run densify']
#
# EDIT 1: partition (and --account=NAME where yours wants one), number of tasks from 1, time and cores of each.
#SBATCH --partition=cpu
#SBATCH --array=1-8
#SBATCH --time=04:00:00
#SBATCH --cpus-per-task=4
# A worker needs up to 1.5 GiB, and each core has one.
#SBATCH --mem-per-cpu=2G
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --job-name=occ-pipeline
#SBATCH --output=occ-pipeline-%A_%a.log
# A task that SLURM puts back into the queue goes on where it was, also in its log.
#SBATCH --requeue
#SBATCH --open-mode=append
# Two minutes before its time is up the task asks to be put back itself.
#SBATCH --signal=B:USR1@120
set -euo pipefail

environment=/shared/occ-pipeline/.venv # EDIT 2: the environment that holds occ-pipeline, seen by all machines
# EDIT 3: the log, and the store that all tasks write, seen by all machines.
log=/shared/nuscenes
store=/shared/labels.zarr

export PATH="$environment/bin:$PATH"
if [ "$SLURM_ARRAY_TASK_MIN" != 1 ] || [ "$SLURM_ARRAY_TASK_MAX" != "$SLURM_ARRAY_TASK_COUNT" ]; then
  echo "error: the tasks are not numbered from 1 without a gap: found $SLURM_ARRAY_TASK_COUNT from" \
    "$SLURM_ARRAY_TASK_MIN to $SLURM_ARRAY_TASK_MAX; submit the whole array: what is done is skipped in seconds" >&2
  exit 2
fi

# Shards of one count write a store side by side; any other run on it is refused meanwhile, with exit code 5.
occ-pipeline run densify --dataroot "$log" --out "$store" --workers "$SLURM_CPUS_PER_TASK" \
  --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" "$@" &
run=$!
out_of_time=
trap 'kill -TERM "$run" 2>/dev/null || true' TERM
trap 'out_of_time=yes; kill -TERM "$run" 2>/dev/null || true' USR1

# A signal ends `wait` before the run has ended.
code=0
wait "$run" || code=$?
while kill -0 "$run" 2>/dev/null; do
  code=0
  wait "$run" || code=$?
done

# Not for ever: a scene that does not fit into the time would be begun again and again.
if [ -n "$out_of_time" ] && [ "$code" != 0 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 10 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
# 0 done, 3 some scenes failed: 'sacct' shows it, 'occ-pipeline failures STORE' says which and why.
exit "$code"
