"""A camera's image as its file has it: looked at, and not decoded for whoever asks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ...schemas.errors import InputError
from ...schemas.product import ProductReader
from .files import DataRoot
from .points import DOWNLOAD_AGAIN

FORMATS = ("JPEG", "PNG")


def read_image(data_root: Path, cameras: ProductReader, frame: int, camera: int) -> bytes:
    """Content of a key frame's image file; empty where the key frame has none.

    ``cameras``: :class:`CameraTables`. Raises InputError where the file cannot be read, is no JPEG or PNG, is cut off, or has
    another size than the tables say.
    """
    name = cameras.attribute("image_files")[frame][camera]
    if not name:
        return b""
    try:
        content = _content(DataRoot(data_root), name)
        _check(content, name, cameras.attribute("image_sizes")[camera])
    except InputError as error:
        error.scene, error.frame = cameras.attribute("scene"), cameras.attribute("frame_tokens")[frame]
        raise
    return content


def _content(files: DataRoot, name: str) -> bytes:
    try:
        return files.resolve(name).read_bytes()
    except OSError as error:
        raise InputError(
            "file cannot be read", file=name, found=error.strerror, fix="check its permissions and the disk"
        ) from error


def _check(content: bytes, name: str, size: Sequence[int]) -> None:
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            found = image.size
            if found == tuple(size):
                # An eighth of the size where the format can: every byte is looked at all the same.
                image.draft(None, (size[0] // 8, size[1] // 8))
                image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            "image cannot be decoded", file=name, found=_words(error), expected=" or ".join(FORMATS), fix=DOWNLOAD_AGAIN
        ) from error
    if found != tuple(size):
        raise InputError(
            "image has another size than the log's tables say", file=name, found=f"{found[0]} x {found[1]} pixels",
            expected=f"{size[0]} x {size[1]}", fix="mend the table, or use the images of the same release",
        )  # fmt: skip


def _words(error: Exception) -> str:
    """What Pillow found, without the object's address that it names a buffer by."""
    return "another format, or nothing of one" if "cannot identify" in str(error) else str(error)
