"""Class names in parameters against the taxonomy that a log's labels are in."""

from __future__ import annotations

import pytest
from occ_pipeline.pipeline.checking import refuse_foreign_classes
from occ_pipeline.pipeline.registry import STAGES
from occ_pipeline.schemas.errors import UsageError
from occ_pipeline.schemas.taxonomy import GROUND_CLASSES, NUSCENES, SEMANTICKITTI
from occ_pipeline.stages.clean import Clean
from occ_pipeline.stages.visibility import Visibility


def test_defaults_fit_every_taxonomy() -> None:
    for taxonomy in (NUSCENES, SEMANTICKITTI):
        refuse_foreign_classes([kind() for kind in STAGES.values()], taxonomy)


def test_a_user_means_a_class_of_the_log() -> None:
    refuse_foreign_classes([Visibility(kept_classes=("road",))], SEMANTICKITTI)
    refuse_foreign_classes([Visibility(kept_classes=(*GROUND_CLASSES, "vegetation"))], NUSCENES)
    refuse_foreign_classes([Clean(limits=("truck 3 15m",))], NUSCENES)
    for stage, words in (
        (Visibility(kept_classes=("sidewalk", "road")), "'road'.*visibility.kept_classes"),
        (Visibility(kept_classes=(*GROUND_CLASSES, "trunk")), "'trunk'.*did you mean 'truck'"),
        (Clean(limits=("car 3 6m", "person 3 3m")), "'person'.*clean.limits"),
    ):
        with pytest.raises(UsageError, match=words):
            refuse_foreign_classes([stage], NUSCENES)
