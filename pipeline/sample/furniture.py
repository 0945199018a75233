"""Street furniture and greenery, each standing on z = 0 with its front along x; nothing has an underside on the ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .blobs import Blob, union
from .kinds import FENCE, OBJECT, POLE, SIGN, STRUCTURE, TRUNK
from .labels import MANMADE, VEGETATION, label
from .materials import BARK, METAL, PANE, PLATE, SIGNAL
from .meshes import Float64, Mesh, box, loft, merge, tube

SUNK = -0.08
"""Feet start a hand below the ground, so that no gap shows on a slope, metres."""


def lamp_post(reach_m: float = 1.8, height_m: float = 7.0) -> Mesh:
    """A pole with an arm along +x and a lamp at its end."""
    pole = tube((0, 0, SUNK), (0, 0, height_m), 0.09, MANMADE, end_radius=0.06)
    arm = tube((0, 0, height_m - 0.1), (reach_m, 0, height_m + 0.1), 0.04, MANMADE, sides=6)
    lamp = box((reach_m - 0.1, -0.12, height_m + 0.02), (reach_m + 0.5, 0.12, height_m + 0.16), MANMADE)
    return merge([pole, arm, lamp]).made_of(METAL).known_as(POLE)


def traffic_light(reach_m: float = 4.2) -> Mesh:
    """A mast with an arm that hangs a signal over the road along +x, and a signal on the mast."""
    parts = [
        tube((0, 0, SUNK), (0, 0, 5.2), 0.1, MANMADE),
        tube((0, 0, 4.9), (reach_m, 0, 5.0), 0.06, MANMADE, sides=6),
    ]
    heads = [
        box((reach_m - 0.15, -0.18, 3.95), (reach_m + 0.15, 0.18, 4.9), MANMADE),
        box((0.1, -0.16, 2.3), (0.38, 0.16, 3.2), MANMADE),
    ]
    return merge([merge(parts).made_of(METAL).known_as(POLE), merge(heads).made_of(SIGNAL).known_as(OBJECT)])


def sign(rng: np.random.Generator) -> Mesh:
    """A thin post with a plate facing along x."""
    height = rng.uniform(2.2, 2.8)
    post = tube((0, 0, SUNK), (0, 0, height), 0.035, MANMADE, sides=6)
    if rng.random() < 0.5:
        plate = box((-0.065, -0.3, height - 0.62), (-0.04, 0.3, height - 0.02), MANMADE)
    else:
        plate = tube((-0.065, 0, height - 0.35), (-0.04, 0, height - 0.35), 0.32, MANMADE, sides=12)
    return merge([post.made_of(METAL).known_as(POLE), plate.made_of(PLATE, round(height * 100)).known_as(SIGN)])


def post() -> Mesh:
    """A bollard."""
    return tube((0, 0, SUNK), (0, 0, 0.95), 0.07, MANMADE).made_of(METAL).known_as(POLE)


def tree(rng: np.random.Generator) -> Mesh:
    """A trunk that forks under a crown of irregular clusters with gaps between them."""
    fork, radius = rng.uniform(2.0, 2.8), rng.uniform(0.11, 0.2)
    middle = fork + rng.uniform(1.2, 1.7)
    trunk = tube((0, 0, SUNK), (0, 0, fork), radius, VEGETATION, end_radius=0.8 * radius, caps=False)
    parts = [trunk.known_as(TRUNK)]
    blobs: list[Blob] = []
    for k in range(int(rng.integers(5, 8))):
        angle = 2 * np.pi * k / 6 + rng.uniform(-0.4, 0.4)
        out = rng.uniform(0.8, 1.35)
        centre = np.array([out * np.cos(angle), out * np.sin(angle), middle + rng.uniform(-0.4, 0.5)])
        blobs.append(Blob.random(rng, centre, rng.uniform(0.6, 0.95, 3)))
        parts.append(tube((0, 0, fork - 0.05), centre, 0.06, VEGETATION, end_radius=0.03, sides=5, caps=False))
    blobs.append(Blob.random(rng, np.array([0.0, 0.0, middle + 1.1]), rng.uniform(0.9, 1.2, 3)))
    crown = merge(union(blobs, VEGETATION, 1))
    # The radius is random enough to tell trees apart.
    return merge([merge(parts).made_of(BARK), replace(crown, tints=np.full_like(crown.tints, int(1000 * radius)))])


def bush(rng: np.random.Generator) -> Mesh:
    """One or two low blobs."""
    first = Blob.random(rng, np.array([0.0, 0.0, 0.4]), rng.uniform(0.5, 0.8, 3))
    second = Blob.random(rng, np.array([0.7, 0.2, 0.3]), rng.uniform(0.4, 0.6, 3))
    return merge(union([first, second], VEGETATION, 1))


def hedge(rng: np.random.Generator, length_m: float) -> Mesh:
    """A clipped hedge along y with an uneven skin."""
    profile = np.array(
        [(-0.35, SUNK), (-0.4, 0.4), (-0.38, 0.9), (-0.2, 1.2), (0.2, 1.2), (0.38, 0.9), (0.4, 0.4), (0.35, SUNK)]
    )
    stations = np.linspace(0, length_m, max(3, int(length_m / 0.4) + 1))
    rings = np.zeros((len(stations), len(profile), 3))
    rings[..., 0], rings[..., 2], rings[..., 1] = profile[:, 0], profile[:, 1], stations[:, None]
    rings[:, 1:-1] += rng.uniform(-0.07, 0.07, rings[:, 1:-1].shape)
    return loft(rings, VEGETATION)


def fence(length_m: float) -> Mesh:
    """Posts and rails along y that one can look through."""
    posts = [
        box((-0.04, y - 0.04, SUNK), (0.04, y + 0.04, 1.25), MANMADE, without="z")
        for y in np.linspace(0, length_m, max(2, int(length_m / 2) + 1))
    ]
    rails = [box((-0.02, 0.0, z), (0.02, length_m, z + 0.1), MANMADE) for z in (0.3, 0.7, 1.1)]
    return merge([*posts, *rails]).made_of(BARK).known_as(FENCE)


def shelter() -> Mesh:
    """A bus shelter 4 m long along y, open towards +x: a back wall, one side, two posts, a bench and an overhanging roof."""
    return merge(
        [
            box((-0.62, -2.0, SUNK), (-0.57, 2.0, 2.35), MANMADE, without="z").made_of(PANE),
            box((-0.57, -2.0, SUNK), (0.3, -1.95, 2.35), MANMADE, without="zx").made_of(PANE),
            box((-0.64, -2.2, 2.35), (0.7, 2.2, 2.5), MANMADE),
            tube((0.5, -1.9, SUNK), (0.5, -1.9, 2.35), 0.05, MANMADE, caps=False),
            tube((0.5, 1.9, SUNK), (0.5, 1.9, 2.35), 0.05, MANMADE, caps=False),
            box((-0.52, -1.4, 0.42), (-0.15, 1.4, 0.48), MANMADE),
            box((-0.4, -1.1, SUNK), (-0.3, -1.0, 0.42), MANMADE, without="zZ"),
            box((-0.4, 1.0, SUNK), (-0.3, 1.1, 0.42), MANMADE, without="zZ"),
        ]
    ).known_as(STRUCTURE)


def cabinet() -> Mesh:
    """A switch box on the pavement."""
    return box((-0.25, -0.5, SUNK), (0.25, 0.5, 1.3), MANMADE, without="z").made_of(METAL).known_as(OBJECT)


def barrier() -> Mesh:
    """A temporary barrier of 2 m along x, shaped like a concrete or plastic wall element."""
    number = label("movable_object.barrier")
    profile = np.array(
        [(-0.28, 0.0), (0.28, 0.0), (0.24, 0.2), (0.1, 0.45), (0.08, 0.95), (-0.08, 0.95), (-0.1, 0.45), (-0.24, 0.2)]
    )
    rings = np.zeros((2, len(profile), 3))
    rings[:, :, 1:], rings[0, :, 0], rings[1, :, 0] = profile, -1.0, 1.0
    return loft(rings, number)


def cone() -> Mesh:
    """A traffic cone, 0.75 m high, on a square foot."""
    number = label("movable_object.trafficcone")
    foot = box((-0.19, -0.19, 0.0), (0.19, 0.19, 0.05), number)
    return merge([foot, tube((0, 0, 0.05), (0, 0, 0.75), 0.14, number, end_radius=0.03)])


def size_of(mesh: Mesh) -> Float64:
    """Length, width, height (3,) of a mesh's axis-aligned box, metres."""
    low, high = mesh.bounds
    return high - low
