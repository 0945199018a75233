"""Every stage there is, and the names a user may run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..stages.densify import Densify
from ..stages.reconstruct import Reconstruct
from ..stages.separate import Separate
from ..stages.stage import Stage

STAGES: Mapping[str, type[Stage]] = MappingProxyType({s.name: s for s in (Separate, Reconstruct, Densify)})
"""Stage classes by name."""

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType({"all": ("densify",)})
"""Names of several stages at once; what they need runs with them."""
