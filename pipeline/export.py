"""Labels of a store written in a format that existing trainers read."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..schemas.errors import UsageError
from ..schemas.occupancy import CarvedOccupancy, PredictedOccupancy, State, SurfaceOccupancy, VotedOccupancy
from .current import chosen_scenes, current_labels, grid_of
from .export_frames import Labelled
from .exports import Format
from .sources import check_name
from .store.durable import fsync, storage_errors
from .store.index import Index, read_index
from .store.reader import StoredProduct
from .store.store import Store


@dataclass(frozen=True)
class Exported:
    """What was written."""

    scenes: int
    frames: int
    unknown: int
    """Voxels of which nothing is known, that the format has another word for."""
    unlabelled: int
    """Occupied voxels without a class."""


def export(
    store: Store,
    form: Format,
    out: Path,
    *,
    scenes: Sequence[str] | None = None,
    product: type[SurfaceOccupancy] | None = None,
    data_root: Path | None = None,
    synthetic: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Writes the files of all key frames; each is there whole or not at all, one that is there is replaced.

    ``synthetic``: whether labels of a simulated log may be written. Raises UsageError where the labels do not fit the format,
    before anything is written.
    """
    if store.identity.synthetic and not synthetic:
        raise UsageError(
            "the store was made from a simulated log", file=str(store.path), fix="to write its labels all the same, give --synthetic"
        )  # fmt: skip
    if form.wants_scan and data_root is None:
        raise UsageError(
            f"format {form.name} holds the scans' own voxels",
            fix="give the raw log, or the published labels that were taken over, with --dataroot FOLDER",
        )
    index = read_index(store)
    labels = {
        name: _fitting(store, index, name, form, product) for name in chosen_scenes(store, index, scenes, product)
    }
    labelled = {scene: Labelled.of(store, index, scene, stored, form) for scene, stored in labels.items()}
    frames = unknown = unlabelled = 0
    for scene, each in labelled.items():
        progress(scene)
        for frame in each.frames(data_root if form.wants_scan else None):
            frames += 1
            unknown += int(np.count_nonzero(frame.state == State.UNKNOWN))
            unlabelled += int(np.count_nonzero((frame.state == State.OCCUPIED) & (frame.semantics == 255)))
            for name, content in form.files(frame).items():
                _write(out, name, content)
    return Exported(len(labels), frames, unknown, unlabelled)


def _fitting(
    store: Store, index: Index, scene: str, form: Format, product: type[SurfaceOccupancy] | None
) -> StoredProduct:
    """A scene's labels. Raises UsageError where the format is of another grid or taxonomy, or wants to know what is free."""
    stored = current_labels(store, index, scene, product)
    grid, taxonomy = grid_of(stored), stored.attribute("taxonomy")
    if taxonomy not in form.taxonomies:
        wanted = " or ".join(form.taxonomies)
        raise UsageError(
            f"format {form.name} has classes of {wanted}", scene=scene, found=f"labels of {taxonomy}", expected=wanted,
            fix="choose another --format",
        )  # fmt: skip
    stage = "scan-votes" if stored.product is VotedOccupancy else "visibility"
    make = f"make them with occ-pipeline run {stage} --grid {form.grid_name}"
    if stored.product is PredictedOccupancy:
        make = f"train a network on labels made with --grid {form.grid_name}"
    if grid != form.grid:
        raise UsageError(
            f"format {form.name} has a grid of its own", scene=scene, found=f"labels on {grid.words}",
            expected=form.grid.words, fix=make,
        )  # fmt: skip
    if not issubclass(stored.product, CarvedOccupancy):
        raise UsageError(
            f"{stored.product.name} does not tell what is free, nor what was seen", scene=scene,
            fix="run occ-pipeline run visibility first, or choose another --product",
        )  # fmt: skip
    return stored


def _write(folder: Path, name: str, content: bytes) -> None:
    # Names come from tables of strangers.
    check_name(name)
    path = folder / name
    with storage_errors(path, len(content)):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
        try:
            temporary.write_bytes(content)
            fsync(temporary)
            os.replace(temporary, path)  # noqa: PTH105  as the store does
        finally:
            temporary.unlink(missing_ok=True)
