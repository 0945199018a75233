"""The command line: ``occ-pipeline``."""

from .main import main

__all__ = ["main"]
