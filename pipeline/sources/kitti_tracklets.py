"""Tracked boxes of KITTI's raw drives. The file comes from a stranger: entities and links in its XML are refused unread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ...schemas.errors import InputError
from ...schemas.taxonomy import NO_LABEL, SEMANTICKITTI
from .files import DataRoot
from .kitti_text import Float64

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_LARGEST_FILE = 32 << 20
"""Bytes: of some sixty thousand boxes as KITTI writes them."""
_LARGEST_M = 100.0
_FARTHEST_M = 1000.0
_LAST_FRAME = 10**10 - 1


@dataclass(frozen=True)
class Tracklet:
    """One object's boxes in frames that follow each other."""

    token: str
    category: str
    size_m: tuple[float, float, float]
    """Length, width, height."""
    first_frame: int
    """Number of the frame that the first box is of."""
    lidar_SE3_box: Float64
    """(N, 4, 4) float64: centre and orientation in the LiDAR's frame of the same moment."""


def read_tracklets(data_root: Path, name: str) -> list[Tracklet]:
    """The tracklets of a drive, in the file's order; none without a file. Raises InputError."""
    if DataRoot(data_root).size(name) is None:
        return []
    found = _root(data_root, name).find("tracklets")
    if found is None:
        raise _unusable(name, "no element 'tracklets'", "KITTI's tracklets")
    return [_tracklet(item, f"tracklet-{k}", name) for k, item in enumerate(found.findall("item"))]


@dataclass(frozen=True)
class Tracks:
    """What ``SceneTables`` says of boxes, B of them in order of track and time."""

    track: NDArray[np.int32]
    sweep: NDArray[np.int64]
    """(B,) int64: which scan each box is of."""
    world_SE3_box: Float64
    size_m: Float64
    tokens: list[str]
    categories: list[str]
    classes: list[int]


def tracks(tracklets: Sequence[Tracklet], frames: Sequence[int], world_SE3_lidar: Float64) -> Tracks:
    """Boxes of those frames that have a scan, each placed by the scan's own pose; tracklets without any are left out.

    ``frames``: numbers of the scans; ``world_SE3_lidar``: (N, 4, 4) float64, their poses.
    """
    sweeps = {frame: sweep for sweep, frame in enumerate(frames)}
    kept: list[Tracklet] = []
    rows: list[tuple[int, int, Float64]] = []
    for tracklet in tracklets:
        places = enumerate(tracklet.lidar_SE3_box, start=tracklet.first_frame)
        mine = [(len(kept), sweeps[frame], pose) for frame, pose in places if frame in sweeps]
        rows += mine
        kept += [tracklet] if mine else []
    sweep = np.array([sweep for _, sweep, _ in rows], dtype=np.int64)
    return Tracks(
        track=np.array([track for track, *_ in rows], dtype=np.int32),
        sweep=sweep,
        world_SE3_box=world_SE3_lidar[sweep] @ np.array([pose for *_, pose in rows]).reshape(-1, 4, 4),
        size_m=np.array([kept[track].size_m for track, *_ in rows]).reshape(-1, 3),
        tokens=[tracklet.token for tracklet in kept],
        categories=[tracklet.category for tracklet in kept],
        classes=[SEMANTICKITTI.categories.get(tracklet.category, NO_LABEL) for tracklet in kept],
    )


def _root(data_root: Path, name: str) -> Element:
    from xml.etree.ElementTree import ParseError

    from defusedxml.ElementTree import fromstring  # pyright: ignore[reportUnknownVariableType]

    root = DataRoot(data_root)
    if (size := root.size(name) or 0) > _LARGEST_FILE:
        raise _unusable(name, f"{size} bytes", f"at most {_LARGEST_FILE}")
    try:
        # KITTI's own files name a document type, and declare nothing in it.
        content = root.resolve(name).read_bytes()
        return fromstring(content, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except (ParseError, ValueError, LookupError, OSError) as error:
        found = str(error).partition("\n")[0][:100]
        raise _unusable(name, found, "XML without entities") from error


def _tracklet(item: Element, token: str, name: str) -> Tracklet:
    height, width, length = (_number(item, key, token, name, _LARGEST_M) for key in ("h", "w", "l"))
    if min(height, width, length) <= 0:
        raise _unusable(name, f"{token} of {length:g} x {width:g} x {height:g} m", "a length, width and height")
    first = _number(item, "first_frame", token, name, _LAST_FRAME)
    if first < 0 or first != int(first):
        raise _unusable(name, f"{token} begins in frame {first:g}", "a frame's number")
    places = item.findall("poses/item")
    values = np.zeros((len(places), 4))
    for n, place in enumerate(places):
        where = f"pose {n} of {token}"
        values[n] = [_number(place, key, where, name, _FARTHEST_M) for key in ("tx", "ty", "tz", "rz")]
    found = np.tile(np.eye(4), (len(places), 1, 1))
    if places:
        found[:, :3, :3] = Rotation.from_euler("z", values[:, 3:]).as_matrix()
    # KITTI places a box by the middle of its lower face.
    found[:, :3, 3] = values[:, :3] + [0.0, 0.0, height / 2]
    return Tracklet(token, item.findtext("objectType", "").strip(), (length, width, height), int(first), found)


def _number(element: Element, key: str, where: str, name: str, largest: float) -> float:
    """A child's number. Raises InputError where there is none, or one beyond all reason."""
    text = element.findtext(key, "")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= largest:
        raise _unusable(name, f"{key} {text[:20]!a} in {where}", f"a number up to {largest:g}")
    return value


def _unusable(name: str, found: str, expected: str) -> InputError:
    fix = "download the file again, or take it away to do without boxes"
    return InputError("tracklets cannot be used", file=name, found=found, expected=expected, fix=fix)
