from __future__ import annotations

import json
import os
import pickle
import subprocess
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from occ_pipeline.pipeline.store import arrays
from occ_pipeline.pipeline.store.store import Store
from occ_pipeline.schemas import product as product_module
from occ_pipeline.schemas.errors import InputError, UsageError
from occ_pipeline.schemas.product import Blocks, load
from store_samples import IDENTITY, Codebook, Mixed, codebook, mixed, provenance


def same(found: Mixed, wanted: Mixed) -> None:
    for name in Mixed.specs():
        ours, theirs = getattr(found, name), getattr(wanted, name)
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), name
        assert ours.tobytes() == theirs.tobytes(), name
    assert found.attributes() == wanted.attributes()


def test_round_trip(committed: tuple[Store, Mixed, str]) -> None:
    store, product, fingerprint = committed
    assert store.committed("scene-1", Mixed, fingerprint)
    assert store.committed("scene-1", Mixed, fingerprint[:16])
    assert not store.committed("scene-1", Mixed, fingerprint[:16] + "0" * 48)
    assert not store.committed("scene-2", Mixed, fingerprint)
    assert store.scenes() == ["scene-1"]
    assert store.fingerprints("scene-1", Mixed) == [fingerprint]
    manifest = store.manifest("scene-1", Mixed, fingerprint)
    assert manifest.counts == {"frame": 3, "x": 8, "y": 5, "point": 1000, "xyz": 3, "bound": 4}
    assert manifest.arrays["labels"].chunks == 3
    for verify in ("size", "first_touch", "full"):
        same(load(Mixed, store.reader("scene-1", Mixed, fingerprint, verify)), product)
    assert store.verify(deep=True) == []
    assert not any(store.folders.build.iterdir())


def test_rows_are_those_asked_for(committed: tuple[Store, Mixed, str]) -> None:
    store, product, fingerprint = committed
    reader = pickle.loads(pickle.dumps(store)).reader("scene-1", Mixed, fingerprint)
    assert (reader.rows("labels", 1, 3) == product.labels[1:3]).all()
    assert (pickle.loads(pickle.dumps(reader)).rows("flags", 990, 1000) == product.flags[990:]).all()
    assert reader.rows("points", 7, 7).shape == (0, 3)
    for start, stop in ((-1, 2), (0, 4), (2, 1)):
        with pytest.raises(IndexError, match="rows"):
            reader.rows("labels", start, stop)
    with pytest.raises(KeyError, match="labels"):
        reader.read("lables")
    with pytest.raises(KeyError, match="tokens"):
        reader.attribute("token")


def test_plain_zarr_reads_it(committed: tuple[Store, Mixed, str]) -> None:
    store, product, fingerprint = committed
    group = zarr.open_group(store.path, mode="r")
    assert group.attrs["dataset"] == "nuscenes"
    assert [name for name, _ in group["scenes"].groups()] == ["scene-1"]
    ours = group[f"scenes/scene-1/mixed/{fingerprint[:16]}"]
    assert sorted(name for name, _ in ours.arrays()) == ["flags", "labels", "offsets", "points"]
    assert ours.attrs["tokens"] == product.tokens
    assert ours["labels"].metadata.dimension_names == ("frame", "x", "y")
    assert (ours["labels"][:] == product.labels).all()


def test_nothing_of_the_machine_is_committed(committed: tuple[Store, Mixed, str]) -> None:
    store, _, _ = committed
    text = b"".join(file.read_bytes() for file in store.path.rglob("*") if file.is_file())
    assert os.uname().nodename.encode() not in text
    assert str(store.path).encode() not in text


@pytest.mark.parametrize("frames", [0, 1])
def test_empty_arrays(store: Store, frames: int) -> None:
    product = mixed(frames=frames, points=0, size=(0, 3))
    fingerprint = store.commit("scene-1", product, provenance()).fingerprint
    same(load(Mixed, store.reader("scene-1", Mixed, fingerprint, "full")), product)


def test_all_fill_values_are_written(store: Store) -> None:
    product = mixed()
    product.labels[:] = Mixed.specs()["labels"].fill
    manifest = store.commit("scene-1", product, provenance())
    assert "labels/c.0.0.0" in manifest.files
    same(load(Mixed, store.reader("scene-1", Mixed, manifest.fingerprint)), product)


