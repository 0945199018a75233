"""SLURM's job files, run under stand-ins for its commands."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from occ_pipeline.pipeline.batch_slurm import slurm_keywords
from occ_pipeline.tests.conftest import Clean
from occ_pipeline.tests.pipeline.cli.command import command, densify, digest, until
from occ_pipeline.tests.workflows.fake_slurm import FakeSlurm
from occ_pipeline.tests.workflows.job_files import FOLDER, directives, edited, environment

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


@pytest.fixture
def slurm(tmp_path: Path) -> Any:
    made = FakeSlurm(tmp_path / "slurm")
    yield made
    made.kill()


def array_task(slurm: FakeSlurm, script: Path, log: Path, number: int, count: int, least: int = 1) -> Any:
    """Starts one task of the array as SLURM would."""
    own = {
        "SLURM_ARRAY_TASK_ID": number, "SLURM_ARRAY_TASK_MIN": least, "SLURM_ARRAY_TASK_MAX": least + count - 1,
        "SLURM_ARRAY_TASK_COUNT": count, "SLURM_CPUS_PER_TASK": 1, "SLURM_JOB_ID": 100 + number,
    }  # fmt: skip
    return subprocess.Popen(
        ["bash", script, "--config", log.parent / "settings.yaml", "--json"], text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **slurm.env, **{name: str(value) for name, value in own.items()}},
    )  # fmt: skip


@pytest.mark.slow
def test_the_arrays_tasks_make_the_bytes_of_one_run(slurm: FakeSlurm, clean: Clean, log: Path, tmp_path: Path) -> None:
    script = edited("slurm-array.sh", tmp_path, environment=environment(), log=log, store=tmp_path / "x.zarr")
    tasks = [array_task(slurm, script, log, number, 2) for number in (1, 2)]
    for task in tasks:
        _, said = task.communicate(timeout=120)
        assert task.returncode == 0, said
    assert digest(tmp_path / "x.zarr") == clean.digest
    assert not (slurm.home / "scontrol").exists(), "nothing is to be put back"


@pytest.mark.slow
def test_a_task_whose_time_is_up_is_put_back(slurm: FakeSlurm, log: Path, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    script = edited("slurm-array.sh", tmp_path, environment=environment(), log=log, store=store)
    task = array_task(slurm, script, log, 1, 1)
    until(lambda: list(store.glob("scenes/*/scene_tables/*")), 60, "the run to be in the midst of it")
    os.kill(task.pid, signal.SIGUSR1)
    _, said = task.communicate(timeout=30)
    assert task.returncode == 143, said
    assert "error: stopped by SIGTERM; the same command goes on from here" in said
    assert (slurm.home / "scontrol").read_text() == "requeue 101\n"


def test_tasks_not_numbered_from_one_are_refused(slurm: FakeSlurm, log: Path, tmp_path: Path) -> None:
    script = edited("slurm-array.sh", tmp_path, environment=environment(), log=log, store=tmp_path / "x.zarr")
    _, said = (task := array_task(slurm, script, log, 0, 4, least=0)).communicate(timeout=30)
    assert task.returncode == 2
    assert said.startswith("error: the tasks are not numbered from 1 without a gap: found 4 from 0 to 3; submit the")
    assert not (tmp_path / "x.zarr").exists()


def test_the_workers_job_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What dask-jobqueue makes of the configuration, without a cluster."""
    from dask_jobqueue.slurm import SLURMJob

    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load((FOLDER / "slurm-dask.yaml").read_text())
    del config["shared_paths"]
    keywords = slurm_keywords(config, FOLDER / "slurm-dask.yaml")
    del keywords["scheduler_options"]
    script = SLURMJob("tcp://driver:1234", name="worker-0", **keywords).job_script()
    asked = directives(script)
    assert asked == {
        "job-name": "occ-pipeline", "error": "slurm-logs/occ-pipeline-%J.err", "output": "slurm-logs/occ-pipeline-%J.out",
        "partition": "cpu", "ntasks": "1", "cpus-per-task": "1", "mem": "3G", "time": "04:00:00",
    }  # fmt: skip
    *before, start = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert "tcp://driver:1234 --name worker-0 --nthreads 1 --memory-limit 3.00GiB --nanny" in start
    assert "--nworkers" not in start, "one process"
    assert "export DASK_DISTRIBUTED__WORKER__DAEMON=False" in before
    assert "export NUMBA_NUM_THREADS=1" in before, "a worker that comes late is told nothing else"
    assert all(line.startswith("export ") for line in before)


