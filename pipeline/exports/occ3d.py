"""Occ3D-nuScenes, as FlashOcc, BEVDet-Occ and most others read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ...schemas.taxonomy import NUSCENES
from .format import Format, Frame, npz

FREE, OTHERS = 17, 0


class Occ3D(Format):
    """``gts/<scene>/<token>/labels.npz``: semantics, mask_lidar, mask_camera, (200, 200, 16) uint8, [x, y, z], ego frame, 0.4 m."""

    name: ClassVar[str] = "occ3d"
    grid_name: ClassVar[str] = "occ3d"
    taxonomies: ClassVar[tuple[str, ...]] = (NUSCENES.name,)
    convention: ClassVar[str] = (
        "unknown voxels are called free (17) and masked out of mask_lidar and mask_camera; occupied ones without a class are others (0)"
    )

    def files(self, frame: Frame) -> Mapping[str, bytes]:
        semantics = frame.filled(FREE, FREE, OTHERS)
        content = npz(semantics=semantics, mask_lidar=frame.mask_lidar, mask_camera=frame.mask_camera)
        return {f"gts/{frame.scene}/{frame.token}/labels.npz": content}
