"""Stages that read 2D labels, as a user runs them: from files beside the images to figures, and again when a file changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from occ_pipeline.pipeline.sample import write_nuscenes_sample
from occ_pipeline.pipeline.store.index import read_index
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.image_labels import ImageLabels
from occ_pipeline.tests.benchmarks.noisy_labels import Noise, write_labels
from occ_pipeline.tests.pipeline.cli.command import SETTINGS, command
from occ_pipeline.tests.pipeline.program import Program
from PIL import Image


@pytest.mark.slow
def test_from_files_to_figures(tmp_path: Path, program: Program) -> None:
    log, store = tmp_path / "log", tmp_path / "labels.zarr"
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    write_nuscenes_sample(log, seconds=1, seed=7, image_scale=0.12)
    words = ("--dataroot", log, "--out", store, "--config", tmp_path / "settings.yaml")
    ended = command("run", "consistency", *words)
    assert ended.code == 3
    assert "18 of 18 images have no 2D labels (file image_labels/samples/CAM_BACK/" in ended.err
    assert write_labels(log, "image_labels", 1, Noise()) == 18
    ended = command("run", "consistency", *words)
    assert ended.code == 0, ended.err
    code, _, err = program.told("validate", store)
    assert code == 0, err
    ended = program("quality", store, "--json", "--out", tmp_path / "worst.png")
    (scene,) = ended.json["scenes"].values()
    assert scene["product"] == "refined_occupancy"
    assert scene["consistency"]["agree"] > 0.5
    opened = Store.open(store)
    entry = read_index(opened).scenes["scene-0001"]
    kept = opened.reader("scene-0001", ImageLabels, entry.products["image_labels"])
    assert (kept.attribute("sizes"), kept.attribute("pixels")) == ([[192, 108]] * 6, [1] * 6)
    first = next((log / "image_labels").rglob("*.png"))
    Image.fromarray(np.full((108, 192), 15, np.uint8)).save(first)
    ended = command("run", "consistency", *words, "--json")
    (ran,) = (scene["ran"] for scene in ended.json["scenes"].values())
    assert sorted(ran) == ["consistency", "image-labels", "refine-with-images"]
