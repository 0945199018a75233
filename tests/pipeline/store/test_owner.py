"""Whether the process that left a file still runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from occ_pipeline.pipeline.store.owner import Owner

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


def test_this_process_lives_and_its_tag_names_it() -> None:
    owner = Owner.current()
    assert owner.started > 0
    assert owner.is_dead is False
    assert Owner.of_tag(f"{owner.tag}.build") == owner
    assert Owner.of_tag("notes.txt") is None


def test_another_start_is_another_process() -> None:
    owner = Owner.current()
    assert replace(owner, started=owner.started + 1).is_dead is True
    assert replace(owner, host="elsewhere").is_dead is None


def test_a_killed_process_is_dead_before_and_after_its_parent_asks() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    owner = replace(Owner.current(), pid=child.pid, started=int(stat[19]))
    assert owner.is_dead is False
    os.kill(child.pid, signal.SIGKILL)
    until = time.monotonic() + 5
    while not owner.is_dead and time.monotonic() < until:
        time.sleep(0.01)
    assert owner.is_dead is True
    assert child.returncode is None, "nobody has asked for it yet"
    child.communicate()
    assert owner.is_dead is True
