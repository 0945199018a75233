"""OpenOcc v2, the labels of the challenge on occupancy and flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ...schemas.taxonomy import NUSCENES
from .format import Format, Frame, npz

CLASSES = (
    "car", "truck", "trailer", "bus", "construction_vehicle", "bicycle", "motorcycle", "pedestrian", "traffic_cone",
    "barrier", "driveable_surface", "other_flat", "sidewalk", "terrain", "manmade", "vegetation",
)  # fmt: skip
"""By id (github.com/OpenDriveLab/OccNet, occ_class_names of the metrics)."""
FREE = len(CLASSES)


class OpenOcc(Format):
    """``openocc_v2/<scene>/<token>/labels.npz``: ``semantics`` (200, 200, 16) uint8, [x, y, z], and ``flow`` (200, 200, 16, 2) float32.

    Ego frame, 0.4 m; flow is the velocity along x and y in metres per second, 0 where nothing moves.
    """

    name: ClassVar[str] = "openocc"
    grid_name: ClassVar[str] = "occ3d"
    taxonomies: ClassVar[tuple[str, ...]] = (NUSCENES.name,)
    wants_flow: ClassVar[bool] = True
    convention: ClassVar[str] = (
        "unknown voxels, occupied ones without a class and others are called free (16), since it has no mask and no word for"
        " them; flow is 0 where it is not known; instances, which no trainer reads, are left out"
    )

    def files(self, frame: Frame) -> Mapping[str, bytes]:
        assert frame.velocity_m_s is not None
        ids = np.full(256, FREE, dtype=np.uint8)
        ids[[NUSCENES.id_of(name) for name in CLASSES]] = np.arange(FREE)
        # What is not occupied has no class.
        content = npz(semantics=ids[frame.semantics], flow=frame.velocity_m_s.astype("<f4"))
        return {f"openocc_v2/{frame.scene}/{frame.token}/labels.npz": content}
