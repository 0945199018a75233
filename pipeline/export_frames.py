"""Key frames of a store as formats are written from: labels, and what some formats want beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..schemas.errors import UsageError
from ..schemas.flow import OccupancyFlow, ReferenceFlow, dense_flow
from ..schemas.occupancy import PredictedOccupancy, ReferenceOccupancy
from ..schemas.scene import SceneTables
from .current import tables_behind
from .exports import Format, Frame
from .sources import STORED_FORMATS, read_sweep
from .store.index import Index
from .store.reader import StoredProduct
from .store.store import Store


@dataclass(frozen=True)
class Labelled:
    """A scene's voxel labels, and all that a format wants beside them."""

    labels: StoredProduct
    tables: SceneTables
    flow: StoredProduct | None
    """Of just these labels; None where the format wants none."""

    @classmethod
    def of(cls, store: Store, index: Index, scene: str, labels: StoredProduct, form: Format) -> Labelled:
        """Raises UsageError for what the format wants and the store has not, saying what makes it."""
        tables = tables_behind(store, index, scene, labels)
        if form.wants_tokens and not (tables.scene_token and tables.lidar_tokens):
            raise UsageError(
                f"files of format {form.name} are named by nuScenes' tokens of scene and scan", scene=scene,
                found=f"labels of {tables.dataset}, which has none", expected="labels of a nuScenes log",
                fix="choose another --format",
            )  # fmt: skip
        if form.wants_scan and not tables.point_columns and not STORED_FORMATS[tables.dataset].has_scans:
            raise UsageError(
                f"format {form.name} holds the scans' own voxels", scene=scene,
                found=f"published labels of {tables.dataset}, which have none", fix="choose another --format",
            )  # fmt: skip
        return cls(labels, tables, _flow(store, index, scene, labels, form) if form.wants_flow else None)

    def frames(self, data_root: Path | None) -> Iterator[Frame]:
        """All key frames. Raises InputError for a scan that cannot be read; none is where there is no data root."""
        tokens = self.labels.attribute("frame_tokens")
        for row, token in enumerate(tokens):
            frame = self.tables.frame_tokens.index(token)
            arrays = {
                name: self.labels.rows(name, row, row + 1)[0]
                for name in ("state", "semantics", "mask_lidar", "mask_camera", "occluded")
                if name in self.labels.product.specs()
            }
            yield Frame(
                scene=self.tables.scene, token=token, taxonomy=self.labels.attribute("taxonomy"),
                point_file=self.tables.point_files[int(self.tables.key_sweeps[frame])],
                velocity_m_s=None if self.flow is None else _velocity(self.flow, self.labels, row),
                scene_token=self.tables.scene_token,
                lidar_token=self.tables.lidar_tokens[frame] if self.tables.lidar_tokens else "",
                **arrays, **self._scan(data_root, frame),
            )  # fmt: skip

    def _scan(self, data_root: Path | None, frame: int) -> dict[str, Any]:
        if data_root is None:
            return {}
        if self.tables.point_columns:
            return {"scan": read_sweep(data_root, self.tables, int(self.tables.key_sweeps[frame])).points}
        return {"scan_voxels": STORED_FORMATS[self.tables.dataset].scan_voxels(data_root, self.tables, frame)}


def _flow(store: Store, index: Index, scene: str, labels: StoredProduct, form: Format) -> StoredProduct:
    """Raises UsageError where there is none of just these labels: a trainer would take 0 for what stands still."""
    kind = ReferenceFlow if issubclass(labels.product, ReferenceOccupancy) else OccupancyFlow
    products = index.scenes[scene].products
    if kind.name in products:
        flow = store.reader(scene, kind, products[kind.name])
        mine, its = labels.manifest, flow.manifest.provenance.inputs
        if kind is OccupancyFlow and its.get(labels.product.name) == mine.fingerprint:
            return flow
        if kind is ReferenceFlow and flow.attribute("told"):
            return flow
    if kind is ReferenceFlow:
        raise UsageError(
            f"format {form.name} holds velocities", scene=scene, found="published labels of a format without",
            fix="choose another --format",
        )  # fmt: skip
    if issubclass(labels.product, PredictedOccupancy):
        raise UsageError(
            f"format {form.name} holds velocities", scene=scene, found="predictions, which have none",
            fix="choose another --format",
        )  # fmt: skip
    raise UsageError(
        f"format {form.name} holds velocities, and the store has none of these labels", scene=scene,
        found=", ".join(products), expected=f"{kind.name} of {labels.product.name}",
        fix=f"run occ-pipeline run flow --set flow.product={labels.product.name} first",
    )  # fmt: skip


def _velocity(flow: StoredProduct, labels: StoredProduct, row: int) -> NDArray[np.float32]:
    """(X, Y, Z, 2) float32, metres per second."""
    if issubclass(flow.product, OccupancyFlow):
        return dense_flow(flow, labels, row).velocity_m_s[..., :2]
    start, stop = flow.read("offsets")[row : row + 2].tolist()
    dense = np.zeros((*labels.rows("state", row, row + 1).shape[1:], 2), dtype=np.float32)
    dense[tuple(flow.rows("voxels", start, stop).astype(np.int64).T)] = flow.rows("velocity_m_s", start, stop)
    return dense
