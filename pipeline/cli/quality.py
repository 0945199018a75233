"""``occ-pipeline quality``: how good labels are, as far as that can be told without any 3D truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...schemas.occupancy import PredictedOccupancy, ReferenceOccupancy
from . import options as opt
from .console import ERR, OUT, emit, last_line, note
from .show import check_target

if TYPE_CHECKING:
    from ..quality import SceneQuality
    from ..store.store import Store


def quality(
    store: opt.StorePath,
    scenes: opt.Scenes = None,
    product: opt.Labels = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Picture of the worst. Default: SCENE-worst.png in this folder; none with --json."),
    ] = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Judge labels without 3D truth: 3D-2D consistency, unknown, unlabelled and isolated voxels, and a picture of the worst."""
    del debug
    from ..current import labels_named
    from ..quality import quality as judge
    from ..store.store import Store

    if out is not None:
        check_target(out, ".png")
    opened = Store.open(store)
    with ERR.status("") as spinner:
        found = judge(opened, opt.split_names(scenes), labels_named(product), spinner.update)
    if as_json:
        picture = None if out is None else str(_draw(opened, found[0], out))
        emit({"scenes": {scene.scene: scene.to_json() for scene in found}, "worst": found[0].scene, "picture": picture})
        return
    _tables(store, found)
    last_line(str(_draw(opened, found[0], out or Path(f"{found[0].scene}-worst.png"))))


def _tables(store: Path, found: list[SceneQuality]) -> None:
    """Prints what was found, and once how to measure what is lacking."""
    from ..quality_table import classes_table, scenes_table

    OUT.print(scenes_table(found))
    classes = classes_table(found)
    if classes is not None:
        OUT.print(classes)
    lacking = [scene for scene in found if scene.consistency is None]
    if lacking:
        name = lacking[0].labels.product.name
        # The stage measures what stages make, of a log with images.
        measurable = name not in (ReferenceOccupancy.name, PredictedOccupancy.name)
        measure = f"; occ-pipeline run consistency --product {name} --dataroot FOLDER --out {store}"
        note(
            f"3D-2D consistency of {name} is not measured for {len(lacking)} of {len(found)} scenes: it needs camera images and"
            f" 2D labels of them{measure if measurable else ''}"
        )


def _draw(store: Store, worst: SceneQuality, path: Path) -> Path:
    """The image with most wrong pixels; without 2D labels the key frame with most voxels that stand alone or have no class."""
    from ..store.durable import storage_errors

    if worst.consistency is not None:
        from ..agreement import worst_image
        from ..picture.consistency import draw_consistency, seen_labels

        frame, camera = worst_image(worst.consistency)
        picture = draw_consistency(seen_labels(store, worst.scene, worst.labels, worst.consistency, frame, camera))
    else:
        from ..current import labels_named
        from ..picture import draw_frame, shown_frame

        odd = [voxels.unlabelled + voxels.isolated for voxels in worst.frames]
        product = labels_named(worst.labels.product.name)
        picture = draw_frame(shown_frame(store, worst.scene, odd.index(max(odd)), None, product))
    check_target(path, ".png")
    with storage_errors(path.absolute()):
        picture.save(path, format="PNG")
    return path
