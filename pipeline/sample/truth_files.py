"""The files of a scene's exact truth: surfaces, poses, and every noise-free return."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .lidar import Turn
from .meshes import Float64, merge
from .things import pose_at
from .world import World


class TruthWriter:
    """Writes ``surfaces.npz``, ``frames.npz`` and ``returns/``: what each holds is said in :class:`~.truth.Scene`."""

    def __init__(self, folder: Path, world: World, classes: NDArray[np.uint8]) -> None:
        """``classes``: (F,) uint8 class ids in the store's taxonomy of all triangles of :attr:`~.world.World.meshes`, counted through."""
        self._folder, self._world, self._classes = folder, world, classes
        self._static: list[NDArray[np.float32]] = []
        self._bodies: list[NDArray[np.float32]] = []
        self._body: list[NDArray[np.int32]] = []
        self._parts = 0
        (folder / "returns").mkdir(parents=True)

    def add(self, turn: Turn, *, last: bool) -> None:
        """Takes a sweep's returns; ``last`` of those that go into one file."""
        self._static.append(turn.static)
        self._bodies.append(turn.bodies)
        self._body.append(turn.body)
        if last:
            np.save(self._folder / "returns" / f"{self._parts:04d}.npy", np.concatenate(self._static))
            self._static, self._parts = [], self._parts + 1

    def finish(
        self, tokens: list[str], moments: list[list[float]], times_s: list[float], ego_SE3_lidar: Float64
    ) -> None:
        """Writes the rest. ``moments``: per key frame, the time each actor's pose stands for."""
        world = self._world
        limbs = [
            (actor, limb, motion)
            for actor in world.actors
            for limb, motion in zip(actor.limbs, actor.motions, strict=True)
        ]
        static = world.whole_static
        moving = merge([limb for _, limb, _ in limbs])
        np.savez(
            self._folder / "surfaces.npz",
            origin_m=world.origin_m,
            static=static.corners - world.origin_m,
            static_classes=self._classes[: len(static.triangles)],
            bodies=moving.corners,
            bodies_classes=self._classes[len(static.triangles) + len(world.ego_car.triangles) :],
            body_triangles=np.cumsum([0, *(len(limb.triangles) for _, limb, _ in limbs)]),
            body_deforming=np.array([actor.deforming for actor, _, _ in limbs]),
        )
        body = np.concatenate(self._body)
        order = np.argsort(body, kind="stable")
        np.save(self._folder / "returns" / "bodies.npy", np.concatenate(self._bodies)[order])
        owners = [number for number, actor in enumerate(world.actors) for _ in actor.limbs]
        poses = [
            [pose_at(motion, times[owner]) for owner, (_, _, motion) in zip(owners, limbs, strict=True)]
            for times in moments
        ]
        ego = np.stack([pose_at(world.ego, time) for time in times_s])
        np.savez(
            self._folder / "frames.npz",
            tokens=np.array(tokens),
            world_SE3_ego=ego,
            world_SE3_lidar=ego @ ego_SE3_lidar,
            world_SE3_body=np.array(poses),
            body_returns=np.searchsorted(body[order], np.arange(len(limbs) + 1)),
        )
