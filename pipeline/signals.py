"""Signals that end the program: kept until work can go on from where it stands, and kept from processes that it starts."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Generator
from multiprocessing import resource_tracker

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Of a terminal or a batch system, to each process of it."""


@contextlib.contextmanager
def signals_are_for_us(*more: signal.Signals) -> Generator[None]:
    """Ctrl-C reaches every process of a terminal: ours ends the workers in order, so they must not end, loudly, by themselves.

    ``more``: what they do not heed either, so that :func:`heed_parent_alone` can be used there. Threads inherit what is blocked
    from whoever makes them, and so do the processes they start.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        # The tracker heeds no SIGINT by itself, and its start ends with unblocking that here.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *more})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def heed_parent_alone() -> None:
    """In a process that was started with SIGTERM blocked: ends it where its parent sends one, and nobody else's.

    Batch systems send one to all processes, and the parent needs this one until it has ended in order.
    """

    def wait(parent: int) -> None:
        while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
            pass
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=wait, args=(os.getppid(),), daemon=True).start()


@contextlib.contextmanager
def kept_signals(told: Callable[[signal.Signals], None]) -> Generator[Callable[[], signal.Signals | None]]:
    """Signals that would end the program do not; what is yielded gives the first of them, None before. In the main thread.

    ``told`` hears of it at once. Ctrl-C after that does what it did before; others may come twice, from a batch system and from
    what started the program.
    """
    kept: list[signal.Signals] = []
    before = {number: signal.getsignal(number) for number in ENDING}

    def keep(number: int, _: object) -> None:
        if not kept:
            kept.append(signal.Signals(number))
            signal.signal(signal.SIGINT, before[signal.SIGINT])
            told(kept[0])

    for number in ENDING:
        signal.signal(number, keep)
    try:
        yield lambda: kept[0] if kept else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
