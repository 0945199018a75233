"""nuScenes annotations of a scene as tracked boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...schemas.frames import Float64
from ...schemas.taxonomy import NO_LABEL
from .nuscenes_tables import Row, rigid_transforms

if TYPE_CHECKING:
    from .nuscenes_devkit import Devkit

MAX_BOX_M = 100.0
"""Longer than any road vehicle."""


@dataclass(frozen=True)
class Tracks:
    """The boxes of a scene, as in ``SceneTables``."""

    box_track: NDArray[np.int32]
    box_timestamps_ns: NDArray[np.int64]
    world_SE3_box: Float64
    box_size_m: Float64
    tokens: list[str]
    categories: list[str]
    classes: list[int]


def read_tracks(
    devkit: Devkit, samples: Sequence[Row], timestamps_ns: NDArray[np.int64], classes: Mapping[str, int]
) -> Tracks:
    """All boxes of the samples, whose LiDAR key frames have these time stamps, by track in order of first sight, then time.

    Raises InputError when an instance has two different boxes in one sample, or a box without a plausible size.
    """
    by_track: dict[str, dict[int, Row]] = {}
    for frame, sample in enumerate(samples):
        for row in sorted(devkit.annotations(sample), key=lambda row: (row.text("instance_token"), row.token)):
            boxes = by_track.setdefault(row.text("instance_token"), {})
            first = boxes.setdefault(frame, row)
            if not _same_box(first, row):
                found = f"rows {first.token} and {row.token}, which differ"
                raise row.error(
                    "instance has two boxes in one sample",
                    found=found,
                    expected="one",
                    frame=sample.token,
                    fix="keep the right one",
                )
    tokens = list(by_track)
    rows = [
        (track, frame, by_track[token][frame])
        for track, token in enumerate(tokens)
        for frame in sorted(by_track[token])
    ]
    names = [samples[frame].token for _, frame, _ in rows]
    boxes = [row for _, _, row in rows]
    categories = [_category(devkit, by_track[token]) for token in tokens]
    return Tracks(
        box_track=np.array([track for track, _, _ in rows], dtype=np.int32),
        box_timestamps_ns=timestamps_ns[np.array([frame for _, frame, _ in rows], dtype=np.int64)],
        world_SE3_box=rigid_transforms(boxes, names),
        box_size_m=_sizes(boxes, names),
        tokens=tokens,
        categories=categories,
        classes=[classes.get(category, NO_LABEL) for category in categories],
    )


def _same_box(a: Row, b: Row) -> bool:
    return a is b or all(a.values.get(field) == b.values.get(field) for field in ("translation", "size", "rotation"))


def _category(devkit: Devkit, boxes: Mapping[int, Row]) -> str:
    annotation = next(iter(boxes.values()))
    instance = devkit.row("instance", annotation.text("instance_token"), annotation, "instance_token")
    return devkit.row("category", instance.text("category_token"), instance, "category_token").text("name")


def _sizes(rows: Sequence[Row], frames: Sequence[str]) -> Float64:
    """(B, 3) float64: length, width, height, metres. The tables hold width, length, height."""
    sizes = np.array([row.numbers("size", 3) for row in rows], dtype=np.float64).reshape(-1, 3)
    bad = np.flatnonzero(~((sizes > 0) & (sizes <= MAX_BOX_M)).all(axis=1))
    if len(bad):
        i = int(bad[0])
        expected = f"width, length, height above 0 and up to {MAX_BOX_M:.0f} m"
        raise rows[i].error(
            "box has no plausible size",
            found=str(sizes[i].tolist()),
            expected=expected,
            frame=frames[i],
            fix="mend or remove this box",
        )
    return sizes[:, [1, 0, 2]]
