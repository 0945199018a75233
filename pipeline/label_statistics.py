"""Statistics of voxel labels: voxels of each class, their weights in a loss, and how long the runs are they lie in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..schemas.errors import UsageError, VerificationError
from ..schemas.grid import VoxelGrid
from ..schemas.occupancy import SurfaceOccupancy
from ..schemas.taxonomy import TAXONOMIES, Taxonomy
from .current import chosen_scenes, current_labels, grid_of
from .run_counts import BESIDE, FREE, UNKNOWN, RunCounts, median_run
from .store.index import read_index
from .store.reader import StoredProduct
from .store.store import Store


def loss_weight(voxels: float) -> float | None:
    """1 / ln(f + 0.001) of a class with f voxels, as VoxDet and LMSCNet weigh it; None for f of 0 and 1, where it is nonsense."""
    return 1 / math.log(voxels + 0.001) if voxels > 1 else None


@dataclass(frozen=True)
class ClassStatistics:
    """Of one class, or of free or unknown voxels or occupied ones without a class."""

    name: str
    class_id: int | None
    """None for what is no class."""
    voxels: int
    share: float | None
    """Of the voxels that are known, free or occupied; None for unknown ones, and where nothing is known."""
    median_runs: tuple[int | None, int | None, int | None]
    """L along x, y and z, voxels: half of the class's voxels lie in runs that are no longer."""

    @property
    def trained(self) -> bool:
        """Whether a network learns it: unknown voxels and those without a class are ignored, so they have no weight."""
        return self.class_id is not None or self.name == FREE

    @property
    def weight(self) -> float | None:
        """:func:`loss_weight`; None where it has none."""
        return loss_weight(self.voxels) if self.trained else None


@dataclass(frozen=True)
class ChosenLabels:
    """Voxel labels of some scenes, all on one grid and of one taxonomy."""

    scenes: tuple[str, ...]
    labels: tuple[StoredProduct, ...]
    """Of each scene."""
    grid: VoxelGrid
    taxonomy: Taxonomy

    @property
    def products(self) -> tuple[str, ...]:
        """Names of the products of voxel labels, each once."""
        return tuple(sorted({each.product.name for each in self.labels}))

    @property
    def names(self) -> tuple[str, ...]:
        """What is counted: classes, then free, unknown, and occupied without a class."""
        return (*self.taxonomy.classes, *BESIDE)


@dataclass(frozen=True)
class LabelStatistics:
    """Of all key frames of the chosen scenes."""

    chosen: ChosenLabels
    frames: int
    runs: RunCounts
    """Its rows are what ``chosen.names`` names."""

    @property
    def title(self) -> str:
        """What was counted, in a line."""
        scenes = self.chosen.scenes
        where = scenes[0] if len(scenes) == 1 else f"{len(scenes)} scenes"
        return f"{', '.join(self.chosen.products)}: {self.frames} key frames of {where}, grid {self.chosen.grid.text}"

    @property
    def rows(self) -> list[ClassStatistics]:
        """In the order of ``chosen.names``."""
        names, classes = self.chosen.names, len(self.chosen.taxonomy.classes)
        counts = [int(count) for count in self.runs.z.sum(axis=1)]
        known = sum(counts) - counts[names.index(UNKNOWN)]
        result: list[ClassStatistics] = []
        for row, (name, voxels) in enumerate(zip(names, counts, strict=True)):
            x, y, z = (median_run(axis[row]) for axis in self.runs)
            share = voxels / known if known and name != UNKNOWN else None
            result.append(ClassStatistics(name, row if row < classes else None, voxels, share, (x, y, z)))
        return result


def chosen_labels(
    store: Store, scenes: Sequence[str] | None = None, product: type[SurfaceOccupancy] | None = None
) -> ChosenLabels:
    """``scenes``: None for all with labels; ``product``: None for the most refined labels of each scene.

    Raises UsageError for a scene or product that is not there, and for scenes that cannot be added up.
    """
    index = read_index(store)
    names = chosen_scenes(store, index, scenes, product)
    labels = [current_labels(store, index, name, product) for name in names]
    grids = [grid_of(each) for each in labels]
    taxonomies = [str(each.attribute("taxonomy")) for each in labels]
    _refuse_mixture("grid", names, [grid.text for grid in grids])
    _refuse_mixture("taxonomy", names, taxonomies)
    return ChosenLabels(tuple(names), tuple(labels), grids[0], TAXONOMIES[taxonomies[0]])


def label_statistics(chosen: ChosenLabels, progress: Callable[[str], None] = lambda _: None) -> LabelStatistics:
    """Counts one key frame at a time. ``progress`` hears each scene's name. Raises VerificationError for a damaged store."""
    classes, frames = len(chosen.taxonomy.classes), 0
    runs = RunCounts.none(chosen.grid.shape, classes)
    for scene, labels in zip(chosen.scenes, chosen.labels, strict=True):
        progress(scene)
        for row, token in enumerate(labels.attribute("frame_tokens")):
            state, semantics = (labels.rows(name, row, row + 1)[0] for name in ("state", "semantics"))
            try:
                runs = runs.plus(RunCounts.of(state, semantics, classes))
            except ValueError as error:
                raise VerificationError(
                    f"{labels.product.name} does not hold classes of its taxonomy", scene=scene, frame=token,
                    found=str(error), fix="see: occ-pipeline validate",
                ) from error  # fmt: skip
            frames += 1
    return LabelStatistics(chosen, frames, runs)


def _refuse_mixture(what: str, scenes: Sequence[str], values: Sequence[str]) -> None:
    """Raises UsageError naming the first two scenes that differ."""
    for scene, value in zip(scenes, values, strict=True):
        if value != values[0]:
            raise UsageError(
                f"labels of more than one {what} cannot be added up",
                found=f"{values[0]} of {scenes[0]} and {value} of {scene}",
                expected=f"one {what}",
                fix="choose scenes that have the same with --scenes",
            )
