"""What a training run is asked for. Fields' docstrings are the command's help. Knows no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from ...schemas.errors import UsageError
from ...schemas.occupancy import OccupancyName
from ...schemas.parameters import Count, NotNegative, Positive, Share, WholeNumber
from ..checking import checked, unknown
from ..training_data.classes import Unknown, Unlabelled

FREE_TO_CHANGE = frozenset(
    {"device", "workers", "log_every", "checkpoint_every", "validation_every", "tensorboard", "validation_frames"}
)
"""Settings that may differ where a run goes on: what is learned does not depend on them, but for rounding on another device."""


TRAIN = "train"
SECTIONS = (TRAIN, "network", "loss")
"""Of a recipe or configuration, and of ``--set SECTION.NAME=VALUE``: the run's own parameters, the network's and the loss's."""
HELP = "see: occ-pipeline train --help"


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """A training run. Raises ValueError for settings that do not go together."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    labels: OccupancyName = "carved_occupancy"
    """Product of voxel labels."""
    offsets: Literal["instance_offsets", "refined_offsets"] | None = None
    """Product of offsets; none: made from the labels on the device."""
    input: Literal["lidar", "camera", "both"] = "lidar"
    """What the network sees; both is for networks of your own."""
    image_size: tuple[int, int] | None = None
    """Height and width that images are brought to, pixels; none: their own."""
    cameras: tuple[str, ...] | None = None
    """Names of cameras; none: all."""
    split: str | None = "train"
    """Split of the dataset that is trained on; none: all scenes."""
    scenes: tuple[str, ...] | None = None
    """Scenes that are trained on, in the place of the split."""
    every: Count = 1
    """Of each scene, the first and then each so-many-th key frame."""
    validation_split: str | None = "val"
    """Split that is validated on; none: all scenes."""
    validation_scenes: tuple[str, ...] | None = None
    """Scenes that are validated on, in the place of that split."""
    validation_every: WholeNumber = 1000
    """Steps between validations; 0: never."""
    validation_frames: WholeNumber = 0
    """At most so many key frames are validated on, spread evenly; 0: all."""
    unknown: Unknown = "ignored"
    """What unknown voxels count as: ignored, or free."""
    unlabelled: Unlabelled = "ignored"
    """What occupied voxels without a class count as: ignored, or others."""
    observed: str | None = None
    """A mask of the labels, as mask_camera, outside which all is ignored."""
    flips: Literal["x", "y", "xy"] | None = None
    """Axes that key frames are mirrored along, at random; none: neither."""
    network: str = "voxdet"
    """voxdet, or module:Class of a network of your own, made with grid, classes and what --set network.NAME=VALUE gives."""
    weights: Literal["counted", "none"] = "counted"
    """Classes weigh 1 / ln(f + 0.001), f counted over the voxels trained on; none: all the same."""
    steps: Count = 10_000
    """Steps of the optimiser."""
    batch: Count = 1
    """Key frames of one forward pass, in each process."""
    accumulate: Count = 1
    """Forward passes whose mean gradient makes a step."""
    learning_rate: Positive = 3e-4
    """Of AdamW, at the end of the warm-up."""
    weight_decay: NotNegative = 0.01
    """Of AdamW."""
    betas: tuple[Share, Share] = (0.9, 0.99)
    """Of AdamW."""
    warm_up: Share = 0.05
    """Share of the steps in which the learning rate rises from 0; then it falls to 0 as a cosine."""
    clip: NotNegative = 0.0
    """Largest norm of a step's gradient, to which a larger one is scaled down; 0: none, as in VoxDet's released code."""
    average: Share = 0.0
    """Decay of an exponential moving average of the weights, which is then validated, as 0.999; 0: none."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the network's forward pass; the loss is in float32."""
    compile: bool = False
    """Compile the network with torch.compile, which takes minutes and pays in long runs alone; on a CPU it needs g++."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto: a GPU where there is one. Of several processes each takes a GPU of its own."""
    workers: WholeNumber = 2
    """Processes that read the store; 0: none but the trainer."""
    seed: WholeNumber = 0
    """Of weights, order, mirroring and stochastic depth."""
    log_every: Count = 20
    """Steps to a row of the log."""
    checkpoint_every: Count = 500
    """Steps between checkpoints."""
    tensorboard: bool = False
    """Write events for TensorBoard too, which must be installed."""
    network_options: dict[str, Any] = field(default_factory=dict[str, Any])
    """Parameters of the network."""
    loss_options: dict[str, Any] = field(default_factory=dict[str, Any])
    """Parameters of the loss."""

    def __post_init__(self) -> None:
        if self.input == "both" and self.network == "voxdet":
            raise ValueError("voxdet sees lidar or camera; input=both is for networks of your own")
        if self.network != "voxdet" and not all(self.network.partition(":")):
            raise ValueError(f"network must be voxdet or module:Class, found {self.network!r}")

    @classmethod
    def of(cls, sections: Mapping[str, Mapping[str, Any]]) -> TrainSettings:
        """Those of a user's :data:`SECTIONS`. Raises UsageError."""
        own = {name: _plain(name, value) for name, value in sections.get(TRAIN, {}).items()}
        for name in own:
            if name not in parameters():
                raise unknown(f"parameter of {TRAIN}", name, parameters())
        options = {f"{name}_options": dict(sections.get(name, {})) for name in SECTIONS if name != TRAIN}
        return checked(cls, own | options, TRAIN, HELP)

    def differences(self, other: TrainSettings) -> list[str]:
        """Names of settings that make another run of it."""
        return [
            f.name
            for f in fields(self)
            if f.name not in FREE_TO_CHANGE and getattr(self, f.name) != getattr(other, f.name)
        ]


def parameters() -> dict[str, Field[Any]]:
    """The run's own by name, without those of network and loss."""
    return {f.name: f for f in fields(TrainSettings) if not f.name.endswith("_options")}


def _plain(name: str, value: Any) -> Any:
    """``none`` is a word for None, as in help texts, where there can be none."""
    own = parameters().get(name)
    return None if value == "none" and own is not None and "None" in str(own.type) else value


def check_section(values: Mapping[str, Any]) -> tuple[str, UsageError] | None:
    """The first of the run's own parameters that cannot be, whatever the others are, and the error."""
    for name, value in values.items():
        try:
            TrainSettings.of({TRAIN: {name: value}})
        except UsageError as error:
            # What several together are refused for may be mended by those that come yet.
            if "are refused" not in error.what:
                return name, error
    return None
