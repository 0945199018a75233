"""A store of three small scenes, whose voxels are noise: every frame and every voxel differs from the next."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from occ_pipeline.pipeline.current import current_product
from occ_pipeline.pipeline.store.index import read_index, update_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.grid import VoxelGrid
from occ_pipeline.schemas.occupancy import Body, CarvedOccupancy, State
from occ_pipeline.schemas.product import Product, ProductReader
from occ_pipeline.schemas.scene import SceneTables, SweepPoints
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.stages.grid_frames import grid_pose
from occ_pipeline.stages.inputs import CopyInputs
from occ_pipeline.stages.voxnt import Voxnt
from occ_pipeline.tests.pipeline.judged_store import IDENTITY, commit
from occ_pipeline.tests.schemas.camera_samples import AHEAD
from occ_pipeline.tests.stages.small_world import World, pose, tables_of
from PIL import Image

GRID = VoxelGrid((-2.0, -1.5, -1.0), 0.5, (9, 7, 4), "lidar")
FRAMES = 5
WIDE, HIGH = 31, 20
"""Of images, pixels."""
SPLITS = {"a": "train", "b": "val", "c": "train"}


def noise(world: World, seed: int, grid: VoxelGrid) -> CarvedOccupancy:
    """Labels of every kind."""
    random = np.random.default_rng(seed)
    shape = (FRAMES, *grid.shape)
    state = random.integers(0, 3, shape, dtype=np.uint8)
    occupied = state == State.OCCUPIED
    classes = random.choice(np.array([*range(len(NUSCENES.classes)), 255], np.uint8), shape)
    return CarvedOccupancy(
        state=state,
        semantics=np.where(occupied, classes, np.uint8(255)),
        body=np.where(occupied, np.uint8(Body.STATIC), np.uint8(0)),
        mask_lidar=random.integers(0, 2, shape, dtype=np.uint8),
        mask_camera=random.integers(0, 2, shape, dtype=np.uint8),
        world_SE3_grid=np.stack([grid_pose(world, grid, k) for k in range(FRAMES)]),
        grid=grid.to_json(),
        taxonomy=NUSCENES.name,
        frame_tokens=list(world.tables.frame_tokens),
    )


def sensors(world: World, seed: int) -> None:
    """Returns in every sweep, and two cameras whose images are noise; the second has none in key frame 1."""
    random = np.random.default_rng(seed)
    for _ in range(FRAMES):
        count = int(random.integers(20, 60))
        points = random.uniform(-1.5, 1.5, (count, 3)).astype(np.float32)
        world.sweeps.append(SweepPoints(points, None, None, intensity=random.uniform(0, 255, count).astype(np.float32)))
    poses = np.stack([pose(k + 0.1, 0.2 * c, 0, 0.3 * k) for k in range(FRAMES) for c in range(2)])
    world.products[CameraTables] = CameraTables(
        timestamps_ns=np.arange(2 * FRAMES).reshape(FRAMES, 2) * 10**8,
        world_SE3_ego=poses.reshape(FRAMES, 2, 4, 4),
        ego_SE3_camera=np.tile(np.stack([AHEAD, AHEAD @ pose(0.1, 0.2, 0.3, 0.4)]), (FRAMES, 1, 1, 1)),
        intrinsics=np.tile([[20.0, 0.0, 15.5], [0.0, 22.0, 10.0], [0.0, 0.0, 1.0]], (FRAMES, 2, 1, 1)),
        scene=world.tables.scene,
        names=["left", "right"],
        frame_tokens=list(world.tables.frame_tokens),
        image_files=[["l", "r" if k != 1 else ""] for k in range(FRAMES)],
        image_sizes=[[WIDE, HIGH]] * 2,
    )
    for k in range(FRAMES):
        for c in range(2):
            if (k, c) != (1, 1):
                content = io.BytesIO()
                values = random.integers(0, 256, (HIGH, WIDE, 3), dtype=np.uint8)
                Image.fromarray(values).save(content, format="PNG" if c else "JPEG")
                world.images[k, c] = content.getvalue()


def small_store(path: Path, grid: VoxelGrid = GRID) -> Store:
    """Scenes ``a`` and ``c`` to train on, ``b`` to validate; ``c`` has no offsets."""
    store = Store.create_or_open(path, IDENTITY)
    current: dict[str, dict[type[Product], str]] = {}
    for seed, (scene, split) in enumerate(SPLITS.items()):
        made = tables_of([pose(x, seed, 0, 0.3 * x) for x in range(FRAMES)], range(FRAMES))
        tables = SceneTables(**{**vars(made), "scene": scene, "split": split})
        world = World(tables)
        sensors(world, seed)
        world.products[CarvedOccupancy] = noise(world, seed, grid)
        prints = {SceneTables: commit(store, scene, tables, {})}
        prints[CarvedOccupancy] = commit(store, scene, world.products[CarvedOccupancy], {})
        if scene != "c":
            (offsets,) = world.run(Voxnt())
            prints[type(offsets)] = commit(store, scene, offsets, {CarvedOccupancy: prints[CarvedOccupancy]})
        (inputs,) = world.run(CopyInputs(sweeps=2))
        prints[type(inputs)] = commit(store, scene, inputs, {})
        current[scene] = prints
    update_index(store, current)
    return store


def stored(path: Path, scene: str, product: type[Product] = CarvedOccupancy) -> ProductReader:
    """The store's own reader of a scene's current product."""
    store = Store.open(path)
    return current_product(store, read_index(store), scene, product)
