"""``show``: every kind of picture of a store, where its points lie, and what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from occ_pipeline.pipeline.cli.show import CLOUDS
from occ_pipeline.pipeline.picture import shown_frame
from occ_pipeline.pipeline.picture.film import SIZE, film_frame
from occ_pipeline.pipeline.picture.stages import stage_clouds
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.tests.pipeline.cli.conftest import Clean
from occ_pipeline.tests.pipeline.program import Program
from PIL import Image
from scipy.ndimage import binary_dilation

SCENE = "scene-0002"


@pytest.mark.parametrize("stage", [*CLOUDS, "densify"])
def test_a_picture_of_every_stage(stage: str, clean: Clean, tmp_path: Path, program: Program) -> None:
    path = tmp_path / "x.png"
    ended = program("show", clean.store, "--scene", SCENE, "--frame", 1, "--stage", stage, "--out", path)
    assert (ended.code, ended.out, ended.err) == (0, f"{path}\n", "")
    with Image.open(path) as image:
        assert image.format == "PNG"
        colours = np.array(image.convert("RGB")).reshape(-1, 3)
    # The road's colour, lit or not, is what most of a street is.
    r, g, b = colours.astype(int).T
    assert ((r > g + 60) & (b > g + 60) & (abs(r - b) < 40)).mean() > 0.02


@pytest.mark.parametrize(
    ("stage", "frame", "count", "least"),
    [("separate", 0, 9000, 0.97), ("separate", 2, 9000, 0.97), ("reconstruct", 2, 4000, 0.99)],
)
def test_stages_lie_where_the_labels_are(stage: Any, frame: int, count: int, least: float, clean: Clean) -> None:
    """Points and surfaces, moving objects among them, brought into the grid by other code than made the labels."""
    store = Store.open(clean.store)
    labels = shown_frame(store, SCENE, frame, None).view
    shown = stage_clouds(store, SCENE, frame, stage)
    assert shown.frame.view.grid == labels.grid
    points = shown.left[0].points
    assert len(points) > count
    # Voxels with slivers of surface stay empty: their neighbours are not.
    there = labels.occupied if stage == "separate" else binary_dilation(labels.occupied, np.ones((3, 3, 3)))
    assert there[tuple(labels.grid.index(points)[0].T)].mean() > least
    if stage == "separate":
        moving = shown.right[1].points
        assert len(moving) > 1000
        assert labels.occupied[tuple(labels.grid.index(moving)[0].T)].mean() > 0.9


def test_a_film_shows_the_frames_in_order(clean: Clean, log: Path, tmp_path: Path, program: Program) -> None:
    import cv2

    path = tmp_path / "film.mp4"
    ended = program("show", clean.store, "--scene", SCENE, "--dataroot", log, "--video", "--out", path)
    assert (ended.code, ended.out, ended.err) == (0, f"{path}\n", "")
    film = cv2.VideoCapture(str(path))
    assert film.get(cv2.CAP_PROP_FPS) == 4
    pictures = []
    while (read := film.read())[0]:
        pictures.append(read[1][:, :, ::-1].astype(float))
    assert len(pictures) == 3
    store = Store.open(clean.store)
    drawn = [np.asarray(film_frame(shown_frame(store, SCENE, i, log)), dtype=float) for i in range(3)]
    assert pictures[0].shape == (*SIZE[::-1], 3)
    errors = np.array([[np.abs(seen - made).mean() for made in drawn] for seen in pictures])
    assert (errors.argmin(axis=1) == (0, 1, 2)).all(), errors
    assert errors.diagonal().max() < 4


def test_a_page(clean: Clean, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = program("show", clean.store, "--html")
    assert (ended.code, ended.out, ended.err) == (0, "scene-0001-middle.html\n", "")
    assert "scene-0001, key frame 1 (0 to 2), synthetic" in (tmp_path / "scene-0001-middle.html").read_text("utf-8")


def test_a_recording_for_rerun(clean: Clean, tmp_path: Path, program: Program) -> None:
    rerun = pytest.importorskip("rerun")
    path = tmp_path / "x.rrd"
    ended = program("show", clean.store, "--scene", SCENE, "--rerun", "--out", path)
    assert (ended.code, ended.out, ended.err) == (0, f"{path}\n", f"to look at it: rerun {path}\n")
    recording = rerun.dataframe.load_recording(path)
    found = {column.entity_path for column in recording.schema().component_columns()}
    assert {"/voxels/driveable_surface", "/voxels/manmade", "/points/driveable_surface"} <= found
    voxels = recording.view(index="key frame", contents="/voxels/driveable_surface").select().read_all()
    assert voxels.num_rows == 3
    centres = voxels.column("/voxels/driveable_surface:PoseTranslation3D")[0].as_py()
    view = shown_frame(Store.open(clean.store), SCENE, 0, None).view
    road = np.argwhere(view.occupied & (view.classes == NUSCENES.id_of("driveable_surface")))
    assert np.array(centres) == pytest.approx((road + 0.5) * view.grid.voxel_m + view.grid.min_m, abs=1e-3)


WRONG: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "two-kinds": (("--html", "--video"), ("--html and --video exclude each other", "once for each")),
    "stage": (
        ("--stage", "densfy"),
        ("'densfy'", "separate, reconstruct, densify, visibility", "did you mean 'densify'?"),
    ),
    "page-of-points": (("--stage", "separate", "--html"), ("--html shows voxels only", "--stage separate")),
    "frame": (("--frame", "99"), ("no such key frame", "scene-0001", "99", "0 to 2")),
    "scene": (("--scene", "scene-0815"), ("no such scene in the store", "scene-0815", "scene-0001, scene-0002")),
    "frame-of-a-film": (("--video", "--frame", "1"), ("--frame is for one picture", "leave it out")),
    "ending": (("--html", "--out", "x.png"), ("another ending", "x.png", "expected .html", "use x.html")),
    "folder": (("--out", "{tmp}/gone/x.png"), ("folder to write into is not there", "{tmp}/gone", "make it first")),
}


@pytest.mark.parametrize("name", WRONG)
def test_refused(name: str, clean: Clean, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    args, says = WRONG[name]
    ended = program("show", clean.store, *(arg.format(tmp=tmp_path) for arg in args))
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    for text in says:
        assert text.format(tmp=tmp_path) in line
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_the_product(clean: Clean, log: Path, tmp_path: Path, program: Program) -> None:
    """``run separate`` alone: its picture is there, the others say what is missing."""
    store = tmp_path / "x.zarr"
    shutil.copytree(clean.store, store, ignore=shutil.ignore_patterns("surfaces", "surface_occupancy"))
    # The index forgets what is gone when it is next written.
    from occ_pipeline.pipeline.store.index import update_index

    update_index(Store.open(store), {})
    drawn = program("show", store, "--stage", "separate", "--out", tmp_path / "x.png")
    assert drawn.code == 0, drawn.err
    missing = program("show", store, "--out", tmp_path / "y.png")
    assert missing.code == 2
    assert "the store has no surface_occupancy of this scene" in missing.err
    assert "run the stage that makes it" in missing.err
