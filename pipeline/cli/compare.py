"""``occ-pipeline compare``: labels against others, or against the truth."""

from __future__ import annotations

from typing import Annotated

import typer

from ..checking import unknown
from ..published import FORMATS
from . import complete
from . import options as opt
from .console import ERR, OUT, emit

BANDS = ("distance", "height")
MASKS = ("lidar", "camera", "boxes")
"""Keys of ``compare_bands.KINDS`` and ``sides.MASKS``, known without importing numpy."""
SIDE = f"NAME.zarr, truth:DIR of a sample log, or FORMAT:DIR, FORMAT one of {', '.join(FORMATS)}."


def compare(
    labels: Annotated[str, typer.Argument(help=f"The labels to judge: {SIDE}", metavar="A")],
    reference: Annotated[str, typer.Option(help="What to judge them by: the same, and at most one of both a truth.")],
    scenes: opt.Scenes = None,
    product: opt.Labels = None,
    reference_product: Annotated[str | None, typer.Option(help="The same of a store as the reference.")] = None,
    mask: Annotated[
        str | None,
        typer.Option(
            help="Judge inside what the lidar or a camera observed, or inside boxes of tracked objects: the reference's, else A's.",
            autocompletion=complete.masks,
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="One more table, by distance or by height; may be repeated.", autocompletion=complete.bands),
    ] = None,
    skip_unlabelled: Annotated[
        bool,
        typer.Option(
            "--skip-unlabelled", help="Leave out what the reference gives no class, as loaders of published labels do."
        ),
    ] = False,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Measure labels against others, or the truth: IoU, mIoU, per class, by distance and height, inside masks."""
    del debug
    for name, known, kind in ((mask, MASKS, "mask"), *((name, BANDS, "kind of bands") for name in by or ())):
        if name is not None and name not in known:
            raise unknown(kind, name, known)
    from ..compare import compare as measure
    from ..comparison_table import bands_table, table
    from ..current import labels_named
    from ..judging import Asked
    from ..sides import side_named

    judged = side_named(labels, labels_named(product))
    judge = side_named(reference, labels_named(reference_product), "--reference-product")
    asked = Asked(scenes=opt.split_names(scenes), mask=mask, skip_unlabelled=skip_unlabelled)
    with ERR.status("") as spinner:
        found = measure(judged, judge, asked, lambda done, of: spinner.update(f"key frame {done} of {of}"))
    if as_json:
        emit(found.to_json())
        return
    OUT.print(table(found))
    for kind in dict.fromkeys(by or ()):
        OUT.print(bands_table(found, kind))
