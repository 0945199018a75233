"""Vehicles, standing on z = 0 and facing +x: closed shells with undersides and wheels, none of them a box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .labels import EGO, label
from .materials import CAB, GLASS, SHIRT, SKIN, TRACK, TROUSERS, TYRE
from .meshes import Float64, Mesh, box, loft, merge, tube, wheel

Station = tuple[float, float, float, float, float, float]
"""x, half width, bottom, belt line, half width of the roof, top: one cross-section of a shell."""


def shell(stations: Sequence[Station], number: int, sides: range = range(0), tops: Sequence[int] = ()) -> Mesh:
    """A closed skin through six-cornered cross-sections.

    Between which cross-sections there is glass: above the belt line on both ``sides``, and across the ``tops``.
    """
    rings = np.array(
        [
            [(x, -w, z0), (x, w, z0), (x, w, z1), (x, r, z2), (x, -r, z2), (x, -w, z1)]
            for x, w, z0, z1, r, z2 in stations
        ]
    )
    # Sills lie a little further in than the belt line, as on every car.
    rings[:, :2, 1] *= 0.94
    skin = loft(rings, number)
    materials = skin.materials.copy()
    # The skin's triangles come first: six pairs between one cross-section and the next, the window band second.
    faces = materials[: 12 * (len(stations) - 1)].reshape(-1, 6, 2)
    faces[list(sides), 2], faces[list(sides), 4] = GLASS, GLASS
    faces[list(tops), 3] = GLASS
    return replace(skin, materials=materials)


def wheels(axles: Sequence[float], half_width: float, radius: float, width: float, number: int) -> list[Mesh]:
    """Pairs of wheels whose outer faces stand a finger outside the body."""
    return [
        wheel(x, side * (half_width + 0.015 - width / 2), radius, width, number).made_of(TYRE)
        for x in axles
        for side in (-1.0, 1.0)
    ]


def car(rng: np.random.Generator, number: int | None = None) -> Mesh:
    """A saloon, an estate or a van."""
    paint = label("vehicle.car") if number is None else number
    kind = int(rng.integers(3))
    length = float(rng.uniform(4.1, 4.8))
    half, a, b = float(rng.uniform(0.86, 0.94)), -length / 2, length / 2
    belt, roof, low = 0.92, (1.45, 1.5, 1.85)[kind], 0.22
    hood = 0.95 if kind < 2 else 1.05
    tail: list[Station] = [
        (a, half * 0.85, 0.4, 0.7, half * 0.8, 0.85),
        (a + 0.12, half, low, belt, half * 0.9, belt + 0.03),
    ]
    if kind == 0:
        tail += [
            (a + 0.65, half, low, belt, half * 0.85, belt + 0.08),
            (a + 1.35, half, low, belt, half * 0.7, roof - 0.04),
        ]
    else:
        tail += [(a + 0.5, half, low, belt, half * 0.75, roof - 0.06)]
    front: list[Station] = [
        (b - 2.1, half, low, belt, half * 0.7, roof),
        (b - 1.25, half, low, belt, half * 0.85, hood + 0.03),
        (b - 0.25, half, low, belt - 0.12, half * 0.85, hood - 0.15),
        (b, half * 0.85, 0.35, 0.55, half * 0.75, 0.68),
    ]
    # Glass from the foot of the rear window to that of the windscreen.
    rear, screen = len(tail) - 2, len(tail)
    body = shell(tail + front, paint, range(rear, screen + 1), (rear, screen))
    return merge([body, *wheels((a + 0.8, b - 0.85), half, 0.32, 0.22, paint)])


def ego_car() -> Mesh:
    """The recording car, in its ego frame: origin on the ground under the rear axle; its roof stays below the LiDAR's lowest near beams."""
    stations: list[Station] = [
        (-0.62, 0.72, 0.4, 0.75, 0.65, 0.95),
        (-0.5, 0.85, 0.25, 0.95, 0.6, 1.5),
        (0.9, 0.86, 0.22, 0.95, 0.62, 1.55),
        (1.7, 0.86, 0.22, 0.95, 0.62, 1.5),
        (2.55, 0.86, 0.22, 0.95, 0.75, 1.0),
        (3.3, 0.82, 0.25, 0.8, 0.7, 0.85),
        (3.46, 0.7, 0.35, 0.55, 0.6, 0.65),
    ]
    return merge([shell(stations, EGO), *wheels((0.0, 2.59), 0.86, 0.32, 0.2, EGO)])


