"""What the run folders beside a store tell: runs, and the failures that no later run made good."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..schemas.errors import PipelineError

OUTCOME = "outcome.json"
_ROW = re.compile(r"^table row \S+: ")


@dataclass(frozen=True)
class Failure:
    """Why a scene has no labels."""

    scene: str
    kind: str
    """Class of the error."""
    reason: str
    """What is wrong, without its place: equal for equal causes."""
    where: str
    """Stage and part, or empty where the scene failed before anything ran."""
    error: str
    """The whole line."""
    run: str
    """Name of the run's folder."""

    @classmethod
    def of(cls, scene: str, error: PipelineError, run: str) -> Failure:
        """From an error of a run."""
        reason = _ROW.sub("", error.what)
        return cls(scene, type(error).__name__, reason, error.frame or "", str(error), run)


@dataclass(frozen=True)
class Run:
    """One run's folder."""

    path: Path
    command: str
    """As it was typed."""
    ended: bool
    """False for a run that was stopped or killed, or still goes on."""
    done: frozenset[str]
    failures: tuple[Failure, ...]


def outcome_record(done: Sequence[str], failed: Mapping[str, Sequence[PipelineError]], run: str) -> dict[str, Any]:
    """What a run keeps at its end."""
    failures = [asdict(Failure.of(scene, errors[0], run)) for scene, errors in sorted(failed.items())]
    return {"done": sorted(done), "failures": failures}


def typed(arguments: Sequence[str]) -> str:
    """A command line that does the same again, from ``sys.argv``."""
    return shlex.join(["occ-pipeline", *arguments[1:]])


def runs(store: Path) -> list[Run]:
    """All runs on a store, the oldest first. Folders without a readable record are left out."""
    folders = store.absolute().with_suffix(".runs")
    found = (_run(path) for path in sorted(folders.iterdir())) if folders.is_dir() else ()
    return [run for run in found if run is not None]


def open_failures(history: Sequence[Run]) -> dict[str, Failure]:
    """Scene to its failure, of scenes that failed and that no later run finished."""
    found: dict[str, Failure] = {}
    for run in history:
        found |= {failure.scene: failure for failure in run.failures}
        for scene in run.done:
            found.pop(scene, None)
    return found


def _run(folder: Path) -> Run | None:
    asked, outcome = _json(folder / "run.json"), _json(folder / OUTCOME)
    if asked is None:
        return None
    told = outcome or {"done": [], "failures": []}
    failures = tuple(Failure(**values) for values in told["failures"])
    return Run(folder, typed(asked["command"]), outcome is not None, frozenset(told["done"]), failures)


def _json(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
