"""Where a run's workers come from: this machine, a scheduler, a batch system."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...schemas.errors import UsageError
from .console import note, warn

if TYPE_CHECKING:
    from ..session import Log


@dataclass(frozen=True)
class WorkersAsked:
    """What a user asked for. Raises UsageError for what does not go together."""

    count: int | None = None
    scheduler: str | None = None
    system: Literal["slurm", "kubernetes"] | None = None
    config: Path | None = None

    def __post_init__(self) -> None:
        if self.scheduler is not None and (self.system is not None or self.count is not None):
            other = "--cluster" if self.system is not None else "--workers"
            raise UsageError(
                f"--scheduler and {other} exclude each other", fix="a running scheduler has its own workers"
            )
        if (self.system is None) != (self.config is None):
            raise UsageError("--cluster and --cluster-config belong together", fix="give both; see workflows/")

    def refuse_unshared(self, store: Path, data_root: Path) -> None:
        """Raises UsageError for paths that workers of a batch system would not see, before any is asked for."""
        if self.system is not None and self.config is not None:
            from ..batch import refuse_unshared

            refuse_unshared(self.system, self.config, store, data_root)

    @property
    def here(self) -> bool:
        """Whether they run on this machine."""
        return self.scheduler is None and self.system is None


class Workers:
    """The workers of one run. Local ones start in the background, so that they load libraries while tables are read."""

    def __init__(self, stack: ExitStack, asked: WorkersAsked, store: Path, log: Log) -> None:
        from ..cluster import cores

        self._stack, self._asked, self._store, self._log = stack, asked, store, log
        self._threads = stack.enter_context(ThreadPoolExecutor(1))
        self._client: Any = None
        self.count = asked.count or cores()
        """How many there are, or will be."""

    def start(self) -> None:
        """Begins to start them, if that was not done yet. Those of a scheduler are looked over first."""
        from ..cluster import local_client

        if self._client is None and self._asked.here:
            self._client = self._threads.submit(self._stack.enter_context, local_client(self.count))
        elif self._client is None:
            # At once: what is wrong there ends the run before anything is read.
            self._client = Future()
            self._client.set_result(self._elsewhere())

    def client(self) -> Any:
        """The Dask client, once it runs."""
        self.start()
        return self._client.result()

    def _elsewhere(self) -> Any:
        from ..batch import HOW_FAR, batch_cluster
        from ..scheduler import WAIT_S, look_over, scheduler_client

        address, wait_s, asked_for = self._asked.scheduler, WAIT_S, 0
        if self._asked.system is not None and self._asked.config is not None:
            # A batch system may let jobs wait, and start them one by one.
            wait_s, asked_for = 24 * 3600.0, self.count
            note(f"asking {self._asked.system} for {_workers(asked_for)}; {HOW_FAR[self._asked.system]}")
            made = batch_cluster(self._asked.system, self._asked.config, asked_for)
            address = self._stack.enter_context(made)
        client = self._stack.enter_context(scheduler_client(str(address)))
        table = self._log.data_root / self._log.source.table_files()[0]
        found = len(look_over(client, self._store, table, note, wait_s))
        note(f"{_workers(found)} of {address}")
        self.count = max(found, asked_for)
        return client

    def backend(self, kept: Any) -> Any:
        """The library for surfaces that loads in the workers; the store's own, where it has one."""
        from ..backend import choose
        from ..tasks import probe

        client = self.client()
        from ..scheduler import workers_of

        # On this machine all workers are alike; elsewhere each is asked.
        chosen = [None] if self._asked.here else [[address] for address in workers_of(client)]

        def asked(backend: Any) -> str | None:
            answers = [client.submit(probe, backend, pure=False, workers=workers) for workers in chosen]
            return next((reason for reason in client.gather(answers) if reason is not None), None)

        return choose(kept, warn, asked)


def _workers(count: int) -> str:
    return f"{count} worker{'s' if count > 1 else ''}"
