"""Workers that are jobs of SLURM, through dask-jobqueue."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import shlex
import shutil
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from ..schemas.errors import UsageError
from .batch_config import check_names, listed, load, place, worker_environment

REPLACE_S = 2.0
"""How often lost jobs are looked for; Dask itself waits a while before it gives a worker up."""
_RENAMED = {
    "env_extra": "job_script_prologue", "extra": "worker_extra_args", "header_skip": "job_directives_skip",
    "job_extra": "job_extra_directives", "project": "account",
}  # fmt: skip
"""What dask-jobqueue called things before; it would drop the old beside the new."""
_LISTS = ("job_directives_skip", "job_extra_directives", "job_script_prologue", "worker_extra_args")
_NOT_FOR_FILES = {
    "args", "asynchronous", "base_class_kwargs", "dashboard_address", "host", "job_cls", "job_kwargs", "kwargs", "loop",
    "protocol", "scheduler", "scheduler_cls", "security", "self", "worker_command",
}  # fmt: skip
"""Objects, what dask-jobqueue itself refuses, and what would make another kind of worker."""


def slurm_keywords(config: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Keywords of ``SLURMCluster``: the user's, and one thread in one process a job. Raises UsageError."""
    jobqueue = load("dask_jobqueue", "dask-jobqueue")
    slurm, core = load("dask_jobqueue.slurm", "dask-jobqueue"), load("dask_jobqueue.core", "dask-jobqueue")
    classes = (jobqueue.SLURMCluster, slurm.SLURMJob, core.JobQueueCluster, core.Job)
    taken = {name for each in classes for name in inspect.signature(each.__init__).parameters}
    fixed = {"cores", "n_workers", "processes"}
    check_names(config, taken - fixed - set(_RENAMED) - _NOT_FOR_FILES, fixed, file, _RENAMED)
    if "memory" not in config:
        raise UsageError(
            "the cluster configuration lacks memory", file=str(file), fix="add, say, 'memory: 3GiB' for each worker"
        )
    try:
        load("dask.utils", "dask").parse_bytes(config["memory"])
    except (AttributeError, ValueError) as error:
        raise UsageError(
            "memory cannot be read", file=place(file, "memory"), found=repr(config["memory"]), expected="as 3GiB"
        ) from error
    if isinstance(config.get("walltime"), int):
        # YAML reads 12:00:00 as a number of seconds, which SLURM would take for minutes.
        raise UsageError(
            "walltime is a number", file=place(file, "walltime"), found=str(config["walltime"]),
            expected="hours, minutes, seconds", fix="write it in quotes, as '12:00:00'",
        )  # fmt: skip
    lists = {name: listed(config, name, file) for name in _LISTS}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in worker_environment().items()]
    # Last: modules that a user loads may set numbers of threads.
    lists["job_script_prologue"] = [*lists["job_script_prologue"], *exports]
    # A fixed port for pages that nobody asked for would be taken on a login node that users share.
    scheduler = {"dashboard_address": ":0", **config.get("scheduler_options", {})}
    own = {"cores": 1, "processes": 1, "scheduler_options": scheduler}
    return {"job_name": "occ-pipeline", **config, **lists, **own}


@contextlib.contextmanager
def slurm_cluster(config: Mapping[str, Any], file: Path, workers: int) -> Generator[str]:
    """The scheduler's address, once the jobs are submitted; they are cancelled when it is left. Raises UsageError."""
    keywords = slurm_keywords(config, file)
    if shutil.which("sbatch") is None:
        raise UsageError(
            "this machine submits no SLURM jobs", found="no sbatch in PATH", expected="SLURM's commands",
            fix="run this where sbatch is, or without --cluster",
        )  # fmt: skip
    try:
        made = load("dask_jobqueue", "dask-jobqueue").SLURMCluster(job_cls=_job_class(), **keywords)
    except (RuntimeError, TypeError, ValueError) as error:
        raise UsageError(
            "the cluster configuration cannot be used", file=str(file), found=" ".join(str(error).split()),
            fix="correct the value; dask-jobqueue's manual lists what SLURMCluster takes",
        ) from error  # fmt: skip
    try:
        _submit(made, workers, file)
        with _replaced(made):
            yield made.scheduler_address
    finally:
        made.close()


def _job_class() -> Any:
    """Jobs that know when they are closed; dask-jobqueue's do not, and Dask then complains that they were forgotten."""
    status: Any = importlib.import_module("distributed.core").Status
    base: Any = load("dask_jobqueue.slurm", "dask-jobqueue").SLURMJob

    class Job(base):
        async def close(self) -> None:
            await super().close()
            self.status = status.closed

    return Job


def _submit(made: Any, workers: int, file: Path) -> None:
    """Submits the jobs and waits until SLURM has taken them: ``scale`` would submit behind our back and lose errors."""
    for _ in range(workers):
        made.worker_spec.update(made.new_worker_spec())
    try:
        made.sync(made._correct_state)  # noqa: SLF001
    except (OSError, RuntimeError) as error:
        said = str(error).partition("stderr:")[2] or str(error)
        raise UsageError(
            "SLURM refuses the workers' jobs", file=str(file), found="; ".join(said.split("\n")).strip("; "),
            fix="correct the cluster configuration",
        ) from error  # fmt: skip


@contextlib.contextmanager
def _replaced(made: Any) -> Generator[None]:
    """Submits anew what a time limit or a broken machine took: dask-jobqueue forgets a lost job and asks for no other."""

    async def again() -> None:
        for name in [name for name, job in made.workers.items() if job.job_id is None]:
            await made.workers.pop(name).close()
        # SLURM may be too busy to answer; the next time comes.
        with contextlib.suppress(OSError, RuntimeError):
            await made._correct_state()  # noqa: SLF001

    ioloop: Any = importlib.import_module("tornado.ioloop")
    often = ioloop.PeriodicCallback(again, REPLACE_S * 1000)
    made.loop.add_callback(often.start)
    try:
        yield
    finally:
        made.loop.add_callback(often.stop)
