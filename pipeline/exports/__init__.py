"""Formats that existing trainers read: one file per format, and what each cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .format import Format, Frame
from .occ3d import Occ3D
from .semantickitti import MonoScene, SemanticKitti
from .surroundocc import SurroundOcc

EXPORTS: Mapping[str, Format] = MappingProxyType(
    {each.name: each for each in (Occ3D(), SurroundOcc(), SemanticKitti(), MonoScene())}
)
"""Every format by the name that a user types."""

__all__ = ["EXPORTS", "Format", "Frame"]
