"""Materials that cameras see: numbers that meshes carry, and the colours they come in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .labels import EGO, MANMADE, OTHER_FLAT, ROAD, SIDEWALK, TERRAIN, VEGETATION, label
from .meshes import Float64

(
    USUAL,
    ASPHALT,
    PAVING,
    GRASS,
    COBBLES,
    WALL,
    PANE,
    CONCRETE,
    METAL,
    PLATE,
    SIGNAL,
    FOLIAGE,
    BARK,
    PAINT,
    GLASS,
    TYRE,
    COACH,
    CAB,
    CARGO,
    MACHINE,
    TRACK,
    SKIN,
    SHIRT,
    TROUSERS,
    STRIPED,
    CONE,
    FRAME,
    ROOF,
) = range(28)
"""``USUAL`` is what :data:`BY_LABEL` says; ``COACH``, ``CAB`` and ``PAINT`` draw windows, doors and lights by place."""

BY_LABEL: NDArray[np.uint8] = np.full(32, CONCRETE, dtype=np.uint8)
"""(32,) the usual material of every lidarseg number."""
BY_LABEL[[ROAD, SIDEWALK, OTHER_FLAT, TERRAIN, MANMADE, VEGETATION, EGO]] = (
    ASPHALT, PAVING, COBBLES, GRASS, CONCRETE, FOLIAGE, PAINT,
)  # fmt: skip
for _category, _material in {
    "vehicle.car": PAINT,
    "vehicle.truck": CARGO,
    "vehicle.bus.rigid": COACH,
    "vehicle.trailer": CARGO,
    "vehicle.construction": MACHINE,
    "vehicle.motorcycle": FRAME,
    "vehicle.bicycle": FRAME,
    "movable_object.barrier": STRIPED,
    "movable_object.trafficcone": CONE,
    "human.pedestrian.adult": SHIRT,
    "human.pedestrian.child": SHIRT,
    "human.pedestrian.construction_worker": SHIRT,
}.items():
    BY_LABEL[label(_category)] = _material

_VEST = (255, 120, 10)
_PALETTES: dict[int, list[tuple[int, int, int]]] = {
    ASPHALT: [(96, 96, 99)],
    PAVING: [(166, 160, 150)],
    GRASS: [(100, 114, 68)],
    COBBLES: [(150, 112, 92)],
    WALL: [
        (164, 92, 70), (196, 176, 140), (178, 108, 78), (222, 212, 192), (148, 82, 66),
        (186, 186, 180), (206, 164, 112), (168, 120, 96), (214, 196, 170), (134, 92, 78),
    ],
    PANE: [(46, 58, 70)],
    CONCRETE: [(182, 178, 170), (196, 190, 178), (164, 160, 154)],
    METAL: [(84, 90, 88)],
    PLATE: [(28, 72, 170), (196, 30, 34), (230, 230, 226)],
    SIGNAL: [(40, 42, 40)],
    FOLIAGE: [(74, 112, 42), (88, 120, 48), (62, 100, 44), (104, 126, 54), (122, 122, 48)],
    BARK: [(92, 74, 58)],
    PAINT: [
        (150, 20, 24), (224, 226, 228), (28, 30, 34), (30, 62, 128), (150, 154, 158), (92, 98, 104),
        (236, 236, 232), (48, 84, 70), (176, 130, 40), (60, 64, 70), (16, 96, 150), (120, 32, 40),
    ],
    GLASS: [(26, 32, 38)],
    TYRE: [(30, 30, 31)],
    COACH: [(200, 40, 36), (32, 96, 160), (232, 180, 44), (44, 130, 84)],
    CAB: [(210, 214, 218), (180, 36, 32), (36, 70, 140), (226, 150, 30)],
    CARGO: [(226, 226, 220), (206, 198, 180), (70, 110, 160), (232, 228, 214)],
    MACHINE: [(236, 172, 24)],
    TRACK: [(50, 48, 46)],
    SKIN: [(226, 178, 148), (186, 132, 98), (120, 80, 58), (238, 196, 168)],
    SHIRT: [
        (170, 40, 44), (40, 70, 140), (46, 46, 50), (210, 206, 196), (66, 110, 72), (196, 140, 50),
        (120, 60, 120), (90, 130, 160), (150, 150, 150), (230, 120, 130),
    ],
    TROUSERS: [(44, 56, 88), (40, 40, 44), (110, 96, 74), (72, 76, 84), (84, 64, 48)],
    STRIPED: [(224, 222, 214)],
    CONE: [(240, 92, 20)],
    FRAME: [(160, 30, 34), (34, 36, 40), (30, 80, 150), (60, 120, 70), (190, 190, 190)],
    ROOF: [(96, 92, 90)],
}  # fmt: skip


def colours(materials: NDArray[np.uint8], tints: NDArray[np.uint8], *, worker: bool = False) -> Float64:
    """(F, 3) linear light, 0 to 1, of triangles by material and variant; ``worker``: dressed to be seen at road works."""
    result = np.zeros((len(materials), 3))
    for number, palette in _PALETTES.items():
        chosen = materials == number
        if chosen.any():
            shades = [_VEST] if worker and number == SHIRT else palette
            result[chosen] = np.array(shades)[tints[chosen] % len(shades)]
    return (result / 255.0) ** 2.2
