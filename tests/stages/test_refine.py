"""Refinement by images: a car that is not there goes, one that is there stays whole."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from occ_pipeline.schemas.image_labels import ImageLabels
from occ_pipeline.schemas.occupancy import Body, CarvedOccupancy, RefinedOccupancy, State
from occ_pipeline.stages.refine import RefineWithImages
from occ_pipeline.tests.stages.seen_world import GRID, WALL_X, car, seen_world, things, voxel
from occ_pipeline.tests.stages.small_world import World, digest

OCC3D = {
    "votes": 1, "share": 0.0, "crossed_share": 0.0, "pieces": False, "frames_around": 0, "least_way": 0.0, "clear_of_end_m": 0.0,
    "kept_classes": (), "moving": True, "unknown_votes": 1,
}  # fmt: skip
GOLDEN = (1, "5526704a763b1f09567d50defb8f3e3985c58641ea02eb10b32034d09a70e239")


@cache
def ghost(kind: Body = Body.STATIC) -> World:
    """A car is said to stand before the wall; no image shows it."""
    return seen_world(things(kind), {v: what for v, what in things().items() if v not in car()})


@cache
def real() -> World:
    """The images show the car."""
    return seen_world(things(), things())


def refined(world: World, **parameters: object) -> RefinedOccupancy:
    (made,) = world.run(RefineWithImages(**parameters))  # type: ignore[arg-type]
    assert isinstance(made, RefinedOccupancy)
    return made


def left_of_car(made: RefinedOccupancy, frame: int = 0) -> int:
    return sum(int(made.state[frame][where] == State.OCCUPIED) for where in car())


def before(world: World) -> CarvedOccupancy:
    made = world.products[CarvedOccupancy]
    assert isinstance(made, CarvedOccupancy)
    return made


def test_a_car_that_no_image_shows_becomes_free() -> None:
    made, old = refined(ghost()), before(ghost())
    assert left_of_car(made) == left_of_car(made, 1) == 0
    gone = (made.state != State.OCCUPIED) & (old.state == State.OCCUPIED)
    free = [made.state[0][where] == State.FREE for where in car()]
    assert sum(free) >= 20, "what no ray crossed, low at the far side, is unknown"
    assert (made.semantics[gone] == 255).all()
    assert (made.body[gone] == Body.NONE).all()
    others = np.ones(GRID.shape, bool)
    for where in car():
        others[where] = False
    for name in ("state", "semantics", "body"):
        assert (getattr(made, name)[:, others] == getattr(old, name)[:, others]).all(), "nothing else changes"
    assert (made.mask_lidar == old.mask_lidar).all()


def test_the_camera_mask_sees_past_what_is_gone() -> None:
    behind = voxel(WALL_X - 2, 0.2, 0.2)
    assert refined(ghost()).mask_camera[0][behind] == 1
    assert refined(ghost(), votes=10**6).mask_camera[0][behind] == 0, "as it was where nothing is taken away"
    wall = voxel(WALL_X + 0.4, 0.2, 1.0)
    assert refined(ghost()).mask_camera[0][wall] == 0, "the wall still hides what is behind it"


def test_a_car_that_is_there_stays_whole() -> None:
    assert left_of_car(refined(real())) == len(car())


def test_a_few_right_pixels_keep_a_car() -> None:
    """Labels that are wrong for most of an object do not free the rest of it, nor, by pieces, any of it."""
    world = seen_world(things(), things())
    images = world.products[ImageLabels].labels.copy()  # type: ignore[attr-defined]
    shown = images == 4
    lost = shown & (np.random.default_rng(5).random(images.shape) < 0.7)
    images[lost] = ghost().products[ImageLabels].labels[lost]  # type: ignore[attr-defined]
    world.products[ImageLabels] = dataclasses.replace(world.products[ImageLabels], labels=images)  # type: ignore[arg-type]
    assert left_of_car(refined(world)) == len(car())
    assert left_of_car(refined(world, share=0.3)) == 0
    assert 0 < left_of_car(refined(world, pieces=False, votes=5, share=0.5)) < len(car())


def test_pixels_without_a_label_say_nothing() -> None:
    world = seen_world(things(), {})
    assert (refined(world).state == before(world).state).all()


def test_other_key_frames_speak_for_what_stands_still() -> None:
    """The first frame's own images are without labels."""
    world = seen_world(things(), {v: what for v, what in things().items() if v not in car()})
    images = world.products[ImageLabels].labels.copy()  # type: ignore[attr-defined]
    images[0] = 255
    world.products[ImageLabels] = dataclasses.replace(world.products[ImageLabels], labels=images)  # type: ignore[arg-type]
    assert left_of_car(refined(world, frames_around=1)) == 0
    assert left_of_car(refined(world, frames_around=0)) == len(car())


def test_moving_objects_are_kept_unless_asked_for() -> None:
    assert left_of_car(refined(ghost(Body.RIGID))) == len(car())
    assert left_of_car(refined(ghost(Body.RIGID), moving=True)) == 0


def test_kept_classes() -> None:
    assert left_of_car(refined(ghost(), kept_classes=("car",))) == len(car())


def test_many_votes() -> None:
    assert left_of_car(refined(ghost(), votes=1000)) == 0, "a piece's rays are counted together"
    assert left_of_car(refined(ghost(), votes=10**6)) == len(car())


def test_unknown_voxels_stay_so_unless_asked_for() -> None:
    world = seen_world(things(), things())
    old = before(world)
    unknown = voxel(9.0, 3.0, 2.2)
    old.state[0][unknown] = State.UNKNOWN
    assert refined(world).state[0][unknown] == State.UNKNOWN
    assert refined(world, unknown_votes=3).state[0][unknown] == State.FREE


def test_the_rule_of_occ3d_nibbles_at_what_is_there() -> None:
    """Every voxel before the first of the pixel's class: where labels are a pixel beside the truth, a car's edge goes."""
    world = seen_world(things(), things())
    images = np.roll(world.products[ImageLabels].labels, 1, axis=3)  # type: ignore[attr-defined]
    world.products[ImageLabels] = dataclasses.replace(world.products[ImageLabels], labels=images)  # type: ignore[arg-type]
    assert 0 < left_of_car(refined(world, **OCC3D)) < len(car())
    assert left_of_car(refined(world)) == len(car())
    assert left_of_car(refined(ghost(), **OCC3D)) == 0


@pytest.mark.parametrize("frames_per_part", [1, 2])
def test_parts_change_nothing(frames_per_part: int) -> None:
    assert digest([refined(ghost(), frames_per_part=frames_per_part)]) == digest([refined(ghost())])


def test_golden() -> None:
    found = (RefineWithImages.version, digest([refined(ghost())], but=("world_SE3_grid",)))
    assert found == GOLDEN, "what the stage makes has changed: raise its version"
