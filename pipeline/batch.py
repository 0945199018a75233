"""Clusters that a batch system runs: SLURM through dask-jobqueue, Kubernetes through dask-kubernetes (extra ``cluster``)."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

import yaml

from ..schemas.errors import UsageError

System = Literal["slurm", "kubernetes"]
ENVIRONMENT = {"DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
"""Workers need a child of their own for native code."""


def read_batch_config(path: Path) -> dict[str, Any]:
    """Keywords of the cluster class from a YAML file. Raises UsageError."""
    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            "the cluster configuration cannot be read", file=str(path), found=str(error.strerror)
        ) from error
    except yaml.YAMLError as error:
        found = " ".join(str(error).split())
        raise UsageError("the cluster configuration is no YAML", file=str(path), found=found) from error
    if not isinstance(content, dict):
        raise UsageError(
            "the cluster configuration has another shape", file=str(path), found=type(content).__name__,
            expected="names over values, as in 'queue: cpu'",
        )  # fmt: skip
    return cast("dict[str, Any]", content)


def slurm_keywords(config: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Keywords of ``SLURMCluster``: the user's, and one thread for one process a job. Raises UsageError."""
    jobqueue = _load("dask_jobqueue", "dask-jobqueue")
    slurm = importlib.import_module("dask_jobqueue.slurm")
    core = importlib.import_module("dask_jobqueue.core")
    known = {
        n for c in (jobqueue.SLURMCluster, slurm.SLURMJob, core.Job) for n in inspect.signature(c.__init__).parameters
    }
    known -= {"self", "job_kwargs", "base_class_kwargs", "n_workers", "scheduler", "cores", "processes"}
    _check(config, known, file, fixed=("cores", "processes", "n_workers"))
    if "memory" not in config:
        raise UsageError(
            "the cluster configuration lacks memory", file=str(file), fix="add, say, 'memory: 3GiB' a worker"
        )
    exports = [f"export {name}={value}" for name, value in ENVIRONMENT.items()]
    prologue = [*exports, *config.get("job_script_prologue", ())]
    return {**config, "cores": 1, "processes": 1, "job_script_prologue": prologue}


def kubernetes_keywords(config: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Keywords of ``KubeCluster``: the user's, one thread a worker. Raises UsageError."""
    operator = _load("dask_kubernetes.operator", "dask-kubernetes")
    known = set(inspect.signature(operator.KubeCluster.__init__).parameters) - {"self", "kwargs", "loop", "n_workers"}
    _check(config, known, file, fixed=("n_workers",))
    if "image" not in config and "custom_cluster_spec" not in config:
        raise UsageError(
            "the cluster configuration names no image", file=str(file), fix="add 'image:' with occ-pipeline installed"
        )
    command = config.get("worker_command", ["dask", "worker", "--nthreads", "1"])
    return {**config, "env": {**ENVIRONMENT, **config.get("env", {})}, "worker_command": command}


@contextlib.contextmanager
def batch_cluster(system: System, config: Path, workers: int) -> Generator[str]:
    """The scheduler's address of a cluster with this many workers; they go when it is left."""
    keywords = read_batch_config(config)
    if system == "slurm":
        made = _load("dask_jobqueue", "dask-jobqueue").SLURMCluster(**slurm_keywords(keywords, config))
    else:
        made = _load("dask_kubernetes.operator", "dask-kubernetes").KubeCluster(**kubernetes_keywords(keywords, config))
    try:
        made.scale(workers)
        yield made.scheduler_address
    finally:
        made.close()


def system_named(text: str) -> System:
    """The batch system of a name. Raises UsageError."""
    if text not in get_args(System):
        raise UsageError(
            "no such batch system", found=text, expected=" or ".join(get_args(System)), fix="correct --cluster"
        )
    return cast("System", text)


def _load(module: str, distribution: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{distribution} cannot be loaded", found=str(error), fix="pip install 'occ-pipeline[cluster]'"
        ) from error


def _check(config: Mapping[str, Any], known: set[str], file: Path, fixed: tuple[str, ...]) -> None:
    for name in config:
        if name in fixed:
            raise UsageError(
                f"the cluster configuration sets {name}, which is not its to set", file=str(file),
                fix="remove it: one process of one thread a job; how many jobs is --workers",
            )  # fmt: skip
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            lines = file.read_text(encoding="utf-8").splitlines()
            line = next((i for i, text in enumerate(lines, 1) if text.strip().startswith(f"{name}:")), 0)
            raise UsageError(
                f"the cluster configuration has an unknown name {name!r}", file=f"{file}, line {line}",
                fix=f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}",
            )  # fmt: skip
