"""Where messages go: people read standard error, programs read standard output.

In a terminal lines break between words at its width; elsewhere a message stays one line, for programs to take.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from rich.console import Console

OUT = Console(soft_wrap=False)
ERR = Console(stderr=True, highlight=False)


def note(text: str) -> None:
    """Says something a person should know."""
    ERR.print(text, markup=False, soft_wrap=not ERR.is_terminal)


def say(text: str) -> None:
    """A line of what was asked for, on standard output."""
    OUT.print(text, markup=False, highlight=False, soft_wrap=not OUT.is_terminal)


def warn(text: str) -> None:
    """Says something a person should not overlook."""
    ERR.print(f"[bold yellow]warning:[/] {_escaped(text)}", soft_wrap=not ERR.is_terminal)


def fail(text: str) -> None:
    """Says why it stops, on one line."""
    ERR.print(f"[bold red]error:[/] {_escaped(text)}", soft_wrap=not ERR.is_terminal)


def stop(number: int, _: object = None) -> NoReturn:
    """A signal ends the program at once but in order: workers go, nothing partial stays readable."""
    fail(f"stopped by {signal.Signals(number).name}; the same command goes on from here")
    raise SystemExit(128 + number)


def emit(value: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(json.dumps(value, indent=1, default=str) + "\n")
    sys.stdout.flush()


def last_line(text: str) -> None:
    """One plain line on standard output, for a person or a script to take."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
