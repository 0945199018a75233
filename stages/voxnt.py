"""Instance-level targets from voxel labels alone: the voxel-to-instance trick (VoxDet, Sec. 4.3 and Algorithm 1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from ..schemas.instance_offsets import FREE_RUN, UNKNOWN_RUN, InstanceOffsets, RefinedOffsets
from ..schemas.occupancy import OCCUPANCIES, OccupancyName, State
from ..schemas.parameters import Count
from ..schemas.product import Blocks, Product
from .estimate import BASE_MIB, Estimate, SceneSize
from .kernels.runs import LONGEST, runs_along_x, runs_along_yz
from .stage import Needs, Part, PartResult, SceneView, Stage, frame_parts

UInt16 = NDArray[np.uint16]


def instance_offsets(labels: NDArray[Any], threads: int = 1, out: UInt16 | None = None) -> UInt16:
    """(6, X, Y, Z) uint16 voxels from each voxel of ``labels`` (X, Y, Z), any integers, to the end of its run, itself counted.

    Channels x+, x-, y+, y-, z+, z-: a run of three along x gives 3, 2, 1 in x+ and 1, 2, 3 in x-. Every value makes runs,
    free and ignore too; the grid's border ends them (VoxDet, Algorithm 1). The same from any number of ``threads``.
    ``out`` is written and returned where it is given: fresh memory takes as long as a quarter of the work. Raises ValueError
    for other arrays.
    """
    if labels.ndim != 3 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers (X, Y, Z), found {labels.dtype} {labels.shape}")
    if not 0 < min(labels.shape) <= max(labels.shape) <= LONGEST:
        raise ValueError(f"labels must have 1 to {LONGEST} voxels along each axis, found {labels.shape}")
    lengths: UInt16 = np.empty((6, *labels.shape), dtype=np.uint16) if out is None else out
    if lengths.shape != (6, *labels.shape) or lengths.dtype != np.uint16 or not lengths.flags.c_contiguous:
        raise ValueError(f"out must be uint16 {(6, *labels.shape)} in C order, found {lengths.dtype} {lengths.shape}")
    whole = np.ascontiguousarray(labels)

    def share(thread: int) -> None:
        for kernel, length in ((runs_along_x, labels.shape[1]), (runs_along_yz, labels.shape[0])):
            kernel(whole, lengths, thread * length // threads, (thread + 1) * length // threads)

    others = [Thread(target=share, args=(thread,)) for thread in range(1, threads)]
    for other in others:
        other.start()
    share(0)
    for other in others:
        other.join()
    return lengths


def normalise(offsets: UInt16) -> NDArray[np.float32]:
    """(6, X, Y, Z) float32: offsets of a whole grid divided by its size along their axis, in (0, 1] (VoxDet, App. B)."""
    x, y, z = offsets.shape[1:]
    return (offsets / np.array([x, x, y, y, z, z], dtype=np.float32)[:, None, None, None]).astype(np.float32)


@dataclass(frozen=True)
class Scales:
    """How long the runs are that each voxel lies in. The paper's l counts the voxel twice: it is L + 1."""

    run_voxels: NDArray[np.uint16]
    """(3, X, Y, Z) uint16: L, voxels of the run along x, y and z."""

    @property
    def paper_l(self) -> NDArray[np.uint16]:
        """(3, X, Y, Z) uint16: l = d+ + d- of Eq. 10 and 11, one more than the run has voxels."""
        return self.run_voxels + np.uint16(1)


def scales(offsets: UInt16) -> Scales:
    """Run lengths of each voxel from its offsets (6, X, Y, Z)."""
    return Scales(offsets[0::2] + offsets[1::2] - np.uint16(1))


def sampled(offsets: UInt16, every: int) -> UInt16:
    """Every n-th voxel's offsets along each axis, beginning with the first: what VoxDet's released code regresses, with 4."""
    return np.ascontiguousarray(offsets[:, ::every, ::every, ::every])


def run_classes(state: NDArray[np.uint8], semantics: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What makes runs: class ids, 255 for occupied voxels without one, and codes of their own for free and unknown."""
    empty = np.where(state == State.FREE, np.uint8(FREE_RUN), np.uint8(UNKNOWN_RUN))
    return np.where(state == State.OCCUPIED, semantics, empty)


@dataclass(frozen=True, kw_only=True)
class Voxnt(Stage):
    """Tells every voxel how far its run of equal labels goes in six directions: VoxDet's regression target."""

    name: ClassVar[str] = "voxnt"
    version: ClassVar[int] = 1
    writes: ClassVar[tuple[type[Product], ...]] = (InstanceOffsets,)
    needs: ClassVar[Needs] = Needs(cpus=1, memory_gib=0.5)
    libraries: ClassVar[tuple[str, ...]] = ("numba", "numpy")

    product: OccupancyName = "carved_occupancy"
    """The voxel labels whose runs are measured."""
    every: Count = 1
    """Voxels between samples along each axis; VoxDet's released code trains on every 4th."""
    frames_per_part: Count = 2
    """Key frames that are measured together."""

    def reads(self) -> tuple[type[Product], ...]:
        return (OCCUPANCIES[self.product],)

    def estimate(self, size: SceneSize) -> Estimate:
        frames = self.frames_per_part
        frame_bytes = 900_000.0 / self.every**2 * size.seen
        return Estimate(
            0.1 + size.frames * 0.15, BASE_MIB + 24.0 * frames + 0.1 * size.frames, size.frames * frame_bytes
        )

    def parts(self, scene: SceneView) -> list[Part]:
        return frame_parts(scene, self.frames_per_part)

    def compute(self, scene: SceneView, part: Part) -> PartResult:
        labels = scene.product(OCCUPANCIES[self.product])
        state, semantics = (labels.rows(n, part.args["start"], part.args["stop"]) for n in ("state", "semantics"))
        frames = [instance_offsets(run_classes(*arrays)) for arrays in zip(state, semantics, strict=True)]
        return {"offsets": np.stack([sampled(offsets, self.every) for offsets in frames])}

    def assemble(self, scene: SceneView, results: Sequence[PartResult]) -> tuple[Product, ...]:
        labels = scene.product(OCCUPANCIES[self.product])
        sides = [math.ceil(n / self.every) for n in labels.attribute("grid")["shape"]]
        shape = (len(scene.tables.key_sweeps), 6, *sides)
        product = cast("type[InstanceOffsets]", self.writes[0])
        return (
            product(
                offsets=Blocks.of(shape, "uint16", [lambda r=r: r["offsets"] for r in results]),
                world_SE3_grid=labels.read("world_SE3_grid"),
                labels=self.product,
                every=self.every,
                grid=labels.attribute("grid"),
                taxonomy=labels.attribute("taxonomy"),
                frame_tokens=labels.attribute("frame_tokens"),
            ),
        )


@dataclass(frozen=True, kw_only=True)
class VoxntRefined(Voxnt):
    """The same of cleaned labels, whose traces and noise make no runs: VoxDet's released code measures uncleaned ones."""

    name: ClassVar[str] = "voxnt-refined"
    version: ClassVar[int] = Voxnt.version
    writes: ClassVar[tuple[type[Product], ...]] = (RefinedOffsets,)

    product: OccupancyName = "refined_labels"
    """The voxel labels whose runs are measured."""
