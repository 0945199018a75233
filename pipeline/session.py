"""What every command that works on a log needs: the log, the store, the stages' plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from .. import __version__
from ..schemas.errors import InputError, PipelineError, UsageError, VerificationError
from ..schemas.scene import SceneTables
from ..stages.kernels.poisson import Backend
from ..stages.stage import Stage
from .indexing import Indexed, index
from .plan import ScenePlan, plan_scene
from .sources import LABEL_FORMATS, SOURCES, Source
from .sources.source import SIMULATED
from .store.hashes import FileHashes
from .store.index import read_index
from .store.store import Store, StoreIdentity

SAMPLE_SECONDS: Mapping[str, float] = {"kitti": 10.0, "kitti360": 10.0, "nuscenes": 20.0, "semantickitti": 10.0}
"""Length of the built-in sample logs, of the datasets that have one."""


@dataclass(frozen=True)
class Log:
    """A raw log on disk."""

    source: Source
    data_root: Path
    synthetic: bool


def open_log(dataset: str, data_root: Path, version: str | None) -> Log:
    """The log in a folder. Raises UsageError naming what is there, where the folder or the release is not."""
    _check_dataset(dataset)
    if not data_root.is_dir():
        raise UsageError("the data root is no folder", file=str(data_root), fix="correct --dataroot")
    reader = SOURCES[dataset]
    releases = reader.versions(data_root)
    if version is None and len(releases) != 1:
        raise UsageError(
            f"the data root holds {'several releases' if releases else f'no release of {dataset}'}",
            file=str(data_root),
            found=", ".join(releases) or "none",
            expected="one",
            fix="choose one with --version" if releases else f"give the folder that holds {reader.layout}",
        )
    if version is not None and version not in releases:
        found = ", ".join(releases) or "none"
        raise UsageError("no such release", file=str(data_root), found=found, expected=version, fix="correct --version")
    return Log(reader(data_root, version or releases[0]), data_root, (data_root / SIMULATED).exists())


def open_labels(format_name: str, folder: Path, fix: str = "correct --labels") -> Log:
    """Published labels in a folder, in the place of a log. Raises UsageError naming what is there, where they are not."""
    if not folder.is_dir():
        raise UsageError("the folder of labels is no folder", file=str(folder), fix=fix)
    reader = LABEL_FORMATS[format_name]
    releases = reader.versions(folder)
    if not releases:
        names = sorted(entry.name for entry in folder.iterdir())
        raise UsageError(
            f"the folder holds no labels of {format_name}", file=str(folder), found=", ".join(names[:6]) or "nothing",
            expected=reader.layout, fix=fix,
        )  # fmt: skip
    source = reader(folder, releases[0])
    return Log(source, source.data_root, (source.data_root / SIMULATED).exists())


def _check_dataset(dataset: str) -> None:
    if dataset not in SOURCES:
        raise UsageError(
            "no such dataset", found=dataset, expected=f"one of {', '.join(SOURCES)}", fix="correct --dataset"
        )


def refuse_without_sample(dataset: str) -> None:
    """Raises UsageError for a dataset without a sample log."""
    if dataset not in SAMPLE_SECONDS:
        raise UsageError(
            "no sample log of this dataset",
            found=dataset,
            expected=f"one of {', '.join(SAMPLE_SECONDS)}",
            fix="give a log with --dataroot, or correct --dataset",
        )


def sample_log(dataset: str, write: Callable[[Path], None]) -> Path:
    """The built-in sample log in the user's cache folder, written at its first use. Raises UsageError where a dataset has none."""
    _check_dataset(dataset)
    refuse_without_sample(dataset)
    folder = platformdirs.user_cache_path("occ-pipeline") / f"sample-{dataset}-{__version__}"
    if not (folder / SIMULATED).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        write(folder)
    return folder


def open_store(path: Path, log: Log, backend: Backend) -> Store:
    """The store, made if there is none. Raises UsageError where it belongs to another kind of log or back end."""
    identity = StoreIdentity(
        dataset=log.source.stored_as(), taxonomy=log.source.taxonomy, back_end=backend, synthetic=log.synthetic
    )
    return Store.create_or_open(path, identity)


@dataclass(frozen=True)
class Planned:
    """What a run would do."""

    indexed: Indexed
    plans: dict[str, ScenePlan]
    failures: dict[str, list[PipelineError]]
    """Scenes that cannot be planned, with every reason found."""


def make_plan(
    store: Store, log: Log, stages: Sequence[Stage], scenes: Sequence[str] | None, note: Callable[[str], None]
) -> Planned:
    """Indexes the log and compares fingerprints. Raises UsageError for unknown scenes, InputError for broken tables."""
    hashes = FileHashes()
    indexed = index(store, log.source, hashes, scenes, note)
    current = read_index(store)
    failures: dict[str, list[PipelineError]] = {name: list(errors) for name, errors in indexed.failures.items()}
    plans: dict[str, ScenePlan] = {}
    for name, scene in sorted(indexed.scenes.items()):
        try:
            plans[name] = plan_scene(store, current, scene, stages, log.data_root, hashes)
        except (InputError, VerificationError) as error:
            error.scene = name
            failures[name] = [error]
    return Planned(indexed, plans, failures)


def refuse_an_empty_plan(planned: Planned, log: Log) -> None:
    """Raises InputError where scenes were asked for and this copy of the dataset holds files of none."""
    absent = planned.indexed.absent
    if absent and not planned.plans and not planned.failures:
        raise InputError(
            f"none of the {len(absent)} scenes has its sensor files here",
            file=str(log.data_root), scene=absent[0], found="no point file", expected="samples/ and sweeps/ beside the tables",
            fix="complete the copy, or correct --dataroot",
        )  # fmt: skip


def frames(tables: SceneTables) -> int:
    """Number of key frames."""
    return len(tables.key_sweeps)
