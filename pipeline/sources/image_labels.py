"""Files of 2D labels beside a log's images: where they lie, that they are there, and what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...schemas.errors import InputError
from ...schemas.image_labels import least_factor, smaller
from ...schemas.product import ProductReader
from ...schemas.taxonomy import NO_LABEL
from .files import DataRoot

MODES = ("L", "P")
"""What Pillow calls 8 bits a pixel: grey, or a place in a palette, which is the class id too."""
_MAKE_THEM = (
    "write an 8-bit PNG of class ids there for every image, or name their folder with --set image-labels.folder=FOLDER"
)


def label_file(folder: str, image_file: str) -> str:
    """Path of an image's labels, relative to the data root: ``folder`` and the image's own path, ending in ``.png``."""
    return f"{folder}/{PurePosixPath(image_file).with_suffix('.png')}"


def label_files(data_root: Path, scene: str, folder: str, image_files: Sequence[Sequence[str]]) -> list[str]:
    """Files of a scene's 2D labels, one for each image. Raises InputError where there is no image, or one has no labels."""
    wanted = [label_file(folder, image) for frame in image_files for image in frame if image]
    if not wanted:
        raise InputError(
            "the scene has no camera image to label", scene=scene, fix="leave out the stages that read 2D labels"
        )
    root = DataRoot(data_root)
    missing = [name for name in wanted if root.size(name) is None]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(wanted)} images have no 2D labels",
            file=missing[0], scene=scene, found="no such file", fix=_MAKE_THEM,
        )  # fmt: skip
    return wanted


def read_image_labels(data_root: Path, cameras: ProductReader, folder: str, frame: int, camera: int, classes: int) -> NDArray[np.uint8]:  # fmt: skip
    """(H, W) uint8 class ids of a key frame's image, 255 for none, at the size of their file.

    ``cameras``: :class:`CameraTables`. Raises InputError where the file cannot be read, is no 8-bit PNG, has another size
    than the image's or that by a whole factor, or holds other values.
    """
    name = label_file(folder, cameras.attribute("image_files")[frame][camera])
    scene, token = cameras.attribute("scene"), cameras.attribute("frame_tokens")[frame]
    try:
        labels = _read(DataRoot(data_root).resolve(name), name, cameras.attribute("image_sizes")[camera])
        _check_values(labels, name, classes)
    except InputError as error:
        error.scene, error.frame = scene, token
        raise
    return labels


def _read(path: Path, name: str, size: Sequence[int]) -> NDArray[np.uint8]:
    try:
        with Image.open(path, formats=["PNG"]) as image:
            _check_form(image, name, size)
            return np.array(image, dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            "2D labels cannot be read", file=name, found=str(error).replace(str(path), "the file"),
            expected="a PNG image", fix="write the file again",
        ) from error  # fmt: skip


def _check_form(image: Image.Image, name: str, size: Sequence[int]) -> None:
    """Raises InputError before anything is decoded."""
    if image.mode not in MODES:
        raise InputError(
            "2D labels are no 8-bit class ids", file=name, found=f"a PNG of mode {image.mode}",
            expected="one channel of 8 bits", fix="write class ids, not colours",
        )  # fmt: skip
    wide, high = image.size
    if wide > size[0] or smaller(size, least_factor(size, wide)) != (wide, high):
        raise InputError(
            "2D labels have another size than their image", file=name, found=f"{wide} x {high} pixels",
            expected=f"{size[0]} x {size[1]}, or that by a whole factor, rounded up",
            fix="make them of this image, without cutting or stretching it",
        )  # fmt: skip


def _check_values(labels: NDArray[np.uint8], name: str, classes: int) -> None:
    wrong = np.argwhere((labels >= classes) & (labels != NO_LABEL))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise InputError(
            "2D labels hold a value that is no class id", file=name,
            found=f"{labels[row, column]} at column {column}, row {row}", expected=f"0 to {classes - 1}, or {NO_LABEL}",
            fix="map their classes to the store's before they are written",
        )  # fmt: skip
