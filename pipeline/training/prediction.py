"""Predicts a store's scenes with a trained network and commits what it says, as ``occ-pipeline predict`` does."""

from __future__ import annotations

import importlib.metadata
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...schemas.errors import ComputeError, PipelineError, StorageError, UsageError
from ...schemas.occupancy import Body, PredictedOccupancy, State
from ...schemas.product import Blocks
from ...schemas.sensor_frames import SensorFrames
from ..spill import SpillFile
from ..store.fingerprint import Provenance
from ..store.index import update_index
from ..store.store import Store
from ..targets import InputFrames, TrainingClasses
from .data import on_device
from .forward import chosen
from .learner import device_of
from .scene_loader import SceneLoader
from .trained import Trained

STAGE, VERSION = "predict", 1


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """Which scenes, and how."""

    split: str | None = None
    """Of the dataset; None for all scenes."""
    scenes: tuple[str, ...] | None = None
    """None for all that have sensor frames."""
    batch: int = 1
    """Key frames of one forward pass."""
    workers: int = 2
    """Processes that read the store; 0: none but this."""
    device: str = "auto"
    """As torch calls it; auto: a GPU where there is one."""
    precision: Literal["float32", "bfloat16"] | None = None
    """Of the forward pass; None for what the network was trained in."""


@dataclass
class Outcome:
    """What became of each scene."""

    made: dict[str, str] = field(default_factory=dict[str, str])
    """Scene to fingerprint, of those predicted now."""
    kept: dict[str, str] = field(default_factory=dict[str, str])
    """Of those that were committed before."""
    failed: dict[str, PipelineError] = field(default_factory=dict[str, PipelineError])


@dataclass(frozen=True)
class Heard:
    """What is told meanwhile; each may be left alone."""

    frames: Callable[[str, int], None] = lambda _scene, _count: None
    """So many more key frames of a scene are predicted."""
    scene: Callable[[str, int, float], None] = lambda _scene, _frames, _seconds: None
    """A scene's predictions are committed: key frames, and seconds they took."""


