"""Takes one picture: the image, and what is true of each of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...schemas.taxonomy import NO_LABEL
from .meshes import Float64
from .rasterise import FAR_M, NEAR_M, Float32, move, rasterise
from .rig import Camera
from .scenery import Scenery
from .shade import Stage, develop
from .sky import srgb
from .sunlight import Sunlight

_SRGB = srgb()


@dataclass(frozen=True)
class Photograph:
    """What a camera saw. All arrays (H, W); a pixel's truth is that of its middle."""

    image: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    labels: NDArray[np.uint8]
    """Class id of the store's taxonomy; 255 for the sky and what has none."""
    depth_m: Float32
    """Distance along the camera's axis; 0 for the sky."""
    instances: NDArray[np.uint16]
    """Number of the object, from 1; 0 for the street and the sky."""


def sun_of(world_heading: float) -> Float64:
    """(3,) unit vector towards a sun that lights a street of this heading from one side, 38 degrees high."""
    azimuth, height = world_heading + 2.2, np.deg2rad(38.0)
    return np.array([np.cos(azimuth) * np.cos(height), np.sin(azimuth) * np.cos(height), np.sin(height)])


def photograph(
    scenery: Scenery, light: Sunlight, sun: Float64, camera: Camera, scale: float, poses: Float64
) -> Photograph:
    """The picture of a camera; ``poses`` (B, 4, 4): bodies when it triggers, the recording car last; ``sun`` (3,)."""
    width, height = camera.image_size(scale)
    origin_SE3_camera = poses[-1] @ camera.ego_SE3_camera
    focal, (cx, cy) = camera.focal * scale, camera.middle
    # Two samples a pixel, at its middle and its edges.
    lens = (2 * focal, 2 * focal, -2 * cx * scale, -2 * cy * scale)
    points = np.empty_like(scenery.vertices)
    camera_SE3_body = np.asarray(np.linalg.inv(origin_SE3_camera), dtype=np.float64) @ poses
    move(scenery.vertices, scenery.vertex_bodies, camera_SE3_body, points)
    nearness = np.zeros((2 * height + 1, 2 * width + 1), dtype=np.float32)
    shown = np.full(nearness.shape, -1, dtype=np.int32)
    rasterise(points, scenery.triangles[: scenery.seen], lens, (NEAR_M, FAR_M), nearness, shown)
    stage = Stage(
        points,
        scenery.vertices,
        scenery.uv,
        scenery.triangles,
        scenery.bodies,
        scenery.normals,
        scenery.materials,
        scenery.colours,
        scenery.extents,
        poses,
        np.ascontiguousarray(origin_SE3_camera[:3, :3]),
        (float(sun[0]), float(sun[1]), float(sun[2])),
        light.sun_SE3_origin,
        light.lens,
        light.nearness,
    )
    image = np.empty((height, width, 3), dtype=np.uint8)
    develop(stage, shown, lens, _SRGB, image)
    middle, near = shown[1::2, 1::2], nearness[1::2, 1::2]
    hit = middle >= 0
    return Photograph(
        image,
        np.where(hit, scenery.classes[middle], NO_LABEL).astype(np.uint8),
        np.where(hit, 1 / np.where(hit, near, 1), 0).astype(np.float32),
        np.where(hit, scenery.instances[middle], 0).astype(np.uint16),
    )
