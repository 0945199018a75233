"""What writers of all of KITTI's layouts share: one street after the other, all of them or nothing, and a mark that they are made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...schemas.errors import UsageError
from .draft import drafted, refuse_unfit
from .kitti_scans import Recording
from .lidar import Lidar
from .log import MARKER, SIMULATOR, Progress, silent
from .scanner import HDL_64E
from .world import make_world


@dataclass(frozen=True)
class Wanted:
    """How many streets, how long, and which; checked by :func:`write_streets`."""

    scenes: int
    seconds: float
    seed: int


def write_streets(
    out: Path,
    dataset: str,
    wanted: Wanted,
    names: Callable[[int], str],
    most: int,
    write: Callable[[Path, str, Recording, Callable[[float], None]], None],
    progress: Progress | None,
) -> None:
    """Has ``write`` write every street below a draft of the new folder ``out``, under the name that ``names`` gives its number, from 0.

    ``most``: as many as the layout has names for. Raises UsageError if the numbers make no sense or the folder is in use,
    StorageError if it cannot be written.
    """
    refuse_unfit(out, wanted.scenes, wanted.seconds, wanted.seed)
    if wanted.scenes > most:
        found = f"{wanted.scenes} scenes"
        raise UsageError("a sample log cannot be made", found=found, expected=f"at most {most}")
    with drafted(out) as root:
        for number in range(wanted.scenes):
            name, world = names(number), make_world(wanted.seed, number + 1, wanted.seconds)

            def report(done: float, name: str = name) -> None:
                (progress or silent)(name, done)

            report(0.0)
            write(root, name, Recording(world, Lidar.on(world, HDL_64E), wanted.seed), report)
        marker = {
            "simulator": SIMULATOR, "dataset": dataset, "seed": wanted.seed, "scenes": wanted.scenes, "seconds": wanted.seconds,
        }  # fmt: skip
        (root / MARKER).write_text(json.dumps(marker, indent=2) + "\n")
