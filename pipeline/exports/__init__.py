"""Formats that existing trainers read: one file per format, and what each cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .format import Format, Frame
from .occ3d import Occ3D
from .openocc import OpenOcc
from .openoccupancy import OpenOccupancy
from .semantickitti import MonoScene, SemanticKitti
from .sscbench import SscbenchKitti360
from .surroundocc import SurroundOcc

EXPORTS: Mapping[str, Format] = MappingProxyType(
    {
        each.name: each
        for each in (
            *(Occ3D(), SurroundOcc(), OpenOccupancy(), OpenOcc(), SemanticKitti(), MonoScene(), SscbenchKitti360()),
        )
    }
)
"""Every format by the name that a user types."""

__all__ = ["EXPORTS", "Format", "Frame"]
