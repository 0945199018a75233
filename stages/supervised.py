"""A child process for native code that may crash, so that a crash is a value with a reason and not a dead worker."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from ..schemas.errors import ComputeError

P = ParamSpec("P")
R = TypeVar("R")


_LAST_WORDS = 200
"""Characters of what a crashed child said that an error quotes."""


def _serve(calls: Connection[Any, Any], said: str) -> None:
    """The child: answers calls until its parent hangs up or dies.

    Native libraries write to the terminal past Python. Standard output belongs to the program's results, so theirs goes
    nowhere; standard error goes to the file ``said``, which nobody sees but the parent, who holds it open.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(said, os.O_WRONLY | os.O_APPEND), 2)
    Path(said).unlink()
    while True:
        try:
            function, args, kwargs = calls.recv()
        except (EOFError, OSError):
            return
        try:
            calls.send((True, function(*args, **kwargs)))
        except Exception as error:  # noqa: BLE001  carried to the parent, which raises it
            calls.send((False, error))


class Child:
    """One child process, started at its first call, and anew after a crash."""

    def __init__(self) -> None:
        self._process: Any = None
        self._calls: Connection[Any, Any] | None = None
        self._owner = -1
        self._said = -1

    def start(self) -> Connection[Any, Any]:
        """The running child's connection."""
        if self._calls is None or self._owner != os.getpid() or not self._process.is_alive():
            context = multiprocessing.get_context("spawn")
            self._calls, theirs = context.Pipe()
            if self._said >= 0:
                os.close(self._said)
            self._said, said = tempfile.mkstemp(prefix="occ-pipeline-native-")
            self._process = context.Process(target=_serve, args=(theirs, said), daemon=True, name="occ-pipeline-native")
            self._process.start()
            theirs.close()
            self._owner = os.getpid()
            atexit.register(self.stop)
        return self._calls

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs a module-level function in the child. Raises ComputeError if the child died, else what it raised."""
        calls = self.start()
        try:
            calls.send((function, args, kwargs))
            wait([calls, self._process.sentinel])
            good, value = calls.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            self.stop()
            ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            words = self._last_words()
            raise ComputeError(
                "a native library crashed its process",
                found=f"{ended} ({words})" if words else ended,
                expected="a result",
                fix="try another reconstruct.cell_m or back end; the points that caused it are in this scene",
            ) from None
        except BaseException:
            # An interrupt, say: the answer still to come must not be taken for the next call's.
            self.stop()
            raise
        os.ftruncate(self._said, 0)
        if good:
            return value
        raise value

    def peak_mib(self) -> float:
        """Largest resident size the running child has had, MiB; 0 without one, or where the system does not tell."""
        if self._calls is None or self._owner != os.getpid():
            return 0.0
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return 0.0
        sizes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(sizes[0]) / 1024 if sizes else 0.0

    def _last_words(self) -> str:
        lines = os.pread(self._said, 1 << 20, 0).decode(errors="replace").split("\n")
        return next((line.strip()[-_LAST_WORDS:] for line in reversed(lines) if line.strip()), "")

    def stop(self) -> None:
        """Ends the child."""
        if self._calls is not None and self._owner == os.getpid():
            self._calls.close()
            self._process.join(timeout=1)
            if self._process.is_alive():
                self._process.kill()
        self._calls = None


NATIVE = Child()
"""This process's one child: native calls of a worker come one after the other."""
