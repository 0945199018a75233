"""The page of a frame: what it holds, and what a browser shows of it."""

from __future__ import annotations

import base64
import json
import re
import zlib

import numpy as np
import pytest
from occ_pipeline.pipeline.picture import ShownFrame, frame_page
from occ_pipeline.pipeline.picture.faces import EGO_ID, exposed_faces, with_ego
from occ_pipeline.schemas.grid import GRIDS, VoxelGrid
from occ_pipeline.schemas.taxonomy import NUSCENES
from occ_pipeline.tests.pipeline.picture.browser import CHROMIUM, Page, opened

GRID = VoxelGrid.from_range((-10.0, -10.0, -1.0, 10.0, 10.0, 3.0), 0.5)
ROAD, TRUCK = NUSCENES.id_of("driveable_surface"), NUSCENES.id_of("truck")
TRUCK_VOXELS = (slice(32, 38), slice(26, 32), slice(2, 6))
"""6 to 9 m ahead, 3 to 6 m to the left."""


def street(quarters: int = 0, title: str = "a street") -> ShownFrame:
    """A road and a truck, in a grid whose axes are turned against the vehicle's."""
    semantics = np.full(GRID.shape, 255, np.uint8)
    semantics[:, 10:36, 1] = ROAD
    semantics[TRUCK_VOXELS] = TRUCK
    semantics = np.rot90(semantics, quarters).copy()
    cells = np.argwhere(semantics == TRUCK)
    points = ((cells + 0.5) * GRID.voxel_m + GRID.min_m).astype(np.float32)
    angle = quarters * np.pi / 2
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    state = np.where(semantics == 255, 0, 2).astype(np.uint8)
    labels = np.full(len(points), TRUCK, np.uint8)
    return ShownFrame.of(semantics, state, GRID, points, labels, NUSCENES, title, grid_SE3_ego=pose)


def data_of(page: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])


def test_it_holds_the_frame() -> None:
    frame = street()
    data = data_of(frame_page(frame))
    faces = zlib.decompress(base64.b64decode(data["face_bytes"]))
    voxels = np.frombuffer(faces, "<u2", 3 * data["faces"]).reshape(-1, 3)
    looks = np.frombuffer(faces, np.uint8, offset=6 * data["faces"]).reshape(-1, 3)
    occupied, ids = with_ego(frame.view)
    # Every face between full and empty, once: counted another way, along each axis.
    steps = sum(int(np.count_nonzero(np.diff(np.pad(occupied, 1).astype(int), axis=axis))) for axis in range(3))
    assert data["faces"] == len(voxels) == steps
    assert (looks[:, 1] == ids[tuple(voxels.T)]).all()
    assert {EGO_ID, ROAD, TRUCK} == set(looks[:, 1].tolist())
    ahead = np.eye(3, dtype=int)[looks[:, 0] >> 1] * np.where(looks[:, :1] & 1, 1, -1)
    beyond = np.pad(occupied, 1)[tuple((voxels + 1 + ahead).T)]
    assert not beyond.any(), "faces look at empty voxels"
    points = zlib.decompress(base64.b64decode(data["point_bytes"]))
    places = np.frombuffer(points, "<u2", 3 * data["points"]).reshape(-1, 3) * data["point_step_m"] + GRID.min_m
    assert np.abs(places - frame.view.points).max() < 1e-3
    assert {row["name"]: row["voxels"] for row in data["legend"]} == {"driveable surface": 1040, "truck": 144}


def test_nothing_is_loaded_and_nothing_is_run_from_a_name() -> None:
    page = frame_page(street(title="</script><script>alert(1)</script> & co"))
    assert "alert(1)" not in page.replace("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;", "")
    assert not re.search(r"https?:|//\w+\.|\bsrc=|@import|url\(", page)
    assert "default-src 'none'" in page


