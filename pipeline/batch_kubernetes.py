"""Workers that are pods of Kubernetes, through dask-kubernetes and the operator it talks to."""

from __future__ import annotations

import atexit
import contextlib
import logging
import uuid
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

from ..schemas.errors import UsageError
from .batch_config import check_names, listed, load, place, read_batch_config, worker_environment

_OF_PODS = {
    "env", "idle_timeout", "image", "name", "resources", "scheduler_service_type", "volume_mounts", "volumes",
    "worker_command",
}  # fmt: skip
"""What the DaskCluster resource is made of, where the user does not give it whole."""
_OF_CLUSTER = {"namespace", "port_forward_cluster_ip", "resource_timeout", "scheduler_forward_port"}
"""What ``KubeCluster`` takes beside the resource."""
_PRIVATE = {"configMap", "downwardAPI", "emptyDir", "ephemeral", "projected", "secret"}
"""Volumes whose content every pod has for itself, or cannot write."""
_INSTALL = "helm install --repo https://helm.dask.org --create-namespace -n dask-operator --generate-name dask-kubernetes-operator"


def kubernetes_keywords(config: Mapping[str, Any], file: Path, workers: int) -> dict[str, Any]:
    """Keywords of ``KubeCluster``: the DaskCluster resource with this many workers of one thread. Raises UsageError."""
    known = {"custom_cluster_spec"} | _OF_CLUSTER | _OF_PODS
    check_names(config, known, {"n_workers", "quiet"}, file)
    own = worker_environment()
    spec = _given(config, file) if "custom_cluster_spec" in config else _made_of(config, file)
    for component in ("scheduler", "worker"):
        for container in spec["spec"][component]["spec"]["containers"]:
            others = [each for each in container.get("env") or () if each["name"] not in own]
            container["env"] = [*others, *({"name": name, "value": value} for name, value in own.items())]
    spec["spec"]["worker"]["replicas"] = workers
    # Standard output belongs to results, and KubeCluster would draw on it.
    passed = {name: config[name] for name in _OF_CLUSTER if name in config}
    return {"custom_cluster_spec": spec, "quiet": True, **passed}


def shared_mounts(spec: Mapping[str, Any]) -> list[Path]:
    """Where a DaskCluster resource's workers see volumes that other pods see too."""
    pod = spec["spec"]["worker"]["spec"]
    private = {volume["name"] for volume in pod.get("volumes") or () if _PRIVATE & set(volume)}
    mounts = [mount for container in pod["containers"] for mount in container.get("volumeMounts") or ()]
    return sorted(Path(mount["mountPath"]) for mount in mounts if mount["name"] not in private)


@contextlib.contextmanager
def kubernetes_cluster(config: Mapping[str, Any], file: Path, workers: int) -> Generator[str]:
    """The scheduler's address, once its pod runs; all is deleted when it is left. Raises UsageError."""
    keywords = kubernetes_keywords(config, file, workers)
    module = load("dask_kubernetes.operator.kubecluster.kubecluster", "dask-kubernetes")
    logging.getLogger("dask_kubernetes").setLevel(logging.ERROR)
    try:
        made = module.KubeCluster(**keywords)
    except Exception as error:
        # It would tidy up at exit, and say with a traceback that it cannot.
        atexit.unregister(module.reap_clusters)
        with contextlib.suppress(Exception):
            module.reap_clusters()
        raise _explained(error, file) from error
    try:
        yield made.scheduler_address
    finally:
        made.close()


def _made_of(config: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """The DaskCluster resource of an image and what its pods need."""
    if "image" not in config:
        raise UsageError(
            "the cluster configuration names no image", file=str(file),
            fix="add 'image:' with the one that holds occ-pipeline",
        )  # fmt: skip
    given: Any = config.get("env") or {}
    env = (
        cast("list[Any]", given)
        if isinstance(given, list)
        else [{"name": n, "value": str(v)} for n, v in given.items()]
    )
    operator = load("dask_kubernetes.operator", "dask-kubernetes")
    made: dict[str, Any] = operator.make_cluster_spec(
        name=str(config.get("name", "occ-pipeline-{uuid}")).replace("{uuid}", uuid.uuid4().hex[:8]),
        image=config["image"], env=env, resources=config.get("resources") or {},
        worker_command=config.get("worker_command", ["dask", "worker", "--nthreads", "1"]),
        scheduler_service_type=config.get("scheduler_service_type", "ClusterIP"),
        idle_timeout=config.get("idle_timeout", 0),
    )  # fmt: skip
    # The scheduler opens no file.
    pod = made["spec"]["worker"]["spec"]
    pod["volumes"] = listed(config, "volumes", file)
    pod["containers"][0]["volumeMounts"] = listed(config, "volume_mounts", file)
    return made


def _given(config: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """The DaskCluster resource that the user gives whole: itself, or the path of its file."""
    both = sorted(_OF_PODS & set(config))
    if both:
        raise UsageError(
            f"custom_cluster_spec and {both[0]} exclude each other", file=place(file, both[0]),
            fix=f"say {both[0]} in custom_cluster_spec",
        )  # fmt: skip
    given: Any = config["custom_cluster_spec"]
    where = place(file, "custom_cluster_spec")
    spec = read_batch_config(Path(given)) if isinstance(given, str) else given
    try:
        containers = [spec["spec"][component]["spec"]["containers"] for component in ("scheduler", "worker")]
        sound = all(isinstance(each, dict) for each in (spec["metadata"], *(c for some in containers for c in some)))
    except (KeyError, TypeError):
        sound = False
    if not sound:
        raise UsageError(
            "custom_cluster_spec is no DaskCluster resource", file=where,
            expected="metadata, and containers under spec.scheduler.spec and spec.worker.spec",
            fix="correct it, or give image, volumes and volume_mounts instead",
        )  # fmt: skip
    return cast("dict[str, Any]", spec)


def _explained(error: Exception, file: Path) -> UsageError:
    """What a user can do about what KubeCluster raised."""
    said = " ".join(str(error).partition("For more information")[0].split())
    if "credentials" in said or "connect" in said.lower():
        fix = "see that 'kubectl get pods' works here: it needs KUBECONFIG, or in a pod a service account"
    elif "404 Not Found" in said or "Definitions" in said or "Operator" in said:
        fix = f"install Dask's operator: {_INSTALL}"
    elif "forbidden" in said.lower():
        fix = "give this account the Role of workflows/kubernetes-dask.yaml"
    else:
        fix = "look at 'kubectl get daskclusters,pods,events', and whether this account has the Role of workflows/kubernetes-dask.yaml"
    found = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return UsageError("Kubernetes starts no Dask cluster", file=str(file), found=found, fix=fix)
