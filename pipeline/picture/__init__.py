"""Pictures of a key frame's labels beside its points."""

from __future__ import annotations

from .sheet import draw_frame
from .stored import draw_stored_frame

__all__ = ["draw_frame", "draw_stored_frame"]
