"""What ``occ-pipeline quality`` found, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..schemas.taxonomy import TAXONOMIES
from .agreement import Agreement, ClassAgreement, Pixels
from .quality import SceneQuality


def _table(title: str, *headings: str) -> Table:
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    made.add_column("", no_wrap=True)
    for heading in headings:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def scenes_table(found: Sequence[SceneQuality]) -> Table:
    """One line a scene, in the order given."""
    products = ", ".join(sorted({scene.labels.product.name for scene in found}))
    headings = ("frames", "mIoU 3D-2D", "agree", "rays that meet", "unknown", "no class", "isolated")
    made = _table(f"{products}: worst scene first", *headings)
    for scene in found:
        agreement, shares = scene.agreement, scene.voxels.to_json()
        seen = [getattr(agreement, name) if agreement is not None else None for name in ("miou", "agree", "met")]
        rest = [shares[name] for name in ("unknown", "unlabelled", "isolated")]
        figures = [*(_ratio(value) for value in (*seen, rest[0])), *(_ratio(value, 5) for value in rest[1:])]
        made.add_row(scene.scene, str(len(scene.frames)), *figures)
    made.caption = "unknown: share of all voxels; no class, isolated: shares of the occupied ones"
    return made


def classes_table(found: Sequence[SceneQuality]) -> Table | None:
    """3D-2D consistency of all scenes by class, the worst first; None where none was measured."""
    pixels = [Pixels.of(scene.consistency) for scene in found if scene.consistency is not None]
    if not pixels:
        return None
    names = TAXONOMIES[found[0].labels.attribute("taxonomy")].classes
    whole = Agreement.of(sum(pixels[1:], pixels[0]), names)
    made = _table(f"3D-2D consistency by class, scenes: {len(pixels)}", "IoU", "precision", "recall", "labelled", "met")
    for name, score in sorted(whole.per_class.items(), key=lambda item: _worst_first(item[1])):
        ratios = (_ratio(score.iou), _ratio(score.precision), _ratio(score.recall))
        made.add_row(name.replace("_", " "), *ratios, f"{score.labelled:,}", f"{score.met:,}")
    made.add_section()
    made.add_row("mean of classes with pixels", _ratio(whole.miou), "", "", "", "", style="bold")
    made.caption = (
        f"labelled, met: judged pixels that have the class, and whose ray meets it first; judged are"
        f" {_ratio(whole.met)} of the pixels with a 2D label: the other rays meet no occupied voxel;"
        f" {_ratio(whole.through_unknown)} of the rays cross unknown voxels first"
    )
    return made


def _worst_first(score: ClassAgreement) -> tuple[bool, float]:
    """Classes that no judged pixel has come last."""
    return score.labelled == 0, score.iou or 0.0


def _ratio(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"
