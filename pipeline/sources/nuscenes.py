"""Reader of nuScenes v1.0 releases (trainval, test, mini), with or without lidarseg, whole or partial copies."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ...schemas.errors import InputError, UsageError
from ...schemas.taxonomy import NUSCENES
from .nuscenes_labels import Labels
from .nuscenes_scene import read_scene
from .nuscenes_tables import EXTRACT_AGAIN, SAFE_NAME, TABLES, Row, read_rows
from .source import SIMULATED, LoggedScene, Source

if TYPE_CHECKING:
    from .nuscenes_devkit import Devkit


class NuScenesSource(Source):
    """nuScenes. Of each scene the LiDAR's sweeps from the first to the last key frame: beyond them there are no boxes.

    Of cameras, the images of key frames. Their rows spoil no scene: what is wrong with them is a warning.
    """

    name: ClassVar[str] = "nuscenes"
    return_bytes: ClassVar[int] = 20
    taxonomy: ClassVar[str] = NUSCENES.name
    layout: ClassVar[str] = "v1.0-mini or the like"
    licence: ClassVar[str] = "CC BY-NC-SA 4.0, non-commercial (nuscenes.org/terms-of-use)"

    @classmethod
    def prepare(cls) -> None:
        importlib.import_module(".nuscenes_devkit", __package__)

    @classmethod
    def versions(cls, data_root: Path) -> list[str]:
        return sorted(
            table.parent.name
            for table in data_root.glob("*/sample_data.json")
            if table.with_name("scene.json").exists()
        )

    def table_files(self) -> list[str]:
        files = [self._file(table) for table in TABLES]
        optional = (self._file("lidarseg"), SIMULATED)
        return sorted(files + [file for file in optional if (self.data_root / file).is_file()])

    def scene_names(self) -> list[str]:
        rows = (Row(self._file("scene"), row) for row in read_rows(self.data_root, self._file("scene")))
        return sorted({row.text("name") for row in rows})

    def index(self, scenes: Sequence[str] | None = None) -> Iterator[LoggedScene | InputError]:
        known = self.scene_names()
        if not known:
            raise InputError(
                "release holds no scenes", file=self._file("scene"), found="an empty list", fix=EXTRACT_AGAIN
            )
        unknown = sorted(set(scenes or ()) - set(known))
        if unknown:
            raise UsageError(
                f"no scene {unknown[0]!r} in {self.version}",
                found=", ".join(unknown),
                expected=f"some of {', '.join(known[:8])} ...",
            )
        yield from self._read(None if scenes is None else set(scenes))

    def _read(self, wanted: set[str] | None) -> Iterator[LoggedScene | InputError]:
        # Takes seconds to import, and pulls in matplotlib and OpenCV.
        from .nuscenes_devkit import Devkit, official_splits

        try:
            devkit = Devkit(self.data_root, self.version)
        except (AssertionError, KeyError, TypeError) as error:
            found = f"{type(error).__name__}: {error}"
            raise InputError(
                "the nuScenes devkit cannot open the tables", file=self.version, found=found, fix=EXTRACT_AGAIN
            ) from error
        labels = Labels.read(self.data_root, self.version, devkit.rows("category"))
        splits = official_splits(self.version)
        rows = sorted(devkit.rows("scene"), key=lambda row: (row.text("name"), row.token))
        times = Counter(row.text("name") for row in rows)
        for row in rows:
            name = row.text("name")
            if wanted is not None and name not in wanted:
                continue
            try:
                _check_scene(row, times[name], devkit)
                yield read_scene(
                    devkit, labels, row, version=self.version, split=splits.get(name, ""), synthetic=self.simulated
                )
            except InputError as error:
                error.scene = name if SAFE_NAME.fullmatch(name) else ascii(name)
                yield error

    def _file(self, table: str) -> str:
        return f"{self.version}/{table}.json"


def _check_scene(row: Row, times: int, devkit: Devkit) -> None:
    """Raises InputError for a scene without a usable name of its own, or with rows that point nowhere."""
    name = row.text("name")
    if not SAFE_NAME.fullmatch(name):
        raise row.error(
            "scene name cannot be a folder name",
            found=ascii(name),
            expected="letters, digits and _ . + -",
            fix="rename the scene",
        )
    if times > 1:
        raise row.error(
            "scene name is not unique",
            found=f"{times} scenes named {name}",
            expected="one",
            fix="rename or remove all but one",
        )
    errors = devkit.blame.get(row.token)
    if errors:
        error = errors[0]
        more = f" (and {len(errors) - 1} more rows of this scene)" if len(errors) > 1 else ""
        raise InputError(
            error.what + more,
            file=error.file,
            frame=error.frame,
            found=error.found,
            expected=error.expected,
            fix=error.fix,
        )
