"""Published labels of every format, written byte by byte for one small object: nothing here asks NumPy where a voxel lies."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path

from occ_pipeline.tests.pipeline.sources.occ3d_log import Voxel, golden_npz, npy, npz

BOAT: dict[Voxel, str] = {
    (120, 99, 1): "car",
    (121, 99, 1): "car",
    (122, 99, 1): "car",
    (120, 99, 2): "car",
    (120, 100, 1): "sidewalk",
    (3, 7, 15): "vegetation",
    (9, 2, 0): "",
}
"""A car of three voxels along x and one on its rear, a pavement beside it, a leaf in a corner, and a thing without a class: no
two axes are alike."""
OPEN: Voxel = (4, 7, 1)
"""A voxel that is seen to be free, where a format tells."""
SPEED = {(120, 99, 1): (8.5, -0.25), (122, 99, 1): (-0.0, 2.0)}
"""Metres per second along x and y."""
NUSCENES_IDS = {"car": 4, "sidewalk": 13, "vegetation": 16, "": 0}
OPENOCC_IDS = {"car": 0, "sidewalk": 12, "vegetation": 15}
RAW_IDS = {"car": 10, "sidewalk": 48, "vegetation": 70, "": 99}
MONOSCENE_IDS = {"car": 1, "sidewalk": 11, "vegetation": 15}
SSCBENCH_IDS = {"car": 1, "sidewalk": 9, "vegetation": 13}
KITTI = 256 * 256 * 32
TURN = "2013_05_28_drive_0009_sync"


def kitti_place(voxel: Voxel) -> int:
    """Where a voxel of KITTI's grid lies: x outermost, z innermost."""
    x, y, z = voxel
    return (x * 256 + y) * 32 + z


def bits(places: set[int], rest: int = 0) -> bytes:
    """One bit a voxel, the first in the highest; ``rest`` 1 for the others being set and these not."""
    made = bytearray([255 if rest else 0]) * (KITTI // 8)
    for place in places:
        made[place // 8] ^= 0x80 >> place % 8
    return bytes(made)


def surroundocc() -> dict[str, bytes]:
    rows = sorted((*voxel, NUSCENES_IDS[name]) for voxel, name in BOAT.items())
    content = b"".join(struct.pack("<4q", *row) for row in rows)
    return {
        "samples/n8-2018-07-24+0800__LIDAR_TOP__1532402927647951.pcd.bin.npy": npy(content, (len(rows), 4), "<i8"),
    }


def openoccupancy() -> dict[str, bytes]:
    rows = sorted((z, y, x, NUSCENES_IDS[name]) for (x, y, z), name in BOAT.items())
    rows.append((39, 511, 400, 16))
    content = b"".join(struct.pack("<4h", *row) for row in rows)
    return {"scene_5c1e/occupancy/b2d4.npy": npy(content, (len(rows), 4), "<i2")}


def openocc_arrays() -> dict[str, bytes]:
    semantics, flow = bytearray([16]) * 640_000, bytearray(640_000 * 8)
    for (x, y, z), name in BOAT.items():
        semantics[(x * 200 + y) * 16 + z] = OPENOCC_IDS.get(name, 16)
    for (x, y, z), speed in SPEED.items():
        struct.pack_into("<2f", flow, ((x * 200 + y) * 16 + z) * 8, *speed)
    return {"semantics": npy(bytes(semantics)), "flow": npy(bytes(flow), (200, 200, 16, 2), "<f4")}


def openocc() -> dict[str, bytes]:
    return {"openocc_v2/scene-0001/aa11/labels.npz": npz(openocc_arrays())}


def raw_labels(nameless: int) -> bytes:
    made = bytearray(2 * KITTI)
    for voxel, name in BOAT.items():
        struct.pack_into("<H", made, 2 * kitti_place(voxel), RAW_IDS[name] if name else nameless)
    return bytes(made)


def known() -> set[int]:
    return {kitti_place(voxel) for voxel in (*BOAT, OPEN)}


def semantickitti() -> dict[str, bytes]:
    stem = "sequences/08/voxels/000015"
    hidden = bits(known(), rest=1)
    return {
        f"{stem}.label": raw_labels(99), f"{stem}.bin": bits({kitti_place((120, 99, 1))}), f"{stem}.invalid": hidden,
        f"{stem}.occluded": hidden,
    }  # fmt: skip


def floats(ids: Mapping[str, int]) -> bytes:
    made = bytearray(struct.pack("<f", 255.0)) * KITTI
    for voxel, name in (*BOAT.items(), (OPEN, None)):
        value = 0.0 if name is None else float(ids.get(name, 255))
        struct.pack_into("<f", made, 4 * kitti_place(voxel), value)
    return npy(bytes(made), (256, 256, 32), "<f4")


def monoscene() -> dict[str, bytes]:
    return {"08/000015_1_1.npy": floats(MONOSCENE_IDS)}


def sscbench() -> dict[str, bytes]:
    stem = f"data_2d_raw/{TURN}/voxels/000015"
    invalid = bytearray(b"\x01") * KITTI
    for place in known():
        invalid[place] = 0
    return {
        f"{stem}.label": raw_labels(1), f"{stem}.bin": bits({kitti_place((120, 99, 1))}), f"{stem}.invalid": bytes(invalid),
        f"preprocess/labels/{TURN}/000015_1_1.npy": floats(SSCBENCH_IDS),
    }  # fmt: skip


def occ3d() -> dict[str, bytes]:
    return {"gts/scene-0001/aa11/labels.npz": golden_npz()}


GOLDEN: Mapping[str, Callable[[], dict[str, bytes]]] = {
    "occ3d": occ3d, "surroundocc": surroundocc, "openoccupancy": openoccupancy, "openocc": openocc,
    "semantickitti": semantickitti, "monoscene": monoscene, "sscbench-kitti360": sscbench,
}  # fmt: skip
"""Files of one key frame by their paths below the folder that a user names."""


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