def test_a_fine_grid_full_of_noise_stays_below_ten_megabytes() -> None:
    """Harder to compress than any street: as many voxels as a real frame of OpenOccupancy's grid, anywhere."""
    grid, random = GRIDS["openoccupancy"], np.random.default_rng(0)
    semantics = np.full(grid.shape, 255, np.uint8)
    spread = tuple(random.integers(0, grid.shape, (150_000, 3)).T)
    semantics[spread] = random.integers(0, 16, 150_000)
    points = random.uniform(grid.min_m, grid.max_m, (40_000, 3)).astype(np.float32)
    state = np.where(semantics == 255, 0, 2).astype(np.uint8)
    page = frame_page(ShownFrame.of(semantics, state, grid, points, None, NUSCENES, "noise"))
    assert data_of(page)["faces"] == len(exposed_faces(grid, with_ego_of(semantics, state, grid)).axis)
    assert len(page.encode()) < 10e6


def with_ego_of(semantics: np.ndarray, state: np.ndarray, grid: VoxelGrid) -> np.ndarray:
    return with_ego(ShownFrame.of(semantics, state, grid, np.zeros((0, 3)), None, NUSCENES, "").view)[0]


def purple(shot: np.ndarray) -> np.ndarray:
    """The truck's hue, however lit."""
    r, g, b = np.moveaxis(shot[:, :900], 2, 0)
    return (b > g + 60) & (b > r + 20)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("page")
    (folder / "frame.html").write_text(frame_page(street(quarters=1)), encoding="utf-8")
    with opened(folder / "frame.html", folder / "profile") as shown:
        yield shown


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
class TestInABrowser:
    def test_it_draws_and_asks_for_nothing(self, page: Page) -> None:
        assert page.ask("document.body.dataset.ready") == "yes"
        shot = page.screenshot()
        assert purple(shot).sum() > 500
        assert "drag to turn" in page.ask("document.querySelector('footer').textContent")
        assert [url for url in page.requests if not url.startswith("file:")] == []
        assert page.complaints == []

    def test_the_truck_is_ahead_and_to_the_left(self, page: Page) -> None:
        page.ask("document.querySelector('[data-view=above]').click()")
        page.drawn()
        rows, columns = np.nonzero(purple(page.screenshot()))
        assert rows.max() < 400, "ahead is up"
        assert columns.max() < 640, "left is left"
        page.ask("document.querySelector('#points').click()")
        page.click(columns.mean(), rows.mean())
        told = page.ask("document.querySelector('footer').textContent")
        name, index, ahead, left = re.match(r"(.*), voxel \[(.*)\], (.*) m ahead, (.*) m to the left", told).groups()
        assert name == "truck"
        assert 6 < float(ahead) < 9
        assert 3 < float(left) < 6
        truck = np.zeros(GRID.shape, bool)
        truck[TRUCK_VOXELS] = True
        assert np.rot90(truck, 1)[tuple(int(i) for i in index.split(","))], "an index into the stored array"

    def test_turning_zooming_and_moving(self, page: Page) -> None:
        page.ask("document.querySelector('[data-view=behind]').click()")
        page.drawn()
        before = page.screenshot()
        middle = np.array(np.nonzero(purple(before))).mean(axis=1)
        page.drag((500, 500), (640, 500))
        turned = np.array(np.nonzero(purple(page.screenshot()))).mean(axis=1)
        assert np.abs(turned - middle).max() > 20
        page.ask("document.querySelector('[data-view=behind]').click()")
        page.drawn()
        assert (page.screenshot() == before).all()
        page.mouse("mouseWheel", 500, 500, deltaX=0, deltaY=-400)
        page.drawn()
        assert purple(page.screenshot()).sum() > 1.5 * purple(before).sum()
        page.ask("document.querySelector('[data-view=behind]').click()")
        page.drag((500, 500), (560, 540), button="right")
        moved = np.array(np.nonzero(purple(page.screenshot()))).mean(axis=1) - middle
        assert moved == pytest.approx([40, 60], abs=20), "what is dragged follows the pointer"

    def test_a_class_can_be_hidden(self, page: Page) -> None:
        page.ask("document.querySelector('[data-view=behind]').click()")
        box = "[...document.querySelectorAll('#classes label')].find(l => l.textContent.startsWith('truck')).firstChild"
        page.ask(f"{box}.click()")
        page.drawn()
        assert purple(page.screenshot()).sum() == 0
        page.ask(f"{box}.click()")
        page.drawn()
        assert purple(page.screenshot()).sum() > 500
