"""Boxes of moving objects that a log does not annotate, found from the labels of its points, or from rays."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .product import Array, Product, array
from .scene import SceneTables
from .validity import AtLeast, AtMost, Finite, Indexes, Poses

_NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class MovingObjects(Product):
    """Tracks that a scene's tables lack; empty for a log that annotates boxes.

    A track's classes and tokens go after the tables' own, and its number with them.
    """

    name: ClassVar[str] = "moving_objects"
    schema_version: ClassVar[int] = 2

    box_track: Array = array("box", dtype="int32", fill=-1, valid=[AtLeast(0)])
    """(B,) int32: index into ``track_tokens``. Boxes are sorted by track, then time."""
    box_sweep: Array = array("box", dtype="int32", fill=-1, valid=[Indexes("sweep")])
    """(B,) int32: the sweep at whose time the box is."""
    world_SE3_box: Array = array("box", "row", "column", dtype="float64", fill=_NAN, valid=[Poses()], row=4, column=4)
    """(B, 4, 4) float64: centre and orientation, upright; x along the way the object moves."""
    box_size_m: Array = array("box", "lwh", dtype="float64", fill=_NAN, valid=[Finite(), AtLeast(0)], lwh=3)
    """(B, 3) float64: length, width, height: the same for all of a track."""
    track_sureness: Array = array("track", dtype="float32", fill=_NAN, valid=[AtLeast(0), AtMost(1)])
    """(T,) float32: how sure it is that each moves, to 1, which is where labels say so.

    Without labels the lesser of two shares: of looks of other sweeps at its points' places, those that saw nothing there; of the
    way that the middle of what was seen went, what led on.
    """
    sweep_points: Array = array("sweep", dtype="int32", fill=-1, valid=[AtLeast(0)])
    """(S,) int32: points of each sweep that move, by their labels or by rays."""
    sweep_boxed: Array = array("sweep", dtype="int32", fill=-1, valid=[AtLeast(0)])
    """(S,) int32: of these, the points of objects that became tracks."""

    track_tokens: list[str]
    """Name of each track: class and instance as labelled (255 and 0 where not), its first sweep, its number."""
    track_classes: list[int]
    """Class id of each track."""


def with_moving_objects(tables: SceneTables, found: MovingObjects) -> SceneTables:
    """The tables with found tracks after their own. The same object where none were found."""
    if not found.track_tokens:
        return tables
    own = len(tables.track_tokens)
    return dataclasses.replace(
        tables,
        box_track=np.concatenate([tables.box_track, found.box_track + np.int32(own)]),
        box_timestamps_ns=np.concatenate([tables.box_timestamps_ns, tables.timestamps_ns[found.box_sweep]]),
        world_SE3_box=np.concatenate([tables.world_SE3_box, found.world_SE3_box]),
        box_size_m=np.concatenate([tables.box_size_m, found.box_size_m]),
        track_tokens=[*tables.track_tokens, *found.track_tokens],
        track_categories=[*tables.track_categories, *("moving" for _ in found.track_tokens)],
        track_classes=[*tables.track_classes, *found.track_classes],
    )
