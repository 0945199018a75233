"""Classes, categories and colours."""

from __future__ import annotations

import dataclasses

import pytest
from occ_pipeline.schemas.taxonomy import NO_LABEL, NUSCENES, TAXONOMIES, Taxonomy

every = pytest.mark.parametrize("taxonomy", TAXONOMIES.values(), ids=lambda t: t.name)


@every
def test_categories_map_to_classes_and_ground_is_among_them(taxonomy: Taxonomy) -> None:
    assert TAXONOMIES[taxonomy.name] is taxonomy
    assert len(set(taxonomy.classes)) == len(taxonomy.classes) < NO_LABEL
    assert set(taxonomy.categories.values()) <= set(range(len(taxonomy.classes)))
    assert set(taxonomy.ground) <= set(taxonomy.classes)
    for number, name in enumerate(taxonomy.classes):
        assert taxonomy.id_of(name) == number


@every
def test_colours_can_be_told_apart(taxonomy: Taxonomy) -> None:
    assert len(set(taxonomy.colours)) == len(taxonomy.classes)
    assert all(len(c) == 3 and all(0 <= v <= 255 for v in c) for c in taxonomy.colours)


def test_nuscenes_classes_are_the_challenges() -> None:
    assert len(NUSCENES.classes) == 17
    assert [NUSCENES.id_of(n) for n in ("barrier", "car", "pedestrian", "driveable_surface", "vegetation")] == [
        1,
        4,
        7,
        11,
        16,
    ]
    assert len(NUSCENES.categories) == 30
    assert NUSCENES.categories["vehicle.bus.bendy"] == NUSCENES.categories["vehicle.bus.rigid"] == 3
    assert {"noise", "vehicle.ego"}.isdisjoint(NUSCENES.categories)


def test_an_unknown_class_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="barrier"):
        NUSCENES.id_of("unicorn")


@pytest.mark.parametrize(
    ("change", "words"), [({"colours": ((0, 0, 0),)}, "colours"), ({"categories": {"thing": 17}}, r"outside 0\.\.16")]
)
def test_taxonomies_that_contradict_themselves_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(NUSCENES, **change)  # type: ignore[arg-type]