@settings(max_examples=15, deadline=None)
@given(
    frames=st.integers(0, 9), points=st.integers(0, 300), x=st.integers(0, 6), y=st.integers(1, 6),
    shard_bytes=st.sampled_from([1, 50, 400, 1 << 20]), rows=st.sampled_from([1, 7, 64, 65_536]),
    cut=st.sampled_from([0, 1, 3, 50]),
)  # fmt: skip
def test_any_shape_comes_back(frames: int, points: int, x: int, y: int, shard_bytes: int, rows: int, cut: int) -> None:
    product = mixed(frames=frames, points=points if rows > 1 else points % 20, size=(x, y))
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(arrays, "SHARD_BYTES", shard_bytes)
        patch.setattr(product_module, "ROWS_PER_CHUNK", rows)
        given_as = product if cut == 0 else Mixed(**{**vars(product), "points": blocks_of(product.points, cut)})
        store = Store.create_or_open(Path(folder) / "a.zarr", IDENTITY)
        fingerprint = store.commit("scene-1", given_as, provenance()).fingerprint
        patch.undo()
        # Another version's choice of chunks and shards is no obstacle.
        reader = store.reader("scene-1", Mixed, fingerprint)
        same(load(Mixed, reader), product)
        assert (reader.rows("labels", frames // 3, frames) == product.labels[frames // 3 :]).all()


def blocks_of(values: np.ndarray, rows: int) -> Blocks:
    pieces = [values[at : at + rows] for at in range(0, len(values), rows)]
    return Blocks(values.shape, values.dtype.name, [lambda piece=piece: piece for piece in pieces])


@pytest.mark.parametrize("off", [-1, 1])
def test_blocks_of_another_length_are_refused(store: Store, off: int) -> None:
    product = mixed()
    blocks = Blocks(product.points.shape, "float32", [lambda: np.zeros((1000 + off, 3), np.float32)])
    with pytest.raises(ValueError, match="rows"):
        store.commit("scene-1", Mixed(**{**vars(product), "points": blocks}), provenance())
    assert not store.committed("scene-1", Mixed, provenance().fingerprint)
    assert not any(store.folders.build.iterdir())


def test_blocks_are_streamed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "SHARD_BYTES", 1 << 20)
    monkeypatch.setattr(product_module, "ROWS_PER_CHUNK", 16_384)
    rows, pieces = 20_000, 50
    blocks = Blocks(
        (rows * pieces, 3), "float32", [lambda k=k: np.full((rows, 3), k, np.float32) for k in range(pieces)]
    )
    flags = Blocks((rows * pieces,), "bool", [lambda: np.zeros(rows, bool)] * pieces)
    product = Mixed(**{**vars(mixed()), "points": blocks, "flags": flags})
    store.commit("scene-0", mixed(), provenance())
    tracemalloc.start()
    fingerprint = store.commit("scene-1", product, provenance()).fingerprint
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 << 20, f"{peak} bytes for 12 MB of points in shards of 1 MiB"
    reader = store.reader("scene-1", Mixed, fingerprint)
    assert reader.rows("points", rows * 41 - 1, rows * 41 + 1)[:, 0].tolist() == [40, 41]


def test_dataset_products(store: Store) -> None:
    fingerprint = store.commit(None, codebook(), provenance()).fingerprint
    assert (store.reader(None, Codebook, fingerprint).read("codes") == codebook().codes).all()
    assert store.fingerprints(None, Codebook) == [fingerprint]
    with pytest.raises(ValueError, match="not per scene"):
        store.commit("scene-1", codebook(), provenance())
    with pytest.raises(ValueError, match="is per scene"):
        store.committed(None, Mixed, fingerprint)


def test_two_settings_live_side_by_side(store: Store) -> None:
    first = store.commit("scene-1", mixed(seed=1), provenance(knn=5)).fingerprint
    second = store.commit("scene-1", mixed(seed=2), provenance(knn=6)).fingerprint
    assert store.fingerprints("scene-1", Mixed) == sorted([first, second])
    same(load(Mixed, store.reader("scene-1", Mixed, first)), mixed(seed=1))


def test_what_is_missing_is_named(store: Store) -> None:
    store.commit("scene-1", mixed(), provenance(knn=5))
    wanted = provenance(knn=6).fingerprint
    with pytest.raises(
        UsageError, match=f"{provenance(knn=5).fingerprint[:16]}, expected {wanted[:16]}; run the stage"
    ):
        store.reader("scene-1", Mixed, wanted)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "__x", "zarr.json", "a\0", "ä", "x" * 201])
