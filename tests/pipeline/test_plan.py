"""Reasons to run: any one parameter, file, version or table that changes reruns what depends on it, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from occ_pipeline.pipeline.indexing import IndexedScene
from occ_pipeline.pipeline.plan import Step, plan_scene
from occ_pipeline.pipeline.registry import STAGES
from occ_pipeline.pipeline.store.fingerprint import SourceFile
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.errors import InputError
from occ_pipeline.schemas.grid import GRIDS
from occ_pipeline.schemas.product import InMemory, Product
from occ_pipeline.stages.reconstruct import Reconstruct
from occ_pipeline.stages.separate import Separate
from occ_pipeline.stages.stage import Stage

ORDER = list(STAGES)
OF_IMAGES = {"refine-with-images", "consistency"}
OF_OFFSETS = {"voxnt", "clean", "voxnt-refined"}
BELOW = {
    "refine-poses": {
        *("moving-objects", "separate", "reconstruct", "densify", "raycast", "visibility", "scan-votes", "flow"),
        *(*OF_OFFSETS, *OF_IMAGES, "inputs"),
    },
    "moving-objects": {"separate", "reconstruct", "densify", "visibility", "flow", *OF_OFFSETS, *OF_IMAGES},
    "separate": {"reconstruct", "densify", "visibility", "flow", *OF_OFFSETS, *OF_IMAGES},
    "reconstruct": {"densify", "visibility", "flow", *OF_OFFSETS, *OF_IMAGES},
    "densify": {"visibility", "flow", *OF_OFFSETS, *OF_IMAGES},
    "raycast": {"visibility", "flow", *OF_OFFSETS, *OF_IMAGES},
    "visibility": {"flow", *OF_OFFSETS, *OF_IMAGES},
    "import-labels": set[str](),
    "scan-votes": set[str](),
    "image-labels": OF_IMAGES,
    "refine-with-images": {"consistency"},
    "consistency": set[str](),
    "flow": set[str](),
    "voxnt": set[str](),
    "clean": {"voxnt-refined"},
    "voxnt-refined": set[str](),
    "inputs": set[str](),
}
"""What is made from what a stage makes."""


def reruns(stage: str) -> list[str]:
    """Reasons of all stages when one is changed."""
    return ["changed" if name == stage else "upstream" if name in BELOW[stage] else "done" for name in ORDER]


@dataclasses.dataclass
class Committed:
    """A scene's committed products, with no arrays behind them: plans look at manifests alone."""

    path: Path
    sources: Mapping[str, str] = dataclasses.field(default_factory=lambda: {"a.bin": "0" * 64})
    provenances: dict[str, Any] = dataclasses.field(default_factory=dict)
    tables: str = "f" * 64
    cameras: str = "c" * 64

    def plan(self, changes: Mapping[str, Mapping[str, Any]] | None = None, back_end: str = "open3d") -> dict[str, Step]:
        """Plans all stages; ``changes`` are parameters."""
        stages = [kind(**(changes or {}).get(name, {})) for name, kind in STAGES.items()]
        return self.plan_stages(stages, back_end)

    def plan_stages(self, stages: list[Stage], back_end: str = "open3d") -> dict[str, Step]:
        for folder in ("image_labels", "labels"):
            (self.path / folder).mkdir(exist_ok=True)
            (self.path / folder / "image.png").touch()
        fake = _FakeStore(self.provenances, back_end)
        indexed = IndexedScene(_FakeTables(), self.tables, (), self.cameras)  # type: ignore[arg-type]
        planned = plan_scene(fake, _FakeIndex(self.provenances), indexed, stages, self.path, _FakeHashes(self.sources))  # type: ignore[arg-type]
        return {step.stage.name: step for step in planned.steps}

    def commit(self, steps: Mapping[str, Step]) -> None:
        """As a run would have done."""
        for step in steps.values():
            for product, provenance in step.provenances.items():
                self.provenances[product.name] = provenance


