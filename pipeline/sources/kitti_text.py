"""KITTI's text files: calibration and poses. Every number is checked, and an error names file and line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import InputError
from .files import DataRoot

Float64 = NDArray[np.float64]
_LARGEST_FILE = 64 << 20
_ROTATION_ERROR = 1e-3
"""How far a rotation may be from orthonormal: files hold six digits."""


def read_lines(data_root: Path, name: str) -> list[str]:
    """Lines of a text file. Raises InputError where it is missing, too large or no text."""
    root = DataRoot(data_root)
    size = root.size(name)
    if size is None or size > _LARGEST_FILE:
        found = "no such file" if size is None else f"{size} bytes"
        raise InputError("file is missing or too large", file=name, found=found, fix="download the dataset again")
    try:
        return root.resolve(name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "file cannot be read as text", file=name, found=str(error).partition("\n")[0], expected="lines of UTF-8",
            fix="check its permissions, or download it again",
        ) from error  # fmt: skip


def read_calibration(data_root: Path, name: str) -> Mapping[str, Float64]:
    """``NAME: numbers`` of a calibration file, lines of other things left out. Raises InputError."""
    found: dict[str, Float64] = {}
    for number, line in enumerate(read_lines(data_root, name), 1):
        key, colon, rest = line.partition(":")
        if colon and re.fullmatch(r"\w+", key.strip()) and not re.search(r"[^\d\s.eE+-]", rest):
            found[key.strip()] = numbers(rest, name, number)
    return found


def matrix(values: Mapping[str, Float64], key: str, name: str) -> Float64:
    """(4, 4) float64 from the twelve numbers of a row of a calibration file. Raises InputError."""
    if key not in values or values[key].size != 12:
        found = f"{values[key].size} numbers" if key in values else "no such row"
        raise InputError(
            f"calibration has no usable {key!r}",
            file=name,
            found=found,
            expected="12 numbers",
            fix="download the file again",
        )
    return np.vstack([values[key].reshape(3, 4), [0, 0, 0, 1]])


def rigid(values: Mapping[str, Float64], name: str) -> Float64:
    """(4, 4) float64 from the rows ``R`` and ``T`` of a calibration file. Raises InputError."""
    for key, size in (("R", 9), ("T", 3)):
        if key not in values or values[key].size != size:
            found = f"{values[key].size} numbers" if key in values else "no such row of numbers"
            raise InputError(
                f"calibration has no usable {key!r}", file=name, found=found, expected=f"{size} numbers",
                fix="download the file again",
            )  # fmt: skip
    rotation = values["R"].reshape(3, 3)
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > _ROTATION_ERROR or np.linalg.det(rotation) < 0:
        found = "a matrix that is no rotation"
        raise InputError("calibration has no usable 'R'", file=name, found=found, expected="orthonormal axes")
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = orthonormal(rotation), values["T"]
    return pose


def read_poses(data_root: Path, name: str) -> Float64:
    """(N, 4, 4) float64: twelve numbers a line. Raises InputError naming the line of what is no pose."""
    lines = read_lines(data_root, name)
    poses = [_pose(numbers(line, name, number), name, number) for number, line in enumerate(lines, 1)]
    return np.array(poses).reshape(-1, 4, 4)


def read_numbered_poses(data_root: Path, name: str) -> dict[int, Float64]:
    """Poses (4, 4) float64 by frame: its number and twelve more a line. Raises InputError naming the line of what is none."""
    poses: dict[int, Float64] = {}
    for number, line in enumerate(read_lines(data_root, name), 1):
        row = numbers(line, name, number)
        if row.size != 13 or row[0] < 0 or row[0] != int(row[0]):
            found = f"{row.size} numbers" + (f", first {row[0]:g}" if row.size else "")
            raise at_line(name, number, "line is no frame's pose", found, "a frame's number and 12 more")
        if int(row[0]) in poses:
            raise at_line(name, number, "frame has two poses", f"frame {int(row[0])} again", "each frame once")
        poses[int(row[0])] = _pose(row[1:], name, number)
    return poses


def _pose(row: Float64, name: str, number: int) -> Float64:
    if row.size != 12:
        raise at_line(name, number, "line is no pose", f"{row.size} numbers", "12")
    pose = np.vstack([row.reshape(3, 4), [0, 0, 0, 1]])
    if np.abs(pose[:3, :3] @ pose[:3, :3].T - np.eye(3)).max() > _ROTATION_ERROR or np.linalg.det(pose[:3, :3]) < 0:
        raise at_line(name, number, "line is no pose", "a matrix that is no rotation", "orthonormal axes")
    pose[:3, :3] = orthonormal(pose[:3, :3])
    return pose


def orthonormal(rotation: Float64) -> Float64:
    """The nearest rotation (3, 3): six digits in a file are not enough for an inverse by transposition."""
    left, _, right = np.linalg.svd(rotation)
    return np.asarray(left @ right, dtype=np.float64)


def numbers(text: str, name: str, line: int) -> Float64:
    """(N,) float64 of words. Raises InputError naming the line of one that is no finite number."""
    try:
        found = np.array([float(word) for word in text.split()], dtype=np.float64)
    except ValueError as error:
        raise at_line(
            name, line, "line holds a word that is no number", str(error).rpartition(": ")[2], "numbers"
        ) from error
    if not np.isfinite(found).all():
        raise at_line(name, line, "line holds a number that is not finite", "nan or inf", "finite numbers")
    return found


def at_line(name: str, line: int, what: str, found: str, expected: str) -> InputError:
    """What is wrong with a line of a file."""
    return InputError(
        what, file=f"{name}, line {line}", found=found, expected=expected, fix="download the file again, or mend it"
    )
