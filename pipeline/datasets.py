"""Datasets by name, and what stages do differently on each: known without importing any reader."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .parameters import Values

DEFAULT = "nuscenes"
# The grid of the scene completion benchmark; occ3d's lies around the vehicle. Its voxels of 0.2 m want finer cells of the map:
# a point that stands for a cell of 0.1 m falls beside its voxel too often (held-out returns in occupied voxels 0.973, and 0.979).
_KITTI = {"separate": {"cell_m": 0.05, "block_m": 5.0}, "densify": {"grid": "semantickitti"}}
DATASETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "nuscenes": {},
        "semantickitti": _KITTI,
    }
)
"""Keys of ``sources.SOURCES``; parameters above the stages' defaults and below all that a user gives."""


def values_of(dataset: str | None) -> Values:
    """Parameters of a dataset, none of one that nobody knows: it is refused where the log is opened."""
    return DATASETS.get(dataset or DEFAULT, {})