@dataclasses.dataclass
class _FakeTables:
    scene: str = "s"
    dataset: str = "occ3d"
    point_files: tuple[str, ...] = ("a.bin",)
    label_files: tuple[str, ...] = ("",)


@dataclasses.dataclass
class _FakeHashes:
    content: Mapping[str, str]

    def of(self, root: Path, names: list[str]) -> Any:
        return [SourceFile(name, 20, self.content.get(name, "0" * 64)) for name in names]


class _FakeStore:
    def __init__(self, provenances: dict[str, Any], back_end: str) -> None:
        self._provenances = provenances
        self.identity = type("Identity", (), {"back_end": back_end})

    def intact(self, scene: str, product: type[Product], fingerprint: str) -> bool:
        return self.committed(scene, product, fingerprint)

    def committed(self, scene: str, product: type[Product], fingerprint: str) -> bool:
        return product.name in self._provenances and self._provenances[product.name].fingerprint == fingerprint

    def reader(self, scene: str, product: type[Product], fingerprint: str) -> InMemory:
        cameras = CameraTables.none("s", ["frame"])
        shapes = {"names": ["FRONT"], "image_sizes": [[4, 4]], "image_files": [["image.jpg"]]}
        arrays = {name: np.zeros((1, 1, *value.shape[2:])) for name, value in cameras.arrays().items()}
        arrays |= {"timestamps_ns": np.zeros((1, 1), np.int64), "intrinsics": np.eye(3)[None, None]}
        return InMemory(dataclasses.replace(cameras, **shapes, **arrays))

    def manifest(self, scene: str, product: type[Product], fingerprint: str) -> Any:
        return type("Manifest", (), {"provenance": self._provenances[product.name]})


