"""A scene made ready for cameras: every triangle with its body, class, instance, material and colour."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .labels import CLASS_IDS
from .materials import BY_LABEL, USUAL, colours
from .meshes import Float64, Int32, Mesh, merge
from .things import Actor, Parked, pose_at
from .world import World

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Scenery:
    """Triangles of all bodies, each in its body's frame. Body 0 is the street, then parked objects, then limbs, last the recording car."""

    world: World
    vertices: Float64
    """(V, 3) metres; the street's relative to the scene's origin."""
    uv: Float64
    """(V, 2) texture coordinates, NaN where textures go by place."""
    vertex_bodies: Int32
    """(V,)"""
    triangles: Int32
    """(F, 3)"""
    bodies: Int32
    """(F,)"""
    normals: Float64
    """(F, 3) unit, of either sign, in the body's frame."""
    classes: NDArray[np.uint8]
    """(F,) class ids of the store's taxonomy."""
    instances: NDArray[np.uint16]
    """(F,) number of the object, from 1, as in :attr:`things`; 0 for the street."""
    materials: NDArray[np.uint8]
    """(F,)"""
    colours: Float64
    """(F, 3) linear light."""
    extents: Float64
    """(B, 3) half length, width and height of the object a body belongs to, metres."""
    things: tuple[Actor | Parked, ...]
    seen: int
    """How many triangles cameras see: the recording car's come after them."""

    @classmethod
    def of(cls, world: World) -> Scenery:
        """Gathers a scene."""
        things: tuple[Actor | Parked, ...] = (*world.parked, *world.actors)
        street = world.static.shifted(*(-world.origin_m).tolist())
        meshes, owners, workers = [street], [0], [False]
        for number, thing in enumerate(things, 1):
            limbs = thing.limbs if isinstance(thing, Actor) else (thing.mesh,)
            meshes += [_dressed(limb, number) for limb in limbs]
            owners += [number] * len(limbs)
            workers += [thing.category.endswith("worker")] * len(limbs)
        meshes.append(world.ego_car)
        owners.append(0)
        workers.append(False)
        whole = merge(meshes)
        faces = np.array([len(part.triangles) for part in meshes])
        bodies = np.arange(len(meshes)).repeat(faces).astype(np.int32)
        materials = np.where(whole.materials == USUAL, BY_LABEL[whole.labels], whole.materials)
        corners = whole.corners
        normals = np.asarray(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), dtype=np.float64)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
        paint = np.where(
            np.array(workers)[bodies][:, None],
            colours(materials, whole.tints, worker=True),
            colours(materials, whole.tints),
        )
        sizes = [np.ones(3), *(thing.size_m / 2 for thing in things)]
        return cls(
            world,
            whole.vertices,
            whole.uv,
            np.arange(len(meshes)).repeat([len(part.vertices) for part in meshes]).astype(np.int32),
            whole.triangles,
            bodies,
            normals,
            CLASS_IDS[whole.labels],
            np.array(owners, dtype=np.uint16)[bodies],
            materials.astype(np.uint8),
            paint,
            np.array([sizes[owner] for owner in owners]),
            things,
            int(faces[:-1].sum()),
        )

    def poses(self, time_s: float) -> Float64:
        """(B, 4, 4) ``origin_SE3_body`` at a time; the origin's frame is the world's, moved to the scene's origin."""
        world = self.world
        motions = [motion for actor in world.actors for motion in actor.motions]
        poses = np.array(
            [
                np.eye(4),
                *(thing.world_SE3_box for thing in world.parked),
                *(pose_at(motion, time_s) for motion in motions),
                pose_at(world.ego, time_s),
            ]
        )
        poses[1:, :3, 3] -= world.origin_m
        return poses


def _dressed(part: Mesh, number: int) -> Mesh:
    """An object's mesh in variants of its own, one per material."""
    plain = part.made_of(USUAL, number * 7 % 251)
    return replace(part, tints=plain.tints)
