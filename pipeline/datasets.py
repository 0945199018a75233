"""Datasets by name, and what stages do differently on each: known without importing any reader."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .parameters import Values

DEFAULT = "nuscenes"
DATASETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        # Returns of its car reach 1.5 m to both sides of the midline, at the height of its mirrors.
        "kitti": {
            "densify": {"grid": "semantickitti"},
            "separate": {"ego_box_m": (-1.3, -1.6, -0.5, 4.0, 1.6, 2.3)},
        },
        "nuscenes": {},
        # The grid of the scene completion benchmark; occ3d's lies around the vehicle.
        "semantickitti": {"densify": {"grid": "semantickitti"}},
    }
)
"""Keys of ``sources.SOURCES``; parameters above the stages' defaults and below all that a user gives."""


def values_of(dataset: str | None) -> Values:
    """Parameters of a dataset, none of one that nobody knows: it is refused where the log is opened."""
    return DATASETS.get(dataset or DEFAULT, {})