class _FakeIndex:
    def __init__(self, provenances: dict[str, Any]) -> None:
        products = {name: p.fingerprint for name, p in provenances.items()}
        self.scenes = {"s": type("Entry", (), {"products": products})} if products else {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lifted(Product):
    """What a stage could make of images."""

    name: ClassVar[str] = "lifted"


@pytest.fixture
def committed(tmp_path: Path) -> Committed:
    scene = Committed(tmp_path)
    scene.commit(scene.plan())
    return scene


def reasons(steps: Mapping[str, Step]) -> list[str]:
    return [steps[name].reason for name in ORDER]


def other(default: Any) -> Any:
    """Another value of a parameter's kind."""
    if isinstance(default, bool):
        return not default
    if isinstance(default, (int, float)):
        return default + 1
    if isinstance(default, str):
        return {
            "open3d": "pymeshlab", "auto": "always", "image_labels": "labels",
            "refined_occupancy": "carved_occupancy", "carved_occupancy": "surface_occupancy",
            "refined_labels": "carved_occupancy", "paper": "released", "both": "scale",
        }[default]  # fmt: skip
    if isinstance(default, tuple):
        return default[:-1] + ((default[-1] + 1,) if isinstance(default[-1], float) else ())
    return GRIDS["surroundocc"]


def test_nothing_is_made_yet(tmp_path: Path) -> None:
    steps = Committed(tmp_path).plan()
    assert reasons(steps) == ["missing"] * len(ORDER)
    assert {step.why for step in steps.values()} == {"new"}


def test_all_is_done(committed: Committed) -> None:
    steps = committed.plan()
    assert reasons(steps) == ["done"] * len(ORDER)
    assert {step.why for step in steps.values()} == {"committed"}


PARAMETERS = [(name, field.name, field.default) for name, kind in STAGES.items() for field in dataclasses.fields(kind)]


@pytest.mark.parametrize(("stage", "parameter", "default"), PARAMETERS, ids=[f"{s}.{p}" for s, p, _ in PARAMETERS])
def test_one_parameter_reruns_what_depends_on_it(
    stage: str, parameter: str, default: Any, committed: Committed
) -> None:
    steps = committed.plan({stage: {parameter: other(default)}})
    assert reasons(steps) == reruns(stage)
    assert steps[stage].why.startswith(f"{parameter} ")
    assert " -> " in steps[stage].why
    for name in BELOW[stage]:
        assert steps[name].why.endswith("changed")


def test_every_reason_is_told(committed: Committed) -> None:
    steps = committed.plan({"reconstruct": {"knn": 3, "halo_m": 1.0}, "densify": {"knn": 9}})
    assert steps["reconstruct"].why == f"halo_m {Reconstruct().halo_m} -> 1.0; knn {Reconstruct().knn} -> 3"
    assert steps["densify"].why == "knn 5 -> 9; surfaces changed"


def test_changed_file(committed: Committed) -> None:
    committed.sources = {"a.bin": "1" * 64}
    steps = committed.plan()
    found = dict(zip(ORDER, reasons(steps), strict=True))
    assert {name for name, reason in found.items() if reason == "changed"} == {
        *("refine-poses", "moving-objects", "separate", "raycast", "import-labels", "scan-votes", "inputs")
    }
    assert {name for name, reason in found.items() if reason == "done"} == {"image-labels"}
    assert steps["separate"].why.startswith("files changed")


def test_changed_label_file(committed: Committed) -> None:
    committed.sources = {"a.bin": "0" * 64, "image_labels/image.png": "1" * 64}
    steps = committed.plan()
    assert reasons(steps) == reruns("image-labels")
    assert steps["image-labels"].why.startswith("files changed")


def test_a_missing_label_file_is_told(committed: Committed) -> None:
    with pytest.raises(InputError) as caught:
        committed.plan({"image-labels": {"folder": "none"}})
    assert str(caught.value) == (
        "1 of 1 images have no 2D labels (file none/image.png, scene s): found no such file;"
        " write an 8-bit PNG of class ids there for every image, or name their folder with --set image-labels.folder=FOLDER"
    )


def test_changed_tables(committed: Committed) -> None:
    committed.tables = "e" * 64
    assert reasons(committed.plan()) == ["upstream"] * len(ORDER)
    assert committed.plan()["refine-poses"].why == "scene_tables changed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadsCameras(Separate):
    """Stands for a stage that reads cameras."""

    name: ClassVar[str] = "reads_cameras"
    writes: ClassVar[tuple[type[Product], ...]] = (Lifted,)

    def reads(self) -> tuple[type[Product], ...]:
        return (CameraTables,)

    def reads_sweeps(self) -> bool:
        return False


def test_changed_cameras_rerun_only_who_reads_them(committed: Committed) -> None:
    stages = [*(kind() for kind in STAGES.values()), ReadsCameras()]
    committed.commit(committed.plan_stages(stages))
    assert {step.reason for step in committed.plan_stages(stages).values()} == {"done"}
    committed.cameras = "d" * 64
    steps = committed.plan_stages(stages)
    assert {name for name, step in steps.items() if step.reason != "done"} == {
        *(
            "visibility",
            "flow",
            *OF_OFFSETS,
            "image-labels",
            "refine-with-images",
            "consistency",
            "inputs",
            "reads_cameras",
        )
    }
    assert (steps["reads_cameras"].reason, steps["reads_cameras"].why) == ("upstream", "camera_tables changed")


def test_warnings_of_cameras_are_for_who_reads_them() -> None:
    scene = IndexedScene(_FakeTables(), "f" * 64, ("a sweep is missing",), "c" * 64, ("an image is missing",))  # type: ignore[arg-type]
    assert scene.warnings_for([STAGES["separate"](), STAGES["densify"]()]) == ("a sweep is missing",)
    assert scene.warnings_for([Separate(), ReadsCameras()]) == ("a sweep is missing", "an image is missing")


@pytest.mark.parametrize("name", STAGES)
def test_another_version_of_a_stage(name: str, committed: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(STAGES[name], "version", 99)
    steps = committed.plan()
    assert reasons(steps) == reruns(name)
    assert steps[name].why.startswith("stage version")


def test_another_library(committed: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("occ_pipeline.pipeline.plan._version", lambda name: "99" if name == "open3d" else None)
    assert committed.plan()["reconstruct"].reason == "changed"
    assert "libraries" in committed.plan()["reconstruct"].why
