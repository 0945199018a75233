from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from occ_pipeline.pipeline.store import hashes
from occ_pipeline.pipeline.store.hashes import FileHashes
from occ_pipeline.schemas.errors import InputError


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of small files that count as settled, whatever their age."""
    monkeypatch.setattr(hashes, "_SETTLED_NS", -(10**18))
    folder = tmp_path / "log"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_bytes(name.encode() * 10)
    return folder


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files read."""
    names: list[str] = []
    honest = hashes._hash

    def counting(file: Path):
        names.append(file.name)
        return honest(file)

    monkeypatch.setattr(hashes, "_hash", counting)
    return names


def test_each_file_is_read_once(log: Path, tmp_path: Path, reads: list[str]) -> None:
    cache = tmp_path / "cache" / "hashes.sqlite"
    first = FileHashes(cache).of(log, ["b", "a", "b"])
    assert [file.path for file in first] == ["b", "a", "b"]
    assert first[1].sha256 == hashlib.sha256(b"a" * 10).hexdigest()
    assert first[1].size == 10
    assert sorted(reads) == ["a", "b"]
    assert FileHashes(cache).of(log, ["b", "a", "b"]) == first
    assert sorted(reads) == ["a", "b"]
    FileHashes(cache, rehash=True).of(log, ["a"])
    assert sorted(reads) == ["a", "a", "b"]


def test_changed_content_is_seen_whatever_its_times_say(log: Path, tmp_path: Path, reads: list[str]) -> None:
    cache = FileHashes(tmp_path / "hashes.sqlite")
    before = cache.of(log, ["a", "b"])
    status = (log / "a").stat()
    (log / "a").write_bytes(b"x" * 10)
    os.utime(log / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    after = cache.of(log, ["a", "b"])
    assert after[0].sha256 == hashlib.sha256(b"x" * 10).hexdigest()
    assert after[1] == before[1]
    assert reads.count("b") == 1


def test_touched_files_keep_their_identity(log: Path, tmp_path: Path) -> None:
    cache = FileHashes(tmp_path / "hashes.sqlite")
    before = cache.of(log, ["a"])
    os.utime(log / "a", ns=(1, 1))
    assert cache.of(log, ["a"]) == before


def test_young_files_are_not_remembered(
    log: Path, tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "_SETTLED_NS", 10**18)
    cache = FileHashes(tmp_path / "hashes.sqlite")
    cache.of(log, ["a"])
    cache.of(log, ["a"])
    assert reads == ["a", "a"]


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"x" * 4096])
def test_a_damaged_cache_costs_only_time(log: Path, tmp_path: Path, content: bytes) -> None:
    cache = tmp_path / "hashes.sqlite"
    cache.write_bytes(content)
    assert FileHashes(cache).of(log, ["c"])[0].sha256 == hashlib.sha256(b"c" * 10).hexdigest()
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert len(FileHashes(blocked / "hashes.sqlite").of(log, ["a", "b", "c"])) == 3


def test_missing_files_are_listed_together(log: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"7 of 8 source files cannot be found \(file x0, x1, x2, x3, x4 and 2 more\)"):
        FileHashes(tmp_path / "hashes.sqlite").of(log, ["a", *(f"x{i}" for i in range(7))])
    with pytest.raises(InputError, match="cannot be read"):
        FileHashes(tmp_path / "hashes.sqlite").of(tmp_path, ["log"])


def test_a_file_written_to_meanwhile_is_refused(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = hashlib.file_digest

    def slow(stream, name: str):
        with (log / "a").open("ab") as other:
            other.write(b"more")
        return honest(stream, name)

    monkeypatch.setattr(hashlib, "file_digest", slow)
    with pytest.raises(InputError, match="changes while it is read"):
        FileHashes(tmp_path / "hashes.sqlite").of(log, ["a"])
