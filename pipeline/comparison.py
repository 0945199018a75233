"""The result of measuring labels against a reference, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .compare_bands import Limits, limits_json
from .compare_counts import LeftOut, Space
from .matching import Pair
from .scores import Score


@dataclass(frozen=True)
class BandScore:
    """Of voxels within some distance or height."""

    limits: Limits
    score: Score


@dataclass(frozen=True)
class FrameScore:
    """Of one key frame."""

    pair: Pair
    iou: float | None
    """Of occupancy; None where there is nothing to judge."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Labels against a reference."""

    labels: str
    """What they are, in words."""
    reference: str
    exact: bool
    """Whether the reference tells what was seen."""
    mask: str | None
    """Inside of which voxels were judged, and whose it is, in words."""
    whole: Score
    kinds: Mapping[str, Score]
    """By kind of body, ``static``, ``moving_rigid``, ``deforming``; empty where one side does not tell."""
    scenes: Mapping[str, Score]
    bands: Mapping[str, tuple[BandScore, ...]]
    """``distance`` and ``height``, from near and low on."""
    frames: tuple[FrameScore, ...]
    space: Space
    left_out: LeftOut
    products: tuple[str, ...]
    """Which voxel labels were judged."""
    fingerprints: Mapping[str, str]
    """Scene to the fingerprint of its labels that were judged; empty where they are in no store."""
    only_in_store: Mapping[str, tuple[str, ...]]
    """Scene to the key frames that the reference lacks."""
    only_in_reference: Mapping[str, tuple[str, ...]]
    """Scene to the key frames that have no labels."""
    remarks: tuple[str, ...]
    """What a user should know of the figures."""

    def to_json(self) -> dict[str, Any]:
        """One object: the whole's ratios at its top, then ``scenes``, the kinds, and frames that could not be compared."""
        scenes = {
            name: {"iou": score.occupancy.iou, "miou": score.miou, "frames": score.frames}
            for name, score in self.scenes.items()
        }
        kinds = {name: score.to_json() for name, score in self.kinds.items()}
        worst = worst_of(self.frames)
        return {
            "labels": self.labels,
            "reference": self.reference,
            "mask": self.mask,
            **self.whole.to_json(),
            "scenes": scenes,
            **kinds,
            **{f"by_{name}": [_band(band) for band in bands] for name, bands in self.bands.items()},
            "space": self.space.to_json(),
            "left_out": self.left_out.to_json(),
            "worst": {"scene": worst.pair.scene, "frame": worst.pair.token, "iou": worst.iou},
            "products": list(self.products),
            "fingerprints": dict(self.fingerprints),
            "only_in_store": {name: list(tokens) for name, tokens in self.only_in_store.items()},
            "only_in_reference": {name: list(tokens) for name, tokens in self.only_in_reference.items()},
            "remarks": list(self.remarks),
        }


def worst_of(frames: Sequence[FrameScore]) -> FrameScore:
    """The key frame with the lowest IoU, the first of several; those without anything to judge come last."""
    return min(frames, key=lambda frame: (frame.iou is None, frame.iou or 0.0))


def _band(band: BandScore) -> dict[str, Any]:
    """Limits, then ratios and numbers; classes are too few in a band to be told apart."""
    occupancy = band.score.occupancy.to_json()
    return {**limits_json(band.limits), "iou": occupancy.pop("iou"), "miou": band.score.miou, **occupancy}
