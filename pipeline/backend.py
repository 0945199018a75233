"""Which library reconstructs surfaces on this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from ..schemas.errors import UsageError
from ..stages.kernels.poisson import Backend

APT_LINE = "apt-get install -y libusb-1.0-0 libgl1 libegl1 libx11-6 libgomp1"
MESHLAB_LINE = "pip install 'occ-pipeline[meshlab]'"


def loads(backend: Backend) -> str | None:
    """None if the library imports in a process of its own, else the last line it said. A crash there harms nobody."""
    command = [sys.executable, "-c", f"import {backend}"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own interpreter
    if found.returncode == 0:
        return None
    lines = found.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {found.returncode}"


def choose(kept: Backend | None, warn: Callable[[str], None], probe: Callable[[Backend], str | None]) -> Backend:
    """Open3D where it loads, else pymeshlab, said once; a store keeps the one it began with.

    ``probe``: gives None for a library that loads, else why it does not. Raises UsageError where the kept one, or none, loads.
    """
    wanted: tuple[Backend, ...] = (kept,) if kept else ("open3d", "pymeshlab")
    reasons: dict[str, str] = {}
    for backend in wanted:
        reason = probe(backend)
        if reason is None:
            if reasons:
                warn(
                    f"Open3D cannot be loaded ({reasons['open3d']}): surfaces are reconstructed by pymeshlab instead; "
                    f"to use Open3D: {APT_LINE}"
                )
            return backend
        reasons[backend] = reason
    found = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    if kept:
        mend = APT_LINE if kept == "open3d" else MESHLAB_LINE
        raise UsageError(
            f"the store's surfaces are made by {kept}, which cannot be loaded",
            found=found,
            fix=f"{mend}, or begin another store with --out",
        )
    raise UsageError(
        "no library for surface reconstruction can be loaded",
        found=found,
        expected=" or ".join(wanted),
        fix=f"{APT_LINE}, or {MESHLAB_LINE}",
    )
