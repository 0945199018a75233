"""Stand-ins for SLURM's commands, which start jobs on this machine in the background."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from occ_pipeline.tests.pipeline.cli.command import group

SBATCH = """#!/usr/bin/env bash
# A job runs a copy of its script, in the folder it was submitted from and in a session of its own.
set -eu
if [ -e "{home}/refuse" ]; then cat "{home}/refuse" >&2; exit 1; fi
cp "$1" "{home}/$$.sh"
SLURM_JOB_ID=$$ setsid bash "{home}/$$.sh" >"{home}/$$.out" 2>&1 &
echo $! >"{home}/$$.leader"
echo "Submitted batch job $$"
"""
SCANCEL = """#!/usr/bin/env bash
echo "$1" >>"{home}/cancelled"
kill -TERM -- "-$(cat "{home}/$1.leader")"
"""
SCONTROL = """#!/usr/bin/env bash
echo "$@" >>"{home}/scontrol"
"""


@dataclass(frozen=True)
class FakeSlurm:
    """A folder with the commands and what became of their jobs."""

    home: Path

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL), ("scontrol", SCONTROL)):
            command = self.home / "bin" / name
            command.parent.mkdir(exist_ok=True)
            command.write_text(text.format(home=self.home))
            command.chmod(0o755)

    @property
    def env(self) -> dict[str, str]:
        """Variables that put the commands first."""
        return {"PATH": f"{self.home / 'bin'}:{os.environ['PATH']}"}

    @property
    def scripts(self) -> list[str]:
        """Of every job, in the order of their numbers."""
        return [path.read_text() for path in sorted(self.home.glob("*.sh"))]

    @property
    def leaders(self) -> list[int]:
        """The first process of every job."""
        return [int(text) for path in self.home.glob("*.leader") if (text := path.read_text().strip())]

    @property
    def living(self) -> list[int]:
        """Processes of jobs that still run."""
        return [pid for leader in self.leaders for pid in group(leader)]

    @property
    def cancelled(self) -> set[str]:
        """Numbers of jobs that were cancelled."""
        path = self.home / "cancelled"
        return set(path.read_text().split()) if path.exists() else set()

    def kill(self) -> None:
        """Ends every job without a word, as a machine that fails."""
        for leader in self.leaders:
            if group(leader):
                os.killpg(leader, signal.SIGKILL)
