"""People who walk and ride: bodies of rigid limbs, and where each limb is at each moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .labels import label
from .materials import SHIRT, SKIN, TROUSERS, TYRE
from .meshes import Float64, Mesh, merge, tube
from .vehicles import bicycle, seated


@dataclass(frozen=True)
class Figure:
    """Limbs, each with its joint at its own origin, and their poses in the figure's frame (on the ground, facing +x)."""

    limbs: tuple[Mesh, ...]
    poses: Float64
    """(T, P, 4, 4): ``figure_SE3_limb`` at every moment."""


def _turned(angle: Float64, x: Float64 | float, y: float, z: Float64 | float) -> Float64:
    """Poses (T, 4, 4) that turn by ``angle`` (T,) about y (positive swings what hangs down forward) at a joint."""
    poses = np.tile(np.eye(4), (len(angle), 1, 1))
    poses[:, 0, 0] = poses[:, 2, 2] = np.cos(angle)
    poses[:, 0, 2], poses[:, 2, 0] = -np.sin(angle), np.sin(angle)
    poses[:, 0, 3], poses[:, 1, 3], poses[:, 2, 3] = x, y, z
    return poses


def _bone(length: float, radius: float, number: int, cloth: int = TROUSERS, *, foot: bool = False) -> Mesh:
    limb = tube((0, 0, 0), (0, 0, -length), radius, number, end_radius=0.75 * radius, sides=7).made_of(cloth)
    if not foot:
        return limb
    return merge(
        [limb, tube((-0.06, 0, -length + 0.035), (0.19, 0, -length + 0.035), 0.045, number, sides=6).made_of(TYRE)]
    )


def walker(category: str, height_m: float, phase: Float64, stride: float) -> Figure:
    """A person of a height whose gait is at ``phase`` (T,) radians; ``stride`` scales the swing, 1 for a brisk walk, 0.1 for waiting."""
    number, k = label(category), height_m / 1.78
    thigh, shin, upper, fore = 0.43 * k, 0.45 * k, 0.3 * k, 0.28 * k
    hip, shoulder = thigh + shin, thigh + shin + 0.52 * k
    body = merge(
        [
            tube(
                (0, 0, hip - 0.1 * k), (0, 0, shoulder + 0.06 * k), 0.15 * k, number, end_radius=0.17 * k, sides=10
            ).made_of(SHIRT),
            tube(
                (0, 0, shoulder + 0.06 * k), (0, 0, shoulder + 0.14 * k), 0.06 * k, number, sides=6, caps=False
            ).made_of(SKIN),
            tube((0, 0, shoulder + 0.12 * k), (0.02, 0, height_m), 0.1 * k, number, end_radius=0.07 * k).made_of(SKIN),
        ]
    )
    limbs, poses = [body], [np.tile(np.eye(4), (len(phase), 1, 1))]
    for side in (-1.0, 1.0):
        swing = np.sin(phase + (0.0 if side > 0 else np.pi))
        lift = np.maximum(0.0, np.cos(phase + (0.0 if side > 0 else np.pi)))
        leg, knee = 0.42 * stride * swing, 0.8 * stride * lift
        # The standing hip sinks with the stride in reality; here feet skim the ground instead, a centimetre or two.
        poses.append(_turned(leg, 0.0, side * 0.1 * k, hip))
        limbs.append(_bone(thigh, 0.085 * k, number))
        poses.append(_turned(leg - knee, thigh * np.sin(leg), side * 0.1 * k, hip - thigh * np.cos(leg)))
        limbs.append(_bone(shin, 0.062 * k, number, foot=True))
        arm, elbow = -0.42 * stride * swing, 0.25 + 0.3 * stride * np.maximum(0.0, -swing)
        poses.append(_turned(arm, 0.0, side * 0.22 * k, shoulder))
        limbs.append(_bone(upper, 0.055 * k, number, SHIRT))
        poses.append(_turned(arm + elbow, upper * np.sin(arm), side * 0.22 * k, shoulder - upper * np.cos(arm)))
        limbs.append(_bone(fore, 0.045 * k, number, SKIN))
    return Figure(tuple(limbs), np.stack(poses, axis=1))


def cyclist(phase: Float64) -> Figure:
    """A bicycle with its rider, whose legs follow the pedals at ``phase`` (T,) radians."""
    number, hip = label("vehicle.bicycle"), (-0.24, 0.98)
    limbs = [merge([bicycle(), *seated(number, hip, lean=0.45, hands=(0.34, 1.04), feet=None)])]
    poses = [np.tile(np.eye(4), (len(phase), 1, 1))]
    thigh, shin = 0.42, 0.44
    for side in (-1.0, 1.0):
        angle = phase + (0.0 if side > 0 else np.pi)
        dx, dz = -0.08 + 0.17 * np.cos(angle) - hip[0], 0.31 - 0.17 * np.sin(angle) - hip[1]
        reach = np.minimum(np.hypot(dx, dz), thigh + shin - 0.005)
        straight = np.arctan2(dx, -dz)
        bend = np.arccos((thigh**2 + reach**2 - shin**2) / (2 * thigh * reach))
        upper = np.add(straight, bend, dtype=np.float64)
        x, z = hip[0] + thigh * np.sin(upper), hip[1] - thigh * np.cos(upper)
        lower = np.arctan2(hip[0] + dx - x, z - hip[1] - dz)
        poses.append(_turned(upper, hip[0], side * 0.12, hip[1]))
        limbs.append(_bone(thigh, 0.08, number))
        poses.append(_turned(lower, x, side * 0.12, z))
        limbs.append(_bone(shin, 0.055, number, foot=True))
    return Figure(tuple(limbs), np.stack(poses, axis=1))


def envelope(figure: Figure) -> tuple[Float64, Float64]:
    """Lower and upper corner (3,) of all that the figure ever fills, in its frame, metres."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for k, limb in enumerate(figure.limbs):
        poses = figure.poses[:: max(1, len(figure.poses) // 400), k]
        points = limb.vertices @ poses[:, :3, :3].transpose(0, 2, 1) + poses[:, None, :3, 3]
        low, high = np.minimum(low, points.min(axis=(0, 1))), np.maximum(high, points.max(axis=(0, 1)))
    return low, high