def truck(rng: np.random.Generator) -> Mesh:
    """A lorry: a cab, a gap, a box body on a frame."""
    paint = label("vehicle.truck")
    length, half = float(rng.uniform(6.6, 8.2)), 1.22
    a, b = -length / 2, length / 2
    cab: list[Station] = [
        (b - 1.9, half - 0.05, 0.55, 1.6, half - 0.2, 2.65),
        (b - 0.45, half - 0.05, 0.45, 1.6, half - 0.2, 2.6),
        (b, half - 0.1, 0.4, 1.4, half - 0.2, 1.55),
    ]
    frame = box((a + 0.3, -0.4, 0.65), (b - 1.9, 0.4, 0.95), paint, without="Z")
    body = box((a, -half, 0.95), (b - 2.15, half, float(rng.uniform(2.9, 3.3))), paint)
    return merge(
        [
            shell(cab, paint).made_of(CAB),
            frame.made_of(TRACK),
            body,
            *wheels((a + 1.4, b - 1.1), half - 0.03, 0.48, 0.32, paint),
        ]
    )


def bus(rng: np.random.Generator) -> Mesh:
    """A city bus."""
    paint, half = label("vehicle.bus.rigid"), 1.25
    a, b = (-float(rng.uniform(5.2, 5.9)), float(rng.uniform(5.2, 5.9)))
    stations: list[Station] = [
        (a, half - 0.06, 0.4, 1.2, half - 0.15, 2.95),
        (a + 0.15, half, 0.33, 1.2, half - 0.08, 3.05),
        (b - 0.4, half, 0.33, 1.2, half - 0.08, 3.05),
        (b - 0.08, half - 0.05, 0.35, 1.1, half - 0.15, 2.85),
        (b, half - 0.12, 0.4, 1.0, half - 0.2, 1.4),
    ]
    unit = box((a + 2.0, -0.8, 3.05), (a + 4.2, 0.8, 3.28), paint, without="z")
    return merge([shell(stations, paint), unit, *wheels((a + 2.7, b - 2.6), half, 0.48, 0.3, paint)])


def trailer(rng: np.random.Generator) -> Mesh:
    """A box trailer with a drawbar, parked on its own."""
    paint, half = label("vehicle.trailer"), 1.15
    top = float(rng.uniform(2.3, 2.9))
    parts = [
        box((-2.6, -half, 0.75), (2.4, half, top), paint),
        box((-1.0, -0.5, 0.45), (1.0, 0.5, 0.75), paint, without="Z"),
    ]
    parts += [tube((2.4, side * 0.5, 0.62), (3.7, 0, 0.55), 0.06, paint, sides=6) for side in (-1, 1)]
    parts += [tube((3.6, 0, 0.0), (3.6, 0, 0.55), 0.05, paint, sides=6)]
    return merge([*parts, *wheels((-0.6, 0.45), half - 0.02, 0.4, 0.26, paint)])


def excavator(rng: np.random.Generator) -> Mesh:
    """A digger on tracks with its boom and stick raised."""
    paint = label("vehicle.construction")
    tracks = [_track(side * 0.85, paint) for side in (-1.0, 1.0)]
    upper = [
        box((-1.5, -1.15, 0.85), (0.9, 1.15, 1.55), paint),
        box((-1.5, -1.15, 1.55), (-0.4, 0.2, 2.0), paint, without="z"),
        box((-0.3, 0.25, 1.55), (0.9, 1.15, 2.7), paint, without="z"),
        box((-0.5, -0.5, 0.7), (0.5, 0.5, 0.85), paint, without="zZ"),
    ]
    lift = float(rng.uniform(2.9, 3.4))
    arm = [
        tube((0.8, -0.3, 1.4), (2.3, -0.3, lift), 0.17, paint, sides=4),
        tube((2.2, -0.3, lift), (3.3, -0.3, 1.2), 0.13, paint, sides=4),
        box((2.9, -0.75, 0.35), (3.6, 0.15, 1.05), paint),
    ]
    return merge([merge(tracks).made_of(TRACK), *upper, *arm])


def _track(y: float, number: int) -> Mesh:
    outline = [(-1.3, 0.0), (1.3, 0.0), (1.6, 0.2), (1.6, 0.5), (1.3, 0.7), (-1.3, 0.7), (-1.6, 0.5), (-1.6, 0.2)]
    rings = np.array([[(x, y + side * 0.25, z) for x, z in outline] for side in (-1, 1)])
    return loft(rings, number)


