"""Workers on this machine, with the thread counts and limits that keep results the same and memory bounded."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
from collections.abc import Generator
from typing import Any

from .signals import signals_are_for_us

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
MALLOC = {
    # Huge pages, and memory kept for the next tile: page faults were a fifth of a run's time.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
}


def set_environment() -> None:
    """One thread for every native library of this process and its children, and an allocator that keeps its pages.

    Before the libraries load; an exported variable would otherwise beat what Dask sets, and Dask never sets Numba's.
    """
    for name in THREADS:
        os.environ[name] = "1"
    for name, value in MALLOC.items():
        os.environ.setdefault(name, value)


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_mib() -> float:
    """Memory that can still be used: the machine's, within the limits of the control group and the user."""
    psutil: Any = importlib.import_module("psutil")
    system: Any = importlib.import_module("distributed.system")
    return min(psutil.virtual_memory().available, system.memory_limit()) / 2**20


SETTINGS = {
    # Workers have a child of their own for native code that may crash.
    "distributed.worker.daemon": False,
    # Imports Dask once for all workers.
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.scheduler.allowed-failures": 2,
    "distributed.comm.timeouts.connect": "60s",
    # Data goes through files: what Dask holds is receipts, and a worker's memory is the stages' own.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
}


def _load_once_for_all_workers() -> None:
    """Has the server that workers are forked from load what their tasks need, while this process reads tables.

    Each worker would load it by itself, at its first task.
    """
    context: Any = importlib.import_module("distributed.utils").get_mp_context()
    # After Dask's own choice, which its first call makes.
    context.set_forkserver_preload(["distributed", f"{__package__}.tasks", f"{__package__}.registry"])


@contextlib.contextmanager
def local_client(workers: int) -> Generator[Any]:
    """A Dask client of a cluster of processes on this machine, one thread each, reachable from this machine alone."""
    dask: Any = importlib.import_module("dask")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(SETTINGS):
        # Not before its settings: how workers are started is read at import.
        distributed: Any = importlib.import_module("distributed")
        _load_once_for_all_workers()
        with signals_are_for_us():
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                # The scheduler serves HTTP all the same; a fixed port would warn where two runs share a machine.
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                silence_logs=logging.CRITICAL,
            )
        # Not `with`: a client leaves in the thread it was entered in, and ours is made in the background.
        client = distributed.Client(cluster, set_as_default=False)
        try:
            yield client
        finally:
            client.close()
            cluster.close()
