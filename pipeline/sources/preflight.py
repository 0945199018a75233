"""What is wrong with a scene's files, all of it at once and before anything is computed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ...schemas.errors import InputError
from ...schemas.scene import SceneTables
from ...schemas.taxonomy import NO_LABEL
from .files import DataRoot
from .points import DOWNLOAD_AGAIN, check_label_size, check_point_size, frame_of

MissingPolicy = Literal["error", "skip"]
"""What a missing file means: the scene fails, or does without that sweep (``skip``)."""


@dataclass(frozen=True)
class Preflight:
    """What was found. A scene that can be computed has tables; one with problems or without any file has none."""

    tables: SceneTables | None
    """The scene restricted to the sweeps, key frames and labels that are there."""
    problems: tuple[InputError, ...] = ()
    """Everything that makes the scene fail, in the tables' order."""
    warnings: tuple[str, ...] = ()
    """What the scene does without, one line each."""

    @property
    def absent(self) -> bool:
        """None of the scene's sensor files is there: a partial copy without this scene, which is no error."""
        return self.tables is None and not self.problems


def preflight(data_root: Path, tables: SceneTables, policy: MissingPolicy = "skip") -> Preflight:
    """Looks at every file of a scene by its size alone. Raises nothing for what it finds."""
    problems: list[InputError] = []
    files = DataRoot(data_root)
    points = _point_counts(files, tables, problems)
    if not problems and all(count is None for count in points):
        return Preflight(None)
    gone = [i for i, count in enumerate(points) if count is None]
    unlabelled = _missing_labels(files, tables, points, problems)
    if policy == "error":
        missing = [(tables.point_files[i], frame_of(tables, i)) for i in gone]
        missing += [(tables.label_files[k], tables.frame_tokens[k]) for k in unlabelled]
        fix = "download it, or allow missing files to be skipped"
        problems += [
            InputError("file is missing", file=file, scene=tables.scene, frame=frame, found="no such file", fix=fix)
            for file, frame in missing
        ]
    if problems:
        return Preflight(None, tuple(problems))
    return _restricted(tables, gone, unlabelled)


def _point_counts(files: DataRoot, tables: SceneTables, problems: list[InputError]) -> list[int | None]:
    """Points in every sweep's file, None where it is missing, 0 where it is broken (which adds to ``problems``).

    Of published labels, which have no points, bytes: their reader looks at all else.
    """
    width = 4 * tables.point_columns or 1
    counts: list[int | None] = []
    for i, name in enumerate(tables.point_files):
        try:
            size = files.size(name)
            if size is not None:
                _check_size(tables, name, size)
        except InputError as error:
            error.scene, error.frame = tables.scene, frame_of(tables, i)
            problems.append(error)
            counts.append(0)
        else:
            counts.append(None if size is None else size // width)
    return counts


def _check_size(tables: SceneTables, name: str, size: int) -> None:
    if tables.point_columns:
        check_point_size(name, size, 4 * tables.point_columns)
    elif size == 0:
        raise InputError("label file is empty", file=name, found="0 bytes", fix=DOWNLOAD_AGAIN)


def _missing_labels(
    files: DataRoot, tables: SceneTables, points: list[int | None], problems: list[InputError]
) -> list[int]:
    """Key frames whose label file is missing; label files of another length than their points add to ``problems``."""
    missing: list[int] = []
    for k, name in enumerate(tables.label_files):
        sweep = int(tables.key_sweeps[k])
        count = points[sweep]
        if not name:
            continue
        try:
            size = files.size(name)
            if size is not None and count:
                check_label_size(name, size, tables.label_bytes, tables.point_files[sweep], count)
        except InputError as error:
            error.scene, error.frame = tables.scene, tables.frame_tokens[k]
            problems.append(error)
        else:
            if size is None:
                missing.append(k)
    return missing


def _restricted(tables: SceneTables, gone: list[int], unlabelled: list[int]) -> Preflight:
    """The scene without the sweeps ``gone`` and the labels of the key frames ``unlabelled``."""
    sweeps = np.setdiff1d(np.arange(len(tables.point_files)), gone)
    frames = np.flatnonzero(np.isin(tables.key_sweeps, sweeps))
    if not len(frames):
        problem = InputError(
            "no key frame of the scene has its sensor file",
            file=tables.point_files[int(tables.key_sweeps[0])],
            scene=tables.scene,
            found=f"{len(sweeps)} sweeps between key frames only",
            expected="at least one key frame",
            fix="download the key frames (samples) as well as the sweeps",
        )
        return Preflight(None, (problem,))
    lost_labels = [k for k in unlabelled if k in frames]
    labels = ["" if k in lost_labels else name for k, name in enumerate(tables.label_files)]
    restricted = dataclasses.replace(
        tables,
        timestamps_ns=tables.timestamps_ns[sweeps],
        world_SE3_ego=tables.world_SE3_ego[sweeps],
        ego_SE3_lidar=tables.ego_SE3_lidar[sweeps],
        key_sweeps=np.searchsorted(sweeps, tables.key_sweeps[frames]).astype(np.int32),
        point_files=[tables.point_files[i] for i in sweeps],
        label_files=[labels[k] for k in frames],
        frame_tokens=[tables.frame_tokens[k] for k in frames],
        lidar_tokens=[tables.lidar_tokens[k] for k in frames] if tables.lidar_tokens else [],
    )
    key_files = [tables.point_files[int(i)] for i in tables.key_sweeps]
    lost_keys = [name for k, name in enumerate(key_files) if k not in frames]
    lost_between = [tables.point_files[i] for i in gone if tables.point_files[i] not in lost_keys]
    warnings = [
        f"scene {tables.scene}: {len(lost)} of {of} {what} are missing, first {lost[0]}"
        for lost, of, what in (
            (lost_keys, len(key_files), "key frames"),
            (lost_between, len(tables.point_files) - len(key_files), "sweeps between key frames"),
            ([tables.label_files[k] for k in lost_labels], len(key_files), "label files"),
        )
        if lost
    ]
    unknown = {
        name
        for name, class_id in zip(tables.track_categories, tables.track_classes, strict=True)
        if class_id == NO_LABEL
    }
    warnings += [
        f"scene {tables.scene}: tracks of category {name!r} have no class in taxonomy {tables.taxonomy}"
        for name in sorted(unknown)
    ]
    if tables.point_columns and not tables.track_tokens and not restricted.labels_tell_motion:
        warnings.append(
            f"scene {tables.scene}: no tracked objects, so what moves is looked for by rays, and what these do not show moving"
            " stays in the static map"
        )
    return Preflight(restricted, warnings=tuple(warnings))