def motorcycle(*, rider: bool = False) -> Mesh:
    """A motorcycle, with its rider sitting still if wanted."""
    paint = label("vehicle.motorcycle")
    parts = [wheel(x, 0, 0.31, width, paint).made_of(TYRE) for x, width in ((-0.7, 0.14), (0.72, 0.12))]
    spine: list[Station] = [
        (-0.95, 0.08, 0.68, 0.78, 0.06, 0.84),
        (-0.35, 0.15, 0.38, 0.76, 0.13, 0.82),
        (0.3, 0.17, 0.35, 0.85, 0.12, 1.02),
        (0.6, 0.12, 0.66, 0.85, 0.08, 0.98),
    ]
    parts += [
        shell(spine, paint),
        tube((0.72, 0, 0.31), (0.48, 0, 1.05), 0.06, paint, sides=6),
        tube((0.45, -0.38, 1.08), (0.45, 0.38, 1.08), 0.025, paint, sides=6),
    ]
    if rider:
        parts += seated(paint, hip=(-0.25, 0.88), lean=0.35, hands=(0.43, 1.1), feet=(0.05, 0.35))
    return merge(parts)


def bicycle() -> Mesh:
    """A bicycle: two thin wheels with open spokes, a frame, handlebar and saddle."""
    paint = label("vehicle.bicycle")
    parts = [_rim(x, paint) for x in (-0.52, 0.53)]
    joints = {
        "rear": (-0.52, 0.34),
        "pedal": (-0.08, 0.29),
        "seat": (-0.22, 0.86),
        "head": (0.38, 0.8),
        "front": (0.53, 0.34),
    }
    for a, b in (
        ("rear", "pedal"),
        ("rear", "seat"),
        ("pedal", "seat"),
        ("pedal", "head"),
        ("seat", "head"),
        ("head", "front"),
    ):
        (x0, z0), (x1, z1) = joints[a], joints[b]
        parts.append(tube((x0, 0, z0), (x1, 0, z1), 0.02, paint, sides=5))
    parts += [
        box((-0.36, -0.07, 0.88), (-0.1, 0.07, 0.94), paint),
        tube((0.38, 0, 0.8), (0.36, 0, 1.0), 0.02, paint, sides=5),
    ]
    return merge([*parts, tube((0.36, -0.3, 1.02), (0.36, 0.3, 1.02), 0.018, paint, sides=5)])


def _rim(x: float, number: int) -> Mesh:
    angles = np.arange(16) * (2 * np.pi / 16)
    section = np.array([(0.27, -0.018), (0.34, -0.018), (0.34, 0.018), (0.27, 0.018)])
    rings = np.array([[(x + r * np.cos(a), y, 0.34 + r * np.sin(a)) for r, y in section] for a in [*angles, angles[0]]])
    return loft(rings, number, first_cap=False, last_cap=False).made_of(TYRE)


def seated(
    number: int, hip: tuple[float, float], lean: float, hands: tuple[float, float], feet: tuple[float, float] | None
) -> list[Mesh]:
    """The upper body of a rider, and legs on foot rests where ``feet`` are given; pairs are (x, z)."""
    shoulder = (hip[0] + 0.52 * np.sin(lean), hip[1] + 0.52 * np.cos(lean))
    parts = [
        tube((hip[0], 0, hip[1]), (shoulder[0], 0, shoulder[1]), 0.16, number, end_radius=0.19).made_of(SHIRT),
        tube(
            (shoulder[0] + 0.03, 0, shoulder[1] + 0.04),
            (shoulder[0] + 0.08, 0, shoulder[1] + 0.34),
            0.12,
            number,
            end_radius=0.1,
        ).made_of(SKIN),
    ]
    for side in (-1.0, 1.0):
        parts.append(
            tube(
                (shoulder[0], side * 0.21, shoulder[1] - 0.06), (hands[0], side * 0.27, hands[1]), 0.05, number, sides=6
            ).made_of(SHIRT)
        )
        if feet is not None:
            knee = (hip[0] + 0.42, hip[1] - 0.08)
            parts.append(
                tube((hip[0], side * 0.12, hip[1]), (knee[0], side * 0.22, knee[1]), 0.08, number, sides=6).made_of(
                    TROUSERS
                )
            )
            parts.append(
                tube((knee[0], side * 0.22, knee[1]), (feet[0], side * 0.24, feet[1]), 0.06, number, sides=6).made_of(
                    TROUSERS
                )
            )
    return parts


def box_frame(mesh: Mesh) -> tuple[Mesh, Float64]:
    """The mesh moved so that its box's centre is the origin, and that box's length, width, height (3,) in metres."""
    low, high = mesh.bounds
    middle = (low + high) / 2
    return mesh.shifted(-middle[0], -middle[1], -middle[2]), high - low