def test_scene_names_stay_in_their_folder(store: Store, name: str) -> None:
    with pytest.raises(InputError, match="folder's name"):
        store.commit(name, mixed(), provenance())


def test_attributes_that_json_would_change_are_refused(store: Store) -> None:
    for settings_, error in (
        ({"a": float("nan")}, ValueError),
        ({1: 2.0}, TypeError),
        ({"a": np.float32(1)}, TypeError),
    ):
        with pytest.raises(error, match="settings"):
            store.commit("scene-1", Mixed(**{**vars(mixed()), "settings": settings_}), provenance())


@pytest.mark.parametrize(
    ("field", "value"), [("dataset", "kitti"), ("taxonomy", "x"), ("back_end", "pymeshlab"), ("synthetic", False)]
)
def test_another_identity_is_refused(store: Store, field: str, value: object) -> None:
    other = type(IDENTITY)(**{**vars(IDENTITY), field: value})
    with pytest.raises(UsageError) as caught:
        Store.create_or_open(store.path, other)
    assert str(value) in str(caught.value)
    assert str(getattr(IDENTITY, field)) in str(caught.value)
    assert Store.create_or_open(store.path, IDENTITY) == Store.open(store.path) == store


def test_what_is_no_store_is_said(tmp_path: Path) -> None:
    def attempt(name: str, found: str) -> None:
        with pytest.raises(UsageError, match=found):
            Store.open(tmp_path / name)

    attempt("none.zarr", "nothing there")
    attempt("none", "NAME.zarr")
    (tmp_path / "file.zarr").write_text("")
    attempt("file.zarr", "a file")
    (tmp_path / "photos.zarr").mkdir()
    (tmp_path / "photos.zarr" / "a.png").write_text("")
    attempt("photos.zarr", "holding a.png")
    with pytest.raises(UsageError, match=r"holding a\.png"):
        Store.create_or_open(tmp_path / "photos.zarr", IDENTITY)
    zarr.create_group(tmp_path / "foreign.zarr")
    attempt("foreign.zarr", "another Zarr hierarchy")
    store = Store.create_or_open(tmp_path / "newer.zarr", IDENTITY)
    root = store.path / "zarr.json"
    root.write_text(root.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    attempt("newer.zarr", "found 2, expected 1")
    root.write_text("[" * 100_000)
    attempt("newer.zarr", "cannot be used")


def test_scratch_and_leftovers(store: Store) -> None:
    part = store.scratch("scene-1", "reconstruct") / "tile-0.npy"
    part.write_bytes(b"x")
    assert store.scratch("scene-1", "reconstruct") == part.parent
    host = os.uname().nodename.partition(".")[0]
    for name in (
        "999999999.5." + host + ".aa",
        f"{os.getpid()}.1.{host}.bb",
        f"{os.getpid()}.0.{host}.cc",
        "1.0.elsewhere.dd",
        "junk",
    ):
        (store.folders.build / name / "points").mkdir(parents=True)
    (store.folders.files / "halfway").write_text("x")
    assert store.clean_leftovers(scratch=False) == 5
    assert part.exists()
    assert [entry.name for entry in store.folders.build.iterdir()] == [f"{os.getpid()}.0.{host}.cc"]
    assert store.clean_leftovers() == 1
    assert not part.exists()


def test_bytes_do_not_depend_on_the_process(tmp_path: Path, script: list[str]) -> None:
    digests = set()
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        where = tmp_path / seed / "deeper" / f"{seed}.zarr"
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        digests.add(subprocess.run([*script, "run", where], env=environment, check=True, capture_output=True).stdout)
    assert len(digests) == 1


def test_group_metadata_is_sorted_json(committed: tuple[Store, Mixed, str]) -> None:
    store, _, fingerprint = committed
    text = (store.folders.group("scene-1", Mixed, fingerprint) / "zarr.json").read_text()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1) + "\n"
