"""Clusters that a batch system runs (extra ``cluster``): which there are, and what they share."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, cast, get_args

from ..schemas.errors import UsageError
from .batch_config import read_batch_config
from .batch_kubernetes import kubernetes_cluster, kubernetes_keywords, shared_mounts
from .batch_paths import SHARED_PATHS, refuse_local, refuse_unmounted
from .batch_slurm import slurm_cluster, slurm_keywords

System = Literal["slurm", "kubernetes"]
HOW_FAR: dict[System, str] = {
    "slurm": "squeue --me lists the jobs; one that is gone has failed, and its log says why",
    "kubernetes": "kubectl get pods lists them; kubectl describe pod NAME says why one does not start",
}
"""Where a user sees what became of the workers asked for."""


def batch_cluster(system: System, file: Path, workers: int) -> AbstractContextManager[str]:
    """The scheduler's address of a cluster with this many workers, which go when it is left. Raises UsageError."""
    config = read_batch_config(file)
    if system == "kubernetes":
        return kubernetes_cluster(config, file, workers)
    config.pop(SHARED_PATHS, None)
    return slurm_cluster(config, file, workers)


def refuse_unshared(system: System, file: Path, store: Path, data_root: Path) -> None:
    """Raises UsageError for paths that workers would not see, as far as that can be told before there are any."""
    config = read_batch_config(file)
    if system == "kubernetes":
        spec = kubernetes_keywords(config, file, 1)["custom_cluster_spec"]
        refuse_unmounted(shared_mounts(spec), file, store, data_root)
    else:
        slurm_keywords({name: value for name, value in config.items() if name != SHARED_PATHS}, file)
        refuse_local(config, file, store, data_root)


def system_named(text: str) -> System:
    """The batch system of a name. Raises UsageError."""
    if text not in get_args(System):
        raise UsageError(
            "no such batch system", found=text, expected=" or ".join(get_args(System)), fix="correct --cluster"
        )
    return cast("System", text)
