"""The program: commands, and what an error becomes."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ... import __version__
from ...schemas.errors import PipelineError, StorageError, StoreLockedError, UsageError, VerificationError
from ..cluster import set_environment
from ..signals import ENDING
from .card import card
from .compare import compare
from .config import config
from .console import fail, stop
from .doctor import doctor
from .export import export
from .failures import failures, logs
from .gc import gc
from .plan import plan
from .predict import predict
from .quality import quality
from .run import app as run_app
from .sample import sample
from .show import show
from .stats import stats
from .status import status, verify
from .train import train
from .validate import validate

PROGRAM = "occ-pipeline"


class _ByUse(TyperGroup):
    """Commands in the order a person comes to need them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=lambda name: name != "run")


app = typer.Typer(
    cls=_ByUse,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Raw driving logs in, 3D semantic occupancy labels out. Start with: occ-pipeline run densify",
)
app.add_typer(run_app, name="run")
for _command in (
    plan, status, failures, logs, show, compare, quality, stats, export, train, predict, verify, validate, gc, card, config, doctor, sample,
):  # fmt: skip
    app.command()(_command)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"occ-pipeline {__version__}\n")
        raise typer.Exit


@app.callback()
def _program(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


EXIT_CODES: tuple[tuple[type[PipelineError], int], ...] = (
    (UsageError, 2), (StorageError, 4), (StoreLockedError, 5), (VerificationError, 6), (PipelineError, 3),
)  # fmt: skip
"""First match wins. 0 is done, 3 some scenes failed, 130 and 143 signals."""


def main() -> None:
    """Entry point: runs the command and exits with its code."""
    set_environment()
    for number in ENDING:
        signal.signal(number, stop)
    sys.exit(_run())


def _run() -> int:
    try:
        app(prog_name=PROGRAM)
    except PipelineError as error:
        _trace()
        fail(str(error))
        return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    except BrokenPipeError:
        # The reader of our output is gone: nothing is left to say, and the interpreter must not try at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # noqa: BLE001  the last line of defence says what happened without a traceback
        _trace()
        fail(
            f"{type(error).__name__}: {error}; this is a defect of occ-pipeline: please report it with --debug's output"
        )
        return 1
    return 0


def _trace() -> None:
    if "--debug" in sys.argv:
        traceback.print_exc()
