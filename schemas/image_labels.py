"""Class ids of the pixels of a scene's camera images, made elsewhere or by a network, and kept at a size that rays need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .product import Array, Product, array
from .validity import ClassIds


@dataclass(frozen=True, kw_only=True)
class ImageLabels(Product):
    """2D labels of the images of a scene's key frames, in the order of the scene's :class:`CameraTables`.

    Label pixel (i, j), column and row, of camera c covers image pixels [i n, (i + 1) n) x [j n, (j + 1) n), n = ``pixels[c]``.
    Cameras may differ in size: each lies at the array's upper left, and the rest of its rows and columns has no label.
    """

    name: ClassVar[str] = "image_labels"

    labels: Array = array("frame", "camera", "row", "column", dtype="uint8", fill=254, valid=[ClassIds()])
    """(K, C, H, W) uint8: class id; 255 where a pixel has none, and where there is no image."""

    names: list[str]
    """(C) the cameras' names."""
    sizes: list[list[int]]
    """(C pairs) columns and rows of each camera's labels."""
    pixels: list[int]
    """(C) edge of a label pixel, in image pixels."""
    taxonomy: str
    frame_tokens: list[str]
    """(K) the dataset's own name of each key frame."""

    def __post_init__(self) -> None:
        super().__post_init__()
        cameras, rows, columns = self.labels.shape[1:]
        if not len(self.names) == len(self.sizes) == len(self.pixels) == cameras:
            raise ValueError(
                f"{self.name}: {len(self.names)} names, {len(self.sizes)} sizes, {len(self.pixels)} edges for {cameras} cameras"
            )
        for name, (wide, high), edge in zip(self.names, self.sizes, self.pixels, strict=True):
            if not (0 < wide <= columns and 0 < high <= rows and edge > 0):
                raise ValueError(
                    f"{self.name}: camera {name} cannot have {wide} x {high} labels of {edge} pixels in {columns} x {rows}"
                )


def least_factor(size: Sequence[int], columns: int) -> int:
    """The least whole factor that brings an image of ``size``, width and height, down to this many columns."""
    return -(-size[0] // columns)


def smaller(size: Sequence[int], factor: int) -> tuple[int, int]:
    """Columns and rows of an image of ``size``, width and height, made smaller by a whole factor; a part of one counts."""
    return -(-size[0] // factor), -(-size[1] // factor)
