"""What this machine has: cores, memory, file systems. Linux' own files where it tells, None where it does not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "lustre", "beegfs", "glusterfs", "gpfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.juicefs", "fuse.glusterfs"}
)  # fmt: skip
"""File systems over a network, as mounts name them."""
OBJECT_STORES = frozenset({"fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.sshfs", "fuse.goofys", "fuse.blobfuse"})
"""Those that copy where we rename, or keep what is written in a cache of their own."""


@dataclass(frozen=True)
class Memory:
    """Bytes; None where the system does not tell or sets no limit."""

    total: int | None
    available: int | None
    limit: int | None
    """Of the control group this process is in."""


def cpu_limit(root: Path = _CGROUP) -> float | None:
    """Cores' worth of time that the control group may use; None without a limit."""
    text = _text(root / "cpu.max")
    if text is not None:
        quota, _, period = text.partition(" ")
        return None if quota == "max" else int(quota) / int(period or 100_000)
    # Version 1.
    quota, period = _number(root / "cpu/cpu.cfs_quota_us"), _number(root / "cpu/cpu.cfs_period_us")
    return quota / period if quota is not None and period and quota > 0 else None


def memory(root: Path = _CGROUP, meminfo: Path = Path("/proc/meminfo")) -> Memory:
    """Memory of the machine, and what this process may use of it."""
    fields: dict[str, int] = {}
    for line in (_text(meminfo) or "").splitlines():
        name, _, rest = line.partition(":")
        if rest.split():
            fields[name] = int(rest.split()[0]) * 1024
    limit = _number(root / "memory.max")
    limit = _number(root / "memory/memory.limit_in_bytes") if limit is None else limit
    return Memory(
        fields.get("MemTotal"), fields.get("MemAvailable"), limit if limit is not None and limit < _UNLIMITED else None
    )


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """Type of the file system a path lies or would lie on, as ``ext4`` or ``nfs4``; None where the system does not tell."""
    there = path.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    there = there.resolve()
    best: tuple[int, str] | None = None
    for line in (_text(mounts) or "").splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        # Blanks and the like are written in octal.
        point = Path(fields[1].encode().decode("unicode_escape"))
        if there.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = len(point.parts), fields[2]
    return best[1] if best else None


def writable(path: Path) -> bool:
    """Whether this user may write the folder, or make it where it is not there."""
    there = path.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text is not None and text.lstrip("-").isdigit() else None
