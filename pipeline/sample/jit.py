"""The one place that touches Numba's untyped decorator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compiles a numeric kernel, keeping its type; it releases the interpreter lock, so sweeps can run side by side."""
    return cast("F", numba.njit(cache=True, nogil=True)(function))


def inlined(function: F) -> F:
    """As :func:`kernel`, for small helpers that must not cost a call."""
    return cast("F", numba.njit(cache=True, nogil=True, inline="always")(function))
