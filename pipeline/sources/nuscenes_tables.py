"""nuScenes tables as JSON: read strictly, rows with typed access, every error naming table and row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from ...schemas.errors import InputError
from ...schemas.frames import Float64
from .files import resolve_within

LIDAR = "LIDAR_TOP"
TABLES = (
    "category",
    "instance",
    "sensor",
    "calibrated_sensor",
    "ego_pose",
    "scene",
    "sample",
    "sample_data",
    "sample_annotation",
)
"""Tables that are read. Rows only point at tables before their own."""

RawRow = dict[str, Any]
NS_PER_US = 1_000
SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
"""Names of scenes become names of folders, those of cameras may."""
EXTRACT_AGAIN = "extract the release's tables again"

_MAX_TRANSLATION_M = 1e8
"""Larger than any map projection's coordinates on Earth."""
_QUATERNION_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Row:
    """A table row. Access raises InputError when a field is absent or of the wrong type."""

    file: str
    """The table's file, relative to the data root."""
    values: RawRow

    @property
    def token(self) -> str:
        return cast("str", self.values["token"])

    def text(self, field: str) -> str:
        """A string, possibly empty."""
        value = self.values.get(field)
        return value if isinstance(value, str) else self._refuse(field, value, "a string")

    def integer(self, field: str) -> int:
        """A whole number below 2**53."""
        value = self.values.get(field)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
            return value
        return self._refuse(field, value, "a whole number, not negative")

    def numbers(self, field: str, count: int) -> list[float]:
        """A list of ``count`` numbers, which may still be NaN or infinite."""
        value = self.values.get(field)
        if not isinstance(value, list):
            return self._refuse(field, value, f"{count} numbers")
        items = cast("list[Any]", value)
        if len(items) != count or not all(type(item) in (int, float) for item in items):
            return self._refuse(field, items, f"{count} numbers")
        return items

    def _refuse(self, field: str, value: object, expected: str) -> Any:
        raise self.error(f"field {field!r} is not usable", found=ascii(value)[:80], expected=expected)

    def error(
        self, what: str, *, found: str, expected: str | None = None, frame: str | None = None, fix: str = EXTRACT_AGAIN
    ) -> InputError:
        """An error that names this row."""
        return InputError(
            f"table row {self.token}: {what}", file=self.file, frame=frame, found=found, expected=expected, fix=fix
        )


def text_of(row: RawRow, field: str) -> str:
    """A raw row's field, empty where it is absent or no string."""
    value = row.get(field)
    return value if isinstance(value, str) else ""


def read_json(data_root: Path, name: str, keep: Callable[[RawRow], bool] | None = None) -> Any:
    """A JSON file's value; objects for which ``keep`` is false become None while parsing, so that they need no memory.

    NaN and infinity, which Python writes though JSON has none, are let through: the field that holds one is refused
    where it is read, and fails its scene instead of all. Raises InputError naming the file for all else that is not JSON.
    """
    try:
        text = resolve_within(data_root, name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError("table is missing", file=name, found="no such file", fix=EXTRACT_AGAIN) from error
    except UnicodeDecodeError as error:
        raise InputError(
            "table is not UTF-8", file=name, found=f"byte {error.start} does not decode", fix=EXTRACT_AGAIN
        ) from error
    except OSError as error:
        raise InputError(
            "table cannot be read", file=name, found=error.strerror, fix="check its permissions and the disk"
        ) from error
    if not text.strip():
        raise InputError(
            "table is empty", file=name, found=f"{len(text)} characters", expected="a JSON list", fix=EXTRACT_AGAIN
        )
    if text.startswith("\ufeff"):
        raise InputError(
            "table starts with a byte order mark",
            file=name,
            expected="UTF-8 without one",
            fix="save it again without, or extract it again",
        )
    try:
        return json.loads(text, object_hook=None if keep is None else lambda row: row if keep(row) else None)
    except (ValueError, RecursionError) as error:
        raise InputError("table is not JSON", file=name, found=str(error), fix=EXTRACT_AGAIN) from error


def read_rows(data_root: Path, name: str, keep: Callable[[RawRow], bool] | None = None) -> list[RawRow]:
    """A table's rows. Raises InputError naming the file if it is not a list of objects that each have a token."""
    rows = read_json(data_root, name, keep)
    if not isinstance(rows, list):
        raise InputError(
            "table is not a list of rows",
            file=name,
            found=type(rows).__name__,
            expected="a JSON list",
            fix=EXTRACT_AGAIN,
        )
    kept = [row for row in cast("list[object]", rows) if row is not None]
    for i, row in enumerate(kept):
        token = cast("RawRow", row).get("token") if isinstance(row, dict) else None
        if not isinstance(token, str):
            raise InputError(
                "table holds a row without a token",
                file=name,
                found=f"row {i}: {ascii(kept[i])[:60]}",
                expected="objects with a 'token'",
                fix=EXTRACT_AGAIN,
            )
    return cast("list[RawRow]", kept)


def rigid_transforms(rows: Sequence[Row], frames: Sequence[str]) -> Float64:
    """(N, 4, 4) float64 from the rows' ``rotation`` (w, x, y, z) and ``translation``, metres; ``frames`` name them in errors.

    Raises InputError for values that are not finite and for quaternions whose norm is more than 0.01 from one.
    """
    wxyz = np.array([row.numbers("rotation", 4) for row in rows], dtype=np.float64).reshape(-1, 4)
    translation = np.array([row.numbers("translation", 3) for row in rows], dtype=np.float64).reshape(-1, 3)
    norm = np.linalg.norm(wxyz, axis=1)
    # Written so that NaN is bad too.
    bad = np.flatnonzero(
        ~(np.abs(norm - 1.0) <= _QUATERNION_TOLERANCE) | ~(np.abs(translation) <= _MAX_TRANSLATION_M).all(axis=1)
    )
    if len(bad):
        i = int(bad[0])
        found = f"rotation {wxyz[i].tolist()} of norm {norm[i]:.4f}, translation {translation[i].tolist()}"
        expected = "a unit quaternion w, x, y, z and three finite numbers in metres"
        raise rows[i].error("pose is not a rigid transform", found=found, expected=expected, frame=frames[i])
    matrices = np.tile(np.eye(4), (len(rows), 1, 1))
    w, x, y, z = (wxyz / norm[:, None]).T
    entries = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrices[:, :3, :3] = np.moveaxis(np.array(entries), 2, 0)
    matrices[:, :3, 3] = translation
    return matrices
