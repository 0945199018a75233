"""Sensor data of key frames, copied into the store for training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.cameras import CameraTables
from ..schemas.parameters import Count
from ..schemas.product import Array, Blocks, Product
from ..schemas.refined_poses import RefinedPoses
from ..schemas.scene import SceneTables
from ..schemas.sensor_frames import INTENSITY_MOST, SensorFrames
from .estimate import BASE_MIB, Estimate, SceneSize
from .stage import Needs, Part, PartResult, SceneView, Stage, frame_parts

Float32 = NDArray[np.float32]
_OF_CAMERAS = {
    "camera_timestamps_ns": "timestamps_ns",
    "camera_world_SE3_ego": "world_SE3_ego",
    "ego_SE3_camera": "ego_SE3_camera",
    "intrinsics": "intrinsics",
}


@dataclass(frozen=True, kw_only=True)
class CopyInputs(Stage):
    """Copies key frames' points, images, calibration and poses into the store, so that it alone can train."""

    name: ClassVar[str] = "inputs"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (SensorFrames,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numpy",)

    sweeps: Count = 1
    """Sweeps of each key frame: its own and those before it, moved into its LiDAR frame by the poses; what drives by leaves a trail."""
    images: bool = True
    """Whether images are copied: most of the bytes. Calibration is, either way."""
    frames_per_part: Count = 4
    """Key frames that are copied together."""

    def reads(self) -> tuple[type[Product], ...]:
        return (RefinedPoses, CameraTables)

    def reads_sweeps(self) -> bool:
        return True

    def reads_images(self) -> bool:
        return self.images

    def estimate(self, size: SceneSize) -> Estimate:
        points = size.returns / max(size.sweeps, 1) * self.sweeps * size.frames
        images = 1.0e6 * size.frames if self.images else 0.0
        return Estimate(
            0.2 + size.frames * 0.1 + points * 2e-7, BASE_MIB + 60.0 + images / 2**20 / 8, 9.0 * points + images
        )

    def parts(self, scene: SceneView) -> list[Part]:
        return frame_parts(scene, self.frames_per_part)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        frames = range(part.args["start"], part.args["stop"])
        clouds = [self._cloud(scene, frame) for frame in frames]
        images = [self._image(scene, frame, camera) for frame in frames for camera in range(_cameras(scene))]
        return {
            "points": np.concatenate([points for points, _, _ in clouds]),
            "intensity": np.concatenate([intensity for _, intensity, _ in clouds]),
            "time_s": np.concatenate([time_s for _, _, time_s in clouds]),
            "point_counts": np.array([len(points) for points, _, _ in clouds], dtype=np.int64),
            "image_bytes": np.frombuffer(b"".join(images), dtype=np.uint8),
            "image_counts": np.array([len(image) for image in images], dtype=np.int64),
        }

    def _image(self, scene: SceneView, frame: int, camera: int) -> bytes:
        return scene.image(frame, camera) if self.images else b""

    def _cloud(self, scene: SceneView, frame: int) -> tuple[Float32, Float32, Float32]:
        """Points, intensities and times of one key frame."""
        key = int(scene.tables.key_sweeps[frame])
        first = max(0, key - self.sweeps + 1)
        clouds = [_seen_from(scene, sweep, key) for sweep in range(first, key + 1)]
        points, intensity, times = zip(*clouds, strict=True)
        return np.concatenate(points), np.concatenate(intensity), np.concatenate(times)

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        tables, cameras = scene.tables, scene.product(CameraTables)
        points, images = (
            np.append(0, np.cumsum(np.concatenate([r[name] for r in results]))).astype(np.int64)
            for name in ("point_counts", "image_counts")
        )

        def joined(name: str, rows: int, *row: int) -> Array:
            return Blocks.of((rows, *row), str(results[0][name].dtype), [lambda r=r: r[name] for r in results])

        yield SensorFrames(
            points=joined("points", int(points[-1]), 3),
            intensity=joined("intensity", int(points[-1])),
            time_s=joined("time_s", int(points[-1])),
            point_offsets=points,
            image_bytes=joined("image_bytes", int(images[-1])),
            image_offsets=images,
            timestamps_ns=tables.timestamps_ns[tables.key_sweeps],
            world_SE3_ego=tables.world_SE3_ego[tables.key_sweeps],
            ego_SE3_lidar=tables.ego_SE3_lidar[tables.key_sweeps],
            **{name: cameras.read(logged) for name, logged in _OF_CAMERAS.items()},
            intensity_most=_intensity_most(tables),
            cameras=cameras.attribute("names"),
            image_sizes=cameras.attribute("image_sizes"),
            frame_tokens=tables.frame_tokens,
        )


def _cameras(scene: SceneView) -> int:
    return len(scene.product(CameraTables).attribute("names"))


def _intensity_most(tables: SceneTables) -> float:
    return INTENSITY_MOST.get(tables.dataset, 1.0) if tables.point_columns > 3 else 0.0


def _seen_from(scene: SceneView, sweep: int, key: int) -> tuple[Float32, Float32, Float32]:
    """A sweep's points in the LiDAR frame of the sweep ``key``, bit for bit its own where it is that; intensities; times."""
    cloud, tables = scene.sweep(sweep), scene.tables
    points = cloud.points
    if sweep != key:
        key_SE3_sweep = np.linalg.inv(tables.world_SE3_lidar(key)) @ tables.world_SE3_lidar(sweep)
        points = (points @ key_SE3_sweep[:3, :3].T + key_SE3_sweep[:3, 3]).astype(np.float32)
    intensity = np.zeros(len(points), np.float32) if cloud.intensity is None else cloud.intensity
    seconds = (tables.timestamps_ns[sweep] - tables.timestamps_ns[key]) * 1e-9
    known = np.where(np.isfinite(intensity), intensity, np.float32(0))
    return points, known, np.full(len(points), seconds, dtype=np.float32)
