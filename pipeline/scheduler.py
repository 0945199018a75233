"""Workers of a Dask scheduler that runs already, or of one made for a batch system: connected to, and looked over."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from ..schemas.errors import UsageError
from .store.layout import Folders
from .worker_facts import ask, refuse, stop_native, this_process

CONNECT_S = 5
WAIT_S = 60.0


@contextlib.contextmanager
def scheduler_client(address: str) -> Generator[Any]:
    """A client of the scheduler at ``tcp://host:port``. Raises UsageError where none answers."""
    distributed: Any = importlib.import_module("distributed")
    if "://" not in address:
        raise UsageError(
            "the scheduler's address cannot be read", found=address, expected="tcp://host:port",
            fix="give the address that 'dask scheduler' prints",
        )  # fmt: skip
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(
            "no Dask scheduler answers", found=f"{address}: {' '.join(str(error).split()) or type(error).__name__}",
            expected="tcp://host:port", fix="start one with 'dask scheduler' and give the address it prints",
        ) from error  # fmt: skip
    try:
        yield client
    finally:
        with contextlib.suppress(OSError, TimeoutError):
            client.run(stop_native, on_error="ignore")
        client.close()


def workers_of(client: Any) -> list[str]:
    """Addresses of the scheduler's workers, sorted."""
    return sorted(client.scheduler_info(n_workers=-1)["workers"])


def look_over(client: Any, store: Path, table: Path, note: Callable[[str], None], wait_s: float = WAIT_S) -> list[str]:
    """Addresses of the workers, once there are some and each can do the work. Raises UsageError naming what is wrong.

    ``table``: a file of the log. The paths are those of this machine: workers must find the same there.
    """
    if not workers_of(client):
        most = f"{wait_s / 3600:.0f} hours" if wait_s > 3600 else f"{wait_s:.0f} s"
        note(f"waiting up to {most} for the scheduler's first worker")
        try:
            client.wait_for_workers(1, timeout=wait_s)
        except TimeoutError as error:
            raise UsageError(
                "the scheduler has no worker", found=f"none within {wait_s:.0f} s",
                fix="start some: DASK_DISTRIBUTED__WORKER__DAEMON=False dask worker ADDRESS --nthreads 1",
            ) from error  # fmt: skip
    folder = Folders(store).temporary
    folder.mkdir(parents=True, exist_ok=True)
    words = this_process()
    token = folder / f"seen-by-all-{words.rpartition(' ')[2]}"
    token.write_text(words, encoding="utf-8")
    try:
        found = client.run(ask, token, table, on_error="return")
        for address in sorted(found):
            refuse(address, found[address], token, store, table)
    finally:
        token.unlink(missing_ok=True)
    return sorted(found)
