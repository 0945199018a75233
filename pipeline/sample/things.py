"""What a scene is made of: objects that annotators box, still or moving, and where they are at each moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ...schemas.frames import rotation_from_quaternion
from .meshes import Float64, Mesh

KNOT_S = 0.01
"""Time between the knots of a motion; between them places are linear and rotations normalised linear quaternions, so always rigid."""
LEAD_S = 0.1
"""Motions begin this long before the scene: the first scan does."""


def rng(seed: int, *names: str) -> np.random.Generator:
    """Random numbers that depend on the log's seed and on names, and on nothing else."""
    return np.random.default_rng(np.random.SeedSequence([seed, *"/".join(names).encode()]))


def knot_times(seconds: float) -> Float64:
    """Times (K,) of the knots of every motion in a scene, seconds from its first key frame."""
    count = round((seconds + LEAD_S) / KNOT_S) + 6
    return np.array([k * KNOT_S - LEAD_S for k in range(count)])


def knots(poses: Float64) -> Float64:
    """Poses (K, 4, 4) as knots (K, 7): translation, quaternion w x y z, each quaternion near the one before."""
    xyzw = Rotation.from_matrix(poses[:, :3, :3]).as_quat()
    flips: Float64 = np.concatenate([[1.0], np.where((xyzw[1:] * xyzw[:-1]).sum(axis=1) < 0, -1.0, 1.0)])
    return np.column_stack([poses[:, :3, 3], np.roll(xyzw, 1, axis=1) * np.cumprod(flips)[:, None]])


def pose_at(motion: Float64, time_s: float) -> Float64:
    """The pose (4, 4) at a time, from knots (K, 7)."""
    place = (time_s + LEAD_S) / KNOT_S
    k = int(np.clip(np.floor(place), 0, len(motion) - 2))
    values = motion[k] + (place - k) * (motion[k + 1] - motion[k])
    pose = np.eye(4)
    pose[:3, :3] = rotation_from_quaternion(values[3:] / np.linalg.norm(values[3:]))
    pose[:3, 3] = values[:3]
    return pose


@dataclass(frozen=True)
class Parked:
    """An object that stands still throughout: part of the static world, yet annotated."""

    name: str
    category: str
    size_m: Float64
    """(3,) length, width, height."""
    world_SE3_box: Float64
    """(4, 4)."""
    mesh: Mesh
    """In the box's frame."""

    def pose(self, time_s: float) -> Float64:  # noqa: ARG002
        """``world_SE3_box`` (4, 4)."""
        return self.world_SE3_box


@dataclass(frozen=True)
class Actor:
    """An object that moves, as one piece or as several limbs."""

    name: str
    category: str
    size_m: Float64
    """(3,) length, width, height; of all its postures."""
    box: Float64
    """(K, 7) knots of ``world_SE3_box``."""
    limbs: tuple[Mesh, ...]
    """Each in its own frame; a rigid object has one, in the box's frame."""
    motions: tuple[Float64, ...]
    """Knots (K, 7) of ``world_SE3_limb``, one per limb."""
    deforming: bool
    moving: bool = True
    """False for people who wait."""

    def pose(self, time_s: float) -> Float64:
        """``world_SE3_box`` (4, 4) at a time."""
        return pose_at(self.box, time_s)


@dataclass(frozen=True)
class Footprint:
    """Where something stands in street coordinates over time, to keep things apart."""

    s: Float64
    """(T,) or (1,) metres."""
    d: Float64
    half_s: float
    half_d: float

    def meets(self, other: Footprint, margin_m: float = 0.05) -> bool:
        """Whether the two ever overlap or come nearer than the margin."""
        near_s = np.abs(self.s - other.s) < self.half_s + other.half_s + margin_m
        near_d = np.abs(self.d - other.d) < self.half_d + other.half_d + margin_m
        return bool((near_s & near_d).any())
