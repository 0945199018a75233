"""Which products, and which of their arrays, a trainer asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ...schemas.instance_offsets import InstanceOffsets, RefinedOffsets
from ...schemas.occupancy import SurfaceOccupancy
from ..checking import unknown
from ..current import labels_named
from .sensor_inputs import WantedInputs

ALWAYS = ("state", "semantics")
"""Arrays of voxel labels that training ids are made of."""
OFFSETS: Mapping[str, type[InstanceOffsets]] = MappingProxyType(
    {product.name: product for product in (InstanceOffsets, RefinedOffsets)}
)
_VOXELWISE = ("frame", "x", "y", "z")


@dataclass(frozen=True)
class Wanted:
    """Checked names."""

    labels: type[SurfaceOccupancy]
    arrays: tuple[str, ...]
    """Of the labels, each once, :data:`ALWAYS` among them."""
    offsets: type[InstanceOffsets] | None
    inputs: WantedInputs

    @classmethod
    def of(cls, labels: str, arrays: Sequence[str], offsets: str | None, inputs: WantedInputs) -> Wanted:
        """Raises UsageError for a name that nothing has."""
        product = labels_named(labels)
        assert product is not None
        voxelwise = [name for name, spec in product.specs().items() if spec.dims == _VOXELWISE]
        for name in arrays:
            if name not in voxelwise:
                raise unknown(f"array of {product.name}", name, voxelwise)
        if offsets is not None and offsets not in OFFSETS:
            raise unknown("product of offsets", offsets, OFFSETS)
        names = tuple(dict.fromkeys((*ALWAYS, *arrays)))
        return cls(product, names, None if offsets is None else OFFSETS[offsets], inputs)
