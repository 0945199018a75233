"""Rigid transforms between named frames, composed left to right: ``world_SE3_ego @ ego_SE3_lidar``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_ORTHONORMAL_TOLERANCE = 1e-4


@dataclass(frozen=True)
class SE3:
    """A rigid transform ``target_SE3_source``: maps points of the source frame into the target frame.

    ``matrix``: (4, 4) float64, metres, last row 0 0 0 1. Raises ValueError if it is not finite or not rigid.
    """

    matrix: Float64

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (4, 4):
            raise ValueError(f"a rigid transform is a (4, 4) matrix, found shape {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise ValueError("a rigid transform must be finite, found NaN or infinity")
        if (matrix[3] != (0.0, 0.0, 0.0, 1.0)).any():
            raise ValueError(f"the last row of a rigid transform is 0 0 0 1, found {matrix[3].tolist()}")
        rotation = matrix[:3, :3]
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > _ORTHONORMAL_TOLERANCE or np.linalg.det(rotation) < 0:
            raise ValueError("the rotation of a rigid transform must be orthonormal and right-handed")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def identity(cls) -> SE3:
        """The transform that changes nothing."""
        return cls(np.eye(4))

    @classmethod
    def from_quaternion(cls, wxyz: Float64, translation_m: Float64) -> SE3:
        """From a unit quaternion (w, x, y, z) and a translation (3,) in metres.

        Raises ValueError if either is not finite, or the quaternion's norm is more than 0.01 from one.
        """
        matrix = np.eye(4)
        matrix[:3, :3] = rotation_from_quaternion(wxyz)
        matrix[:3, 3] = np.asarray(translation_m, dtype=np.float64)
        return cls(matrix)

    @property
    def rotation(self) -> Float64:
        """(3, 3) float64."""
        return self.matrix[:3, :3]

    @property
    def translation(self) -> Float64:
        """(3,) float64, metres: where the source frame's origin lies in the target frame."""
        return self.matrix[:3, 3]

    def inverse(self) -> SE3:
        """``source_SE3_target``."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation.T
        matrix[:3, 3] = -self.rotation.T @ self.translation
        return SE3(matrix)

    def __matmul__(self, other: SE3) -> SE3:
        return SE3(self.matrix @ other.matrix)

    def apply(self, points: Float64) -> Float64:
        """Points (N, 3) of the source frame, in the target frame, (N, 3) float64, metres."""
        return np.asarray(points, dtype=np.float64) @ self.rotation.T + self.translation


def rotation_from_quaternion(wxyz: Float64) -> Float64:
    """Rotation matrix (3, 3) of a unit quaternion (4,) in the order w, x, y, z.

    Raises ValueError if it is not finite, or its norm is more than 0.01 from one.
    """
    quaternion = np.asarray(wxyz, dtype=np.float64)
    if quaternion.shape != (4,) or not np.isfinite(quaternion).all():
        raise ValueError(f"a rotation needs four finite numbers w, x, y, z, found {quaternion.tolist()}")
    norm = float(np.linalg.norm(quaternion))
    if abs(norm - 1.0) > 0.01:
        raise ValueError(f"a rotation needs a unit quaternion, found norm {norm:.4f}")
    w, x, y, z = quaternion / norm
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
