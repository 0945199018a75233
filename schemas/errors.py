"""Errors a user can act on: what, where, found against expected, what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class PipelineError(Exception):
    """An error with everything a user needs to mend its cause, printed on one line."""

    what: str
    """What is wrong, in a few words."""
    file: str | None = None
    """The file it was found in, relative to the data root where it lies below it."""
    scene: str | None = None
    frame: str | None = None
    """Key-frame token, sweep index or time stamp."""
    found: str | None = None
    expected: str | None = None
    fix: str | None = None
    """What to do about it."""

    def __str__(self) -> str:
        places = [
            f"{name} {value}" for name in ("file", "scene", "frame") if (value := getattr(self, name)) is not None
        ]
        line = self.what + (f" ({', '.join(places)})" if places else "")
        if self.found is not None:
            line += f": found {self.found}"
        if self.expected is not None:
            line += f", expected {self.expected}"
        if self.fix is not None:
            line += f"; {self.fix}"
        return line

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions pickle by positional args, which a dataclass does not set: workers send these to the driver.
        fields = (self.what, self.file, self.scene, self.frame, self.found, self.expected, self.fix)
        return (type(self), fields)


class UsageError(PipelineError):
    """The command line, the configuration or the environment asks for something that cannot be."""


class InputError(PipelineError):
    """A file, table row, frame or scene of the log is not what its format says. Fails one scene, not the run."""


class ComputeError(PipelineError):
    """A part of a stage failed on input that is formally right (a crashed native library, say). Fails one scene."""


class StorageError(PipelineError):
    """The disk is full, not writable, or returns errors."""


class StoreLockedError(PipelineError):
    """Another run holds the store."""


class VerificationError(PipelineError):
    """What is stored is not what was committed."""
