"""The built-in sample log: a simulated street in the layout of a real dataset, with its exact truth."""

from .log import MARKER, write_nuscenes_sample
from .truth import Truth, TruthFrame

__all__ = ["MARKER", "Truth", "TruthFrame", "write_nuscenes_sample"]
