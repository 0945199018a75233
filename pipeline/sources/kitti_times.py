"""KITTI's files of time stamps: seconds from a sequence's beginning, or dates of every scan."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import InputError
from .kitti_text import at_line, numbers, read_lines


def read_seconds(data_root: Path, name: str) -> NDArray[np.int64]:
    """(N,) int64 nanoseconds: one number of seconds a line. Raises InputError."""
    stamps: list[int] = []
    for number, line in enumerate(read_lines(data_root, name), 1):
        row = numbers(line, name, number)
        if row.size != 1:
            raise at_line(name, number, "line is no time", f"{row.size} numbers", "seconds")
        stamps.append(round(float(row[0]) * 1e9))
    return np.array(stamps, dtype=np.int64)


def read_dates(data_root: Path, name: str) -> list[int | None]:
    """Nanoseconds since 1970 of every line of dates and times, taken for UTC; None of an empty line. Raises InputError."""
    stamps: list[int | None] = []
    for number, line in enumerate(read_lines(data_root, name), 1):
        try:
            stamps.append(_nanoseconds(line.strip()) if line.strip() else None)
        except ValueError as error:
            expected = "2011-09-26 13:02:25.594360375"
            raise at_line(name, number, "line is no time", ascii(line[:40]), expected) from error
    return stamps


def read_stamps(data_root: Path, name: str, tokens: Sequence[str]) -> NDArray[np.int64]:
    """(N,) int64 nanoseconds of the scans ``tokens`` number: a file of times has a line for every number, scan or not. Raises InputError."""
    lines = read_dates(data_root, name)
    stamps: list[int] = []
    for token in tokens:
        number = int(token)
        stamp = lines[number] if number < len(lines) else None
        if stamp is None:
            found = "an empty line" if number < len(lines) else f"{len(lines)} lines"
            raise InputError(
                "scan has no time stamp", file=name, frame=token, found=found, expected=f"a time in line {number + 1}",
                fix="download the file again, or take the scan away",
            )  # fmt: skip
        if stamps and stamp <= stamps[-1]:
            raise InputError(
                "time stamps do not increase", file=f"{name}, line {number + 1}", frame=token,
                found=f"{stamp} ns after {stamps[-1]} ns", expected="later ones", fix="mend the file",
            )  # fmt: skip
        stamps.append(stamp)
    return np.array(stamps, dtype=np.int64)


def _nanoseconds(text: str) -> int:
    """Raises ValueError."""
    if not re.fullmatch(r"(19[7-9]\d|20\d\d)-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?", text, re.ASCII):
        raise ValueError(text)
    return int(np.datetime64(text, "ns").astype(np.int64))