class Prediction:
    """A trained network on a store's key frames. They need sensor frames and no labels."""

    def __init__(self, store: Path, trained: Trained, settings: PredictSettings) -> None:
        """Writes nothing. Raises UsageError for what the store or this machine lacks, and a network of other classes."""
        self.store = Store.open(store)
        self.device = device_of(settings.device)
        self.trained = trained
        if settings.precision:
            self.trained = replace(trained, settings=replace(trained.settings, precision=settings.precision))
        self.classes = TrainingClasses(taxonomy=self.store.identity.taxonomy)
        _refuse_other_classes(trained, self.classes)
        sees = trained.settings.input
        images = sees != "lidar"
        self.frames = InputFrames(
            store, trained.grid, points=sees != "camera", images="decoded" if images else None,
            image_size=trained.settings.image_size if images else None, cameras=trained.settings.cameras if images else None,
            split=settings.split, scenes=settings.scenes,
        )  # fmt: skip
        self.network = trained.network().to(self.device)
        self._loader = SceneLoader(self.frames, settings.batch, settings.workers)

    def run(self, heard: Heard | None = None) -> Outcome:
        """Commits the scenes that are not, one after the other, and makes all of them current. Only for the holder of the store's lock.

        A scene that cannot be predicted is in the outcome, and the others are made. Raises StorageError.
        """
        heard, outcome = heard or Heard(), Outcome()
        parameters = self.trained.parameters
        todo: dict[str, Provenance] = {}
        for scene in self.frames.scenes:
            try:
                provenance = self._provenance(scene, parameters)
                if self.store.intact(scene, PredictedOccupancy, provenance.fingerprint):
                    outcome.kept[scene] = provenance.fingerprint
                else:
                    todo[scene] = provenance
            except PipelineError as error:
                _failed(outcome, scene, error)
        if outcome.kept:
            self._make_current(outcome.kept)
        for scene, provenance in todo.items():
            try:
                self._predict(scene, provenance, heard)
            except PipelineError as error:
                _failed(outcome, scene, error)
            else:
                outcome.made[scene] = provenance.fingerprint
        return outcome

    def _provenance(self, scene: str, parameters: dict[str, object]) -> Provenance:
        read = self.frames.stored(scene).manifest
        libraries = {"torch": str(torch.__version__)}
        if self.frames.wanted.images:
            libraries["pillow"] = importlib.metadata.version("pillow")
        return Provenance(
            stage=STAGE, stage_version=VERSION, schema_version=PredictedOccupancy.schema_version, parameters=parameters,
            # What the sensor frames were made from tells whose poses these are.
            inputs={**read.provenance.inputs, SensorFrames.name: read.fingerprint}, libraries=libraries,
        )  # fmt: skip

    def _predict(self, scene: str, provenance: Provenance, heard: Heard) -> None:
        start = time.perf_counter()
        folder = self.store.scratch(scene, f"{STAGE}-{provenance.fingerprint[:16]}")
        try:
            product = self._product(scene, folder, heard)
            self.store.commit(scene, product, provenance)
        except torch.cuda.OutOfMemoryError as error:
            raise ComputeError(
                "the device's memory is too small", found=str(error).partition(". ")[0],
                fix="give a smaller --batch, --precision bfloat16, or another --device",
            ) from error  # fmt: skip
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._make_current({scene: provenance.fingerprint})
        heard.scene(scene, len(product.frame_tokens), time.perf_counter() - start)

    def _product(self, scene: str, folder: Path, heard: Heard) -> PredictedOccupancy:
        """A scene's predictions, kept on disk until they are written."""
        world_SE3_grid = self.frames.world_SE3_grid(scene)
        tokens = [frame.token for frame in self.frames.frames if frame.scene == scene]
        trained, shape = self.trained, self.trained.grid.shape
        kept = {name: SpillFile(folder, "uint8", shape) for name in ("state", "semantics", "body", "confidence")}
        done = 0
        for batch in self._loader.batches(scene):
            ids, confidence = chosen(
                self.network, on_device(batch, self.device), (len(trained.classes), *shape), trained.settings.precision
            )
            state, semantics = self.classes.voxels(_array(ids))
            body = np.where(state == State.OCCUPIED, np.uint8(Body.STATIC), np.uint8(Body.NONE))
            for spill, values in zip(kept.values(), (state, semantics, body, _array(confidence)), strict=True):
                spill.append(values)
            done += len(ids)
            heard.frames(scene, len(ids))
        known = Blocks.of((done, *shape), "uint8", [partial(np.ones, (1, *shape), np.uint8)] * done)
        return PredictedOccupancy(
            **{name: spill.array() for name, spill in kept.items()}, mask_lidar=known, mask_camera=known,
            world_SE3_grid=world_SE3_grid, grid=trained.grid.to_json(), taxonomy=self.classes.taxonomy, frame_tokens=tokens,
        )  # fmt: skip

    def _make_current(self, scenes: dict[str, str]) -> None:
        update_index(self.store, {scene: {PredictedOccupancy: found} for scene, found in scenes.items()})


def _array(values: Tensor) -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = values.cpu().numpy()  # pyright: ignore[reportUnknownVariableType]
    return found


def _failed(outcome: Outcome, scene: str, error: PipelineError) -> None:
    if isinstance(error, StorageError):
        raise error
    error.scene = error.scene or scene
    outcome.failed[scene] = error


def _refuse_other_classes(trained: Trained, classes: TrainingClasses) -> None:
    if trained.classes != classes.names:
        raise UsageError(
            "the network was trained on other classes than the store has", found=_listed(trained.classes),
            expected=f"{_listed(classes.names)}, of {classes.taxonomy}", fix="take a network that was trained on such a store",
        )  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)}: {', '.join(names[:4])}{', ...' if len(names) > 4 else ''}"
