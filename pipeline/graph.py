"""The DAG that stages' reads and writes imply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..schemas.cameras import CameraTables
from ..schemas.errors import UsageError
from ..schemas.product import Product
from ..schemas.scene import SceneTables
from ..stages.stage import Stage

INDEXED: tuple[type[Product], ...] = (SceneTables, CameraTables)
"""What the index step writes before any stage runs, so that no stage needs to."""


def producers(stages: Iterable[Stage]) -> dict[type[Product], Stage]:
    """Who writes each product. Raises UsageError naming both stages where two write the same."""
    found: dict[type[Product], Stage] = {}
    for stage in stages:
        for product in stage.writes:
            if product in found:
                raise UsageError(
                    f"product {product.name} has two producers",
                    found=f"stages {found[product].name} and {stage.name}",
                    expected="one",
                    fix="leave one of them out",
                )
            found[product] = stage
    return found


def required(targets: Iterable[str], stages: Mapping[str, Stage]) -> list[Stage]:
    """The target stages and all they depend on, each after what it reads.

    Raises UsageError where nobody writes what a stage reads, or where stages need each other.
    """
    by_product = producers(stages.values())
    done: list[Stage] = []
    above: list[Stage] = []

    def visit(stage: Stage) -> None:
        if stage in done:
            return
        if stage in above:
            names = " -> ".join(s.name for s in [*above[above.index(stage) :], stage])
            raise UsageError("stages need each other", found=names, expected="no circle", fix="change what one reads")
        above.append(stage)
        for product in stage.reads():
            if product in INDEXED:
                continue
            if product not in by_product:
                raise UsageError(
                    f"stage {stage.name} reads {product.name}, which no stage writes",
                    found=f"stages {', '.join(stages)}",
                    expected=f"a stage that writes {product.name}",
                    fix="add it, or change the parameter that names this product",
                )
            visit(by_product[product])
        above.pop()
        done.append(stage)

    for target in targets:
        visit(stages[target])
    return done