@pytest.mark.slow
def test_a_whole_run_of_which_slurm_loses_a_job(slurm: FakeSlurm, clean: Clean, log: Path, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    edited("slurm-dask.yaml", tmp_path, shared_paths=f"[{tmp_path}, {log.parent}, {environment()}]")
    script = edited("slurm-dask.sh", tmp_path, environment=environment(), log=log, store=store, workers=1)
    run = subprocess.Popen(
        ["bash", script, "--config", log.parent / "settings.yaml", "--json"], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **slurm.env, "DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "1s"},
    )  # fmt: skip
    try:
        until(lambda: run.poll() is not None or list(store.glob("scenes/*/static_map/*")), 60, "a first product")
        slurm.kill()
        _, said = run.communicate(timeout=120)
    finally:
        run.kill()
    assert run.returncode == 0, said
    assert "asking slurm for 1 worker; squeue --me lists the jobs" in said
    assert digest(store) == clean.digest
    assert len(slurm.scripts) == 2, "one that was lost, one in its place"
    for text in slurm.scripts:
        directives(text)
    assert {path.stem for path in slurm.home.glob("*.sh")} <= slurm.cancelled, "lost jobs too: they may be queued again"
    until(lambda: not slurm.living, 5, "workers to end")


def test_a_run_that_is_stopped_cancels_its_jobs(slurm: FakeSlurm, log: Path, tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    edited("slurm-dask.yaml", tmp_path, shared_paths=f"[{tmp_path}, {log.parent}, {environment()}]")
    script = edited("slurm-dask.sh", tmp_path, environment=environment(), log=log, store=store, workers=2)
    run = subprocess.Popen(
        ["bash", script, "--config", log.parent / "settings.yaml"], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **slurm.env},
    )  # fmt: skip
    until(lambda: len(slurm.leaders) == 2, 30, "its jobs")
    run.terminate()
    _, said = run.communicate(timeout=30)
    assert run.returncode == 143
    assert said.count("error:") == 1
    assert len(slurm.cancelled) == 2
    until(lambda: not slurm.living, 5, "workers to end")


@pytest.fixture
def config(tmp_path: Path, log: Path) -> Path:
    found = tmp_path / "cluster.yaml"
    found.write_text(f"memory: 3GiB\nshared_paths: [{tmp_path}, {log.parent}, {environment()}]\n")
    return found


def test_what_sbatch_says_is_passed_on(slurm: FakeSlurm, config: Path, log: Path, tmp_path: Path) -> None:
    (slurm.home / "refuse").write_text(
        "sbatch: error: invalid partition specified: cpu\nsbatch: error: Batch job failed\n"
    )
    asked = ("--workers", 1, "--cluster", "slurm", "--cluster-config", config)
    ended = command(*densify(log, tmp_path / "x.zarr", *asked), env=slurm.env)
    assert ended.code == 2
    (line,) = ended.errors
    assert f"SLURM refuses the workers' jobs (file {config}): found sbatch: error: invalid partition specified" in line
    assert line.endswith("Batch job failed; correct the cluster configuration")
    assert "Traceback" not in ended.err
    assert not (tmp_path / "x.zarr").exists()


def test_what_dask_jobqueue_says_is_passed_on(slurm: FakeSlurm, config: Path, log: Path, tmp_path: Path) -> None:
    with config.open("a") as more:
        more.write("interface: nowhere0\n")
    asked = ("--cluster", "slurm", "--cluster-config", config)
    ended = command(*densify(log, tmp_path / "x.zarr", *asked), env=slurm.env)
    assert ended.code == 2
    (line,) = ended.errors
    assert f"the cluster configuration cannot be used (file {config}): found " in line
    assert "nowhere0" in line
    assert "Traceback" not in ended.err


def test_no_slurm_here(config: Path, log: Path, tmp_path: Path) -> None:
    asked = ("--cluster", "slurm", "--cluster-config", config)
    ended = command(*densify(log, tmp_path / "x.zarr", *asked), env={"PATH": str(tmp_path)})
    assert ended.code == 2
    (line,) = ended.errors
    assert "this machine submits no SLURM jobs: found no sbatch in PATH" in line
    assert line.endswith("run this where sbatch is, or without --cluster")
    assert not (tmp_path / "x.zarr").exists()
