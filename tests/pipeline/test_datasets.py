"""Datasets by name, and what stages do differently on each."""

from __future__ import annotations

from occ_pipeline.pipeline.cli.options import stages_of
from occ_pipeline.pipeline.datasets import DATASETS, DEFAULT, values_of
from occ_pipeline.pipeline.sources import SOURCES
from occ_pipeline.schemas.grid import GRIDS
from occ_pipeline.stages.densify import Densify


def test_names_are_those_of_the_readers() -> None:
    assert set(DATASETS) == set(SOURCES)
    assert values_of(None) == values_of(DEFAULT)
    assert values_of("atlantis") == {}


def test_a_datasets_values_lie_below_all_that_a_user_gives() -> None:
    chosen = stages_of(None, None, None, {}, dataset="semantickitti")
    assert chosen["densify"] == Densify(grid=GRIDS["semantickitti"])
    for given in (
        stages_of(None, None, "occ3d", {}, dataset="semantickitti"),
        stages_of(None, ["densify.grid=occ3d"], None, {}, dataset="semantickitti"),
        stages_of(None, None, None, {}, {"densify": {"grid": "occ3d"}}, dataset="semantickitti"),
    ):
        assert given["densify"] == Densify(grid=GRIDS["occ3d"])
    assert stages_of(None, None, None, {})["densify"] == Densify()
    grids = {name: stages_of(None, None, None, {}, dataset=name)["scan-votes"].grid for name in DATASETS}  # type: ignore[attr-defined]
    assert grids == {name: GRIDS["occ3d" if name == "nuscenes" else "semantickitti"] for name in DATASETS}
