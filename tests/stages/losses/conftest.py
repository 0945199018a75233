"""Small tensors here too."""

from __future__ import annotations

from occ_pipeline.tests.stages.networks.conftest import one_thread

__all__ = ["one_thread"]
