"""The DAG: what runs before what, and contracts that cannot hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest
from occ_pipeline.pipeline.graph import producers, required
from occ_pipeline.pipeline.registry import STAGES
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.object_clouds import ObjectClouds
from occ_pipeline.schemas.occupancy import SurfaceOccupancy
from occ_pipeline.schemas.product import Product
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.static_map import StaticMap
from occ_pipeline.schemas.surfaces import Surfaces
from occ_pipeline.stages.estimate import Estimate, SceneSize
from occ_pipeline.stages.stage import Part, PartResult, SceneView, Stage

Products = tuple[type[Product], ...]


def stage(called: str, needs: Products, makes: Products) -> Stage:
    class Some(Stage):
        name: ClassVar[str] = called
        version: ClassVar[int] = 1
        writes: ClassVar[Products] = makes

        def reads(self) -> Products:
            return needs

        def estimate(self, size: SceneSize) -> Estimate:
            return Estimate(0.0, 0.0, 0.0)

        def parts(self, scene: SceneView) -> list[Part]:
            return []

        def compute(self, scene: SceneView, part: Part) -> PartResult:
            return {}

        def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> tuple[Product, ...]:
            return ()

    return Some()


def by_name(*stages: Stage) -> dict[str, Stage]:
    return {s.name: s for s in stages}


def test_each_after_what_it_reads() -> None:
    stages = {name: kind() for name, kind in STAGES.items()}
    map_first = ["refine-poses", "moving-objects", "separate", "reconstruct"]
    assert [s.name for s in required(["densify"], stages)] == [*map_first, "densify"]
    assert [s.name for s in required(["reconstruct"], stages)] == map_first
    assert [s.name for s in required(["densify", "separate"], stages)] == [*map_first, "densify"]


def test_what_the_index_step_writes_needs_no_stage() -> None:
    stages = by_name(
        stage("masks", (StaticMap, CameraTables, SceneTables), (Surfaces,)), stage("map", (), (StaticMap,))
    )
    assert [s.name for s in required(["masks"], stages)] == ["map", "masks"]


def test_missing_producer() -> None:
    with pytest.raises(UsageError) as error:
        required(["b"], by_name(stage("b", (StaticMap,), (Surfaces,))))
    assert "stage b reads static_map, which no stage writes" in str(error.value)


def test_two_producers() -> None:
    with pytest.raises(UsageError) as error:
        producers([stage("a", (), (StaticMap,)), stage("b", (), (StaticMap, Surfaces))])
    assert "product static_map has two producers" in str(error.value)
    assert "stages a and b" in str(error.value)


def test_circle() -> None:
    a = stage("a", (Surfaces,), (StaticMap,))
    b = stage("b", (StaticMap,), (ObjectClouds,))
    c = stage("c", (ObjectClouds,), (Surfaces,))
    with pytest.raises(UsageError, match="stages need each other: found b -> a -> c -> b"):
        required(["d"], by_name(stage("d", (ObjectClouds,), (SurfaceOccupancy,)), a, b, c))


def test_stage_that_declares_too_little() -> None:
    with pytest.raises(TypeError, match="Half does not declare version, writes"):

        class Half(Stage):  # pyright: ignore[reportUnusedClass]
            name: ClassVar[str] = "half"
