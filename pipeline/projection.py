"""Time, memory and bytes of a run before it starts, corrected by what earlier runs on the same store took."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..schemas.errors import UsageError
from ..stages.estimate import Estimate, SceneSize
from .plan import ScenePlan, Step

START_S = 4.0
"""Starting workers, reading tables, drawing the picture."""
IDLE = 1.1
"""Workers wait for the last part of each stage of the last scenes."""
DRIVER_MIB = 400.0
RUNS_HEEDED = 5
DEFAULT_BASIS = "rates measured on an x86-64 machine of 2026; no earlier run on this store corrects them"
FILE = "projection.json"


@dataclass(frozen=True)
class Totals:
    """Of a run, or of some scenes of it."""

    seconds: float
    """Wall time."""
    peak_mib: float
    """Largest resident size of one worker with its native child."""
    written_bytes: float

    def to_json(self) -> dict[str, float]:
        """The totals, rounded."""
        seconds, peak_mib = round(self.seconds, 1), round(self.peak_mib, 1)
        return {"seconds": seconds, "peak_mib": peak_mib, "written_bytes": round(self.written_bytes)}


@dataclass(frozen=True)
class Rates:
    """What earlier runs took, over what was estimated."""

    seconds: Mapping[str, float]
    """By stage."""
    written: Mapping[str, float]
    """By stage."""
    peak: float
    runs: int

    @classmethod
    def of(cls, store: Path) -> Rates:
        """From the latest runs on a store; all 1 where there was none."""
        records = [record for path in sorted(store.with_suffix(".runs").glob(f"*/{FILE}")) if (record := _read(path))]
        records = records[-RUNS_HEEDED:]
        sums: dict[str, Counter[str]] = {"estimated_s": Counter(), "measured_s": Counter()}
        sums |= {"estimated_bytes": Counter(), "measured_bytes": Counter()}
        for record in records:
            for stage, values in record["stages"].items():
                for name, counter in sums.items():
                    counter[stage] += values[name]
        peaks = [record["measured_peak_mib"] / record["estimated_peak_mib"] for record in records]
        return cls(
            _ratios(sums["measured_s"], sums["estimated_s"]),
            _ratios(sums["measured_bytes"], sums["estimated_bytes"]),
            max(peaks, default=1.0),
            len(records),
        )

    @property
    def basis(self) -> str:
        """What a projection with these rates rests on, in words."""
        if not self.runs:
            return DEFAULT_BASIS
        return f"what the last {f'{self.runs} runs' if self.runs > 1 else 'run'} on this store took"


def _read(path: Path) -> dict[str, Any] | None:
    """A record that a stopped run left unfinished tells nothing."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None


def _ratios(measured: Counter[str], estimated: Counter[str]) -> dict[str, float]:
    return {stage: measured[stage] / total for stage, total in estimated.items() if total > 0}


@dataclass(frozen=True)
class Projection:
    """What the steps of a plan that are not done will cost."""

    steps: Mapping[tuple[str, str], Estimate]
    """Uncorrected, by scene and stage."""
    rates: Rates
    workers: int

    def totals(self, scenes: Iterable[str] | None = None) -> Totals:
        """Of all scenes, or of some as if they were run alone."""
        chosen = None if scenes is None else set(scenes)
        steps = {key: estimate for key, estimate in self.steps.items() if chosen is None or key[0] in chosen}
        cpu_s = sum(e.cpu_s * self.rates.seconds.get(stage, 1.0) for (_, stage), e in steps.items())
        written = sum(e.written_bytes * self.rates.written.get(stage, 1.0) for (_, stage), e in steps.items())
        peak = max((e.peak_mib for e in steps.values()), default=0.0) * self.rates.peak
        return Totals(START_S + IDLE * cpu_s / self.workers if steps else 0.0, peak, written)

    def refuse_unless_it_fits(self, available_mib: float) -> None:
        """Raises UsageError where the workers together need more memory than there is."""
        peak = self.totals().peak_mib
        need = DRIVER_MIB + self.workers * peak
        if need <= available_mib:
            return
        fits = int((available_mib - DRIVER_MIB) / peak)
        raise UsageError(
            "the run would not fit into memory",
            found=f"{available_mib / 1024:.1f} GiB available",
            expected=f"{need / 1024:.1f} GiB: {self.workers} workers of {peak / 1024:.2f} GiB and the program itself",
            fix=f"use --workers {fits}"
            if fits > 0
            else "free memory, use a coarser or smaller grid, or --no-memory-check",
        )

    def record(self, events: Sequence[Mapping[str, Any]], seconds: float) -> tuple[dict[str, Any], Totals]:
        """What to keep of a run for the next projections, and its totals, from its events and its wall time."""
        done = [event for event in events if event["event"] == "done"]
        finished = {(e["scene"], e["stage"]) for e in done if e["part"] == "assembly"} & set(self.steps)
        stages: dict[str, dict[str, float]] = {}
        for scene, stage in sorted(finished):
            mine = [e for e in done if (e["scene"], e["stage"]) == (scene, stage)]
            values = stages.setdefault(
                stage, dict.fromkeys(("estimated_s", "measured_s", "estimated_bytes", "measured_bytes"), 0.0)
            )
            values["estimated_s"] += self.steps[scene, stage].cpu_s
            values["estimated_bytes"] += self.steps[scene, stage].written_bytes
            values["measured_s"] += sum(e["seconds"] for e in mine)
            values["measured_bytes"] += sum(e.get("bytes", 0) for e in mine)
        peak = max((e["peak_mib"] for e in done), default=0.0)
        measured = Totals(seconds, peak, sum(e.get("bytes", 0) for e in done))
        record = {
            "workers": self.workers, "basis": self.rates.basis, "stages": stages,
            "projected": self.totals().to_json(), "measured": measured.to_json(),
            "estimated_peak_mib": max((self.steps[key].peak_mib for key in finished), default=1.0),
            "measured_peak_mib": peak or 1.0,
        }  # fmt: skip
        return record, measured


def project(plans: Iterable[ScenePlan], rates: Rates, workers: int, return_bytes: int) -> Projection:
    """The projection of plans. ``return_bytes``: size of one return in the dataset's files."""
    steps: dict[tuple[str, str], Estimate] = {}
    for plan in plans:
        size = SceneSize.of(plan.indexed.tables, _returns(plan.steps, return_bytes))
        for step in plan.to_run:
            steps[plan.scene, step.stage.name] = step.stage.estimate(size)
    return Projection(steps, rates, workers)


def _returns(steps: Sequence[Step], return_bytes: int) -> int:
    """From the sizes of the files that the first stage to read sweeps reads; or published labels, which stand in for them."""
    for step in steps:
        if step.stage.reads_sweeps() or step.stage.reads_reference_labels():
            return next(iter(step.provenances.values())).sources.bytes // return_bytes
    return 0
