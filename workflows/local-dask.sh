#!/usr/bin/env bash
# A Dask scheduler and two workers on this machine, each in a folder of its own, and a run that uses them: what a cluster
# without a batch system needs, in small. All of them end with it, also on Ctrl-C.
#
#   bash local-dask.sh [more options of 'occ-pipeline run densify']
#
# On several machines, give the scheduler an address that they see (--host) instead of this machine's own, and start the
# workers there, with the same variables exported.
set -euo pipefail

environment=$PWD/.venv # EDIT 1: the environment that holds occ-pipeline
log=$PWD/nuscenes # EDIT 2: the log
store=$PWD/labels.zarr # EDIT 3: the store

export PATH="$environment/bin:$PATH"
# A worker has a child process of its own for native code, and one thread: more would make other bytes.
export DASK_DISTRIBUTED__WORKER__DAEMON=False
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1

folder=$(mktemp -d)
run=
dask=()
# Ends first the run, which tells workers to end what they do, then them.
stop() {
  code=$?
  trap - EXIT INT TERM HUP
  for each in "$run" "${dask[@]}"; do
    if [ -n "$each" ]; then
      kill -TERM "$each" 2>/dev/null || true
      wait "$each" || true
    fi
  done
  if [ "$code" = 0 ]; then rm -rf "$folder"; else echo "what scheduler and workers said: $folder/*/log.txt" >&2; fi
  exit "$code"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# Starts a command of Dask in a folder of its own. In a session of its own, too: Ctrl-C reaches this shell alone.
begin() {
  mkdir "$folder/$1"
  (cd "$folder/$1" && exec setsid dask "${@:2}" >log.txt 2>&1) &
  dask+=($!)
}

begin scheduler scheduler --host 127.0.0.1 --port 0 --no-dashboard --scheduler-file "$folder/scheduler.json"
scheduler=$!
address=
until [ -n "$address" ]; do
  if ! kill -0 "$scheduler" 2>/dev/null; then
    tail -n 3 "$folder/scheduler/log.txt" >&2
    exit 1
  fi
  sleep 0.2
  address=$(sed -n 's/.*"address": "\(tcp:[^"]*\)".*/\1/p' "$folder/scheduler.json" 2>/dev/null || true)
done
for number in 1 2; do
  begin "worker-$number" worker "$address" --nthreads 1 --no-dashboard
done

setsid occ-pipeline run densify --dataroot "$log" --out "$store" --scheduler "$address" "$@" &
run=$!
wait "$run"
