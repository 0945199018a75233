"""The rectified stereo pairs of KITTI's cars: calibration as it is published, and the cameras it describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ...schemas.errors import UsageError
from .meshes import Float64
from .rig import Camera
from .tables import quaternion


@dataclass(frozen=True)
class Stereo:
    """Cameras that look the same way once they are rectified, and camera 0 as it was before."""

    width: int
    """Pixels of a full image."""
    height: int
    rectified_R_cam0: Float64
    """(3, 3) rotation of what camera 0 sees to what the rectified one would."""
    cam0_SE3_lidar: Float64
    """(4, 4) of camera 0 before it is rectified."""
    projections: Mapping[str, Float64]
    """(3, 4) ``P_rect`` of each camera by its number: from the rectified frame of camera 0, to pixels of the full image that count
    from the middle of the first."""

    def refuse_scale(self, scale: float) -> None:
        """Raises UsageError for a scale that leaves no image, or asks for more than a full one."""
        if not 0.0 < scale <= 1.0 or min(self.width * scale, self.height * scale) < 1:
            raise UsageError(
                "images cannot have this scale", found=f"{scale:g}", expected=f"a fraction of {self.width} x {self.height}, at most 1",
                fix="one such as 1, 0.5 or 0.25",
            )  # fmt: skip

    def projection(self, number: str, scale: float) -> Float64:
        """(3, 4) the same of an image ``scale`` times the full size."""
        shrink = np.array([[scale, 0.0, (scale - 1) / 2], [0.0, scale, (scale - 1) / 2], [0.0, 0.0, 1.0]])
        return shrink @ self.projections[number]

    def place(self, number: str) -> Float64:
        """(3,) where a camera is in the rectified frame of camera 0, metres."""
        projection = self.projections[number]
        return -np.linalg.solve(projection[:, :3], projection[:, 3])

    def camera(self, number: str, ego_SE3_lidar: Float64) -> Camera:
        """The camera on the car; ``ego_SE3_lidar``: (4, 4)."""
        rectified_SE3_cam0, rectified_SE3_camera = np.eye(4), np.eye(4)
        rectified_SE3_cam0[:3, :3] = self.rectified_R_cam0
        rectified_SE3_camera[:3, 3] = self.place(number)
        pose = ego_SE3_lidar @ np.linalg.inv(rectified_SE3_cam0 @ self.cam0_SE3_lidar) @ rectified_SE3_camera
        x, y, z = pose[:3, 3].tolist()
        qw, qx, qy, qz = quaternion(pose)
        projection = self.projections[number]
        # Ours counts from the corner of the first pixel.
        middle = (float(projection[0, 2]) + 0.5, float(projection[1, 2]) + 0.5)
        focal = float(projection[0, 0])
        return Camera(f"image_{number}", (x, y, z), (qw, qx, qy, qz), focal, middle, self.width, self.height)

    def calibration(self, scale: float) -> dict[str, Float64]:
        """Rows of ``calib_cam_to_cam.txt`` or ``perspective.txt``, of images ``scale`` times the full size.

        Images are made as if rectified, so cameras have no distortion, and all look as camera 0 does.
        """
        found: dict[str, Float64] = {}
        for number in self.projections:
            projection = self.projection(number, scale)
            size = np.array(self.camera(number, np.eye(4)).image_size(scale), dtype=np.float64)
            found |= {
                f"S_{number}": size, f"K_{number}": projection[:, :3], f"D_{number}": np.zeros(5), f"R_{number}": np.eye(3),
                f"T_{number}": -self.rectified_R_cam0.T @ self.place(number), f"S_rect_{number}": size,
                f"R_rect_{number}": self.rectified_R_cam0, f"P_rect_{number}": projection,
            }  # fmt: skip
        return found


def pose_of(rotation: list[list[float]], translation: list[float]) -> Float64:
    """(4, 4) of published numbers, whose rotation has digits for the nearest one only."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = Rotation.from_matrix(rotation).as_matrix(), translation
    return pose


def projection_of(focal: float, middle: tuple[float, float], offset: tuple[float, float, float]) -> Float64:
    """(3, 4)."""
    return np.array(
        [[focal, 0.0, middle[0], offset[0]], [0.0, focal, middle[1], offset[1]], [0.0, 0.0, 1.0, offset[2]]]
    )


KITTI = Stereo(
    width=1242,
    height=375,
    rectified_R_cam0=pose_of(
        [
            [9.999239e-01, 9.837760e-03, -7.445048e-03],
            [-9.869795e-03, 9.999421e-01, -4.278459e-03],
            [7.402527e-03, 4.351614e-03, 9.999631e-01],
        ],
        [0.0, 0.0, 0.0],
    )[:3, :3],
    cam0_SE3_lidar=pose_of(
        [
            [7.533745e-03, -9.999714e-01, -6.166020e-04],
            [1.480249e-02, 7.280733e-04, -9.998902e-01],
            [9.998621e-01, 7.523790e-03, 1.480755e-02],
        ],
        [-4.069766e-03, -7.631618e-02, -2.717806e-01],
    ),
    projections={
        "00": projection_of(721.5377, (609.5593, 172.854), (0.0, 0.0, 0.0)),
        "01": projection_of(721.5377, (609.5593, 172.854), (-387.5744, 0.0, 0.0)),
        "02": projection_of(721.5377, (609.5593, 172.854), (44.85728, 0.2163791, 2.745884e-03)),
        "03": projection_of(721.5377, (609.5593, 172.854), (-339.5242, 2.199936, 2.729905e-03)),
    },
)
"""As calibrated for the drives of 2011_09_26; 02 and 03 are the coloured ones."""

KITTI_360 = Stereo(
    width=1408,
    height=376,
    rectified_R_cam0=pose_of(
        [[0.999974, -0.007141, -0.000089], [0.007141, 0.999969, -0.003247], [0.000112, 0.003247, 0.999995]],
        [0.0, 0.0, 0.0],
    )[:3, :3],
    cam0_SE3_lidar=np.linalg.inv(
        pose_of(
            [
                [0.04307104361, -0.08829286498, 0.995162929],
                [-0.999004371, 0.007784614041, 0.04392796942],
                [-0.01162548558, -0.9960641394, -0.08786966659],
            ],
            [0.8043914418, 0.2993489574, -0.1770225824],
        )
    ),
    projections={
        "00": projection_of(552.554261, (682.049453, 238.769549), (0.0, 0.0, 0.0)),
        "01": projection_of(552.554261, (682.049453, 238.769549), (-328.318735, 0.0, 0.0)),
    },
)
"""As calibrated for KITTI-360."""
