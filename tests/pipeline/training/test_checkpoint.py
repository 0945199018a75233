"""A checkpoint is there whole or as it was."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from occ_pipeline.pipeline.training import checkpoint
from occ_pipeline.schemas.errors import StorageError, UsageError, VerificationError


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"step": 1})

    def half(state: Any, stream: Any) -> None:
        stream.write(b"half of it")
        raise error

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises((StorageError, KeyboardInterrupt)):
        checkpoint.save(path, {"step": 2})
    assert checkpoint.load(path)["step"] == 1
    assert list(tmp_path.iterdir()) == [path]


class Danger:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("opened"),))


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"format": 1, "step": Danger()}, tmp_path / "evil.pt")
    with pytest.raises(VerificationError, match="cannot be read"):
        checkpoint.load(tmp_path / "evil.pt")
    assert not (tmp_path / "opened").exists()


def test_what_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such checkpoint"):
        checkpoint.load(tmp_path / "gone.pt")
    checkpoint.save(tmp_path / "cut.pt", {"step": 1, "network": torch.zeros(1000)})
    content = (tmp_path / "cut.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(content[: len(content) // 2])
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps([1, 2]))
    for name in ("cut.pt", "pickle.pt"):
        with pytest.raises(VerificationError, match=name):
            checkpoint.load(tmp_path / name)
    torch.save({"weights": 1}, tmp_path / "foreign.pt")
    with pytest.raises(VerificationError, match="another format"):
        checkpoint.load(tmp_path / "foreign.pt")
