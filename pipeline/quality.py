"""Label quality without any 3D truth: what the cameras agree with, and what is unknown, has no class, or stands alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..schemas.consistency import Consistency
from ..schemas.errors import UsageError
from ..schemas.image_labels import ImageLabels
from ..schemas.occupancy import State, SurfaceOccupancy
from ..schemas.product import ProductReader
from ..schemas.taxonomy import NO_LABEL, TAXONOMIES
from .agreement import Agreement, Pixels
from .current import current_labels, first_labels, one_of
from .store.index import Index, read_index
from .store.reader import StoredProduct
from .store.store import Store

Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Voxels:
    """Numbers of voxels, that add up."""

    all: int = 0
    unknown: int = 0
    occupied: int = 0
    unlabelled: int = 0
    """Occupied, but of no class."""
    isolated: int = 0
    """Occupied, with nothing occupied among the 26 voxels around."""

    @classmethod
    def of(cls, labels: ProductReader, frame: int) -> Voxels:
        """Of one key frame."""
        state, semantics = (labels.rows(name, frame, frame + 1)[0] for name in ("state", "semantics"))
        occupied = state == State.OCCUPIED
        unlabelled = occupied & (semantics == NO_LABEL)
        counts = (state == State.UNKNOWN, occupied, unlabelled, standing_alone(occupied))
        return cls(state.size, *(int(np.count_nonzero(which)) for which in counts))

    def __add__(self, other: Voxels) -> Voxels:
        return Voxels(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def to_json(self) -> dict[str, Any]:
        """Numbers, and shares: of unknown voxels of all, of others of the occupied ones; None where there is none."""
        shares = {"unknown": self.unknown / self.all if self.all else None}
        for name in ("unlabelled", "isolated"):
            shares[name] = getattr(self, name) / self.occupied if self.occupied else None
        return {"voxels": dict(vars(self)), **shares}


def standing_alone(occupied: Bool) -> Bool:
    """(X, Y, Z) bool: voxels of ``occupied`` that none of the 26 around is."""
    counts: NDArray[np.uint8] = np.pad(occupied.astype(np.uint8), 1)
    for axis, length in enumerate(occupied.shape):
        before, here, after = (counts.take(range(start, start + length), axis) for start in range(3))
        counts = before + here + after
    alone: Bool = occupied & (counts == 1)
    return alone


@dataclass(frozen=True)
class SceneQuality:
    """Of one scene."""

    scene: str
    labels: StoredProduct
    """Which voxel labels were judged."""
    frames: Sequence[Voxels]
    consistency: StoredProduct | None
    """None where it was not measured of these labels."""

    @property
    def voxels(self) -> Voxels:
        """Of all key frames."""
        return sum(self.frames, Voxels())

    @property
    def agreement(self) -> Agreement | None:
        """With the 2D labels."""
        if self.consistency is None:
            return None
        return Agreement.of(Pixels.of(self.consistency), TAXONOMIES[self.labels.attribute("taxonomy")].classes)

    @property
    def order(self) -> tuple[bool, float, float]:
        """Worst first: by consistency where there is any, then by voxels that stand alone or have no class."""
        agreement, voxels = self.agreement, self.voxels
        odd = (voxels.unlabelled + voxels.isolated) / max(voxels.occupied, 1)
        known = agreement is not None and agreement.miou is not None
        return not known, (agreement.miou or 0.0) if agreement is not None else 0.0, -odd

    def to_json(self) -> dict[str, Any]:
        """All figures, and of which products."""
        consistency, agreement = self.consistency, self.agreement
        return {
            "product": self.labels.product.name, "fingerprint": self.labels.manifest.fingerprint[:16],
            "frames": len(self.frames), **self.voxels.to_json(),
            "consistency": None if agreement is None else agreement.to_json(),
            "consistency_fingerprint": None if consistency is None else consistency.manifest.fingerprint[:16],
        }  # fmt: skip


def quality(
    store: Store,
    scenes: Sequence[str] | None = None,
    product: type[SurfaceOccupancy] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[SceneQuality]:
    """Every scene's quality, worst first. ``product``: None for the most refined labels of each scene.

    Raises UsageError for a scene or product that is not there.
    """
    index = read_index(store)
    for name in scenes or ():
        if name not in index.scenes:
            raise UsageError(
                "no such scene in the store", scene=name, expected=one_of(list(index.scenes)), fix="correct --scenes"
            )
    kinds = {name: product or first_labels(entry.products) for name, entry in index.scenes.items()}
    chosen = scenes or [n for n, kind in kinds.items() if kind is not None and kind.name in index.scenes[n].products]
    if not chosen:
        raise UsageError(
            f"no scene has {(product or SurfaceOccupancy).name}", file=str(store.path), fix="run the stage that makes it, as occ-pipeline run densify"
        )  # fmt: skip
    found: list[SceneQuality] = []
    for name in chosen:
        progress(name)
        labels = current_labels(store, index, name, product)
        frames = [Voxels.of(labels, frame) for frame in range(len(labels.attribute("frame_tokens")))]
        found.append(SceneQuality(name, labels, frames, consistency_of(store, index, name, labels)))
    return sorted(found, key=lambda scene: scene.order)


def consistency_of(store: Store, index: Index, scene: str, labels: StoredProduct) -> StoredProduct | None:
    """What was measured of these very labels, against the current 2D labels; None where nothing was."""
    current = index.scenes[scene].products.get(ImageLabels.name)
    for fingerprint in store.fingerprints(scene, Consistency):
        found = store.reader(scene, Consistency, fingerprint)
        inputs = found.manifest.provenance.inputs
        if inputs.get(labels.product.name) == labels.manifest.fingerprint and inputs[ImageLabels.name] == current:
            return found
    return None
