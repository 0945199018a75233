"""The truth of a simulated log with its poles as a class of their own: the taxonomy calls them manmade, as it calls houses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sample import MARKER, Truth, furniture
from occ_pipeline.pipeline.sample.labels import CLASS_IDS, label
from occ_pipeline.pipeline.sample.meshes import Mesh
from occ_pipeline.pipeline.sample.world import make_world

MARK = label("static.other")
POLE = int(CLASS_IDS[MARK])
"""Nothing else in the street is of this class."""
POST_M = 0.11
"""The thickest post's radius, metres, and a little."""


def _with_post_marked(make: Callable[..., Mesh]) -> Callable[..., Mesh]:
    """What ``make`` makes, its upright post relabelled: arms, lamps, plates and signals reach farther from the axis."""

    def made(*given: object) -> Mesh:
        whole = make(*given)
        upright = (np.abs(whole.corners[:, :, :2]) < POST_M).all(axis=(1, 2))
        return replace(whole, labels=np.where(upright, np.uint8(MARK), whole.labels).astype(np.uint8))

    return made


def truth_with_poles(log: Path, monkeypatch: pytest.MonkeyPatch) -> Truth:
    """The truth of a log's first scene, in which posts of lamps, signs and traffic lights are :data:`POLE`."""
    truth, marker = Truth.open(log), json.loads((log / MARKER).read_text())
    scene = truth.scene(truth.scenes[0])
    assert not (scene.static_classes == POLE).any()
    for name in ("lamp_post", "sign", "traffic_light"):
        monkeypatch.setattr(furniture, name, _with_post_marked(getattr(furniture, name)))
    again = make_world(marker["seed"], 1, marker["seconds"])
    surface = again.whole_static
    assert np.array_equal(surface.corners - again.origin_m, scene.static), "the same street"
    truth._loaded[truth.scenes[0]] = replace(scene, static_classes=CLASS_IDS[surface.labels])
    return truth
