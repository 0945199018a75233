"""Projections: what they add up to, what corrects them, when they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from occ_pipeline.pipeline.projection import IDLE, START_S, Projection, Rates
from occ_pipeline.pipeline.registry import STAGES
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.grid import GRIDS
from occ_pipeline.stages.densify import Densify
from occ_pipeline.stages.estimate import Estimate, SceneSize
from occ_pipeline.stages.separate import Separate

DAY = SceneSize(sweeps=400, frames=40, returns=13_900_000, path_m=178.0)
NO_RATES = Rates({}, {}, 1.0, 0)
STEPS = {
    ("a", "separate"): Estimate(10.0, 500.0, 1e6),
    ("a", "densify"): Estimate(4.0, 700.0, 2e6),
    ("b", "separate"): Estimate(6.0, 600.0, 3e6),
}


def record(store: Path, run: str, factor: float) -> None:
    folder = store.with_suffix(".runs") / run
    folder.mkdir(parents=True)
    values = {"estimated_s": 10.0, "measured_s": 10.0 * factor, "estimated_bytes": 4.0, "measured_bytes": 2.0}
    kept = {"stages": {"separate": values}, "estimated_peak_mib": 100.0, "measured_peak_mib": 100.0 * factor}
    (folder / "projection.json").write_text(json.dumps(kept))


def event(scene: str, stage: str, part: str, **more: Any) -> dict[str, Any]:
    return {"event": "done", "scene": scene, "stage": stage, "part": part, "seconds": 3.0, "peak_mib": 650.0} | more


def test_totals_add_seconds_and_bytes_and_take_the_highest_memory() -> None:
    totals = Projection(STEPS, NO_RATES, 2).totals()
    assert totals.seconds == pytest.approx(START_S + IDLE * 20.0 / 2)
    assert (totals.peak_mib, totals.written_bytes) == (700.0, 6e6)
    assert Projection(STEPS, NO_RATES, 2).totals(["b"]).written_bytes == 3e6
    assert Projection({}, NO_RATES, 2).totals().seconds == 0


def test_earlier_runs_correct_each_stage_for_itself(tmp_path: Path) -> None:
    store = tmp_path / "x.zarr"
    assert Rates.of(store) == NO_RATES
    for number in range(7):
        record(store, str(number), 3.0 if number >= 2 else 100.0)
    (tmp_path / "x.runs" / "8").mkdir()
    (tmp_path / "x.runs" / "8" / "projection.json").write_text('{"stag')
    rates = Rates.of(store)
    assert (rates.seconds, rates.written, rates.peak, rates.runs) == ({"separate": 3.0}, {"separate": 0.5}, 3.0, 5)
    totals = Projection(STEPS, rates, 1).totals()
    assert totals.seconds == pytest.approx(START_S + IDLE * (3 * 16 + 4))
    assert totals.written_bytes == pytest.approx(0.5 * 4e6 + 2e6)
    assert totals.peak_mib == 2100.0


def test_what_a_run_took_is_kept_for_finished_stages_alone() -> None:
    events = [
        event("a", "separate", "sweeps-0"), event("a", "separate", "assembly", bytes=5_000_000),
        event("a", "densify", "frames-0"), event("c", "separate", "assembly", bytes=1),
        {"event": "failed", "scene": "b", "stage": "separate", "part": "sweeps-0", "error": "x"},
    ]  # fmt: skip
    kept, totals = Projection(STEPS, NO_RATES, 2).record(events, 12.0)
    assert kept["stages"] == {
        "separate": {"estimated_s": 10.0, "measured_s": 6.0, "estimated_bytes": 1e6, "measured_bytes": 5e6}
    }
    assert (kept["estimated_peak_mib"], kept["measured_peak_mib"]) == (500.0, 650.0)
    assert (totals.seconds, totals.written_bytes) == (12.0, 5_000_001)


@pytest.mark.parametrize(("workers", "available", "fix"), [(4, 2000.0, "--workers 2"), (1, 900.0, "--no-memory-check")])
def test_a_run_that_cannot_fit_is_refused(workers: int, available: float, fix: str) -> None:
    projection = Projection(STEPS, NO_RATES, workers)
    projection.refuse_unless_it_fits(400.0 + workers * 700.0)
    with pytest.raises(UsageError, match=fix):
        projection.refuse_unless_it_fits(available)


@pytest.mark.parametrize("name", [*STAGES])
def test_every_stage_estimates_and_more_costs_more(name: str) -> None:
    stage = STAGES[name]()
    small, large = stage.estimate(SceneSize(50, 5, 1_000_000, 20.0)), stage.estimate(DAY)
    assert 0 < small.cpu_s < large.cpu_s
    # Parts of a fixed size cost a long scene no more.
    assert 300 < small.peak_mib <= large.peak_mib < 2048
    assert 0 < small.written_bytes < large.written_bytes


def test_parameters_count() -> None:
    fine, coarse = Separate(cell_m=0.05, block_m=5.0).estimate(DAY), Separate().estimate(DAY)
    assert fine.written_bytes > 1.5 * coarse.written_bytes
    wide = Densify(grid=GRIDS["openoccupancy"]).estimate(DAY)
    assert wide.cpu_s > 4 * Densify().estimate(DAY).cpu_s


def test_size_of_a_scene_without_motion() -> None:
    one = SceneSize(1, 1, 34_000, 0.0)
    assert one.map_points() == pytest.approx(34_000 / 2, rel=0.1), "nearly every second return has a cell of its own"
