"""An image's 2D labels beside the voxels that its camera sees, and where the two differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ...schemas.image_labels import ImageLabels
from ...schemas.product import InMemory
from ...schemas.taxonomy import NO_LABEL, TAXONOMIES, Taxonomy
from ...stages.consistency import rendered
from ...stages.kernels.pixel_rays import NOTHING, UNLABELLED
from ...stages.pixel_rays import pixel_rays
from ..current import cameras_behind, grid_of
from ..store.index import read_index
from ..store.reader import StoredProduct
from ..store.store import Store
from .colours import FAINT, INK, PANEL, PAPER, Rgb, class_colours
from .colours import UNLABELLED as NO_CLASS
from .sheet import MARGIN, WIDTH, caption
from .stored import frame_title
from .text import font

UInt8 = NDArray[np.uint8]
_GAP, _TITLE, _CAPTION, _LEGEND = 18, 62, 26, 132
AGREES: Rgb = (44, 66, 84)
DIFFERS: Rgb = (235, 70, 60)
_COLUMN_PX, _ROW_PX = 260, 26


@dataclass(frozen=True)
class SeenLabels:
    """One camera's view of a key frame."""

    title: str
    taxonomy: Taxonomy
    labels: UInt8
    """(H, W) uint8 class ids of the image, 255 without."""
    met: UInt8
    """(H, W) uint8 what each pixel's ray meets first: a class id, :data:`UNLABELLED`, :data:`NOTHING`."""


def seen_labels(
    store: Store, scene: str, labels: StoredProduct, consistency: StoredProduct, frame: int, camera: int
) -> SeenLabels:
    """A camera's labels and voxels, from the very products that the consistency was measured of."""
    inputs = consistency.manifest.provenance.inputs
    cameras = InMemory(cameras_behind(store, read_index(store), scene, consistency))
    images = store.reader(scene, ImageLabels, inputs[ImageLabels.name])
    state, semantics, pose = (
        labels.rows(name, frame, frame + 1)[0] for name in ("state", "semantics", "world_SE3_grid")
    )
    rays = next(r for r in pixel_rays(cameras, images, frame, grid_of(labels), pose) if r.camera == camera)
    met, _ = rendered(rays, state, semantics)
    title = frame_title(store, scene, frame, len(labels.attribute("frame_tokens")))
    return SeenLabels(
        f"{title}, {cameras.attribute('names')[camera]}", TAXONOMIES[labels.attribute("taxonomy")], rays.labels, met
    )


def draw_consistency(seen: SeenLabels) -> Image.Image:
    """The sheet, RGB, 1600 pixels wide: 2D labels, voxels, and where they differ."""
    judged = (seen.labels != NO_LABEL) & (seen.met != NOTHING)
    wrong = judged & (seen.labels != seen.met)
    wide = (WIDTH - 2 * MARGIN - 2 * _GAP) // 3
    high = max(round(wide * seen.labels.shape[0] / seen.labels.shape[1]), 1)
    top = _TITLE + _CAPTION
    sheet = Image.new("RGB", (WIDTH, top + high + _GAP + _LEGEND + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 16), seen.title, INK, font(24))
    facts = f"{np.count_nonzero(wrong):,} of {np.count_nonzero(judged):,} judged pixels differ"
    draw.text((WIDTH - MARGIN, 22), facts, FAINT, font(15), anchor="ra")
    colours = class_colours(seen.taxonomy)
    colours[NO_LABEL], colours[UNLABELLED], colours[NOTHING] = PANEL, NO_CLASS, PANEL
    differ = np.where(wrong[..., None], DIFFERS, np.where(judged[..., None], AGREES, PANEL))
    for number, (pixels, words) in enumerate(
        (
            (colours[seen.labels], "2D labels of the image"),
            (colours[seen.met], "First occupied voxel on each pixel's ray"),
            (differ, "Red: the two differ; blue: they agree; dark: not judged"),
        )
    ):
        left = MARGIN + number * (wide + _GAP)
        panel = Image.fromarray(np.asarray(pixels).astype(np.uint8)).resize((wide, high), Image.Resampling.NEAREST)
        sheet.paste(panel, (left, top))
        caption(draw, (left, top, wide, high), words)
    _legend(draw, seen, MARGIN, top + high + _GAP)
    return sheet


def _legend(draw: ImageDraw.ImageDraw, seen: SeenLabels, left: int, top: int) -> None:
    """Swatch and name of every class in the two pictures, most pixels first, as many as fit."""
    counts = np.bincount(np.concatenate([seen.labels.ravel(), seen.met.ravel()]), minlength=256)
    order = sorted((c for c in range(len(seen.taxonomy.classes)) if counts[c]), key=lambda c: -int(counts[c]))
    rows = [(seen.taxonomy.classes[c].replace("_", " "), seen.taxonomy.colours[c]) for c in order]
    if counts[UNLABELLED]:
        rows.append(("voxel without a class", NO_CLASS))
    each = _LEGEND // _ROW_PX
    for number, (name, colour) in enumerate(rows):
        x, y = left + number // each * _COLUMN_PX, top + number % each * _ROW_PX
        draw.rounded_rectangle((x, y + 2, x + 16, y + 16), radius=3, fill=colour)
        draw.text((x + 26, y), name, INK, font(15))
