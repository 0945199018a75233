"""Samples hold what the store holds, in training ids, mirrored exactly."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.targets import Draw, OccupancyTargets
from occ_pipeline.schemas.errors import UsageError, VerificationError
from occ_pipeline.schemas.instance_offsets import InstanceOffsets
from occ_pipeline.stages.voxnt import instance_offsets
from occ_pipeline.tests.pipeline.training_data.small_store import FRAMES, GRID, stored


def test_samples_are_what_the_store_holds(small: Path) -> None:
    targets = OccupancyTargets(small, scenes=["a", "b"], offsets="instance_offsets", arrays=["body", "mask_camera"])
    assert len(targets) == 2 * FRAMES
    for i, frame in enumerate(targets.frames):
        sample = targets[i]
        assert (sample["scene"], sample["frame"]) == (frame.scene, frame.token)
        labels, offsets = stored(small, frame.scene), stored(small, frame.scene, InstanceOffsets)
        for name in ("state", "body", "mask_camera", "world_SE3_grid"):
            assert np.array_equal(sample[name].numpy(), labels.read(name)[frame.row])
        assert np.array_equal(sample["offsets"].numpy(), offsets.read("offsets")[frame.row])
        slow = slow_ids(labels.read("state")[frame.row], labels.read("semantics")[frame.row])
        assert sample["labels"].tolist() == slow
    assert targets.classes.names[0] == "free"
    assert targets.classes.names[4] == "car"
    assert targets.classes.names[17] == "others"
    assert len(targets.classes.names) == 18


def slow_ids(state: np.ndarray, semantics: np.ndarray) -> list[object]:
    """Voxel by voxel: unknown and unlabelled are 255, free 0, ``others`` 17."""

    def one(known: int, class_id: int) -> int:
        if known != 2:
            return (255, 0)[known]
        return 17 if class_id == 0 else class_id

    return np.vectorize(one, otypes=[np.uint8])(state, semantics).tolist()


def test_what_is_unknown_unlabelled_or_not_observed(small: Path) -> None:
    labels = stored(small, "a")
    state, semantics, mask = (labels.read(name)[0] for name in ("state", "semantics", "mask_lidar"))
    found = OccupancyTargets(small, scenes=["a"], unknown="free", unlabelled="others", observed="mask_lidar")[0]["labels"].numpy()  # fmt: skip
    assert (found[mask == 0] == 255).all()
    seen = mask == 1
    assert (found[seen & (state != 2)] == 0).all()
    assert (found[seen & (state == 2) & (semantics == 255)] == 17).all()
    kept = seen & (state == 2) & (semantics != 255) & (semantics != 0)
    assert np.array_equal(found[kept], semantics[kept])


def test_splits_scenes_and_intervals(small: Path) -> None:
    def frames(**asked: object) -> list[str]:
        return [f"{f.scene}{f.row}" for f in OccupancyTargets(small, **asked).frames]  # type: ignore[arg-type]

    assert frames(split="train", every=2) == ["a0", "a2", "a4", "c0", "c2", "c4"]
    assert frames(split="val") == ["b0", "b1", "b2", "b3", "b4"]
    assert frames(scenes=["c", "a"], every=10) == ["a0", "c0"]
    assert frames(scenes=["b", "a"], split="val", every=3) == ["b0", "b3"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"split": "test"}, "no scene of the store is in this split: found test, expected one of train, val"),
        ({"scenes": ["z"]}, "no such scene in the store (scene z), expected one of a, b, c"),
        ({"labels": "refined_labels"}, "no key frame has refined_labels"),
        ({"labels": "refined_labels", "scenes": ["a"]}, "the store has no refined_labels of this scene (scene a)"),
        ({"labels": "carved_ocupancy"}, "did you mean 'carved_occupancy'?"),
        ({"offsets": "offsets"}, "no product of offsets is called 'offsets'"),
        ({"arrays": ["mask_lidr"]}, "did you mean 'mask_lidar'?"),
        ({"observed": "world_SE3_grid"}, "no array of carved_occupancy is called 'world_SE3_grid'"),
        ({"flips": "xz"}, "no axis to flip is called 'z'"),
        ({"every": 0}, "found every=0"),
        ({"scenes": ["c"], "offsets": "instance_offsets"}, "the store has no instance_offsets of this scene (scene c)"),
    ],
)
def test_what_is_not_there_is_named(small: Path, asked: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        OccupancyTargets(small, **asked)[0]  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_mirrored_offsets_are_those_of_mirrored_labels(small: Path) -> None:
    """All four mirrorings turn up; offsets reckoned anew from the mirrored voxels are the same."""
    targets = OccupancyTargets(
        small, scenes=["a"], offsets="instance_offsets", flips="xy", arrays=["mask_lidar"], seed=3
    )
    plain = OccupancyTargets(small, scenes=["a"], arrays=["mask_lidar"])
    semantics, state = stored(small, "a").read("semantics"), stored(small, "a").read("state")
    turns = set[tuple[int, ...]]()
    for row in range(FRAMES):
        for epoch in range(4):
            sample = targets[Draw(row, epoch)]
            grid_SE3_flipped = np.linalg.inv(plain[row]["world_SE3_grid"]) @ sample["world_SE3_grid"].numpy()
            axes = tuple(i for i in range(2) if grid_SE3_flipped[i, i] < 0)
            turns.add(axes)
            for name in ("labels", "state", "mask_lidar"):
                assert np.array_equal(sample[name], np.flip(plain[row][name].numpy(), axes))
            runs = np.where(state[row] == 2, semantics[row], np.where(state[row] == 1, np.uint8(254), np.uint8(253)))
            want = instance_offsets(np.ascontiguousarray(np.flip(runs, axes)))
            assert np.array_equal(sample["offsets"], want)
            # The middle of a mirrored voxel is where the voxel it came from is in the world.
            voxel = np.array([1, 2, 3])
            there = [
                n - 1 - i if axis in axes else i for axis, (i, n) in enumerate(zip(voxel, GRID.shape, strict=True))
            ]
            middles = [np.append((np.array(v) + 0.5) * GRID.voxel_m + GRID.min_m, 1.0) for v in (voxel, there)]
            assert np.allclose(
                sample["world_SE3_grid"] @ middles[0], plain[row]["world_SE3_grid"] @ middles[1], atol=1e-12
            )
    assert turns == {(), (0,), (1,), (0, 1)}


def test_what_was_opened_is_not_sent(small: Path) -> None:
    targets = OccupancyTargets(small, split="train")
    before = pickle.dumps(targets)
    first = targets[0]["labels"]
    assert len(pickle.dumps(targets)) == len(before)
    assert (pickle.loads(pickle.dumps(targets))[0]["labels"] == first).all()


def test_damage_is_named_with_scene_and_frame(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.zarr"
    shutil.copytree(small, path)
    (shard,) = path.glob("scenes/b/carved_occupancy/*/semantics/c.0.*")
    shard.write_bytes(shard.read_bytes()[:-7])
    targets = OccupancyTargets(path)
    assert targets[0]["scene"] == "a"
    with pytest.raises(
        VerificationError, match=r"(?s)carved_occupancy\.semantics.*another size.*scene b, frame .*delete the folder"
    ) as caught:
        targets[FRAMES + 2]
    assert caught.value.frame == targets.frames[FRAMES + 2].token
