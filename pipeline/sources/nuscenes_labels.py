"""nuScenes-lidarseg: which label file a sweep has, and what its values mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...schemas.errors import InputError
from ...schemas.scene import PointKind
from ...schemas.taxonomy import NO_LABEL, NUSCENES
from .nuscenes_tables import Row, read_rows

_EGO = "vehicle.ego"


@dataclass(frozen=True)
class Labels:
    """The release's lidarseg tables; without lidarseg, all is empty."""

    files: Mapping[str, str]
    """Sample data token to label file."""
    ambiguous: frozenset[str]
    """Sample data tokens with two different label files."""
    classes: list[int]
    """Class id of every value."""
    kinds: list[int]
    """:class:`PointKind` of every value: what has no class is noise, or the ego vehicle."""

    @classmethod
    def read(cls, data_root: Path, version: str, categories: Sequence[Row]) -> Labels:
        """From lidarseg.json and the categories' index. Raises InputError if the categories have none, or not one each."""
        table = f"{version}/lidarseg.json"
        if not (data_root / table).exists():
            return cls({}, frozenset(), [], [])
        files: dict[str, str] = {}
        ambiguous: set[str] = set()
        for row in (Row(table, values) for values in read_rows(data_root, table)):
            token, file = row.text("sample_data_token"), row.text("filename")
            if files.setdefault(token, file) != file:
                ambiguous.add(token)
        names = _names_by_value(categories)
        # By name: releases number the categories as they like.
        classes = [
            NUSCENES.categories.get(names.get(value, ""), NO_LABEL) for value in range(max(names, default=-1) + 1)
        ]
        kinds = [int(PointKind.NOISE if class_id == NO_LABEL else PointKind.USUAL) for class_id in classes]
        for value in (value for value, name in names.items() if name == _EGO):
            kinds[value] = int(PointKind.EGO)
        return cls(files, frozenset(ambiguous), classes, kinds)


def _names_by_value(categories: Sequence[Row]) -> dict[int, str]:
    names: dict[int, str] = {}
    for row in categories:
        if "index" not in row.values:
            fix = "use the category.json that comes with nuScenes-lidarseg"
            raise InputError(
                "category has no index",
                file=row.file,
                found=row.text("name"),
                expected="the value that label files use for it",
                fix=fix,
            )
        value = row.integer("index")
        if value > NO_LABEL or value in names:
            raise row.error(
                "category's index is not usable", found=str(value), expected="a number of its own from 0 to 255"
            )
        names[value] = row.text("name")
    return names
