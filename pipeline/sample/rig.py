"""The six cameras of the recording car: a real nuScenes car's calibration, and when each of them triggers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...schemas.errors import UsageError
from ...schemas.frames import rotation_from_quaternion
from .meshes import Float64
from .scanner import HDL_32E

WIDTH, HEIGHT = 1600, 900
"""Pixels of a full image."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: x right, y down, z ahead; pixel (i, j) covers [i, i + 1) x [j, j + 1) of the image plane."""

    channel: str
    translation: tuple[float, float, float]
    """Metres in the ego frame."""
    rotation: tuple[float, float, float, float]
    """Quaternion w, x, y, z."""
    focal: float
    """Pixels of the full image."""
    middle: tuple[float, float]
    """Principal point, pixels of the full image."""
    width: int = WIDTH
    """Pixels of the full image."""
    height: int = HEIGHT

    def image_size(self, scale: float) -> tuple[int, int]:
        """Width and height in whole pixels of an image ``scale`` times the full size; what is left of a pixel is cut off."""
        return int(self.width * scale + 1e-6), int(self.height * scale + 1e-6)

    @property
    def ego_SE3_camera(self) -> Float64:
        """(4, 4)."""
        wxyz = np.array(self.rotation)
        pose = np.eye(4)
        pose[:3, :3] = rotation_from_quaternion(wxyz / np.linalg.norm(wxyz))
        pose[:3, 3] = self.translation
        return pose

    def intrinsic(self, scale: float) -> Float64:
        """(3, 3) pixels of an image ``scale`` times the full size."""
        return np.array(
            [
                [self.focal * scale, 0.0, self.middle[0] * scale],
                [0.0, self.focal * scale, self.middle[1] * scale],
                [0.0, 0.0, 1.0],
            ]
        )

    def stamp_us(self, sweep_us: int) -> int:
        """When it triggers: as the sweep that ends at ``sweep_us`` passes its axis, from the left on clockwise."""
        x, y, _ = HDL_32E.ego_SE3_lidar[:3, :3].T @ self.ego_SE3_camera[:3, 2]
        turned = (np.pi - np.arctan2(y, x)) % (2 * np.pi)
        return sweep_us - round(HDL_32E.period_s * 1e6 * (1 - float(turned) / (2 * np.pi)))


CAMERAS = (
    Camera(
        "CAM_FRONT",
        (1.70079118954, 0.0159456324149, 1.51095763913),
        (0.4998015430569128, -0.5030316162024876, 0.4997798114386805, -0.49737083824542755),
        1266.417203046554,
        (816.2670197447984, 491.50706579294757),
    ),
    Camera(
        "CAM_FRONT_LEFT",
        (1.52387798135, 0.494631336551, 1.50932822144),
        (0.6757265034669446, -0.6736266522251881, 0.21214015046209478, -0.21122827103904068),
        1272.5979470598488,
        (826.6154927353808, 479.75165386361925),
    ),
    Camera(
        "CAM_FRONT_RIGHT",
        (1.5508477543, -0.493404796419, 1.49574800619),
        (0.2060347966337182, -0.2026940577919598, 0.6824507824531167, -0.6713610884174485),
        1260.8474446004698,
        (807.968244525554, 495.3344268742088),
    ),
    Camera(
        "CAM_BACK",
        (0.0283260309358, 0.00345136761476, 1.57910346144),
        (0.5037872666382278, -0.49740249788611096, -0.4941850223835201, 0.5045496097725578),
        809.2209905677063,
        (829.2196003259838, 481.77842384512485),
    ),
    Camera(
        "CAM_BACK_LEFT",
        (1.03569100218, 0.484795032713, 1.59097014818),
        (0.6924185592174665, -0.7031619420114925, -0.11648342771943819, 0.11203317912370753),
        1256.7414812095406,
        (792.1125740759628, 492.7757465151356),
    ),
    Camera(
        "CAM_BACK_RIGHT",
        (1.0148780988, -0.480568219723, 1.56239545128),
        (0.12280980120078765, -0.132400842670559, -0.7004305821388234, 0.690496031265798),
        1259.5137405846733,
        (807.2529053838625, 501.19579884916527),
    ),
)
"""As calibrated on the car of nuScenes scene-0061."""


def image_size(scale: float) -> tuple[int, int]:
    """Width and height in pixels. Raises UsageError where a scale gives no whole pixels."""
    width, height = WIDTH * scale, HEIGHT * scale
    if not 0.0 < scale <= 1.0 or abs(width - round(width)) > 1e-6 or abs(height - round(height)) > 1e-6:
        raise UsageError(
            "images cannot have this scale",
            found=f"{scale:g}: {width:g} x {height:g} pixels",
            expected="a fraction of 1600 x 900 in whole pixels, at most 1",
            fix="a multiple of 0.01 such as 1, 0.5 or 0.25",
        )
    return round(width), round(height)
