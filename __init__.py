"""Offline label generation for 3D semantic occupancy."""

__version__ = "0.1.0"
