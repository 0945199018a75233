"""The one way a kernel is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles a function of plain arrays: cached on disk, without the interpreter lock, with exact float rules.

    No fast-math and no threads inside a kernel: bytes must not depend on the machine's core count.
    """
    return cast("Callable[P, R]", cast("Any", numba).njit(cache=True, nogil=True)(function))
