"""The data card of a store: where its labels come from, how they were made, what is in them, and how good they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import __version__
from ..schemas.errors import UsageError
from ..schemas.occupancy import Body, State
from ..schemas.product import ProductReader
from ..schemas.scene import SceneTables
from ..schemas.taxonomy import TAXONOMIES
from .current import current_labels, current_product, first_labels, grid_of
from .parameters import parameters
from .registry import PRODUCTS, STAGES
from .sources import SOURCES, STORED_FORMATS
from .store.fingerprint import canonical_json
from .store.index import Index, SceneEntry, read_index
from .store.manifest import Manifest
from .store.store import Store

UNKNOWN = (
    "A voxel's state is unknown where nothing occupies it and no ray told that it is free: never read unknown as free. "
    "Before visibility is computed, every voxel that is not occupied is unknown."
)


@dataclass(frozen=True)
class Voxels:
    """Numbers of voxels over all key frames."""

    states: Mapping[str, int]
    classes: Mapping[str, int]
    """Of occupied voxels; ``no label`` for those without a class."""
    bodies: Mapping[str, int]


def card(
    store: Store,
    quality: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """The card as JSON values, of what the index calls current. ``quality``: what ``compare`` measured.

    ``progress`` is given each scene's name. Raises UsageError for a store without a finished scene.
    """
    index = read_index(store)
    if not index.scenes:
        fix = "run occ-pipeline run densify first"
        raise UsageError("the store holds no finished scene", file=str(store.path), fix=fix)
    made = {name: _manifests(store, name, entry) for name, entry in index.scenes.items()}
    tables = {name: current_product(store, index, name, SceneTables) for name in index.scenes}
    releases = sorted({str(reader.attribute("version")) for reader in tables.values()})
    source = {**SOURCES, **STORED_FORMATS}.get(store.identity.dataset)
    licence = source.licence if source is not None else "not known to this version"
    return {
        "store": store.path.name,
        "synthetic": store.identity.synthetic,
        "source": {
            "dataset": store.identity.dataset,
            "releases": releases,
            "licence": "none: simulated by occ-pipeline" if store.identity.synthetic else licence,
        },
        "scenes": len(index.scenes),
        "key_frames": sum(len(entry.frames) for entry in index.scenes.values()),
        "splits": _counted(entry.split or "none" for entry in index.scenes.values()),
        "taxonomy": store.identity.taxonomy,
        "settings": _settings(made),
        "versions": {"occ-pipeline": __version__, "back end": store.identity.back_end, "libraries": _libraries(made)},
        "bytes": sum(manifest.bytes for products in made.values() for manifest in products.values()),
        "labels": _labels(store, index, progress),
        "unknown": UNKNOWN,
        "quality": dict(quality) if quality is not None else None,
    }


def _manifests(store: Store, scene: str, entry: SceneEntry) -> dict[str, Manifest]:
    return {
        name: store.manifest(scene, PRODUCTS[name], fingerprint)
        for name, fingerprint in entry.products.items()
        if name in PRODUCTS
    }


def _settings(made: Mapping[str, Mapping[str, Manifest]]) -> list[dict[str, Any]]:
    """Parameters of each stage with their help; stages that ran with several settings are listed once for each."""
    variants: dict[tuple[str, str], tuple[Manifest, set[str]]] = {}
    for scene, products in made.items():
        for manifest in products.values():
            provenance = manifest.provenance
            key = (provenance.stage, canonical_json(provenance.parameters))
            variants.setdefault(key, (manifest, set()))[1].add(scene)
    order = list(STAGES)
    chosen = sorted(
        (order.index(stage), text, found) for (stage, text), found in variants.items() if stage in STAGES
    )  # fmt: skip
    result: list[dict[str, Any]] = []
    for number, _, (manifest, scenes) in chosen:
        helps = {parameter.name: parameter.help for parameter in parameters(STAGES[order[number]])}
        values = {
            name: {"value": value, "help": helps.get(name, "")}
            for name, value in manifest.provenance.parameters.items()
        }
        result.append({"stage": order[number], "scenes": len(scenes), "parameters": values})
    return result


def _libraries(made: Mapping[str, Mapping[str, Manifest]]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for products in made.values():
        for manifest in products.values():
            for name, version in manifest.provenance.libraries.items():
                found.setdefault(name, set()).add(version)
    return {name: sorted(versions) for name, versions in sorted(found.items())}


def _labels(store: Store, index: Index, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Voxels by state, class and body, one entry for each grid; one key frame is read at a time."""
    grids: dict[str, dict[str, Any]] = {}
    for scene, entry in index.scenes.items():
        if first_labels(entry.products) is None:
            continue
        progress(scene)
        reader = current_labels(store, index, scene)
        grid = grid_of(reader).to_json()
        counts = grids.setdefault(
            canonical_json(grid), {"grid": grid, "scenes": 0, "key_frames": 0, "counts": np.zeros((3, 256), np.int64)}
        )
        counts["scenes"] += 1
        counts["key_frames"] += len(entry.frames)
        counts["counts"] += _count(reader, len(entry.frames))
    names = TAXONOMIES[store.identity.taxonomy].classes
    return [{**found, "counts": vars(_named(found["counts"], names))} for found in grids.values()]


def _count(labels: ProductReader, frames: int) -> Any:
    """(3, 256) int64: voxels by state, by class where occupied, by body."""
    total = np.zeros((3, 256), dtype=np.int64)
    for frame in range(frames):
        state, semantics, body = (
            labels.rows(name, frame, frame + 1).ravel() for name in ("state", "semantics", "body")
        )
        for row, values in enumerate((state, semantics[state == State.OCCUPIED], body)):
            total[row] += np.bincount(values, minlength=256)
    return total


def _named(counts: Any, names: tuple[str, ...]) -> Voxels:
    states, classes, bodies = counts.tolist()
    return Voxels(
        {state.name.lower(): states[state] for state in State},
        {name: classes[number] for number, name in enumerate(names)} | {"no label": classes[255]},
        {body.name.lower(): bodies[body] for body in Body if body is not Body.NONE},
    )


def _counted(values: Any) -> dict[str, int]:
    result: dict[str, int] = {}
    for value in values:
        result[value] = result.get(value, 0) + 1
    return dict(sorted(result.items()))
