"""Files of 2D labels: what is read, and what is refused in words a user can act on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sources import label_file, label_files, read_image_labels
from occ_pipeline.schemas.errors import InputError
from occ_pipeline.schemas.product import InMemory
from occ_pipeline.tests.stages.seen_world import cameras
from PIL import Image

SIZE = (18, 10)
FILE = "labels/l0.png"
WHERE = f"(file {FILE}, scene small, frame frame-0)"


def written(root: Path, image: Image.Image, **options: object) -> Path:
    path = root / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def read(root: Path) -> np.ndarray:
    return read_image_labels(root, InMemory(cameras(SIZE)), "labels", 0, 0, 17)


def labels(size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.random.default_rng(0).choice([0, 3, 16, 255], size[::-1]).astype(np.uint8)


def test_where_the_labels_of_an_image_lie() -> None:
    assert label_file("labels/2d", "samples/CAM_FRONT/n008.2018-08__FRONT__15.jpg") == (
        "labels/2d/samples/CAM_FRONT/n008.2018-08__FRONT__15.png"
    )


@pytest.mark.parametrize("size", [SIZE, (9, 5), (6, 4), (5, 3)])
def test_sizes_by_a_whole_factor(size: tuple[int, int], tmp_path: Path) -> None:
    values = labels(size)
    written(tmp_path, Image.fromarray(values))
    assert (read(tmp_path) == values).all()


def test_places_in_a_palette_are_class_ids(tmp_path: Path) -> None:
    image = Image.fromarray(labels(), mode="P")
    image.putpalette(bytes(range(256)) * 3)
    written(tmp_path, image)
    assert (read(tmp_path) == labels()).all()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image.new("RGB", SIZE), f"2D labels are no 8-bit class ids {WHERE}: found a PNG of mode RGB, expected one channel of 8 bits"),
        (Image.new("I;16", SIZE), "found a PNG of mode I;16, expected one channel of 8 bits"),
        (Image.new("L", (18, 9)), f"2D labels have another size than their image {WHERE}: found 18 x 9 pixels, expected 18 x 10, or"),
        (Image.new("L", (36, 20)), "found 36 x 20 pixels, expected 18 x 10"),
        (Image.new("L", (7, 4)), "found 7 x 4 pixels"),
        (Image.new("L", SIZE, 17), f"2D labels hold a value that is no class id {WHERE}: found 17 at column 0, row 0, expected 0 to 16"),
    ],
)  # fmt: skip
def test_what_is_refused(image: Image.Image, words: str, tmp_path: Path) -> None:
    written(tmp_path, image)
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert words in str(caught.value)


def test_damaged_files(tmp_path: Path) -> None:
    path = written(tmp_path, Image.fromarray(labels((900, 500))).resize(SIZE))
    whole = path.read_bytes()
    for content in (b"", b"not a picture", whole[:60], whole[:40] + bytes(20) + whole[60:]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="2D labels cannot be read") as caught:
            read(tmp_path)
        assert str(tmp_path) not in str(caught.value)
        assert (caught.value.file, caught.value.scene, caught.value.frame) == (FILE, "small", "frame-0")
    path.unlink()
    with pytest.raises(InputError, match="2D labels cannot be read"):
        read(tmp_path)


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    (tmp_path / "root" / "labels").mkdir(parents=True)
    Image.fromarray(labels()).save(tmp_path / "l0.png")
    (tmp_path / "root" / FILE).symlink_to(tmp_path / "l0.png")
    with pytest.raises(InputError, match="leads out of the data root"):
        read(tmp_path / "root")


def test_files_of_a_scene(tmp_path: Path) -> None:
    written(tmp_path, Image.fromarray(labels()))
    assert label_files(tmp_path, "small", "labels", [["l0.jpg", ""], ["", ""]]) == [FILE]
    with pytest.raises(InputError, match=r"1 of 2 images have no 2D labels \(file labels/r0.png, scene small\)"):
        label_files(tmp_path, "small", "labels", [["l0.jpg", "r0.jpg"]])
    with pytest.raises(InputError, match="no camera image to label"):
        label_files(tmp_path, "small", "labels", [["", ""], []])
