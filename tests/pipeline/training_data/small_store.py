"""A store of three small scenes, whose voxels are noise: every frame and every voxel differs from the next."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from occ_pipeline.pipeline.store.index import update_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import Body, CarvedOccupancy, State
from occ_pipeline.schemas.product import Product
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.stages.grid_frames import grid_pose
from occ_pipeline.stages.voxnt import Voxnt
from occ_pipeline.tests.pipeline.judged_store import IDENTITY, commit
from occ_pipeline.tests.stages.small_world import World, pose, tables_of

GRID = VoxelGrid((-2.0, -1.5, -1.0), 0.5, (9, 7, 4), "lidar")
FRAMES = 5
SPLITS = {"a": "train", "b": "val", "c": "train"}


def noise(world: World, seed: int) -> CarvedOccupancy:
    """Labels of every kind."""
    random = np.random.default_rng(seed)
    shape = (FRAMES, *GRID.shape)
    state = random.integers(0, 3, shape, dtype=np.uint8)
    occupied = state == State.OCCUPIED
    classes = random.choice(np.array([*range(len(NUSCENES.classes)), 255], np.uint8), shape)
    return CarvedOccupancy(
        state=state,
        semantics=np.where(occupied, classes, np.uint8(255)),
        body=np.where(occupied, np.uint8(Body.STATIC), np.uint8(0)),
        mask_lidar=random.integers(0, 2, shape, dtype=np.uint8),
        mask_camera=random.integers(0, 2, shape, dtype=np.uint8),
        world_SE3_grid=np.stack([grid_pose(world, GRID, k) for k in range(FRAMES)]),
        grid=GRID.to_json(),
        taxonomy=NUSCENES.name,
        frame_tokens=list(world.tables.frame_tokens),
    )


def small_store(path: Path) -> Store:
    """Scenes ``a`` and ``c`` to train on, ``b`` to validate; ``c`` has no offsets."""
    store = Store.create_or_open(path, IDENTITY)
    current: dict[str, dict[type[Product], str]] = {}
    for seed, (scene, split) in enumerate(SPLITS.items()):
        made = tables_of([pose(x, seed, 0, 0.3 * x) for x in range(FRAMES)], range(FRAMES))
        tables = SceneTables(**{**vars(made), "scene": scene, "split": split})
        world = World(tables)
        world.products[CarvedOccupancy] = noise(world, seed)
        prints = {SceneTables: commit(store, scene, tables, {})}
        prints[CarvedOccupancy] = commit(store, scene, world.products[CarvedOccupancy], {})
        if scene != "c":
            (offsets,) = world.run(Voxnt())
            prints[type(offsets)] = commit(store, scene, offsets, {CarvedOccupancy: prints[CarvedOccupancy]})
        current[scene] = prints
    update_index(store, current)
    return store
