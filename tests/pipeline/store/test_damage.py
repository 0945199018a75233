"""What is damaged is never read as if it were whole."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas.errors import VerificationError
from occ_pipeline.schemas.product import load
from store_samples import IDENTITY, Mixed, mixed, provenance

FILES = [f"{name}/{file}" for name, file in (
    ("labels", "c.0.0.0"), ("points", "c.0.0"), ("offsets", "c.0"), ("flags", "c.0"), ("labels", "zarr.json"), ("points", "zarr.json"),
)]  # fmt: skip


def delete(file: Path) -> None:
    file.unlink()


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", [delete, truncate, empty, flip])
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_named(committed: tuple[Store, Mixed, str], file: str, damage) -> None:
    store, _, fingerprint = committed
    folder = store.folders.group("scene-1", Mixed, fingerprint)
    damage(folder / file)
    with pytest.raises(VerificationError) as caught:
        load(Mixed, store.reader("scene-1", Mixed, fingerprint))
    text = str(caught.value)
    for part in ("labels.zarr", "scene scene-1", f"mixed.{file.partition('/')[0]}", file, "delete the folder"):
        assert part in text
    with pytest.raises(VerificationError, match=file):
        store.reader("scene-1", Mixed, fingerprint, "full")
    errors = store.verify(deep=True)
    assert [error.file for error in errors] == [f"labels.zarr/scenes/scene-1/mixed/{fingerprint[:16]}/{file}"]
    assert bool(store.verify(deep=False)) == (damage is not flip)


def test_without_digests_missing_and_short_shards_are_still_found(committed: tuple[Store, Mixed, str]) -> None:
    store, _, fingerprint = committed
    shard = store.folders.group("scene-1", Mixed, fingerprint) / "labels" / "c.0.0.0"
    reader = store.reader("scene-1", Mixed, fingerprint, "size")
    reader.rows("labels", 0, 1)
    whole = shard.read_bytes()
    for damage in (delete, truncate, flip):
        damage(shard)
        with pytest.raises(VerificationError, match=r"c\.0\.0\.0"):
            reader.rows("labels", 0, 3)
        shard.write_bytes(whole)


def test_swapped_files_are_found(store: Store) -> None:
    folders = []
    for scene in ("scene-1", "scene-2"):
        fingerprint = store.commit(scene, mixed(seed=int(scene[-1])), provenance()).fingerprint
        folders.append(store.folders.group(scene, Mixed, fingerprint))
    one, two = (folder / "points" / "c.0.0" for folder in folders)
    held = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(held)
    for scene in ("scene-1", "scene-2"):
        with pytest.raises(VerificationError, match=r"points/c\.0\.0"):
            store.reader(scene, Mixed, provenance().fingerprint).read("points")
    assert len(store.verify(deep=True)) == 2


def test_a_group_in_another_place_is_found(committed: tuple[Store, Mixed, str]) -> None:
    store, _, fingerprint = committed
    folder = store.folders.group("scene-1", Mixed, fingerprint)
    shutil.copytree(folder.parent.parent, store.path / "scenes" / "scene-2")
    with pytest.raises(VerificationError, match="scene-1/mixed"):
        store.committed("scene-2", Mixed, fingerprint)
    shutil.copytree(folder, folder.with_name("0" * 16))
    assert len(store.verify(deep=False)) == 2


def test_strangers_and_broken_groups_are_reported(committed: tuple[Store, Mixed, str]) -> None:
    store, product, fingerprint = committed
    folder = store.folders.group("scene-1", Mixed, fingerprint)
    (folder / "labels" / "c.7.0.0").write_bytes(b"x")
    (store.path / "scenes" / "notes.txt").write_text("x")
    (store.path / "scenes" / "scene-1" / "zarr.json").write_text("{}")
    assert len(store.verify(deep=False)) == 3
    # The parent is mended by the next commit; a group without its metadata is neither readable nor silently replaced.
    (folder / "zarr.json").unlink()
    assert not store.committed("scene-1", Mixed, fingerprint)
    with pytest.raises(VerificationError, match=r"zarr\.json is missing"):
        store.commit("scene-1", product, provenance())
    shutil.rmtree(folder)
    store.commit("scene-1", product, provenance())
    assert [error.file for error in store.verify(deep=True)] == ["labels.zarr/scenes/notes.txt"]


def test_no_flipped_bit_is_read_silently(tmp_path: Path) -> None:
    """Bits of shards, array metadata and the group's own metadata: an error, or what was committed."""
    store = Store.create_or_open(tmp_path / "a.zarr", IDENTITY)
    product = mixed(points=40)
    fingerprint = store.commit("scene-1", product, provenance()).fingerprint
    files = sorted(file for file in store.folders.group("scene-1", Mixed, fingerprint).rglob("*") if file.is_file())
    draw = random.Random(0)
    errors = 0
    for i in range(250):
        file = files[i % len(files)]
        whole = file.read_bytes()
        bits = bytearray(whole)
        bits[draw.randrange(len(bits))] ^= 1 << draw.randrange(8)
        file.write_bytes(bytes(bits))
        try:
            found = load(Mixed, store.reader("scene-1", Mixed, fingerprint))
        except VerificationError:
            errors += 1
        else:
            assert file.name == "zarr.json"
            assert found.attributes() == product.attributes()
            assert all(getattr(found, name).tobytes() == getattr(product, name).tobytes() for name in Mixed.specs())
        file.write_bytes(whole)
    # What is left are blanks and the like between the numbers of a group's metadata.
    assert errors > 235
