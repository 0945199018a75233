"""2D labels taken over from files: the size they are kept at, and cameras of several sizes in one array."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from occ_pipeline.schemas.cameras import CameraTables
from occ_pipeline.schemas.errors import InputError
from occ_pipeline.schemas.image_labels import ImageLabels
from occ_pipeline.stages.label_images import LabelImages
from occ_pipeline.tests.stages.seen_world import EGO, cameras
from occ_pipeline.tests.stages.small_world import World, digest, tables_of

BIG, SMALL = (90, 40), (30, 22)
"""Width and height of the two cameras' images."""


def world(*, absent: bool = False) -> World:
    """Two key frames; labels are halves of two classes."""
    made = World(tables_of(EGO, [0, 1]))
    files = [["a.jpg", "b.jpg"], ["c.jpg", "" if absent else "d.jpg"]]
    made.products[CameraTables] = dataclasses.replace(
        cameras(), image_sizes=[list(BIG), list(SMALL)], image_files=files
    )
    for frame in range(2):
        for camera, (wide, high) in enumerate((BIG, SMALL)):
            image = np.full((high, wide), 4 + camera, np.uint8)
            image[:, wide // 2 :] = 15 + frame
            made.label_images[frame, camera] = image
    return made


def imported(scene: World, **parameters: object) -> ImageLabels:
    (made,) = scene.run(LabelImages(**parameters))  # type: ignore[arg-type]
    assert isinstance(made, ImageLabels)
    return made


def test_cameras_of_two_sizes_are_made_smaller_each_by_its_own_factor() -> None:
    made = imported(world(), columns=30)
    assert (made.sizes, made.pixels) == ([[30, 14], [30, 22]], [3, 1])
    assert made.labels.shape == (2, 2, 22, 30)
    for frame in range(2):
        assert (made.labels[frame, 0, :14, :15] == 4).all()
        assert (made.labels[frame, 0, :14, 15:] == 15 + frame).all()
        assert (made.labels[frame, 0, 14:] == 255).all(), "no label beyond a camera's own rows"
        assert (made.labels[frame, 1, :, 15:] == 15 + frame).all()


def test_an_image_that_is_not_there_has_no_label() -> None:
    made = imported(world(absent=True), columns=30)
    assert (made.labels[1, 1] == 255).all()
    assert (made.labels[0, 1, :22] != 255).all()


def test_files_that_are_smaller_already() -> None:
    whole = world()
    smaller = world()
    for frame in range(2):
        smaller.label_images[frame, 0] = whole.label_images[frame, 0][1::3, 1::3]
    assert smaller.label_images[0, 0].shape == (13, 30)
    for frame in range(2):
        # As long as the last row of squares, which is cut off, counts too.
        image = smaller.label_images[frame, 0]
        smaller.label_images[frame, 0] = np.concatenate([image, image[-1:]])
    assert digest([imported(smaller, columns=30)]) == digest([imported(whole, columns=30)])


def test_files_that_are_smaller_than_labels_are_kept() -> None:
    scene = world()
    scene.label_images[0, 0] = np.zeros((14, 30), np.uint8)
    with pytest.raises(InputError) as caught:
        imported(scene, columns=90)
    assert str(caught.value) == (
        "2D labels have a size that the size they are kept at is no whole part of (scene small, frame frame-0): found 30 x 14 of"
        " camera LEFT, an image's 90 x 40 by 3, expected its size by 1 or by a factor of 1; use --set image-labels.columns=30,"
        " or labels of the image's own size"
    )


def test_parts_change_nothing() -> None:
    assert digest([imported(world(), frames_per_part=1)]) == digest([imported(world())])


@pytest.mark.parametrize("folder", ["", "/data/labels", "../labels", "a/../b", "a//b", "a\\b", "./a"])
def test_folders_are_named_below_the_data_root(folder: str) -> None:
    with pytest.raises(ValueError, match="below the data root"):
        LabelImages(folder=folder)
