"""The cameras of a nuScenes scene's key frames. A bad row costs one camera of one key frame, never the scene."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...schemas.cameras import NO_IMAGE, CameraTables
from ...schemas.errors import InputError
from .nuscenes_images import Image, ImageReader, Size
from .nuscenes_tables import Row

if TYPE_CHECKING:
    from .nuscenes_devkit import Devkit

Frame = dict[str, Image]
"""Camera to its image, of one key frame."""


def read_cameras(devkit: Devkit, scene: str, samples: Sequence[Row]) -> tuple[CameraTables, tuple[str, ...]]:
    """The cameras of a scene's samples; and a warning for all rows that cannot be used, one for images the release lacks.

    Where a row is not usable, its camera is absent from that key frame; two images of one camera in a key frame are both
    left out, as are images of another size than most of their camera's.
    """
    left_out = _LeftOut()
    reader = ImageReader(devkit)
    frames = [_frame(devkit, reader, sample, left_out) for sample in samples]
    sizes = _sizes(frames)
    for frame, sample in zip(frames, samples, strict=True):
        for name in [name for name, image in frame.items() if image.size != sizes[name]]:
            left_out.add(_other_size(frame.pop(name), sizes[name]), sample)
    tokens = [sample.token for sample in samples]
    names = sorted(sizes)
    lacking = [
        f"{name} of key frame {token}"
        for frame, token in zip(frames, tokens, strict=True)
        for name in names
        if name not in frame and token not in left_out.frames
    ]
    warnings: list[str] = []
    if left_out.errors:
        warnings.append(
            f"scene {scene}: {len(left_out.errors)} images are left out, for their rows are not usable, first: {left_out.errors[0]}"
        )
    if lacking:
        warnings.append(f"scene {scene}: the tables lack {len(lacking)} images, first {lacking[0]}")
    return _tables(scene, tokens, names, sizes, frames), tuple(warnings)


@dataclass
class _LeftOut:
    """Why images are left out, and of which key frames."""

    errors: list[InputError] = field(default_factory=list[InputError])
    frames: set[str] = field(default_factory=set[str])

    def add(self, error: InputError, sample: Row) -> None:
        error.frame = sample.token
        self.errors.append(error)
        self.frames.add(sample.token)


def _frame(devkit: Devkit, reader: ImageReader, sample: Row, left_out: _LeftOut) -> Frame:
    """The usable images of one sample."""
    by_token: dict[str, list[Row]] = {}
    for row in devkit.images(sample):
        by_token.setdefault(row.token, []).append(row)
    found: dict[str, list[Image]] = {}
    for rows in by_token.values():
        try:
            image = reader.read(rows)
        except InputError as error:
            left_out.add(error, sample)
        else:
            found.setdefault(image.mounting.camera, []).append(image)
    for name, images in found.items():
        if len(images) > 1:
            others = ", ".join(image.row.token for image in images[1:])
            what = f"camera {name} has {len(images)} images in one key frame"
            left_out.add(images[0].row.error(what, found=f"rows {others} beside it", expected="one"), sample)
    return {name: images[0] for name, images in found.items() if len(images) == 1}


def _sizes(frames: Sequence[Frame]) -> dict[str, Size]:
    """Of each camera, the size that most of its images have; of those as frequent, the first."""
    counts: dict[str, Counter[Size]] = {}
    for frame in frames:
        for name, image in frame.items():
            counts.setdefault(name, Counter())[image.size] += 1
    return {name: count.most_common(1)[0][0] for name, count in counts.items()}


def _other_size(image: Image, size: Size) -> InputError:
    width, height = image.size
    return image.row.error(
        f"image has another size than most of camera {image.mounting.camera}",
        found=f"{width} x {height}",
        expected=f"{size[0]} x {size[1]}",
    )


def _tables(
    scene: str, tokens: Sequence[str], names: list[str], sizes: dict[str, Size], frames: Sequence[Frame]
) -> CameraTables:
    shape = (len(frames), len(names))
    timestamps_ns = np.full(shape, NO_IMAGE, dtype=np.int64)
    world_SE3_ego, ego_SE3_camera = np.full((2, *shape, 4, 4), np.nan)
    intrinsics = np.full((*shape, 3, 3), np.nan)
    for k, frame in enumerate(frames):
        for c, name in enumerate(names):
            if name in frame:
                image = frame[name]
                timestamps_ns[k, c] = image.timestamp_ns
                world_SE3_ego[k, c] = image.world_SE3_ego
                ego_SE3_camera[k, c] = image.mounting.ego_SE3_camera
                intrinsics[k, c] = image.mounting.intrinsics
    return CameraTables(
        timestamps_ns=timestamps_ns,
        world_SE3_ego=world_SE3_ego,
        ego_SE3_camera=ego_SE3_camera,
        intrinsics=intrinsics,
        scene=scene,
        names=names,
        frame_tokens=list(tokens),
        image_files=[[frame[name].file if name in frame else "" for name in names] for frame in frames],
        image_sizes=[list(sizes[name]) for name in names],
    )
