"""One nuScenes scene: chains of samples and sweeps, poses, file names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import InputError
from ...schemas.scene import SceneTables
from ...schemas.taxonomy import NUSCENES
from .files import check_name
from .nuscenes_cameras import read_cameras
from .nuscenes_labels import Labels
from .nuscenes_tables import LIDAR, NS_PER_US, Row, rigid_transforms
from .nuscenes_tracks import read_tracks
from .source import LoggedScene

if TYPE_CHECKING:
    from .nuscenes_devkit import Devkit

POINT_COLUMNS = 5
"""x, y, z, intensity, ring."""


def read_scene(devkit: Devkit, labels: Labels, scene: Row, *, version: str, split: str, synthetic: bool) -> LoggedScene:
    """One scene. Raises InputError naming table, row and frame for whatever of the LiDAR does not fit together."""
    samples = _samples(devkit, scene)
    keys = [_key_token(devkit, sample) for sample in samples]
    sweeps = _without_repeats(_sweeps(devkit, samples[0], keys), set(keys))
    place = {sweep.token: i for i, sweep in enumerate(sweeps)}
    missing = [k for k, key in enumerate(keys) if key not in place]
    if missing:
        k = missing[0]
        error = scene.error(
            "key frame is not in the chain of sweeps",
            found=f"sample_data {keys[k]}",
            expected="each key frame reached by 'next'",
        )
        error.frame = samples[k].token
        raise error
    key_sweeps = np.array([place[key] for key in keys], dtype=np.int32)
    frame_of = dict(zip(key_sweeps.tolist(), (sample.token for sample in samples), strict=True))
    frames = [frame_of.get(i, f"sweep {i}") for i in range(len(sweeps))]
    timestamps_ns = _timestamps(sweeps, frames)
    tracks = read_tracks(devkit, samples, timestamps_ns[key_sweeps], NUSCENES.categories)
    poses = [devkit.row("ego_pose", sweep.text("ego_pose_token"), sweep, "ego_pose_token") for sweep in sweeps]
    mountings = [
        devkit.row("calibrated_sensor", sweep.text("calibrated_sensor_token"), sweep, "calibrated_sensor_token")
        for sweep in sweeps
    ]
    tables = SceneTables(
        timestamps_ns=timestamps_ns,
        world_SE3_ego=rigid_transforms(poses, frames),
        ego_SE3_lidar=rigid_transforms(mountings, frames),
        key_sweeps=key_sweeps,
        box_track=tracks.box_track,
        box_timestamps_ns=tracks.box_timestamps_ns,
        world_SE3_box=tracks.world_SE3_box,
        box_size_m=tracks.box_size_m,
        scene=scene.text("name"),
        dataset="nuscenes",
        version=version,
        split=split,
        taxonomy=NUSCENES.name,
        synthetic=synthetic,
        point_columns=POINT_COLUMNS,
        point_files=[_safe(sweep.text("filename"), frame) for sweep, frame in zip(sweeps, frames, strict=True)],
        label_files=[_label_file(labels, key, sample) for key, sample in zip(keys, samples, strict=True)],
        label_classes=labels.classes,
        label_kinds=labels.kinds,
        label_bytes=1,
        frame_tokens=[sample.token for sample in samples],
        track_tokens=tracks.tokens,
        track_categories=tracks.categories,
        track_classes=tracks.classes,
        scene_token=scene.token,
        lidar_tokens=keys,
    )
    cameras, warnings = read_cameras(devkit, tables.scene, samples)
    return LoggedScene(tables, cameras, warnings)


def _chain(first: Row, last: str, follow: Callable[[Row], Row], what: str) -> list[Row]:
    """Rows from ``first`` along 'next' until the token ``last`` or the end. Raises InputError for a chain that bites its tail."""
    rows = [first]
    seen = {first.token}
    while rows[-1].token != last and rows[-1].text("next"):
        row = follow(rows[-1])
        if row.token in seen:
            raise rows[-1].error(
                f"chain of {what} runs in a circle",
                found=f"next {row.token}, seen before",
                expected="a row later in time",
            )
        seen.add(row.token)
        rows.append(row)
    return rows


def _samples(devkit: Devkit, scene: Row) -> list[Row]:
    """Key frames of a scene, in order, complete."""
    own = devkit.sample_count(scene.token)
    if not own or not scene.text("first_sample_token"):
        raise scene.error(
            "scene is empty", found="no samples", expected="at least one key frame", fix="leave this scene out"
        )
    first = devkit.row("sample", scene.text("first_sample_token"), scene, "first_sample_token")
    samples = _chain(first, "", lambda row: devkit.row("sample", row.text("next"), row, "next"), "samples")
    stranger = next((sample for sample in samples if sample.text("scene_token") != scene.token), None)
    if stranger is not None:
        raise stranger.error(
            "chain of samples leaves its scene",
            found=f"scene_token {stranger.text('scene_token')}",
            expected=scene.token,
        )
    if len(samples) != own:
        raise samples[-1].error(
            "chain of samples ends early",
            found=f"{len(samples)} samples",
            expected=f"the scene's {own}",
            frame=samples[-1].token,
        )
    return samples


def _key_token(devkit: Devkit, sample: Row) -> str:
    token = devkit.sweep_token(sample)
    if token is None:
        fix = "extract the tables again, or leave this scene out"
        raise sample.error(
            "sample has no LiDAR key frame",
            found="none",
            expected=f"a sample_data row of {LIDAR}",
            frame=sample.token,
            fix=fix,
        )
    return token


def _sweeps(devkit: Devkit, first: Row, keys: Sequence[str]) -> list[Row]:
    """The LiDAR's rows from the first key frame to the last."""
    start = devkit.row("sample_data", keys[0], first, "data")
    return _chain(start, keys[-1], lambda row: devkit.row("sample_data", row.text("next"), row, "next"), "sweeps")


