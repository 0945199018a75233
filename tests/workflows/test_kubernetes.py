"""Kubernetes' job file against schemas, and what the program asks of an API server that a stand-in is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError
from occ_pipeline.pipeline.batch import refuse_unshared
from occ_pipeline.pipeline.batch_kubernetes import kubernetes_keywords, shared_mounts
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.tests.conftest import Clean
from occ_pipeline.tests.pipeline.cli.command import Ended, command, densify, digest, group, until
from occ_pipeline.tests.workflows.fake_kubernetes import FakeKubernetes, serving, write_kubeconfig
from occ_pipeline.tests.workflows.job_files import FOLDER
from occ_pipeline.tests.workflows.kubernetes_schemas import check

FILE = FOLDER / "kubernetes-dask.yaml"
RESOURCES: dict[str, Any] = {each["kind"]: each for each in yaml.safe_load_all(FILE.read_text())}
CONFIG: dict[str, Any] = yaml.safe_load(RESOURCES["ConfigMap"]["data"]["cluster.yaml"])
POD: dict[str, Any] = RESOURCES["Job"]["spec"]["template"]["spec"]
RUN: dict[str, Any] = POD["containers"][0]
ARGS: dict[str, str] = dict(
    word.removeprefix("--").split("=", 1) for word in (*RUN["command"], *RUN["args"]) if "=" in word
)


@pytest.mark.parametrize("kind", RESOURCES)
def test_every_resource_is_of_its_kind(kind: str) -> None:
    check(RESOURCES[kind])


def test_the_schemas_find_what_is_wrong() -> None:
    for path in (("metadata", "nam"), ("spec", "template", "spec", "containers", 0, "imagee"), ("spec", "backofLimit")):
        job: Any = yaml.safe_load(yaml.safe_dump(RESOURCES["Job"]))
        below = job
        for key in path[:-1]:
            below = below[key]
        below[path[-1]] = "x"
        with pytest.raises(ValidationError, match=str(path[-1])):
            check(job)


def test_the_dask_cluster_is_what_its_operator_takes() -> None:
    keywords = kubernetes_keywords(CONFIG, FILE, 5)
    spec = keywords["custom_cluster_spec"]
    check(spec)
    assert keywords["quiet"], "standard output is for results"
    assert spec["spec"]["worker"]["replicas"] == 5
    assert spec["spec"]["idleTimeout"] == CONFIG["idle_timeout"]
    (worker,) = spec["spec"]["worker"]["spec"]["containers"]
    assert worker["args"][:4] == ["dask", "worker", "--nthreads", "1"]
    assert worker["image"] == CONFIG["image"]
    assert worker["resources"] == CONFIG["resources"]
    env = {each["name"]: each["value"] for each in worker["env"]}
    assert (env["DASK_DISTRIBUTED__WORKER__DAEMON"], env["NUMBA_NUM_THREADS"]) == ("False", "1")
    other = kubernetes_keywords(CONFIG, FILE, 5)["custom_cluster_spec"]
    assert spec["metadata"] != other["metadata"], "two runs do not share workers"


def test_a_cluster_given_whole_gets_what_workers_need() -> None:
    whole = kubernetes_keywords({**CONFIG, "env": {"MINE": 1}}, FILE, 1)["custom_cluster_spec"]
    whole["spec"]["worker"]["spec"]["containers"][0]["env"] = [{"name": "OMP_NUM_THREADS", "value": "2"}]
    given = kubernetes_keywords({"custom_cluster_spec": whole, "namespace": "here"}, FILE, 7)
    check(given["custom_cluster_spec"])
    assert given["namespace"] == "here"
    worker = given["custom_cluster_spec"]["spec"]["worker"]
    assert worker["replicas"] == 7
    env = worker["spec"]["containers"][0]["env"]
    assert {"name": "DASK_DISTRIBUTED__WORKER__DAEMON", "value": "False"} in env
    assert [each["value"] for each in env if each["name"] == "OMP_NUM_THREADS"] == ["1"], "other numbers, other bytes"
    with pytest.raises(UsageError, match="custom_cluster_spec and image exclude each other"):
        kubernetes_keywords({"custom_cluster_spec": whole, "image": "x"}, FILE, 1)
    for wrong in ({}, {"metadata": {"name": "x"}, "spec": {"worker": {}}}, []):
        with pytest.raises(UsageError, match="custom_cluster_spec is no DaskCluster resource"):
            kubernetes_keywords({"custom_cluster_spec": wrong}, FILE, 1)


def test_what_is_said_twice_is_the_same() -> None:
    """Image and claim of those who work and of the one who steers, and names that refer to others."""
    assert RUN["image"] == CONFIG["image"]
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert volumes["data"] == CONFIG["volumes"][0]
    assert CONFIG["volume_mounts"][0] in RUN["volumeMounts"]
    config = next(mount["mountPath"] for mount in RUN["volumeMounts"] if mount["name"] == "config")
    assert volumes["config"]["configMap"]["name"] == RESOURCES["ConfigMap"]["metadata"]["name"]
    assert ARGS["cluster-config"] == f"{config}/{next(iter(RESOURCES['ConfigMap']['data']))}"
    account = RESOURCES["ServiceAccount"]["metadata"]["name"]
    assert POD["serviceAccountName"] == account
    assert [subject["name"] for subject in RESOURCES["RoleBinding"]["subjects"]] == [account]
    assert RESOURCES["RoleBinding"]["roleRef"]["name"] == RESOURCES["Role"]["metadata"]["name"]


def test_paths_off_the_volumes_are_refused(tmp_path: Path) -> None:
    config = tmp_path / "cluster.yaml"
    config.write_text(RESOURCES["ConfigMap"]["data"]["cluster.yaml"])
    store, log = Path(ARGS["out"]), Path(ARGS["dataroot"])
    refuse_unshared("kubernetes", config, store, log)
    with pytest.raises(
        UsageError, match=r"would not see the store \(file /home/me/x.zarr\): found shared volumes at /data,"
    ):
        refuse_unshared("kubernetes", config, Path("/home/me/x.zarr"), log)
    with pytest.raises(UsageError, match=r"the log \(file /database/log\).*give --dataroot another path, or mount its"):
        refuse_unshared("kubernetes", config, store, Path("/database/log"))
    own = {**CONFIG, "volumes": [{"name": "data", "emptyDir": {}}]}
    assert shared_mounts(kubernetes_keywords(own, config, 1)["custom_cluster_spec"]) == []
    config.write_text("image: x\n")
    with pytest.raises(UsageError, match="found no shared volume, expected a path below a volume mount"):
        refuse_unshared("kubernetes", config, store, log)


def permitted(verb: str, group: str, resource: str) -> bool:
    """Whether the file's Role allows it."""
    return any(
        verb in rule["verbs"] and group in rule["apiGroups"] and resource in rule["resources"]
        for rule in RESOURCES["Role"]["rules"]
    )


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKubernetes]:
    made = FakeKubernetes(tmp_path / "pods", check, permitted)
    with serving(made, tmp_path / "kubeconfig"):
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        yield made


