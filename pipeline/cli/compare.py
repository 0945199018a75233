"""``occ-pipeline compare``: labels against others, or against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...schemas.errors import UsageError
from ..checking import unknown
from ..published import FORMATS
from . import complete
from . import options as opt
from .console import ERR, OUT, emit, last_line, note
from .show import check_target

if TYPE_CHECKING:
    from ...schemas.occupancy import SurfaceOccupancy
    from ..judging import Asked
    from ..matching import Matched, Pair
    from ..sides import Side

BANDS = ("distance", "height")
MASKS = ("lidar", "camera", "boxes")
"""Keys of ``compare_bands.KINDS`` and ``sides.MASKS``, known without importing numpy."""
SIDE = f"NAME.zarr, truth:DIR of a sample log, or FORMAT:DIR, FORMAT one of {', '.join(FORMATS)}."


def compare(
    labels: Annotated[str, typer.Argument(help=f"The labels to judge: {SIDE}", metavar="A")],
    reference: Annotated[
        str | None,
        typer.Option(
            help="What to judge them by: the same, and at most one of both a truth. Default: A's current labels, to judge another --product of A."
        ),
    ] = None,
    scenes: opt.Scenes = None,
    product: opt.Labels = None,
    reference_product: Annotated[str | None, typer.Option(help="The same of a store as the reference.")] = None,
    mask: Annotated[
        str | None,
        typer.Option(
            help="lidar, camera or boxes: judge inside what these observed, or boxes of tracked objects. The reference's, else A's.",
            autocompletion=complete.masks,
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="distance or height: one more table; may be repeated.", autocompletion=complete.bands),
    ] = None,
    skip_unlabelled: Annotated[
        bool,
        typer.Option(
            "--skip-unlabelled", help="Leave out what the reference gives no class, as loaders of published labels do."
        ),
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(help="PNG file to draw one key frame in: both sides, and where they differ.")
    ] = None,
    scene: Annotated[
        str | None,
        typer.Option(help="Scene of --picture. Default: that of the worst frame.", autocompletion=complete.scenes),
    ] = None,
    frame: Annotated[
        str | None, typer.Option(help="Key frame of --picture: number or token. Default: the one with the lowest IoU.")
    ] = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Measure labels against others, or the truth: IoU, mIoU, per class, by distance and height, inside masks."""
    del debug
    for name, known, kind in ((mask, MASKS, "mask"), *((name, BANDS, "kind of bands") for name in by or ())):
        if name is not None and name not in known:
            raise unknown(kind, name, known)
    if reference is None and product == reference_product:
        raise UsageError(
            "labels would be judged by themselves", found=labels, fix="give --reference, or name the labels of A to judge with --product"
        )  # fmt: skip
    if picture is not None:
        check_target(picture, ".png")
    elif scene is not None or frame is not None:
        raise UsageError("--scene and --frame are of a picture", fix="give --picture FILE.png, or choose with --scenes")
    from ..compare import compare as measure
    from ..comparison_table import bands_table, table
    from ..current import labels_named
    from ..judging import Asked
    from ..matching import match
    from ..picture.compared import chosen_pair
    from ..sides import side_named

    with ERR.status("") as spinner:
        matched = match(
            side_named(labels, labels_named(product)),
            _reference(labels, reference, labels_named(reference_product)),
            opt.split_names(scenes),
        )
        asked = Asked(mask=mask, skip_unlabelled=skip_unlabelled)
        found = measure(matched, asked, lambda done, of: spinner.update(f"key frame {done} of {of}"))
    pair = None if picture is None else chosen_pair(found, matched, scene, frame)
    if as_json:
        emit({**found.to_json(), "picture": None if picture is None else str(picture)})
    else:
        OUT.print(table(found))
        for kind in dict.fromkeys(by or ()):
            OUT.print(bands_table(found, kind))
    if pair is not None and picture is not None:
        _draw(matched, pair, asked, picture)
        which = (
            "" if frame is not None else ", the one with the lowest IoU" + ("" if scene is None else " of the scene")
        )
        note(f"picture of key frame {pair.row} of {pair.scene}{which}: {pair.token}")
        if not as_json:
            last_line(str(picture))


def _reference(labels: str, named: str | None, product: type[SurfaceOccupancy] | None) -> Side:
    """What labels are judged by: their own store's others, where nothing is named."""
    from ..sides import side_named

    try:
        return side_named(named or labels, product, "--reference-product")
    except UsageError as error:
        if named is None:
            error.fix = "make labels with occ-pipeline run visibility, or give --reference"
        raise


def _draw(matched: Matched, pair: Pair, asked: Asked, path: Path) -> None:
    from ..picture.compared import shown_difference
    from ..picture.difference_sheet import draw_differences
    from ..store.durable import storage_errors

    with storage_errors(path.absolute()):
        draw_differences(shown_difference(matched, pair, asked)).save(path, format="PNG")
