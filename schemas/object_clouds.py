"""Points of moving objects, in their own box frames."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from .product import Array, Product, array
from .validity import AtLeast, ClassIds, Finite, Indexes, Offsets, OneOf, Poses

NAN = float("nan")


class Motion(IntEnum):
    """How a tracked object is treated."""

    PARKED = 0
    """Does not move in this scene: part of the static map."""
    RIGID = 1
    """Moves as one piece: all its points share one box frame."""
    DEFORMING = 2
    """Moves its limbs: points are kept per key frame, from sweeps near its time."""


@dataclass(frozen=True, kw_only=True)
class ObjectClouds(Product):
    """Points of each moving object in its box frame (origin at the box's centre), thinned.

    A group holds the points of one rigid track, or of one deforming track near one key frame.
    """

    name: ClassVar[str] = "object_clouds"

    points: Array = array("point", "xyz", dtype="float32", fill=NAN, valid=[Finite()], xyz=3)
    """(N, 3) float32, metres, box frame; sorted by group, then cell."""
    sensors: Array = array("point", "xyz", dtype="float32", fill=NAN, valid=[Finite()], xyz=3)
    """(N, 3) float32, metres, box frame: where the nearest sensor stood that saw the point."""
    sweep: Array = array("point", dtype="int32", fill=-1, valid=[AtLeast(0)])
    """(N,) int32: that sensor's sweep."""
    returns: Array = array("point", dtype="uint16", fill=0, valid=[AtLeast(1)])
    """(N,) uint16: how many returns fell into the point's cell, saturating."""
    labels: Array = array("point", dtype="uint8", fill=255, valid=[ClassIds()])
    """(N,) uint8: class of the labelled returns, 255 without any."""
    group_track: Array = array("group", dtype="int32", fill=-1, valid=[Indexes("track")])
    """(G,) int32: track of each group."""
    group_frame: Array = array("group", dtype="int32", fill=-2, valid=[Indexes("frame", least=-1)])
    """(G,) int32: key frame the group stands for, -1 for all (rigid)."""
    group_offsets: Array = array("group_bound", dtype="int64", fill=-1, valid=[Offsets("point")])
    """(G + 1,) int64: rows of each group in the point arrays."""
    motion: Array = array("track", dtype="uint8", fill=255, valid=[OneOf.enum(Motion)])
    """(T,) uint8: :class:`Motion` of every track of the scene."""
    frame_boxes: Array = array(
        "frame", "track", "row", "column", dtype="float64", fill=NAN, valid=[Poses(absent=True)], row=4, column=4
    )
    """(K, T, 4, 4) float64: ``world_SE3_box`` of every track in every key frame, NaN where it is absent."""
    track_size_m: Array = array("track", "lwh", dtype="float32", fill=NAN, valid=[Finite(), AtLeast(0)], lwh=3)
    """(T, 3) float32: length, width, height, median over the track."""
    track_classes: list[int]
    """Class id of every track."""