@pytest.fixture
def config(tmp_path: Path, log: Path) -> Path:
    """The file's own, with what lies elsewhere in tests: data, and a scheduler that is reached from outside."""
    mounts = [{"name": "data", "mountPath": str(path)} for path in (log.parent, tmp_path)]
    own = {"volume_mounts": mounts, "scheduler_service_type": "LoadBalancer"}
    path = tmp_path / "cluster.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, **own}))
    return path


# Kubernetes' client leaves connections open, which must not become the tests' own.
STARTER = """
import sys, yaml
from pathlib import Path
from occ_pipeline.pipeline.batch_kubernetes import kubernetes_cluster
from occ_pipeline.pipeline.scheduler import scheduler_client
from occ_pipeline.schemas.errors import UsageError

config = Path(sys.argv[1])
for line in sys.stdin:
    try:
        with kubernetes_cluster(yaml.safe_load(line), config, 2) as address, scheduler_client(address) as client:
            client.wait_for_workers(2, timeout=60)
            print(len(client.scheduler_info()["workers"]), "workers", flush=True)
    except UsageError as error:
        print(error, flush=True)
"""


@pytest.fixture
def start(fake: FakeKubernetes, config: Path) -> Iterator[Callable[..., str]]:
    """Starts a cluster of two, its configuration changed, and gives what became of it; it is gone then."""
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER, config], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def started(**changed: object) -> str:
        assert process.stdin
        assert process.stdout
        keywords = yaml.safe_load(config.read_text()) | changed
        process.stdin.write(json.dumps(keywords) + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    yield started
    process.communicate()


def test_workers_come_and_go_with_the_rights_of_the_role(fake: FakeKubernetes, start: Callable[..., str]) -> None:
    """Every request is one that the Role allows, and the resource one that the operator takes."""
    assert start() == "2 workers"
    until(lambda: not fake.objects, 10, "the cluster to go")
    assert fake.denied == []
    dask = "kubernetes.dask.org"
    assert {("create", dask, "daskclusters"), ("delete", dask, "daskclusters")} <= fake.asked
    assert len(fake.processes) == 3, "a scheduler and two workers"
    assert not [pid for process in fake.processes for pid in group(process.pid)]


@pytest.mark.slow
def test_what_the_cluster_lacks_is_said(fake: FakeKubernetes, start: Callable[..., str]) -> None:
    fake.phase = "Pending"
    assert "is the Dask Operator running?; install Dask's operator: helm install" in start(resource_timeout=1)
    fake.missing = {"daskclusters"}
    assert "404 Not Found" in (said := start())
    assert "install Dask's operator: helm install" in said
    fake.missing = set()
    fake.may = lambda verb, *_: verb != "create"
    assert start().endswith("give this account the Role of workflows/kubernetes-dask.yaml")
    fake.may = permitted
    said = start(idle_timeout="soon")
    assert said.startswith("Kubernetes starts no Dask cluster (file ")
    assert "'soon' is not of type 'integer'" in said
    assert fake.objects == {}, "nothing is left behind"


@pytest.mark.slow
def test_a_whole_run(fake: FakeKubernetes, config: Path, clean: Clean, log: Path, tmp_path: Path) -> None:
    ended = run(log, tmp_path, config, "--json")
    assert ended.code == 0, ended.err
    assert sorted(ended.json["scenes"]) == ["scene-0001", "scene-0002"]
    assert "asking kubernetes for 2 workers; kubectl get pods lists them" in ended.err
    assert digest(tmp_path / "x.zarr") == clean.digest
    assert not [pid for process in fake.processes for pid in group(process.pid)]


def run(log: Path, folder: Path, config: Path, *more: object) -> Ended:
    asked = ("--workers", 2, "--cluster", "kubernetes", "--cluster-config", config)
    return command(*densify(log, folder / "x.zarr", *asked, *more))


@pytest.mark.parametrize("server", [None, "http://127.0.0.1:1"])
def test_no_kubernetes_here(server: str | None, config: Path, log: Path, tmp_path: Path) -> None:
    given = tmp_path / "kubeconfig"
    if server is not None:
        write_kubeconfig(given, server)
    asked = ("--cluster", "kubernetes", "--cluster-config", config)
    ended = command(*densify(log, tmp_path / "x.zarr", *asked), env={"KUBECONFIG": str(given), "NO_PROXY": "127.0.0.1"})
    assert ended.code == 2
    (line,) = ended.errors
    assert f"Kubernetes starts no Dask cluster (file {config}): found " in line
    assert line.endswith("see that 'kubectl get pods' works here: it needs KUBECONFIG, or in a pod a service account")
    assert "Traceback" not in ended.err
    assert not (tmp_path / "x.zarr").exists()
