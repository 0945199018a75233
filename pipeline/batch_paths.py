"""Paths that the machines of a cluster would not see, refused before anything is submitted.

What can be told from here: the kind of file system, and what is mounted in pods. Whether workers really see the same
files is asked of themselves, once they run.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..schemas.errors import UsageError
from .batch_config import listed
from .machine import NETWORK, file_system

SHARED_PATHS = "shared_paths"
"""Name in a configuration for SLURM: folders that all machines see although they are disks of this one."""
_LOCAL = frozenset(
    {"apfs", "aufs", "btrfs", "ecryptfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "ramfs", "tmpfs", "vfat", "xfs", "zfs"}
)  # fmt: skip
_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm", "/run")  # noqa: S108  named, not written

Asked = tuple[str, Path, str]
"""What a path is of, the path, and what to do for another."""


def refuse_local(config: Mapping[str, Any], file: Path, store: Path, data_root: Path) -> None:
    """Raises UsageError for a path on a disk of this machine, unless the configuration says that all see it."""
    shared = [Path(str(each)).resolve() for each in listed(config, SHARED_PATHS, file)]
    for what, path, fix in _asked(store, data_root):
        _refuse(what, path, fix, shared, file, disks=True)
    # The same place on every machine's own disk is as good.
    python = Path(str(config.get("python", sys.executable)))
    _refuse("Python of the workers", python, "install occ-pipeline in another folder", shared, file, disks=False)


def refuse_unmounted(mounts: Sequence[Path], file: Path, store: Path, data_root: Path) -> None:
    """Raises UsageError for a path that lies on no volume of the workers' pods."""
    for what, path, fix in _asked(store, data_root):
        if not any(path.is_relative_to(mount) for mount in mounts):
            raise UsageError(
                f"workers would not see the {what}", file=str(path),
                found=f"shared volumes at {', '.join(map(str, mounts))}" if mounts else "no shared volume",
                expected="a path below a volume mount of the workers",
                fix=f"{fix}, or mount its volume: volumes and volume_mounts in {file}",
            )  # fmt: skip


def _asked(store: Path, data_root: Path) -> tuple[Asked, Asked]:
    return ("store", store, "give --out another path"), ("log", data_root, "give --dataroot another path")


def _refuse(what: str, path: Path, fix: str, shared: Sequence[Path], file: Path, *, disks: bool) -> None:
    real = path.resolve()
    kind = file_system(real)
    if kind in NETWORK or any(place.is_relative_to(folder) for place in (real, path) for folder in shared):
        return
    temporary = any(real.is_relative_to(Path(folder).resolve()) for folder in (*_TEMPORARY, tempfile.gettempdir()))
    if temporary or (disks and kind in _LOCAL):
        raise UsageError(
            f"workers on other machines would not see the {what}", file=str(path),
            found="a folder for temporary files, of which each machine has its own" if temporary else f"a disk of this machine ({kind})",
            expected="a file system that all machines share",
            fix=f"{fix}; where all machines do see it, add '{SHARED_PATHS}: [{path.parent}]' to {file}",
        )  # fmt: skip
