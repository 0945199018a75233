"""3D-2D consistency in a world whose images are known: what agrees, what does not, and pixels that nobody judges."""

from __future__ import annotations

import dataclasses

import numpy as np
from occ_pipeline.schemas.cameras import CameraTables, project
from occ_pipeline.schemas.consistency import Consistency
from occ_pipeline.schemas.image_labels import ImageLabels
from occ_pipeline.schemas.occupancy import CarvedOccupancy, RefinedOccupancy, State, SurfaceOccupancy
from occ_pipeline.schemas.product import InMemory
from occ_pipeline.stages.consistency import MeasureConsistency, rendered
from occ_pipeline.stages.pixel_rays import pixel_rays
from occ_pipeline.tests.stages.seen_world import EGO, GRID, car, seen_world, things, voxel
from occ_pipeline.tests.stages.small_world import CAR, ROAD, WALL, World, digest

GOLDEN = (1, "6a9133e6e3cc70a590b1c09d04cd59ca978c94088a9fa9be33e42abe339508c9")
UNLABELLED, NOTHING = 17, 18


def measured(world: World, **parameters: object) -> Consistency:
    (made,) = world.run(MeasureConsistency(product="carved_occupancy", **parameters))  # type: ignore[arg-type]
    assert isinstance(made, Consistency)
    return made


def test_labels_of_the_voxels_themselves_agree() -> None:
    """Painting voxels' points, and following pixels' rays, are two ways to the same picture."""
    made = measured(seen_world(things(), things()))
    judged = made.confusion[..., :NOTHING]
    assert np.trace(judged.sum(axis=(0, 1))) / judged.sum() > 0.99
    assert (made.confusion[..., CAR, CAR] > 300).all(), "both cameras see the car"


def test_a_ghost_is_a_wrong_class_of_the_wall_behind_it() -> None:
    made = measured(seen_world(things(), {v: what for v, what in things().items() if v not in car()}))
    assert (made.confusion[..., CAR, :] == 0).all(), "no pixel has the class"
    total = made.confusion.sum(axis=(0, 1))
    assert total[WALL, CAR] + total[ROAD, CAR] == total[:, CAR].sum() > 1000


def test_every_pixel_is_counted_once() -> None:
    world = seen_world(things(), things())
    images = world.products[ImageLabels].labels  # type: ignore[attr-defined]
    made = measured(world)
    assert (made.confusion.sum(axis=(2, 3)) + made.unlabelled == images[0, 0].size).all()
    assert (made.unlabelled == (images == 255).sum(axis=(2, 3))).all()
    assert (made.through_unknown == 0).all()


def test_rays_that_meet_nothing_and_voxels_without_a_class() -> None:
    world = seen_world(things(), things())
    old = world.products[CarvedOccupancy]
    assert isinstance(old, CarvedOccupancy)
    wall = old.semantics == WALL
    old.semantics[0][wall[0]] = 255
    old.state[1][wall[1]], old.semantics[1][wall[1]], old.body[1][wall[1]] = State.FREE, 255, 0
    made = measured(world)
    asked = (world.products[ImageLabels].labels == WALL).sum(axis=(2, 3))  # type: ignore[attr-defined]
    assert (made.confusion[0, :, WALL, UNLABELLED] > 0.98 * asked[0]).all()
    assert (made.confusion[1, :, WALL, NOTHING] > 0.98 * asked[1]).all()


def test_rays_through_unknown_voxels() -> None:
    world = seen_world(things(), things())
    old = world.products[CarvedOccupancy]
    assert isinstance(old, CarvedOccupancy)
    old.state[0, voxel(9.0, 0, 0)[0]][old.state[0, voxel(9.0, 0, 0)[0]] == State.FREE] = State.UNKNOWN
    made = measured(world)
    wall = made.confusion[0, :, WALL].sum(axis=1)
    assert (made.through_unknown[0] > 0.9 * wall).all(), "all that see the wall look through that layer"
    assert (made.through_unknown[1] == 0).all()


def test_rays_follow_the_camera_model() -> None:
    """The middle of a voxel that a pixel meets, brought into the image by the same model as everything else, lies near the pixel."""
    world = seen_world({voxel(6.2, 1.0, 1.0): (CAR, 1), voxel(9.0, -2.2, 2.2): (WALL, 1)}, things())  # type: ignore[dict-item]
    tables = world.products[CameraTables]
    assert isinstance(tables, CameraTables)
    occupancy = world.products[CarvedOccupancy]
    assert isinstance(occupancy, CarvedOccupancy)
    readers = InMemory(tables), InMemory(world.products[ImageLabels])
    for frame in range(2):
        for rays in pixel_rays(*readers, frame, GRID, EGO[0]):
            met, _ = rendered(rays, occupancy.state[frame], occupancy.semantics[frame])
            for place, label in (((6.2, 1.0, 1.0), CAR), ((9.0, -2.2, 2.2), WALL)):
                camera_SE3_grid = np.linalg.inv(tables.world_SE3_camera(frame, rays.camera)) @ EGO[0]
                middle = (np.array(voxel(*place)) + 0.5) * GRID.voxel_m + GRID.min_m
                pixel, _ = project(middle[None], camera_SE3_grid, tables.intrinsics[frame, rays.camera])
                rows, columns = np.nonzero(met == label)
                assert np.abs([columns.mean() + 0.5, rows.mean() + 0.5] - pixel[0]).max() < 0.8


def test_reads_what_it_is_asked_to_judge() -> None:
    kinds = {"refined_occupancy": RefinedOccupancy, "carved_occupancy": CarvedOccupancy, "surface_occupancy": SurfaceOccupancy}  # fmt: skip
    for name, kind in kinds.items():
        assert kind in MeasureConsistency(product=name).reads()  # type: ignore[arg-type]
    assert MeasureConsistency().product == "refined_occupancy"


def test_parts_change_nothing() -> None:
    world = seen_world(things(), things())
    assert digest([measured(world, frames_per_part=1)]) == digest([measured(world)])


def test_a_camera_that_a_key_frame_lacks_counts_nothing() -> None:
    world = seen_world(things(), things())
    tables = world.products[CameraTables]
    assert isinstance(tables, CameraTables)
    arrays = {name: value.copy() for name, value in tables.arrays().items()}  # type: ignore[union-attr]
    arrays["timestamps_ns"][1, 0] = -1
    for name in ("world_SE3_ego", "ego_SE3_camera", "intrinsics"):
        arrays[name][1, 0] = np.nan
    files = [tables.image_files[0], ["", tables.image_files[1][1]]]
    world.products[CameraTables] = dataclasses.replace(tables, **arrays, image_files=files)
    made = measured(world)
    assert made.confusion[1, 0].sum() == made.unlabelled[1, 0] == 0
    assert made.confusion[1, 1].sum() > 0


def test_golden() -> None:
    found = (MeasureConsistency.version, digest([measured(seen_world(things(), things()))]))
    assert found == GOLDEN, "what the stage makes has changed: raise its version"