def _without_repeats(sweeps: Sequence[Row], keys: set[str]) -> list[Row]:
    """Of rows that repeat the time and file of the one before, the key frame or else the first."""
    kept: list[Row] = []
    for sweep in sweeps:
        repeats = kept and all(
            kept[-1].values.get(field) == sweep.values.get(field) for field in ("timestamp", "filename")
        )
        if not repeats:
            kept.append(sweep)
        elif sweep.token in keys and kept[-1].token not in keys:
            kept[-1] = sweep
        elif sweep.token in keys:
            raise sweep.error(
                "two key frames share a sweep",
                found=sweep.text("filename"),
                expected="a sweep for each",
                frame=sweep.text("sample_token"),
            )
    return kept


def _timestamps(sweeps: Sequence[Row], frames: Sequence[str]) -> NDArray[np.int64]:
    """(S,) int64, nanoseconds, strictly increasing."""
    times = np.array([sweep.integer("timestamp") for sweep in sweeps], dtype=np.int64)
    bad = np.flatnonzero(np.diff(times) <= 0)
    if len(bad):
        i = int(bad[0]) + 1
        what = (
            "two sweeps have the same time stamp" if times[i] == times[i - 1] else "time stamps of sweeps run backwards"
        )
        raise sweeps[i].error(
            what, found=f"{times[i]} after {times[i - 1]}", expected="strictly increasing microseconds", frame=frames[i]
        )
    return times * NS_PER_US


def _label_file(labels: Labels, key: str, sample: Row) -> str:
    if key in labels.ambiguous:
        raise sample.error(
            "key frame has two label files in lidarseg.json",
            found=f"sample_data {key}",
            expected="one",
            frame=sample.token,
        )
    name = labels.files.get(key, "")
    return _safe(name, sample.token) if name else ""


def _safe(name: str, frame: str) -> str:
    try:
        check_name(name)
    except InputError as error:
        error.frame = frame
        raise
    return name
