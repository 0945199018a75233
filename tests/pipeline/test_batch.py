"""Configurations of batch systems: what they may say, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from occ_pipeline.pipeline.batch import refuse_unshared, system_named
from occ_pipeline.pipeline.batch_config import read_batch_config
from occ_pipeline.pipeline.batch_kubernetes import kubernetes_keywords
from occ_pipeline.pipeline.batch_slurm import slurm_keywords
from occ_pipeline.schemas.errors import UsageError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cluster.yaml"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- queue: cpu\n", "found list, expected names over values, as in 'queue: cpu'"),
        ("queue: [cpu\n", "is no YAML"),
        ("queue: cpu\n", "lacks memory .*add, say, 'memory: 3GiB' for each worker"),
        ("memory: 3GiB\nqueu: cpu\n", r"unknown name 'queu' \(file .*, line 2\); did you mean 'queue'\?"),
        ("memory: 3GiB\n\nenv_extra: [a]\n", r"'env_extra' \(file .*, line 3\); did you mean 'job_script_prologue'\?"),
        ("memory: 3GiB\nsecurity: true\n", "unknown name 'security'"),
        ("memory: 3GiB\ncores: 4\n", r"sets cores, which is not its to set \(file .*, line 2\); remove it"),
        (
            "memory: 3GiB\nwalltime: 12:00:00\n",
            "line 2.*found 43200, expected hours, minutes, seconds; write it in quotes",
        ),
        ("memory: 3GiB\njob_script_prologue: module load x\n", "line 2.*found 'module load x'; write one entry a line"),
        ("memory: 3 apples\n", "memory cannot be read .*line 1.* found '3 apples', expected as 3GiB"),
        ("memory: [3]\n", r"found \[3\], expected as 3GiB"),
        ("memory: 3GiB\nshared_paths: /home\n", "shared_paths is no list"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_submitted(text: str, says: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(UsageError, match=says):
        refuse_unshared("slurm", file, Path("/nonexistent-shared/x.zarr"), Path("/nonexistent-shared/log"))


def test_no_such_file_or_system(file: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read .*No such file or directory; correct --cluster-config"):
        read_batch_config(file)
    with pytest.raises(UsageError, match="found slrum, expected slurm or kubernetes"):
        system_named("slrum")


def test_what_a_user_says_is_kept(file: Path) -> None:
    given = {
        "memory": "3GiB",
        "job_name": "mine",
        "job_script_prologue": ["module load x"],
        "scheduler_options": {"port": 1},
    }
    made = slurm_keywords(given, file)
    assert (made["memory"], made["job_name"], made["cores"], made["processes"]) == ("3GiB", "mine", 1, 1)
    first, *exports = made["job_script_prologue"]
    assert first == "module load x"
    assert "export OMP_NUM_THREADS=1" in exports, "after what a module may have set"
    assert made["scheduler_options"] == {"dashboard_address": ":0", "port": 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: x\n", "names no image"),
        ("image: x\nn_workers: 3\n", "sets n_workers, which is not its to set .*line 2"),
        ("image: x\nvolume: []\n", r"'volume' .*did you mean 'volumes'\?"),
        ("image: x\nvolumes: {}\n", "volumes is no list"),
        ("custom_cluster_spec: gone.yaml\n", "cannot be read"),
    ],
)
def test_kubernetes_too(text: str, says: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(UsageError, match=says):
        kubernetes_keywords(read_batch_config(file), file, 1)


def test_pods_get_the_users_variables_as_text(file: Path) -> None:
    for given in ({"MINE": 1}, [{"name": "MINE", "value": "1"}]):
        made = kubernetes_keywords({"image": "x", "env": given, "name": "n-{uuid}"}, file, 1)["custom_cluster_spec"]
        assert made["spec"]["worker"]["spec"]["containers"][0]["env"][0] == {"name": "MINE", "value": "1"}
        assert made["metadata"]["name"].startswith("n-")
        assert "{" not in made["metadata"]["name"]
