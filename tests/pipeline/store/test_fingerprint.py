from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.pipeline.store.fingerprint import NO_SOURCES, Provenance, SourceFile, Sources, canonical_json
from occ_pipeline.pipeline.store.manifest import Manifest
from occ_pipeline.pipeline.store.store import Store
from store_samples import Mixed, mixed, provenance

HEX = "0" * 64
BASE = Provenance(
    stage="densify",
    stage_version=1,
    schema_version=2,
    parameters={"cell_m": 0.2, "knn": 5, "classes": ["car", "bus"], "limit": None},
    inputs={"surfaces": HEX},
    sources=Sources.of([SourceFile("a/b.bin", 3, HEX)]),
    back_end="open3d",
    libraries={"scipy": "1.11.0"},
)


def test_golden() -> None:
    """Raise nothing, change nothing: another digest here makes every store in the world stale."""
    assert BASE.fingerprint == "8ef567c2880de2dda535f0b127cc5597ce6017860d9c27041c214fd7eb223ebf"
    assert canonical_json({"b": (1, 2.5, -0.0), "a": "ä", "c": [True, None, 1e22]}) == (
        '{"a":"\\u00e4","b":[1,2.5,-0.0],"c":[true,null,1e+22]}'
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stage", "other"),
        ("stage_version", 2),
        ("schema_version", 1),
        ("parameters", {**BASE.parameters, "knn": 6}),
        ("parameters", {**BASE.parameters, "more": 1}),
        ("parameters", {**BASE.parameters, "classes": ["bus", "car"]}),
        ("inputs", {"surfaces": "1" + HEX[1:]}),
        ("inputs", {}),
        ("sources", NO_SOURCES),
        ("sources", Sources.of([SourceFile("a/c.bin", 3, HEX)])),
        ("sources", Sources.of([SourceFile("a/b.bin", 4, HEX)])),
        ("sources", Sources.of([SourceFile("a/b.bin", 3, "1" + HEX[1:])])),
        ("back_end", "pymeshlab"),
        ("libraries", {"scipy": "1.11.1"}),
    ],
)
def test_every_field_counts(field: str, value: object) -> None:
    assert dataclasses.replace(BASE, **{field: value}).fingerprint != BASE.fingerprint


def test_every_field_is_tried() -> None:
    tried = {mark.args[1][i][0] for mark in test_every_field_counts.pytestmark for i in range(len(mark.args[1]))}
    assert tried == {field.name for field in dataclasses.fields(Provenance)}


def test_order_does_not_count() -> None:
    shuffled = dict(reversed(BASE.parameters.items()))
    assert dataclasses.replace(BASE, parameters=shuffled).fingerprint == BASE.fingerprint
    files = [SourceFile(f"{name}.bin", 1, HEX) for name in "abc"]
    assert Sources.of(files) == Sources.of([*reversed(files), files[0]])
    assert Sources.of(files).count == 3


@settings(max_examples=50, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))  # fmt: skip
def test_canonical_json_round_trips(value: object) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, {"a": {3}}, b"x", object()])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError), match="value"):
        canonical_json(value)


def test_given_values_are_checked() -> None:
    for change in ({"inputs": {"surfaces": "abc"}}, {"stage": ""}):
        with pytest.raises(ValueError, match=r"needs|fingerprint"):
            dataclasses.replace(BASE, **change)
    for path in ("", "/etc/passwd", "../x", "a/../b", "a\\b"):
        with pytest.raises(ValueError, match="relative"):
            SourceFile(path, 1, HEX)


def test_manifest_round_trips_and_refuses_what_it_does_not_know(store: Store) -> None:
    manifest = store.commit("scene-1", mixed(), provenance(knn=5, cell_m=0.2), ["few points"])
    document = json.loads(json.dumps(manifest.to_json()))
    assert Manifest.from_json(document) == manifest == store.manifest("scene-1", Mixed, manifest.fingerprint)
    assert manifest.provenance == provenance(knn=5, cell_m=0.2)
    assert manifest.warnings == ("few points",)
    broken = [
        {**document, "extra": 1},
        {name: value for name, value in document.items() if name != "files"},
        {**document, "fingerprint": HEX},
        {**document, "counts": {"frame": "3"}},
        {**document, "files": {**document["files"], "../../x": {"bytes": 1, "sha256": HEX}}},
        {**document, "files": {}},
        {**document, "provenance": {**document["provenance"], "stage_version": 2}},
        [],
    ]
    for other in broken:
        with pytest.raises(ValueError):  # noqa: PT011 - pydantic's and our own words differ
            Manifest.from_json(other)
