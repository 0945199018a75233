"""Voxel grids: where labels are wanted, at what resolution, in which frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

GridFrame = Literal["ego", "lidar"]


@dataclass(frozen=True)
class VoxelGrid:
    """An axis-aligned grid of cubic voxels in a key frame's ego or LiDAR frame.

    A point p lies in voxel ``floor((p - min_m) / voxel_m)``; the upper bound is excluded; arrays are indexed [x, y, z].
    """

    min_m: tuple[float, float, float]
    """Lower corner, metres."""
    voxel_m: float
    """Edge of a voxel, metres."""
    shape: tuple[int, int, int]
    """Voxels along x, y, z."""
    frame: GridFrame = "ego"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.voxel_m) and self.voxel_m > 0):
            raise ValueError(f"voxel edge must be positive, found {self.voxel_m}")
        if len(self.min_m) != 3 or not np.isfinite(self.min_m).all():
            raise ValueError(f"lower corner must be three finite numbers, found {self.min_m}")
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"shape must be three positive integers, found {self.shape}")
        if self.frame not in ("ego", "lidar"):
            raise ValueError(f"grid frame must be 'ego' or 'lidar', found {self.frame!r}")

    @classmethod
    def from_range(
        cls, range_m: tuple[float, float, float, float, float, float], voxel_m: float, frame: GridFrame = "ego"
    ) -> VoxelGrid:
        """From (x0, y0, z0, x1, y1, z1) in metres. Raises ValueError unless each side is a whole number of voxels."""
        if not (np.isfinite(range_m).all() and np.isfinite(voxel_m) and voxel_m > 0):
            raise ValueError(f"a grid needs finite bounds and a positive voxel edge, found {range_m} and {voxel_m}")
        low, high = np.array(range_m[:3]), np.array(range_m[3:])
        counts = (high - low) / voxel_m
        shape = np.rint(counts).astype(int)
        if np.abs(counts - shape).max() > 1e-3 or shape.min() < 1:
            raise ValueError(f"range {range_m} is not a whole number of {voxel_m} m voxels: {counts.tolist()}")
        return cls(
            (float(low[0]), float(low[1]), float(low[2])), voxel_m, (int(shape[0]), int(shape[1]), int(shape[2])), frame
        )

    @property
    def max_m(self) -> tuple[float, float, float]:
        """Upper corner, metres (excluded)."""
        x, y, z = (low + self.voxel_m * n for low, n in zip(self.min_m, self.shape, strict=True))
        return (x, y, z)

    def index(self, points: NDArray[np.floating[Any]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Voxel indices (N, 3) int64 of points (N, 3) in metres of the grid's frame, and which lie inside (N,) bool."""
        cells = np.floor((np.asarray(points, dtype=np.float64) - self.min_m) / self.voxel_m).astype(np.int64)
        inside: NDArray[np.bool_] = np.all((cells >= 0) & (cells < self.shape), axis=1)
        return cells, inside

    @property
    def text(self) -> str:
        """As :func:`parse_grid` reads it: a preset's name, or bounds, voxel and frame."""
        for name, preset in GRIDS.items():
            if preset == self:
                return name
        bounds = ",".join(f"{bound:.10g}" for bound in (*self.min_m, *self.max_m))
        return f"{bounds}@{self.voxel_m:g}:{self.frame}"

    @property
    def words(self) -> str:
        """For people: :attr:`text`, and how large that is."""
        return f"{self.text} ({' x '.join(map(str, self.shape))} of {self.voxel_m:g} m, {self.frame} frame)"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> VoxelGrid:
        """The grid of :meth:`to_json`'s value."""
        x, y, z = value["min_m"]
        nx, ny, nz = value["shape"]
        return cls((float(x), float(y), float(z)), float(value["voxel_m"]), (nx, ny, nz), value["frame"])

    def to_json(self) -> dict[str, object]:
        """The grid as JSON values, as kept in a product's attributes."""
        return {"min_m": list(self.min_m), "voxel_m": self.voxel_m, "shape": list(self.shape), "frame": self.frame}


_KITTI = VoxelGrid.from_range((0.0, -25.6, -2.0, 51.2, 25.6, 4.4), 0.2, "lidar")
GRIDS: Mapping[str, VoxelGrid] = MappingProxyType(
    {
        # Occ3D-nuScenes: ego frame, 0.4 m (Tian et al. 2023, github.com/Tsinghua-MARS-Lab/Occ3D).
        "occ3d": VoxelGrid.from_range((-40.0, -40.0, -1.0, 40.0, 40.0, 5.4), 0.4, "ego"),
        # SurroundOcc: LiDAR frame, 0.5 m (Wei et al. 2023, github.com/weiyithu/SurroundOcc).
        "surroundocc": VoxelGrid.from_range((-50.0, -50.0, -5.0, 50.0, 50.0, 3.0), 0.5, "lidar"),
        # OpenOccupancy: LiDAR frame, 0.2 m (Wang et al. 2023, github.com/JeffWang987/OpenOccupancy).
        "openoccupancy": VoxelGrid.from_range((-51.2, -51.2, -5.0, 51.2, 51.2, 3.0), 0.2, "lidar"),
        # SemanticKITTI's scene completion: LiDAR frame, x forward there (Behley et al. 2019, semantic-kitti.org).
        "semantickitti": _KITTI,
        # SSCBench-KITTI-360: the same (Li et al. 2024, github.com/ai4ce/SSCBench).
        "kitti360": _KITTI,
    }
)
"""Named grids, each as published. KITTI's reach ahead along the LiDAR's x axis, which in nuScenes points to the right."""


def parse_grid(value: object) -> object:
    """A grid from a preset's name or ``x0,y0,z0,x1,y1,z1@VOXEL[:ego|:lidar]`` in metres; other values as they are.

    Raises ValueError saying what is understood.
    """
    if not isinstance(value, str):
        return value
    if value in GRIDS:
        return GRIDS[value]
    bounds, at, rest = value.partition("@")
    size, _, frame = rest.partition(":")
    try:
        x0, y0, z0, x1, y1, z1 = (float(part) for part in bounds.split(","))
        edge = float(size)
    except ValueError:
        raise ValueError(_not_a_grid(value)) from None
    if not at or frame not in ("", "ego", "lidar"):
        raise ValueError(_not_a_grid(value))
    return VoxelGrid.from_range((x0, y0, z0, x1, y1, z1), edge, "lidar" if frame == "lidar" else "ego")


def _not_a_grid(text: str) -> str:
    return f"{text!r} is no grid: give {', '.join(GRIDS)}, or x0,y0,z0,x1,y1,z1@voxel[:ego|:lidar] in metres"


GridParameter = Annotated[VoxelGrid, BeforeValidator(parse_grid)]
"""A grid as a stage's parameter: a preset's name, a range, or the fields themselves."""
