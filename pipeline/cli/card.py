"""``occ-pipeline card``: a store's data card, as Markdown or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...schemas.errors import UsageError
from . import options as opt
from .console import ERR, OUT, emit, last_line

if TYPE_CHECKING:
    from ..store.store import Store


def card(
    store: opt.StorePath,
    out: Annotated[Path | None, typer.Option(help="File to write, replaced if there. Default: print.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="Measures quality against what occ-pipeline compare takes as a reference.")
    ] = None,
    quality: Annotated[Path | None, typer.Option(help="What occ-pipeline compare --json printed, in a file.")] = None,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
) -> None:
    """Describe a store: source and its licence, settings, versions, voxels by class, quality; hand it on with the labels."""
    del debug
    from ..card import card as describe
    from ..card_text import markdown
    from ..store.store import Store

    opened = Store.open(store)
    measured = _read(quality, opened) if quality is not None else None
    with ERR.status("") as spinner:
        if reference is not None:
            measured = _measure(opened, reference)
        made = describe(opened, measured, lambda scene: spinner.update(f"counting voxels of {scene}"))
    if out is not None:
        text = json.dumps(made, indent=1) + "\n" if as_json else markdown(made)
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            found, fix = str(error.strerror), "choose another --out"
            raise UsageError("the card cannot be written", file=str(out), found=found, fix=fix) from error
        last_line(str(out))
    elif as_json:
        emit(made)
    elif OUT.is_terminal:
        from rich.markdown import Markdown

        OUT.print(Markdown(markdown(made)))
    else:
        last_line(markdown(made).rstrip("\n"))


def _measure(store: Store, reference: str) -> dict[str, Any]:
    from ..compare import compare
    from ..judging import Asked
    from ..matching import match
    from ..sides import StoredLabels, side_named

    return compare(match(StoredLabels(store), side_named(reference)), Asked()).to_json()


def _read(path: Path, store: Store) -> dict[str, Any]:
    """What ``compare`` measured of this store's labels as they are. Raises UsageError."""
    from ..current import current_labels
    from ..store.index import read_index

    found = _parsed(path)
    if not found["fingerprints"]:
        raise UsageError(
            "the quality was measured of labels in no store", file=str(path), found=str(found.get("labels", "nothing")),
            expected=f"labels of {store.path.name}", fix="measure again, or give --reference",
        )  # fmt: skip
    index = read_index(store)
    current = {name: current_labels(store, index, name).manifest.fingerprint[:16] for name in index.scenes}
    for scene, fingerprint in found["fingerprints"].items():
        if current.get(scene) != fingerprint:
            raise UsageError(
                "the quality was measured on other labels", file=str(path), scene=scene, found=fingerprint,
                expected=current.get(scene, "no such scene in the store"), fix="measure again, or give --reference",
            )  # fmt: skip
    return found


def _parsed(path: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        # What the card shows of it.
        _ = found["frames"], found["iou"], found["miou"], found["per_class"], dict(found["fingerprints"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            "the measured quality cannot be used",
            file=str(path),
            found=str(error),
            expected="what occ-pipeline compare STORE --reference ... --json printed",
        ) from error
    return found
