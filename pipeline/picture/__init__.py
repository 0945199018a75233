"""Pictures, pages and films of key frames: labels beside points."""

from __future__ import annotations

from .page import frame_page
from .sheet import draw_frame
from .shown import ShownFrame
from .stored import shown_flow, shown_frame

__all__ = ["ShownFrame", "draw_frame", "frame_page", "shown_flow", "shown_frame"]
