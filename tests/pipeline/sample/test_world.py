from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from occ_pipeline.pipeline.sample.bvh import DEPTH, closest, plant
from occ_pipeline.pipeline.sample.labels import MANMADE, SIDEWALK
from occ_pipeline.pipeline.sample.lidar import Lidar
from occ_pipeline.pipeline.sample.scanner import HDL_32E
from occ_pipeline.pipeline.sample.things import KNOT_S, LEAD_S, pose_at
from occ_pipeline.pipeline.sample.world import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(11, 1, 20.0)


def test_the_cast_is_complete(world: World) -> None:
    moving = Counter(actor.category for actor in world.actors)
    assert sum(moving[name] for name in moving if name.startswith("vehicle") and name != "vehicle.bicycle") >= 6
    assert sum(moving[name] for name in moving if name.startswith("human")) >= 8
    assert {"vehicle.bus.rigid", "vehicle.truck", "vehicle.motorcycle", "vehicle.bicycle"} <= set(moving)
    still = Counter(thing.category for thing in world.parked)
    assert still["vehicle.car"] >= 10
    for rare in ("trailer", "truck", "construction", "motorcycle", "bicycle"):
        assert still[f"vehicle.{rare}"] >= 2
    assert still["movable_object.barrier"] >= 4
    assert still["movable_object.trafficcone"] >= 4


def test_the_car_drives_down_the_street(world: World) -> None:
    assert np.linalg.norm(world.ego[-1, :3] - world.ego[0, :3]) > 100
    speed = np.linalg.norm(np.diff(world.ego[:, :3], axis=0), axis=1) / KNOT_S
    assert 7.5 < speed.min() < speed.max() < 11
    heading = np.unwrap(
        [np.arctan2(pose_at(world.ego, t)[1, 0], pose_at(world.ego, t)[0, 0]) for t in np.arange(0, 20, 0.1)]
    )
    assert np.ptp(heading) > 0.6
    assert np.ptp(world.ego[:, 2]) > 0.3


def test_parked_objects_stand_on_the_ground(world: World) -> None:
    """Straight below each one's middle there is ground at its box's lower face, and nothing in it but the object."""
    forest = plant([world.static.corners])
    stack, reach = np.empty(DEPTH, np.int64), np.empty(DEPTH)
    for thing in world.parked:
        assert np.abs(thing.mesh.vertices).max(axis=0) == pytest.approx(thing.size_m / 2)
        x, y, z = (float(v) for v in thing.world_SE3_box[:3, 3])
        fall, _ = closest(forest, 0, (x, y, z), (0.0, 0.0, -1.0), 10.0, stack, reach)
        assert fall == pytest.approx(thing.size_m[2] / 2, abs=0.05)


def test_actors_move_on_the_ground(world: World) -> None:
    forest = plant([world.static.corners])
    stack, reach = np.empty(DEPTH, np.int64), np.empty(DEPTH)
    for actor in world.actors:
        for time in (2.0, 9.0, 16.0):
            x, y, z = (float(v) for v in pose_at(actor.box, time)[:3, 3])
            fall, triangle = closest(forest, 0, (x, y, z), (0.0, 0.0, -1.0), 10.0, stack, reach)
            # Far ahead and behind the street has no ground.
            if triangle >= 0:
                assert fall == pytest.approx(actor.size_m[2] / 2, abs=0.09)


def test_limbs_stay_in_their_box(world: World) -> None:
    for actor in world.actors:
        box = pose_at(actor.box, 7.77)
        for limb, motion in zip(actor.limbs, actor.motions, strict=True):
            local = (limb.moved(pose_at(motion, 7.77)).vertices - box[:3, 3]) @ box[:3, :3]
            assert (np.abs(local) <= actor.size_m / 2 + 0.01).all()


def test_motion_is_the_same_in_the_scan_and_outside(world: World) -> None:
    """Noise-free returns of a body, re-posed at the beam's time, lie on the beam."""
    from occ_pipeline.pipeline.sample.scan import pose_of

    out = np.empty((3, 4))
    pose_of(world.actors[0].box, (3.3333 + LEAD_S) / KNOT_S, out)
    assert out == pytest.approx(pose_at(world.actors[0].box, 3.3333)[:3], abs=1e-9)


def test_a_scan_looks_like_a_scan(world: World) -> None:
    turn = Lidar.on(world).turn(11, 40)
    away = np.linalg.norm(turn.points[:, :3], axis=1)
    assert away.max() < 101
    assert 0.5 < (away > 1).mean() < 0.9
    azimuth = np.unwrap(np.arctan2(turn.points[15::32, 1], turn.points[15::32, 0])[away[15::32] > 3])
    assert (np.diff(azimuth) < 0.05).all()
    assert np.rad2deg(azimuth[0] - azimuth[-1]) > 330
    assert {MANMADE, SIDEWALK} <= set(turn.labels.tolist())
    # Straight ahead of the LiDAR is its y axis, the ego car's x axis.
    assert (HDL_32E.ego_SE3_lidar @ [0, 1, 0, 1])[:3] == pytest.approx([1.94, 0, 1.84])


def test_an_object_comes_and_goes_between_key_frames(world: World) -> None:
    """The car behind the houses shows itself through a gap around four seconds, in one key frame's sweep only."""
    lidar = Lidar.on(world)
    body = sum(len(actor.limbs) for actor in world.actors[:3])
    points = {sweep: int((lidar.turn(11, sweep).body == body).sum()) for sweep in (70, 80, 90)}
    assert points[70] == points[90] == 0
    assert points[80] > 4
