"""One sweep's points and labels from its files, whatever the dataset: what workers call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import InputError
from ...schemas.scene import SceneTables, SweepPoints
from .files import DataRoot

MAX_DROPPED_SHARE = 0.1
"""More points than this without coordinates means that the file is not what its format says."""
MAX_POINTS = 8_000_000
"""A sweep of a real sensor stays far below; beyond it the file is something else, and would fill the memory."""
MAX_RANGE_M = 10_000.0
"""Farther than any LiDAR sees: bytes that happen to be finite floats."""
DOWNLOAD_AGAIN = "download the file again"


def frame_of(tables: SceneTables, index: int) -> str:
    """How errors name a sweep: the key frame's token, else ``sweep 17``."""
    frames = np.flatnonzero(tables.key_sweeps == index)
    return tables.frame_tokens[int(frames[0])] if len(frames) else f"sweep {index}"


def read_sweep(data_root: Path, tables: SceneTables, index: int) -> SweepPoints:
    """One sweep of a scene; points without finite coordinates, or farther than 10 km, are left out and counted.

    Raises InputError naming file, scene and frame when a file is missing, cut off or empty, when more than a tenth of its
    points had to be left out, or when its label file has another length or values the dataset does not define.
    """
    frames = np.flatnonzero(tables.key_sweeps == index)
    label_file = tables.label_files[int(frames[0])] if len(frames) else ""
    files = DataRoot(data_root)
    try:
        points = _read_points(files, tables, tables.point_files[index])
        values = _read_labels(files, tables, label_file, tables.point_files[index], len(points)) if label_file else None
        keep = _usable(points, tables.point_files[index])
    except InputError as error:
        error.scene, error.frame = tables.scene, frame_of(tables, index)
        raise
    coordinates = points[:, :3][keep].astype(np.float32, copy=False)
    # In all formats read here the fourth number is the strength of the return.
    intensity = points[:, 3][keep].astype(np.float32, copy=False) if tables.point_columns > 3 else None
    dropped = len(points) - len(coordinates)
    if values is None:
        return SweepPoints(coordinates, None, None, dropped, intensity=intensity)
    value, instances = values[0][keep], None if values[1] is None else values[1][keep].astype(np.int32)
    classes, kinds = (np.array(table, dtype=np.uint8) for table in (tables.label_classes, tables.label_kinds))
    return SweepPoints(coordinates, classes[value], kinds[value], dropped, instances, intensity)


def _read_points(files: DataRoot, tables: SceneTables, name: str) -> NDArray[np.float32]:
    width = 4 * tables.point_columns
    size = _size(files, name)
    check_point_size(name, size, width)
    return np.frombuffer(_read(files, name, size), dtype="<f4").reshape(-1, tables.point_columns)


def check_point_size(name: str, size: int, width: int) -> None:
    """Raises InputError unless a file of this many bytes can hold points of ``width`` bytes each."""
    if size == 0:
        raise InputError(
            "point file is empty",
            file=name,
            found="0 bytes",
            expected=f"a multiple of {width} bytes",
            fix=DOWNLOAD_AGAIN,
        )
    if size % width:
        raise InputError(
            "point file is cut off",
            file=name,
            found=f"{size} bytes",
            expected=f"a multiple of {width} bytes ({width // 4} floats a point)",
            fix=DOWNLOAD_AGAIN,
        )
    if size > MAX_POINTS * width:
        raise InputError(
            "point file is too large",
            file=name,
            found=f"{size // width} points",
            expected=f"at most {MAX_POINTS}",
            fix=DOWNLOAD_AGAIN,
        )


def check_label_size(name: str, size: int, width: int, point_file: str, points: int) -> None:
    """Raises InputError unless a label file of this many bytes has one label of ``width`` bytes per point of its point file."""
    if size != points * width:
        raise InputError(
            "label file has the wrong length",
            file=name,
            found=f"{size / width:g} labels",
            expected=f"{points}, one for each point of {point_file}",
            fix="download both files again",
        )


def _read_labels(
    files: DataRoot, tables: SceneTables, name: str, point_file: str, points: int
) -> tuple[NDArray[np.unsignedinteger[Any]], NDArray[np.uint16] | None]:
    """Values of labels, and the instance ids above them where there is room."""
    size, width = _size(files, name), tables.label_bytes
    check_label_size(name, size, width, point_file, points)
    content = _read(files, name, size)
    halves = np.frombuffer(content, "<u2") if width > 1 else np.zeros(0, np.uint16)
    values: NDArray[np.unsignedinteger[Any]] = np.frombuffer(content, np.uint8) if width == 1 else halves[:: width // 2]
    highest = int(values.max(initial=0))
    if highest >= len(tables.label_classes):
        raise InputError(
            "label file holds a value that the dataset's list of categories lacks",
            file=name,
            found=str(highest),
            expected=f"0 to {len(tables.label_classes) - 1}",
            fix="use labels and tables of the same release",
        )
    return values, halves[1::2] if width == 4 else None


def _size(files: DataRoot, name: str) -> int:
    size = files.size(name)
    if size is None:
        raise InputError("file is missing", file=name, found="no such file", fix="download it, or leave the sweep out")
    return size


def _read(files: DataRoot, name: str, size: int) -> bytes:
    try:
        with files.resolve(name).open("rb") as file:
            content = file.read(size)
    except OSError as error:
        raise InputError(
            "file cannot be read", file=name, found=error.strerror, fix="check its permissions and the disk"
        ) from error
    if len(content) != size:
        raise InputError(
            "file shrank while it was read",
            file=name,
            found=f"{len(content)} bytes",
            expected=f"{size} bytes",
            fix=DOWNLOAD_AGAIN,
        )
    return content


def _usable(points: NDArray[np.float32], name: str) -> NDArray[np.bool_]:
    # Comparisons with NaN are false, so this drops NaN, infinities and absurd distances at once.
    keep: NDArray[np.bool_] = (np.abs(points[:, :3]) <= MAX_RANGE_M).all(axis=1)
    dropped = len(keep) - int(keep.sum())
    if dropped > MAX_DROPPED_SHARE * len(keep):
        raise InputError(
            "too many points without usable coordinates",
            file=name,
            found=f"{dropped} of {len(keep)} not finite or beyond {MAX_RANGE_M:.0f} m",
            expected=f"at most {MAX_DROPPED_SHARE:.0%}",
            fix=DOWNLOAD_AGAIN,
        )
    return keep
