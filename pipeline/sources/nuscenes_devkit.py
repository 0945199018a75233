"""The official nuScenes devkit, made to cope with broken rows and partial copies. Slow to import: for the index step only."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from nuscenes import NuScenes
from nuscenes.utils.splits import create_splits_scenes

from ...schemas.errors import InputError
from .nuscenes_sensors import row_kinds
from .nuscenes_tables import EXTRACT_AGAIN, LIDAR, TABLES, RawRow, Row, read_rows, text_of

_REFERENCES = {
    "instance": {"category_token": "category"},
    "calibrated_sensor": {"sensor_token": "sensor"},
    "sample": {"scene_token": "scene"},
    "sample_data": {
        "sample_token": "sample",
        "ego_pose_token": "ego_pose",
        "calibrated_sensor_token": "calibrated_sensor",
    },
    "sample_annotation": {"sample_token": "sample", "instance_token": "instance"},
}


_NEEDED: Mapping[str, Mapping[str, type]] = {
    "category": {"name": str},
    "sensor": {"channel": str, "modality": str},
    "sample_data": {"is_key_frame": bool},
}
"""What the devkit itself takes from each row."""


class Devkit(NuScenes):
    """``NuScenes`` over the rows that the LiDAR needs, freed of those that point nowhere; cameras' key frames beside them.

    The devkit itself dies of one bad row, of map images or label files that a partial copy lacks, and keeps every
    camera's rows in memory (8 GB for trainval). Here a bad row is left out and its scene remembered in ``blame``; but a
    camera's row spoils no scene: whoever reads ``images`` judges it.
    """

    def __init__(self, data_root: Path, version: str) -> None:
        self._root = data_root
        self._folder = version
        self._sample_data: list[RawRow] = []
        self._images: dict[str, list[RawRow]] = {}
        self._bad: dict[tuple[str, str], InputError] = {}
        self._scene_of_sample: dict[str, str] = {}
        self._samples_of_scene: Counter[str] = Counter()
        self.blame: dict[str, list[InputError]] = {}
        """Scene token to what is wrong with the scene's rows."""
        super().__init__(version=version, dataroot=str(data_root), verbose=False)

    @property
    def table_root(self) -> str:
        """A folder without tables: the devkit looks here for lidarseg.json, and then insists on every scene's label file."""
        return str(Path(__file__).parent)

    def file_of(self, table: str) -> str:
        """The table's file, relative to the data root."""
        return f"{self._folder}/{table}.json"

    def row(self, table: str, token: str, wanted_by: Row, field: str) -> Row:
        """The row that another row's field points at. Raises InputError if there is none, or none that is usable."""
        if token in self._token2ind[table]:
            return Row(self.file_of(table), cast("RawRow", self.get(table, token)))
        bad = self._bad.get((table, token))
        # A copy: the reader writes the scene's name into it, and two scenes may share a bad row.
        raise dataclasses.replace(bad) if bad else self._points_nowhere(wanted_by, field, token, table)

    def rows(self, table: str) -> list[Row]:
        """All usable rows."""
        return [Row(self.file_of(table), values) for values in self._raw(table)]

    def sample_count(self, scene: str) -> int:
        """How many usable samples say that they are the scene's."""
        return self._samples_of_scene[scene]

    def sweep_token(self, sample: Row) -> str | None:
        """Token of the LiDAR's key frame of a sample, None without one."""
        return cast("dict[str, str]", sample.values["data"]).get(LIDAR)

    def images(self, sample: Row) -> list[Row]:
        """Rows of sample_data that are a camera's key frame and name this sample, in order of their tokens, unchecked."""
        return [Row(self.file_of("sample_data"), values) for values in self._images.get(sample.token, ())]

    def annotations(self, sample: Row) -> Iterator[Row]:
        """Annotations of a sample."""
        for token in cast("list[str]", sample.values["anns"]):
            yield Row(self.file_of("sample_annotation"), cast("RawRow", self.get("sample_annotation", token)))

    def __load_table__(self, table_name: str) -> Any:
        if table_name == "map":
            # One map image that exists: the data root. Images and their logs are of no use here and often not there.
            return [{"token": "", "log_tokens": [], "filename": ""}]
        if table_name not in TABLES:
            return []
        if table_name == "sample_data":
            return self._sample_data
        if table_name == "ego_pose":
            return self._load_poses()
        return read_rows(self._root, self.file_of(table_name))

    def _load_poses(self) -> list[RawRow]:
        """The poses of the rows of sample_data that are kept, a fifth of all; those are read before, to tell which."""
        kind = row_kinds(self._raw("sensor"), self._raw("calibrated_sensor"))

        def is_wanted(row: RawRow) -> bool:
            # Five images in six are no key frames.
            return kind(row) == "lidar" or (kind(row) == "camera" and row.get("is_key_frame") is not False)

        rows = read_rows(self._root, self.file_of("sample_data"), is_wanted)
        self._sample_data = [row for row in rows if kind(row) == "lidar"]
        for row in sorted((row for row in rows if kind(row) == "camera"), key=lambda row: row["token"]):
            self._images.setdefault(text_of(row, "sample_token"), []).append(row)
        wanted = {text_of(row, "ego_pose_token") for row in rows} | {""}
        return read_rows(self._root, self.file_of("ego_pose"), lambda row: text_of(row, "token") in wanted)

    def __make_reverse_index__(self, verbose: bool) -> None:
        self._scene_of_sample = {row["token"]: text_of(row, "scene_token") for row in self._raw("sample")}
        known: dict[str, set[str]] = {}
        for table in TABLES:
            rows = self._without_doubles(table)
            rows = [row for row in rows if self._refers_well(table, row, known)]
            known[table] = {row["token"] for row in rows}
            setattr(self, table, rows)
        self._samples_of_scene = Counter(row["scene_token"] for row in self._raw("sample"))
        super().__make_reverse_index__(verbose)

    def _raw(self, table: str) -> list[RawRow]:
        return cast("list[RawRow]", getattr(self, table))

    def _without_doubles(self, table: str) -> list[RawRow]:
        """Rows of a table, one per token; those of different rows that share a token are all left out."""
        rows: dict[str, RawRow] = {}
        for row in self._raw(table):
            first = rows.setdefault(row["token"], row)
            if first != row:
                error = Row(self.file_of(table), row).error(
                    "shares its token with a different row", found="two rows", expected="one"
                )
                self._bad[table, row["token"]] = error
                for culprit in (first, row):
                    self._blame(table, culprit, error)
        return [row for token, row in rows.items() if (table, token) not in self._bad]

    def _refers_well(self, table: str, row: RawRow, known: dict[str, set[str]]) -> bool:
        error = self._fault(table, row, known)
        if error is None:
            return True
        self._bad[table, row["token"]] = error
        self._blame(table, row, error)
        return False

    def _fault(self, table: str, row: RawRow, known: dict[str, set[str]]) -> InputError | None:
        for field, kind in _NEEDED.get(table, {}).items():
            if not isinstance(row.get(field), kind):
                found = ascii(row.get(field))[:60]
                return Row(self.file_of(table), row).error(
                    f"{field} is not usable", found=found, expected=kind.__name__
                )
        for field, target in _REFERENCES.get(table, {}).items():
            token = row.get(field)
            if not (isinstance(token, str) and token in known[target]):
                inherited = self._bad.get((target, str(token)))
                return inherited or self._points_nowhere(Row(self.file_of(table), row), field, token, target)
        return None

    def _blame(self, table: str, row: RawRow, error: InputError) -> None:
        """Remembers whose scene a bad row spoils; a row that no scene can reach spoils none. Some spoil all."""
        if table in ("scene", "category"):
            raise error
        scene = text_of(row, "scene_token") or self._scene_of_sample.get(text_of(row, "sample_token"))
        if scene is None and table == "sample_annotation":
            scene = self._scene_of_instance(text_of(row, "instance_token"))
        if scene is not None:
            self.blame.setdefault(scene, []).append(error)

    def _scene_of_instance(self, instance: str) -> str | None:
        """The scene of another annotation of the same instance."""
        for row in self._raw("sample_annotation"):
            scene = self._scene_of_sample.get(text_of(row, "sample_token"))
            if row.get("instance_token") == instance and scene is not None:
                return scene
        return None

    @staticmethod
    def _points_nowhere(row: Row, field: str, token: object, target: str) -> InputError:
        return row.error(
            f"{field} points nowhere",
            found=ascii(token)[:60],
            expected=f"the token of a row of {target}.json",
            fix=EXTRACT_AGAIN,
        )


def official_splits(version: str) -> dict[str, str]:
    """Scene name to ``train``, ``val`` or ``test``; the mini release has its own."""
    splits = create_splits_scenes()
    of_scene = {scene: split for split in ("train", "val", "test") for scene in splits[split]}
    if "mini" in version:
        of_scene |= {scene: split for split in ("train", "val") for scene in splits[f"mini_{split}"]}
    return of_scene
