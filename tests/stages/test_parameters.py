"""Stages refuse parameters that cannot be, before anything runs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from occ_pipeline.pipeline.checking import adapter
from occ_pipeline.pipeline.parameters import parameters
from occ_pipeline.stages.clean import Clean
from occ_pipeline.stages.consistency import MeasureConsistency
from occ_pipeline.stages.densify import Densify
from occ_pipeline.stages.flow import Flow
from occ_pipeline.stages.import_labels import ImportLabels
from occ_pipeline.stages.inputs import CopyInputs
from occ_pipeline.stages.label_images import LabelImages
from occ_pipeline.stages.moving_objects import FindMovingObjects
from occ_pipeline.stages.reconstruct import Reconstruct
from occ_pipeline.stages.refine import RefineWithImages
from occ_pipeline.stages.refine_poses import RefinePoses
from occ_pipeline.stages.scan_votes import ScanVotes
from occ_pipeline.stages.separate import Separate
from occ_pipeline.stages.stage import Stage
from occ_pipeline.stages.visibility import Visibility
from occ_pipeline.stages.voxnt import Voxnt, VoxntRefined
from pydantic import ValidationError

STAGES: list[type[Stage]] = [
    *(
        RefinePoses,
        FindMovingObjects,
        Separate,
        Reconstruct,
        Densify,
        Visibility,
        ImportLabels,
        ScanVotes,
        LabelImages,
        RefineWithImages,
        MeasureConsistency,
        Flow,
        Voxnt,
        Clean,
        VoxntRefined,
        CopyInputs,
    )
]
NUMBERS = [
    (stage, field.name, field.default)
    for stage in STAGES
    for field in dataclasses.fields(stage)
    if type(field.default) in (int, float)
]
SIGNED = {"lowest_m", "highest_m"}
MAY_BE_ZERO = {
    *("moving_m", "box_margin_m", "buffer_m", "clearance_m", "carry_s", "deforming_window_s"),
    *("clear_gain", "around_s", "revisit_m", "least_overlap", "most_refused"),
    *("halo_m", "density_quantile", "least_area_m2", "least_surface"),
    *("share", "crossed_share", "frames_around", "least_way", "clear_of_end_m", "unknown_votes", "camera_margin_m"),
    *("later_scans", "earlier_scans", "least_range_m", "most_there", "least_way_m", "least_sureness"),
    *("most_hits", "open_share", "carve_hits", "carve_share"),
}


def build(stage: type[Stage], **values: Any) -> Stage:
    return adapter(stage).validate_python(values)


@pytest.mark.parametrize(("stage", "name", "default"), NUMBERS, ids=lambda v: getattr(v, "name", None))
def test_numbers_that_cannot_be_are_refused(stage: type[Stage], name: str, default: float) -> None:
    assert getattr(build(stage, **{name: default}), name) == default
    for nonsense in (float("nan"), float("inf"), "many", None, *([] if name in SIGNED else [-1])):
        with pytest.raises(ValidationError) as caught:
            build(stage, **{name: nonsense})
        assert caught.value.errors()[0]["loc"] == (name,)
    if name in MAY_BE_ZERO | SIGNED:
        assert getattr(build(stage, **{name: 0}), name) == 0
    else:
        with pytest.raises(ValidationError):
            build(stage, **{name: 0})
    if isinstance(default, int):
        with pytest.raises(ValidationError):
            build(stage, **{name: 1.5})


@pytest.mark.parametrize(
    ("stage", "values", "words"),
    [
        (Reconstruct, {"density_quantile": 1.0}, "less than 1"),
        (Reconstruct, {"backend": "cgal"}, "open3d"),
        (Densify, {"grid": "0,0,0,1,1,1@0.3"}, "whole number"),
        (Separate, {"cell_m": 0.01}, "128 cells"),
        (Separate, {"block_m": 0.01}, "128 cells"),
        (Separate, {"ego_box_m": (0, 0, 0)}, "required"),
        (ScanVotes, {"least_range_m": 70.0}, "below most_range_m"),
        (ScanVotes, {"ego_rectangle_m": (3, -2, -2, 2)}, "second corner"),
        (LabelImages, {"folder": "/data/labels"}, "below the data root"),
        (RefineWithImages, {"kept_classes": ["sky"]}, "no class is called 'sky'"),
        (MeasureConsistency, {"product": "ray_counts"}, "refined_occupancy"),
    ],
)
def test_other_nonsense_is_refused(stage: type[Stage], values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        build(stage, **values)


@pytest.mark.parametrize("stage", STAGES)
def test_every_parameter_has_a_help_text_and_defaults_pass_their_own_checks(stage: type[Stage]) -> None:
    told = parameters(stage)
    assert [parameter.name for parameter in told] == [field.name for field in dataclasses.fields(stage)]
    assert all(parameter.help for parameter in told)
    assert build(stage, **adapter(stage).dump_python(stage(), mode="json")) == stage()
