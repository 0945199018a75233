"""Which process made a temporary file or holds a lock, and whether it still runs."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

_TAG = re.compile(r"(?P<pid>\d+)\.(?P<started>\d+)\.(?P<host>[^.]*)\.")


@dataclass(frozen=True)
class Owner:
    """A process on a host. Process numbers are used again, so its start is part of what it is."""

    host: str
    """Without its domain."""
    pid: int
    started: int
    """Clock ticks from boot to the process's start; 0 where the system does not tell."""

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        return cls(_host(), os.getpid(), _started())

    @classmethod
    def of_tag(cls, name: str) -> Owner | None:
        """The owner at the beginning of a file name, None without one."""
        match = _TAG.match(name)
        return cls(match["host"], int(match["pid"]), int(match["started"])) if match else None

    @property
    def tag(self) -> str:
        """Beginning of the names of what this process makes, to be followed by a dot."""
        return f"{self.pid}.{self.started}.{self.host}"

    @property
    def is_dead(self) -> bool | None:
        """Whether the process has ended; None when it ran on another host, where this one cannot look."""
        if self.host != _host():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        found = _stat(self.pid)
        # A killed process whose parent has not asked for it yet still has its number.
        return found is not None and (found[0] == "Z" or (bool(self.started) and int(found[19]) != self.started))


def _host() -> str:
    return socket.gethostname().partition(".")[0]


def _started() -> int:
    found = _stat(os.getpid())
    return int(found[19]) if found else 0


def _stat(pid: int) -> list[str] | None:
    """Fields of Linux's /proc/PID/stat from the third, the state; the command's name before it may hold blanks and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
