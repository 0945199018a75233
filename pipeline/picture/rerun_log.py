"""A scene as a recording for the rerun viewer (extra ``rerun``): voxels and points of every key frame on one time line."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import UsageError
from .colours import class_colours, height_colours, height_range
from .shown import ShownFrame


def load_rerun() -> Any:
    """The library. Raises UsageError where it is not installed."""
    try:
        return importlib.import_module("rerun")
    except ImportError as error:
        raise UsageError(
            "rerun cannot be loaded", found=str(error), fix="pip install 'occ-pipeline[rerun]', or use --html"
        ) from error


def write_rerun(path: Path, scene: str, frames: Iterable[ShownFrame]) -> None:
    """Writes an .rrd file, which ``rerun FILE`` opens: an entity per class, so that each can be hidden. Raises UsageError."""
    rr = load_rerun()
    stream = rr.RecordingStream("occ-pipeline", recording_id=scene)
    stream.save(str(path))
    stream.log("/", rr.ViewCoordinates.FLU, static=True)
    before: set[str] = set()
    for number, frame in enumerate(frames):
        stream.set_time("key frame", sequence=number)
        entities = {**_voxels(rr, frame), **_points(rr, frame)}
        for name in sorted(before - set(entities)):
            stream.log(name, rr.Clear(recursive=False))
        for name, entity in entities.items():
            stream.log(name, entity)
        before |= set(entities)
    stream.flush()


def _voxels(rr: Any, frame: ShownFrame) -> dict[str, Any]:
    view = frame.view
    cells = np.argwhere(view.occupied)
    ids = view.classes[tuple(cells.T)]
    centres = (cells + 0.5) * view.grid.voxel_m + view.grid.min_m
    # Slightly smaller than they are, so that single voxels can be told apart.
    half = 0.49 * view.grid.voxel_m
    return {
        f"voxels/{name}": rr.Boxes3D(
            centers=centres[mine], half_sizes=np.full((int(mine.sum()), 3), half), colors=colour,
            fill_mode=rr.components.FillMode.Solid,
        )
        for name, colour, mine in _by_class(frame, ids)
    }  # fmt: skip


def _points(rr: Any, frame: ShownFrame) -> dict[str, Any]:
    view = frame.view
    if view.labels is None:
        colours = height_colours(view.points[:, 2], *height_range(view.points)).astype(np.uint8)
        return {"points": rr.Points3D(view.points, colors=colours, radii=0.04)}
    return {
        f"points/{name}": rr.Points3D(view.points[mine], colors=colour, radii=0.04)
        for name, colour, mine in _by_class(frame, view.labels)
    }


def _by_class(frame: ShownFrame, ids: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.bool_]]]:
    """Name, colour and members of every class that there is, those without one last."""
    known = frame.taxonomy.classes
    colours = class_colours(frame.taxonomy).astype(np.uint8)
    for i, name in enumerate(known):
        if (mine := ids == i).any():
            yield name, colours[i], mine
    if (rest := ids >= len(known)).any():
        yield "no_label", colours[255], rest
