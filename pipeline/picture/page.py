"""A frame as one page for a browser: voxels and points that turn and zoom, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import html
import json
import zlib
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .colours import INK, blend, class_colours, height_colours, height_range
from .faces import EGO_ID, exposed_faces, street_colours, with_ego
from .shown import ShownFrame
from .view import FrameView

_HERE = files(__package__ or "")
_BRIGHT = 200
"""Brightness 1, as a byte."""


def frame_page(frame: ShownFrame) -> str:
    """The page of a key frame's voxels and points, HTML in UTF-8."""
    view = frame.view
    template = (_HERE / "page.html").read_text(encoding="utf-8")
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    filled = {
        "__TITLE__": html.escape(frame.title),
        "__FACTS__": html.escape(frame.facts),
        "__POINTS_ARE__": html.escape(frame.points_are[0].lower() + frame.points_are[1:]),
        "__DATA__": json.dumps(_data(view, frame), separators=(",", ":")).replace("<", "\\u003c"),
        "__SCRIPT__": script,
    }
    for mark, text in filled.items():
        template = template.replace(mark, text)
    return template


def _data(view: FrameView, frame: ShownFrame) -> dict[str, Any]:
    names = {i: name.replace("_", " ") for i, name in enumerate(frame.taxonomy.classes)} | {EGO_ID: "ego vehicle"}
    voxels = np.bincount(view.classes[view.occupied], minlength=256)
    known = len(frame.taxonomy.classes)
    by_size = sorted((i for i in range(known) if voxels[i]), key=lambda i: -int(voxels[i]))
    legend = [{"id": i, "name": names[i], "voxels": int(voxels[i])} for i in by_size]
    if rest := int(voxels[known:].sum()):
        legend.append({"id": 255, "name": "no label", "voxels": rest})
    occupied, ids = with_ego(view)
    faces = exposed_faces(view.grid, occupied)
    looks = np.stack(
        [
            2 * faces.axis + (faces.sign > 0),
            ids[tuple(faces.voxels.T)],
            np.clip(np.rint(faces.brightness * _BRIGHT), 0, 255),
        ],
        axis=1,
    ).astype(np.uint8)
    places, steps_m = _steps(view)
    return {
        "grid": view.grid.to_json(),
        "forward": view.forward,
        "left": view.left,
        "ego_m": view.grid_SE3_ego[:3, 3].round(3).tolist(),
        "colours": np.rint(street_colours(frame.taxonomy)).astype(int).tolist(),
        "names": names,
        "unlabelled": [i for i in range(known, 256) if i != EGO_ID],
        "legend": legend,
        "voxels": int(view.occupied.sum()),
        "faces": len(looks),
        "face_bytes": _packed(faces.voxels.astype("<u2"), looks),
        "points": len(places),
        "point_step_m": steps_m.tolist(),
        "point_bytes": _packed(places.astype("<u2"), _point_colours(view, frame)),
    }


def _steps(view: FrameView) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Points (N, 3) as whole numbers of steps (3,) metres from the grid's lower corner, 65,535 across the grid."""
    steps = (np.array(view.grid.max_m) - view.grid.min_m) / 65_535
    return np.clip(np.rint((view.points - view.grid.min_m) / steps), 0, 65_535).astype(np.int64), steps


def _point_colours(view: FrameView, frame: ShownFrame) -> NDArray[np.uint8]:
    """(N, 4) uint8: red, green, blue, paler than voxels are, and the class that shows and hides the point in the legend."""
    if view.labels is None:
        rgb, kinds = height_colours(view.points[:, 2], *height_range(view.points)), np.full(len(view.points), 255)
    else:
        rgb, kinds = class_colours(frame.taxonomy)[view.labels], view.labels
    return np.concatenate([np.rint(blend(rgb, INK, 0.45)), kinds[:, None]], axis=1).astype(np.uint8)


def _packed(*arrays: NDArray[Any]) -> str:
    """Arrays one after the other, deflated, in base64."""
    return base64.b64encode(zlib.compress(b"".join(a.tobytes() for a in arrays), 9)).decode("ascii")
