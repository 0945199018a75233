"""Images as their files have them, and what is refused in words a user can act on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from occ_pipeline.pipeline.sources import read_image
from occ_pipeline.schemas.errors import InputError
from occ_pipeline.schemas.product import InMemory
from occ_pipeline.tests.schemas.camera_samples import cameras
from PIL import Image

SIZE = (80, 60)
WHERE = "(file a, scene s, frame f0)"


def encoded(kind: str, size: tuple[int, int] = SIZE) -> bytes:
    content = io.BytesIO()
    noise = Image.effect_noise(size, 90).convert("RGB")
    noise.save(content, format=kind)
    return content.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_file_byte_for_byte(kind: str, tmp_path: Path) -> None:
    content = encoded(kind)
    (tmp_path / "a").write_bytes(content)
    assert read_image(tmp_path, InMemory(cameras()), 0, 0) == content


def test_an_absent_image_is_empty(tmp_path: Path) -> None:
    assert read_image(tmp_path, InMemory(cameras()), 1, 1) == b""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (encoded("JPEG")[:-400], f"image cannot be decoded {WHERE}: found image file is truncated"),
        (encoded("PNG")[:-400], f"image cannot be decoded {WHERE}: found "),
        (b"P6 80 60 255 " + bytes(80 * 60 * 3), f"image cannot be decoded {WHERE}: found another format, or nothing of one, expected JPEG or PNG"),
        (encoded("PNG", (60, 80)), f"image has another size than the log's tables say {WHERE}: found 60 x 80 pixels, expected 80 x 60"),
        (None, f"file cannot be read {WHERE}: found No such file"),
    ],
)  # fmt: skip
def test_what_is_refused(content: bytes | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_image(tmp_path, InMemory(cameras()), 0, 0)
    assert str(caught.value).startswith(said)
    assert caught.value.fix
