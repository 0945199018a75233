"""Which frames an Occ3D folder holds, and what ``annotations.json`` tells of them: order, times, ego poses, split."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import InputError, UsageError
from ...schemas.frames import Float64
from .nuscenes_tables import NS_PER_US, Row, read_json, rigid_transforms

GTS, FILE, ANNOTATIONS = "gts", "labels.npz", "annotations.json"
STEP_NS = 500_000_000
"""nuScenes labels two key frames a second."""
_LATEST = 2**53
"""Microseconds: what JSON's numbers hold exactly, and far beyond any log."""
_WITHOUT_IT = f"mend it, or take {ANNOTATIONS} away: frames then go in order of their tokens"


@dataclass(frozen=True)
class Folders:
    """Where the labels lie: ``gts/<scene>/<token>/labels.npz``, the same without ``gts``, or ``<token>/labels.npz`` of one scene."""

    data_root: Path
    """What ``annotations.json`` lies in, where there is one; links in it are resolved."""
    scenes: Mapping[str, Mapping[str, str]]
    """Scene to token to label file, relative to the data root, whether it is there or not; scenes without any are left out."""

    @classmethod
    def at(cls, folder: Path) -> Folders:
        """Of the folder that holds ``gts``, of ``gts`` itself, or of one of the others. Raises UsageError where both kinds lie."""
        base = Path(os.path.realpath(folder))
        if base.name != GTS and (base / GTS).is_dir():
            # Often a link to where the archive was unpacked: its files are below the root that it leads to.
            base = Path(os.path.realpath(base / GTS))
        root, before = (base.parent, f"{GTS}/") if base.name == GTS else (base, "")
        inner = {name: _folders(base / name) for name in _folders(base)}
        flat = [name for name in inner if os.path.isfile(base / name / FILE)]  # noqa: PTH113  never raises
        scenes = {
            scene: {token: f"{before}{scene}/{token}/{FILE}" for token in tokens}
            for scene, tokens in inner.items()
            if any(os.path.isfile(base / scene / token / FILE) for token in tokens)  # noqa: PTH113
        }
        if flat and scenes:
            raise UsageError(
                "the folder holds frames beside scenes", file=str(folder), found=f"{flat[0]}/{FILE} and {min(scenes)}/",
                expected="one or the other", fix="give them as two folders",
            )  # fmt: skip
        if flat:
            scenes = {base.name: {token: f"{before}{token}/{FILE}" for token in inner}}
        return cls(root, dict(sorted(scenes.items())))


def _folders(path: Path) -> list[str]:
    """Names of the folders in a folder, sorted; hidden ones are none of the format's."""
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and entry.name[0] != ".")
    except OSError as error:
        fix = "check its permissions and the disk"
        raise UsageError("a folder of labels cannot be read", file=str(path), found=error.strerror, fix=fix) from error


@dataclass(frozen=True)
class Frames:
    """A scene's key frames, in order."""

    tokens: list[str]
    timestamps_ns: NDArray[np.int64]
    """(K,) int64, increasing."""
    world_SE3_ego: Float64
    """(K, 4, 4) float64."""
    split: str = ""

    @classmethod
    def by_token(cls, tokens: Sequence[str]) -> Frames:
        """In order of tokens, half a second apart from time 0, where nothing tells more; poses are identity."""
        count = len(tokens)
        return cls(sorted(tokens), np.arange(count, dtype=np.int64) * STEP_NS, np.tile(np.eye(4), (count, 1, 1)))


class Annotations:
    """``annotations.json``. Of each frame ``timestamp`` and ``ego_pose`` are read, of scenes ``train_split`` and ``val_split``.

    Time orders frames: what ``prev`` and ``next`` mean is told the wrong way round in Occ3D's own description.
    """

    def __init__(self, data_root: Path) -> None:
        """Raises InputError where the file as a whole is not what it should be."""
        # Cameras are most of the file, and not needed.
        found = read_json(data_root, ANNOTATIONS, lambda row: "img_path" not in row)
        self._scenes = _object(found, "scene_infos")
        self._splits = {name: _names(found, f"{name}_split") for name in ("train", "val")}

    def frames(self, scene: str, tokens: Sequence[str]) -> Frames:
        """Of a scene of which ``tokens`` lie on disk. Raises InputError for what is missing or does not fit together."""
        told = _object(self._scenes, scene)
        strange = next((token for token in tokens if token not in told), None)
        if strange is not None:
            raise InputError(
                f"{ANNOTATIONS} does not tell of a frame that has labels", file=ANNOTATIONS, frame=strange,
                found=f"{len(told)} other frames", fix="use labels and annotations of the same release",
            )  # fmt: skip
        times = {token: _microseconds(_object(told, token), token) for token in told}
        order = sorted(times, key=lambda token: times[token])
        for one, after in pairwise(order):
            if times[one] == times[after]:
                raise _unusable("timestamp", after, f"{times[one]}, as frame {one}", "another one for each frame")
        rows = [Row(ANNOTATIONS, {**_object(told[token], "ego_pose", token), "token": token}) for token in order]
        stamps = np.array([times[token] for token in order], dtype=np.int64) * NS_PER_US
        return Frames(order, stamps, rigid_transforms(rows, order), self._split(scene))

    def _split(self, scene: str) -> str:
        splits = [name for name, scenes in self._splits.items() if scene in scenes]
        if len(splits) > 1:
            raise InputError("the scene is in both splits", file=ANNOTATIONS, scene=scene, fix=_WITHOUT_IT)
        return splits[0] if splits else ""


def _object(value: Any, key: str, frame: str | None = None) -> dict[str, Any]:
    """The object below a key."""
    inner = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    if not isinstance(inner, dict):
        what = "nothing" if inner is None else type(cast("object", inner)).__name__
        raise _unusable(key, frame, what, "an object")
    return cast("dict[str, Any]", inner)


def _names(value: Any, key: str) -> list[str]:
    """The list of scenes below a key, which a release without splits may lack."""
    names: Any = cast("dict[str, Any]", value).get(key, [])
    if isinstance(names, list) and all(isinstance(name, str) for name in cast("list[object]", names)):
        return cast("list[str]", names)
    raise _unusable(key, None, ascii(cast("object", names))[:60], "a list of scenes")


def _microseconds(values: dict[str, Any], frame: str) -> int:
    """Occ3D writes them as text."""
    value = values.get("timestamp")
    text = str(value) if type(value) is int else value
    if not isinstance(text, str) or not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) < _LATEST):
        found = "nothing" if value is None else ascii(value)[:60]
        raise _unusable("timestamp", frame, found, "microseconds, a whole number")
    return int(text)


def _unusable(key: str, frame: str | None, found: str, expected: str) -> InputError:
    return InputError(
        f"{key!r} is not usable", file=ANNOTATIONS, frame=frame, found=found, expected=expected, fix=_WITHOUT_IT
    )
