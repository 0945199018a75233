"""A key frame of two sides that are compared, for a picture of where they differ."""

from __future__ import annotations

from ...schemas.errors import UsageError
from ..comparison import Comparison, worst_of
from ..current import one_of
from ..judging import Asked, judge
from ..matching import Matched, Pair
from .differences import ShownDifference
from .stored import frame_row


def chosen_pair(found: Comparison, matched: Matched, scene: str | None, frame: str | None) -> Pair:
    """The key frame a user means: by token, or by its number in the scene of the labels, of the first scene where none is
    named; the worst of the scene, or of all, where no frame is named.

    Raises UsageError for a scene or frame that was not compared.
    """
    frames = [each for each in found.frames if scene is None or each.pair.scene == scene]
    if not frames:
        raise UsageError(
            "no key frame of this scene was compared", scene=scene, expected=one_of(list(found.scenes)), fix="correct --scene"
        )  # fmt: skip
    if frame is None:
        return worst_of(frames).pair
    named = [each.pair for each in frames if each.pair.token == frame]
    if named:
        return named[0]
    scene = frames[0].pair.scene
    row = frame_row(matched.labels.tokens(scene), frame, scene)
    pair = next((each.pair for each in frames if (each.pair.scene, each.pair.row) == (scene, row)), None)
    if pair is None:
        raise UsageError(
            "the key frame was not compared", scene=scene, frame=frame, found=f"none of its name in {matched.reference.words}",
            expected=f"one of {len(frames)} that both sides have", fix="correct --frame, or leave it out to see the worst",
        )  # fmt: skip
    return pair


def shown_difference(matched: Matched, pair: Pair, asked: Asked) -> ShownDifference:
    """Reads the key frame of both sides. Raises InputError, VerificationError."""
    labels, reference = matched.labels, matched.reference
    pose = labels.grid_SE3_ego(pair.scene, pair.row)
    if pose is None:
        pose = reference.grid_SE3_ego(pair.reference_scene, pair.reference_row)
    title = f"{pair.scene}, key frame {pair.row} (0 to {len(labels.tokens(pair.scene)) - 1})"
    names = (labels.words, reference.words)
    inside = "" if asked.mask is None else f", inside the mask {asked.mask}"
    return ShownDifference.of(judge(matched, pair, asked), matched.taxonomy, pose, title, names, inside)
