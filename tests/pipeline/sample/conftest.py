from __future__ import annotations

from pathlib import Path

import pytest
from occ_pipeline.pipeline.sample import write_nuscenes_sample


@pytest.fixture(scope="session")
def street_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes of one second."""
    out = tmp_path_factory.mktemp("street") / "log"
    write_nuscenes_sample(out, scenes=2, seconds=1.0, seed=3)
    return out
