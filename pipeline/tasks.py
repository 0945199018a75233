"""What runs on a worker: functions of small picklable arguments that return small receipts. Data goes through files."""

from __future__ import annotations

import ctypes
import importlib
import resource
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..schemas.errors import ComputeError
from ..schemas.product import Array
from ..stages.kernels.poisson import Backend, load
from ..stages.stage import Part, Stage
from ..stages.supervised import NATIVE
from .scene_view import SceneAddress, open_scene
from .store.durable import storage_errors
from .store.fingerprint import Provenance


@dataclass(frozen=True)
class Receipt:
    """What a task tells of itself."""

    seconds: float
    peak_mib: float
    """Largest resident size this worker has had, and that of its native child, added up."""
    counts: Mapping[str, int]
    """Lengths of the axes of what was written."""
    written_bytes: int = 0
    """Size of what was written."""


_MOST_KEPT_MIB = 400
"""What a worker may keep between two parts: its libraries, and memory for the next that was freed after the last."""


class SavedResult(Mapping[str, Array]):
    """A part's arrays in a folder; each is mapped when asked for and not kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Array:
        path = self._folder / f"{name}.npy"
        if not path.exists():
            raise KeyError(name)
        return np.load(path, mmap_mode="r", allow_pickle=False)

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self._folder.glob("*.npy")))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def probe(backend: Backend) -> str | None:
    """None where the library loads in this worker's child, which keeps it for the first tasks; else why it does not."""
    try:
        NATIVE.call(load, backend)
    except (ImportError, OSError, ComputeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def list_parts(address: SceneAddress, stage: Stage) -> list[Part]:
    """The stage's parts for a scene."""
    return stage.parts(open_scene(address))


def run_part(address: SceneAddress, stage: Stage, part: Part, job: str) -> Receipt:
    """Computes a part and saves its arrays in the store's scratch folder."""
    start = time.perf_counter()
    result = stage.compute(open_scene(address), part)
    folder = _folder(address, job, part)
    with storage_errors(folder):
        for name, value in result.items():
            np.save(folder / f"{name}.npy", value, allow_pickle=False)
    del result
    if _resident_mib() > _MOST_KEPT_MIB:
        # Else pieces left between used ones add up over the parts of a long scene.
        _give_back_memory()
    return _receipt(start, {})


def run_assembly(
    address: SceneAddress,
    stage: Stage,
    parts: Sequence[Part],
    job: str,
    provenances: Mapping[str, Provenance],
    warnings: Sequence[str],
) -> Receipt:
    """Assembles and commits a stage's products, then removes the parts."""
    start = time.perf_counter()
    counts: dict[str, int] = {}
    written = 0
    if all(address.store.committed(address.scene, p, provenances[p.name].fingerprint) for p in stage.writes):
        # Dask runs a task again whose receipt died with its worker; the parts are gone by then, the products are not.
        return _receipt(start, counts)
    _give_back_memory()
    results = [SavedResult(_folder(address, job, part)) for part in parts]
    for product in stage.assemble(open_scene(address), results):
        manifest = address.store.commit(address.scene, product, provenances[product.name], warnings)
        written += manifest.bytes
        counts |= {f"{product.name}.{axis}": n for axis, n in manifest.counts.items()}
        # Before the next is made.
        del product
    shutil.rmtree(address.store.scratch(address.scene, job), ignore_errors=True)
    _give_back_memory()
    return _receipt(start, counts, written)


def _resident_mib() -> float:
    psutil: Any = importlib.import_module("psutil")
    return float(psutil.Process().memory_info().rss) / 2**20


def _give_back_memory() -> None:
    """Hands what was freed back to the system. Workers are told to keep it, for a stage's next part; another stage needs other pieces."""
    trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _folder(address: SceneAddress, job: str, part: Part) -> Path:
    return address.store.scratch(address.scene, job, part.key)


def _receipt(start: float, counts: Mapping[str, int], written_bytes: int = 0) -> Receipt:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 + NATIVE.peak_mib()
    return Receipt(round(time.perf_counter() - start, 3), round(peak, 1), counts, written_bytes)
