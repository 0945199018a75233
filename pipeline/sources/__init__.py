"""Dataset readers: one file per dataset, all passing the same contract tests."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .camera_images import read_image
from .files import check_name, missing_files, resolve_within
from .image_labels import label_file, label_files, read_image_labels
from .images import present_images
from .kitti import KittiSource
from .kitti360 import Kitti360Source
from .label_source import LabelSource
from .monoscene import MonoSceneSource
from .nuscenes import NuScenesSource
from .occ3d import Occ3DSource
from .openocc import OpenOccSource
from .openoccupancy import OpenOccupancySource
from .points import read_sweep
from .preflight import MissingPolicy, Preflight, preflight
from .semantickitti import SemanticKittiSource
from .semantickitti_voxels import SemanticKittiVoxels
from .source import LoggedScene, Source
from .sscbench import SscbenchKitti360Source
from .surroundocc import SurroundOccSource

SOURCES: Mapping[str, type[Source]] = MappingProxyType(
    {source.name: source for source in (KittiSource, Kitti360Source, NuScenesSource, SemanticKittiSource)}
)
"""Every dataset reader by its name."""
LABEL_FORMATS: Mapping[str, type[LabelSource]] = MappingProxyType(
    {
        source.name: source
        for source in (
            *(Occ3DSource, SurroundOccSource, OpenOccupancySource, OpenOccSource),
            *(SemanticKittiVoxels, MonoSceneSource, SscbenchKitti360Source),
        )
    }
)
"""Every format of published voxel labels by its name."""
STORED_FORMATS: Mapping[str, type[LabelSource]] = MappingProxyType(
    {source.stored_as(): source for source in LABEL_FORMATS.values()}
)
"""The same by the name that stores know them under."""

__all__ = [
    "LABEL_FORMATS",
    "SOURCES",
    "STORED_FORMATS",
    "LabelSource",
    "LoggedScene",
    "MissingPolicy",
    "Preflight",
    "Source",
    "check_name",
    "label_file",
    "label_files",
    "missing_files",
    "preflight",
    "present_images",
    "read_image",
    "read_image_labels",
    "read_sweep",
    "resolve_within",
]
