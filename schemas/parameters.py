"""Numbers that a stage's parameters may be: checked when a configuration is read, not when a scene fails on them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Positive = Annotated[float, Field(gt=0)]
"""A length, a duration: above zero."""
NotNegative = Annotated[float, Field(ge=0)]
"""A margin, a threshold: zero turns it off."""
Share = Annotated[float, Field(ge=0, lt=1)]
"""A part of a whole: zero to just below one."""
Portion = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, up to all of it."""
Count = Annotated[int, Field(ge=1)]
"""A whole number of things, one at least."""
WholeNumber = Annotated[int, Field(ge=0)]
"""A number of things, none at least."""
