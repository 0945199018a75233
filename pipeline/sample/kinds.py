"""What things are more finely than lidarseg's categories tell: numbers that meshes carry beside their labels."""

from __future__ import annotations

AS_LABELLED, FENCE, STRUCTURE, OBJECT, POLE, SIGN, TRUNK, PARKING = range(8)
"""``AS_LABELLED``: no finer than the label; manmade that is so is a building. ``FENCE`` includes low walls, ``STRUCTURE`` is what one
stands under, ``OBJECT`` any other thing on a pavement, ``SIGN`` a plate without its post, ``PARKING`` the lane cars are parked in."""
