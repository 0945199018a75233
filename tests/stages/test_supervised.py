"""A child process: its values, its exceptions, its crashes, its end."""

from __future__ import annotations

import math
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from occ_pipeline.schemas.errors import ComputeError
from occ_pipeline.stages.supervised import Child

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    made = Child()
    yield made
    made.stop()


def test_a_call_gives_what_the_function_gives_from_another_process(child: Child) -> None:
    assert child.call(math.hypot, 3, 4) == 5.0
    first = child.call(os.getpid)
    assert first != os.getpid()
    assert child.call(os.getpid) == first
    array = np.arange(300_000, dtype=np.float64)
    assert (child.call(operator.mul, array, 2) == 2 * array).all()
    assert child.call(sorted, [2, 3, 1], reverse=True) == [3, 2, 1]


def test_an_exception_comes_back_and_the_child_goes_on(child: Child) -> None:
    before = child.call(os.getpid)
    with pytest.raises(ZeroDivisionError):
        child.call(operator.truediv, 1, 0)
    with pytest.raises(KeyError, match="missing"):
        child.call(operator.getitem, {}, "missing")
    assert child.call(os.getpid) == before


def test_what_cannot_be_sent_is_an_exception_and_the_child_goes_on(child: Child) -> None:
    with pytest.raises(Exception, match="pickle"):
        child.call(iter, lambda: 0, 1)
    with pytest.raises(Exception, match="pickle"):
        child.call(memoryview, b"no result like this")
    assert child.call(math.sqrt, 4) == 2.0


@pytest.mark.parametrize(
    ("crash", "argument", "found"),
    [
        (signal.raise_signal, signal.SIGSEGV, "SIGSEGV"),
        (signal.raise_signal, signal.SIGKILL, "SIGKILL"),
        (os._exit, 3, "exit code 3"),
    ],
)
def test_a_crash_is_an_error_that_says_how_and_the_next_call_works(
    child: Child, crash: Callable[[Any], Any], argument: int, found: str
) -> None:
    before = child.call(os.getpid)
    with pytest.raises(ComputeError, match="crashed") as caught:
        child.call(crash, argument)
    assert str(caught.value.found).startswith(found)
    assert caught.value.fix is not None
    assert child.call(os.getpid) != before


def test_a_child_that_died_between_calls_is_replaced(child: Child) -> None:
    before = child.call(os.getpid)
    os.kill(before, signal.SIGKILL)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    assert child.call(os.getpid) != before


def test_a_child_that_dies_before_it_hears_the_call_is_a_crash_too(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has noticed its death yet when the call is sent."""
    before = child.call(os.getpid)
    os.kill(before, signal.SIGKILL)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    monkeypatch.setattr(child._process, "is_alive", lambda: True)
    with pytest.raises(ComputeError) as caught:
        child.call(operator.neg, np.zeros(1_000_000))
    assert caught.value.found == "SIGKILL"
    monkeypatch.undo()
    assert child.call(operator.neg, 1) == -1


def test_an_interrupted_call_does_not_answer_the_next(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("occ_pipeline.stages.supervised.wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            child.call(math.sqrt, 9)
    assert child.call(math.sqrt, 16) == 4.0


def gone(pid: int) -> bool:
    """Ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@linux
def test_stop_ends_the_child() -> None:
    made = Child()
    pid = made.call(os.getpid)
    made.stop()
    assert gone(pid)
    made.stop()


@linux
def test_the_child_ends_when_its_parent_is_killed() -> None:
    program = (
        "import os, time\n"
        "from occ_pipeline.stages.supervised import NATIVE\n"
        "print(NATIVE.call(os.getpid), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.kill()
    for _ in range(100):
        if gone(pid):
            return
        time.sleep(0.1)
    pytest.fail("the child outlived its parent by ten seconds")
