"""2D labels of a scene's images, taken over from files that someone else made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..schemas.cameras import CameraTables
from ..schemas.errors import InputError
from ..schemas.image_labels import ImageLabels, least_factor, smaller
from ..schemas.parameters import Count
from ..schemas.product import Array, Blocks, Product
from ..schemas.taxonomy import NO_LABEL
from .estimate import BASE_MIB, Estimate, SceneSize
from .kernels.label_images import reduce_labels
from .stage import Needs, Part, PartResult, SceneView, Stage, frame_parts

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class LabelImages(Stage):
    """Takes over 2D labels of the camera images, made elsewhere, from a folder of PNG files below the data root."""

    name: ClassVar[str] = "image-labels"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (ImageLabels,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=1.0)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy")

    folder: str = "image_labels"
    """Folder below the data root with a PNG for each key frame's image, at the image's own path with the ending .png: 8 bits a pixel, the class id, 255 for no label."""
    columns: Count = 400
    """Labels wider than this are kept smaller, by the least whole factor that does it; most pixels decide."""
    frames_per_part: Count = 8
    """Key frames that are read together."""

    def __post_init__(self) -> None:
        parts = self.folder.split("/")
        if not self.folder or "\\" in self.folder or {"", "..", "."} & set(parts):
            raise ValueError(
                f"must be a folder below the data root, as image_labels or labels/2d, not {self.folder!r}: copy it there"
            )

    def reads(self) -> tuple[type[Product], ...]:
        return (CameraTables,)

    def reads_image_labels(self) -> str | None:
        return self.folder

    def estimate(self, size: SceneSize) -> Estimate:
        return Estimate(0.2 + size.frames * 0.15, BASE_MIB + 40.0, size.frames * 20_000.0)

    def parts(self, scene: SceneView) -> list[Part]:
        return frame_parts(scene, self.frames_per_part)

    def _factors(self, sizes: Sequence[Sequence[int]]) -> list[int]:
        """By how much each camera's labels are made smaller."""
        return [least_factor(size, self.columns) for size in sizes]

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        cameras = scene.product(CameraTables)
        sizes, files = cameras.attribute("image_sizes"), cameras.attribute("image_files")
        frames = range(part.args["start"], part.args["stop"])
        labels = np.full((len(frames), *self._shape(sizes)), NO_LABEL, dtype=np.uint8)
        for row, frame in enumerate(frames):
            for camera, (size, factor) in enumerate(zip(sizes, self._factors(sizes), strict=True)):
                if files[frame][camera]:
                    wide, high = smaller(size, factor)
                    labels[row, camera, :high, :wide] = self._kept(scene, frame, camera, size, factor)
        return {"labels": labels}

    def _shape(self, sizes: Sequence[Sequence[int]]) -> tuple[int, int, int]:
        """Cameras, rows and columns of the array."""
        kept = [smaller(size, factor) for size, factor in zip(sizes, self._factors(sizes), strict=True)]
        return len(sizes), max((high for _, high in kept), default=0), max((wide for wide, _ in kept), default=0)

    def _kept(self, scene: SceneView, frame: int, camera: int, size: Sequence[int], factor: int) -> UInt8:
        """An image's labels at the size they are kept at. Raises InputError where their file is coarser, or no part of it."""
        found = scene.image_labels(self.folder, frame, camera)
        high, wide = found.shape
        had = least_factor(size, wide)
        if factor % had:
            cameras = scene.product(CameraTables)
            raise InputError(
                "2D labels have a size that the size they are kept at is no whole part of",
                scene=cameras.attribute("scene"), frame=cameras.attribute("frame_tokens")[frame],
                found=f"{wide} x {high} of camera {cameras.attribute('names')[camera]}, an image's {size[0]} x {size[1]} by {had}",
                expected=f"its size by {factor} or by a factor of {factor}",
                fix=f"use --set {self.name}.columns={wide}, or labels of the image's own size",
            )  # fmt: skip
        kept = np.empty(smaller(size, factor)[::-1], dtype=np.uint8)
        reduce_labels(found, factor // had, kept)
        return kept

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> Iterator[Product]:
        cameras = scene.product(CameraTables)
        sizes = cameras.attribute("image_sizes")
        factors = self._factors(sizes)
        shape = (len(scene.tables.key_sweeps), *self._shape(sizes))
        labels: Array = Blocks.of(shape, "uint8", [lambda r=r: r["labels"] for r in results])
        yield ImageLabels(
            labels=labels,
            names=cameras.attribute("names"),
            sizes=[list(smaller(size, factor)) for size, factor in zip(sizes, factors, strict=True)],
            pixels=factors,
            taxonomy=scene.tables.taxonomy,
            frame_tokens=cameras.attribute("frame_tokens"),
        )
