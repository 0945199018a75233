"""Training ids and voxels say the same, there and back."""

from __future__ import annotations

import numpy as np
import pytest
from occ_pipeline.pipeline.targets import TrainingClasses
from occ_pipeline.schemas.occupancy import State
from occ_pipeline.schemas.taxonomy import NO_LABEL, TAXONOMIES, UNLABELED


@pytest.mark.parametrize("taxonomy", TAXONOMIES)
def test_ids_are_taken_back(taxonomy: str) -> None:
    classes, known = TrainingClasses(taxonomy=taxonomy), TAXONOMIES[taxonomy]
    ids = np.array([[*range(len(classes.names)), NO_LABEL]], np.uint8)
    state, semantics = classes.voxels(ids)
    assert np.array_equal(classes.ids(state, semantics), ids)
    assert state.tolist() == [[State.FREE, *[State.OCCUPIED] * (len(classes.names) - 1), State.UNKNOWN]]
    for name, class_id in zip(classes.names[1:], semantics[0, 1:].tolist(), strict=False):
        assert known.classes[class_id] == name
    assert semantics[0, [0, -1]].tolist() == [NO_LABEL, NO_LABEL]
    # And the other way: every class that voxels may have.
    every = np.array([i for i, name in enumerate(known.classes) if name != UNLABELED], np.uint8)
    back = classes.voxels(classes.ids(np.full_like(every, State.OCCUPIED), every))
    assert (back[0] == State.OCCUPIED).all()
    assert np.array_equal(back[1], every)
