"""Occ3D folders for tests, written byte by byte: nothing here asks NumPy where a voxel lies."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SHAPE = (200, 200, 16)
FREE = 17
Voxel = tuple[int, int, int]
Grids = dict[str, np.ndarray]

KERB: dict[Voxel, int] = {
    (120, 99, 1): 4,
    (121, 99, 1): 4,
    (122, 99, 1): 4,
    (120, 99, 2): 4,
    (120, 100, 1): 13,
    (0, 199, 15): 16,
}
"""A car of three voxels along x and one on its rear, a pavement beside it, and a leaf in one corner: no two axes are alike."""
OBSERVED: dict[Voxel, tuple[int, int]] = {
    (120, 99, 1): (1, 1),
    (110, 99, 1): (1, 0),
    (111, 99, 1): (0, 1),
    (121, 99, 1): (1, 0),
}
"""LiDAR's and camera's mask."""


def place(voxel: Voxel) -> int:
    """Where a voxel's byte lies: x outermost, z innermost."""
    x, y, z = voxel
    return (x * 200 + y) * 16 + z


def golden(
    occupied: Mapping[Voxel, int] = KERB, observed: Mapping[Voxel, tuple[int, int]] = OBSERVED
) -> dict[str, bytearray]:
    """The three arrays' bytes."""
    made = {
        "semantics": bytearray([FREE]) * 640_000,
        "mask_lidar": bytearray(640_000),
        "mask_camera": bytearray(640_000),
    }
    for voxel, class_id in occupied.items():
        made["semantics"][place(voxel)] = class_id
    for voxel, (lidar, camera) in observed.items():
        made["mask_lidar"][place(voxel)], made["mask_camera"][place(voxel)] = lidar, camera
    return made


def npy(content: bytes, shape: Sequence[int] = SHAPE, descr: str = "|u1", order: str = "False") -> bytes:
    """An ``.npy`` file, version 1.0, by its description."""
    head = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {tuple(shape)!r}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + content


def npz(members: Mapping[str, bytes]) -> bytes:
    """An archive of ``.npy`` files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def golden_npz(**changed: bytes | None) -> bytes:
    """The golden file, with some members replaced or, by None, left out."""
    members: dict[str, bytes | None] = {name: npy(bytes(content)) for name, content in golden().items()}
    return npz({name: content for name, content in (members | changed).items() if content is not None})


def arrays(seed: int) -> Grids:
    """A random frame."""
    rng = np.random.default_rng(seed)
    semantics = np.where(rng.random(SHAPE) < 0.995, FREE, rng.integers(0, 18, SHAPE)).astype(np.uint8)
    return {"semantics": semantics} | {
        f"mask_{n}": rng.integers(0, 2, SHAPE).astype(np.uint8) for n in ("lidar", "camera")
    }


def write(folder: Path, scene: str, token: str, content: bytes | None = None) -> Path:
    """One frame's file below ``gts``."""
    path = folder / "gts" / scene / token / "labels.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(golden_npz() if content is None else content)
    return path


def frame(timestamp: object, x: float = 0.0, **changed: Any) -> dict[str, Any]:
    """What ``annotations.json`` tells of one frame: a quarter turn to the left, ``x`` metres ahead."""
    pose = {"rotation": [0.5**0.5, 0.0, 0.0, 0.5**0.5], "translation": [x, -2.0, 0.5]}
    camera = {"img_path": "imgs/CAM_FRONT/a.jpg", "intrinsic": [], "extrinsic": pose, "ego_pose": pose}
    told = {
        "timestamp": timestamp, "camera_sensor": {"c": camera}, "ego_pose": pose, "gt_path": "gts/s/t/labels.npz",
        "prev": "EOF", "next": "EOF",
    }  # fmt: skip
    return told | changed


def annotate(folder: Path, scenes: Mapping[str, Any], **top: Any) -> None:
    """Writes ``annotations.json``."""
    told = {"train_split": ["scene-0001"], "val_split": ["scene-0003"], "scene_infos": scenes} | top
    (folder / "annotations.json").write_text(json.dumps(told))
