"""Broken tables: the scene they spoil is an error that says where and what to do, the other scene is as before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from occ_pipeline.pipeline.sources import SOURCES, LoggedScene
from occ_pipeline.schemas.errors import InputError
from occ_pipeline.schemas.scene import SceneTables
from occ_pipeline.tests.pipeline.sources.nuscenes_log import BAD, GOOD, VERSION, NuScenesLog

Spoil = Callable[[NuScenesLog], object]


@dataclass(frozen=True)
class Case:
    """One way to break the second scene, and what the message must say."""

    spoil: Spoil
    what: str
    table: str
    frame: str | None = None
    found: str = ""


def setting(table: str, token: str, **fields: object) -> Spoil:
    return lambda log: log.row(table, token).update(fields)


def removing(table: str, token: str) -> Spoil:
    return lambda log: log.remove(table, token)


def repeating(table: str, token: str, /, **fields: object) -> Spoil:
    return lambda log: log.tables[table].append(log.row(table, token) | fields)


def without(table: str, token: str, field: str) -> Spoil:
    return lambda log: log.row(table, token).pop(field)


NAN, INF = float("nan"), float("inf")
POSE, CAR = "pose-b-sweep4", "b-car1"

CASES = {
    "pose-infinite": Case(setting("ego_pose", POSE, translation=[INF, 0, 0]), "not a rigid transform", "ego_pose", "sweep 4", "inf"),
    "pose-nan": Case(setting("ego_pose", POSE, translation=[NAN, 0, 0]), "not a rigid transform", "ego_pose", "sweep 4", "nan"),
    "pose-off-the-earth": Case(setting("ego_pose", POSE, translation=[1e30, 0, 0]), "not a rigid", "ego_pose", "sweep 4", "1e+30"),
    "quaternion-not-unit": Case(setting("ego_pose", "pose-b-sweep3", rotation=[2, 0, 0, 0]), "not a rigid", "ego_pose", "b-sample1", "2.0"),
    "quaternion-zero": Case(setting("ego_pose", POSE, rotation=[0, 0, 0, 0]), "not a rigid", "ego_pose", "sweep 4", "norm 0.0000"),
    "quaternion-nan": Case(setting("ego_pose", POSE, rotation=[NAN, 0, 0, 1]), "not a rigid", "ego_pose", "sweep 4", "nan"),
    "quaternion-short": Case(setting("ego_pose", POSE, rotation=[1, 0, 0]), "'rotation' is not usable", "ego_pose", found="[1, 0, 0]"),
    "pose-of-text": Case(setting("ego_pose", POSE, translation="here"), "'translation' is not usable", "ego_pose", found="here"),
    "pose-without-translation": Case(without("ego_pose", POSE, "translation"), "'translation' is not usable", "ego_pose", found="None"),
    "stamps-equal": Case(setting("sample_data", "b-sweep4", timestamp=1_532_402_927_150_000), "same time stamp", "sample_data", "sweep 4"),
    "stamps-backwards": Case(setting("sample_data", "b-sweep4", timestamp=1_532_402_927_100_000), "run backwards", "sample_data", "sweep 4"),
    "stamp-of-text": Case(setting("sample_data", "b-sweep4", timestamp="noon"), "'timestamp' is not usable", "sample_data", found="noon"),
    "stamp-huge": Case(setting("sample_data", "b-sweep4", timestamp=10**30), "'timestamp' is not usable", "sample_data"),
    "sample-without-lidar": Case(
        setting("sample_data", "b-sweep3", is_key_frame=False), "no LiDAR key frame", "sample", "b-sample1", "none"
    ),
    "sweep-cycle": Case(setting("sample_data", "b-sweep4", next="b-sweep2"), "runs in a circle", "sample_data", found="b-sweep2"),
    "sweep-chain-cut": Case(setting("sample_data", "b-sweep4", next=""), "not in the chain of sweeps", "scene", "b-sample2"),
    "sweep-points-nowhere": Case(setting("sample_data", "b-sweep4", next="gone"), "next points nowhere", "sample_data", found="gone"),
    "sample-cycle": Case(setting("sample", "b-sample2", next="b-sample0"), "runs in a circle", "sample", found="b-sample0"),
    "sample-chain-cut": Case(setting("sample", "b-sample1", next=""), "ends early", "sample", "b-sample1", "2 samples"),
    "sample-chain-strays": Case(setting("sample", "b-sample2", next="g-sample0"), "leaves its scene", "sample", found="g-scene"),
    "first-sample-nowhere": Case(setting("scene", "b-scene", first_sample_token="gone"), "first_sample_token points nowhere", "scene", found="gone"),
    "sweep-pose-nowhere": Case(setting("sample_data", "b-sweep4", ego_pose_token="gone"), "ego_pose_token points nowhere", "sample_data", found="gone"),
    "sweep-pose-missing": Case(removing("ego_pose", POSE), "ego_pose_token points nowhere", "sample_data", found=POSE),
    "sweep-pose-no-token": Case(setting("sample_data", "b-sweep4", ego_pose_token=None), "ego_pose_token points nowhere", "sample_data", found="None"),
    "sweep-calibration-nowhere": Case(setting("sample_data", "b-sweep4", calibrated_sensor_token="gone"), "points nowhere", "sample_data", found="gone"),
    "sweep-sample-nowhere": Case(setting("sample_data", "b-sweep4", sample_token="gone"), "sample_token points nowhere", "sample_data", found="gone"),
    "sweep-pose-list": Case(setting("sample_data", "b-sweep4", ego_pose_token=["x"]), "ego_pose_token points nowhere", "sample_data", found="['x']"),
    "sweep-no-key-flag": Case(without("sample_data", "b-sweep4", "is_key_frame"), "is_key_frame is not usable", "sample_data", found="None"),
    "sample-missing": Case(removing("sample", "b-sample1"), "points nowhere", "sample_annotation", found="b-sample1"),
    "box-instance-nowhere": Case(setting("sample_annotation", CAR, instance_token="gone"), "instance_token points nowhere", "sample_annotation"),
    "box-sample-nowhere": Case(setting("sample_annotation", CAR, sample_token="gone"), "sample_token points nowhere", "sample_annotation"),
    "instance-category-nowhere": Case(setting("instance", "b-car", category_token="gone"), "category_token points nowhere", "instance", found="gone"),
    "token-shared": Case(repeating("sample_data", "b-sweep4", width=7), "shares its token", "sample_data", found="two rows"),
    "boxes-conflict": Case(
        repeating("sample_annotation", CAR, token="b-zcar", translation=[0, 0, 0]), "two boxes in one sample", "sample_annotation", "b-sample1", "b-zcar"
    ),
    "box-size-zero": Case(setting("sample_annotation", CAR, size=[0, 4, 1]), "no plausible size", "sample_annotation", "b-sample1", "[0.0, 4.0, 1.0]"),
    "box-size-negative": Case(setting("sample_annotation", CAR, size=[2, -4, 1]), "no plausible size", "sample_annotation", "b-sample1", "-4.0"),
    "box-size-huge": Case(setting("sample_annotation", CAR, size=[2, 1e6, 1]), "no plausible size", "sample_annotation", "b-sample1", "1000000.0"),
    "box-size-nan": Case(setting("sample_annotation", CAR, size=[2, NAN, 1]), "no plausible size", "sample_annotation", "b-sample1", "nan"),
    "box-pose-nan": Case(setting("sample_annotation", CAR, translation=[NAN, 0, 0]), "not a rigid", "sample_annotation", "b-sample1", "nan"),
    "labels-twice": Case(repeating("lidarseg", "b-sweep3", token="x", filename="other.bin"), "two label files", "sample", "b-sample1"),
    "file-absolute": Case(setting("sample_data", "b-sweep4", filename="/etc/passwd"), "file name is absolute", "'/etc/passwd'", "sweep 4"),
    "file-climbs": Case(setting("sample_data", "b-sweep4", filename="sweeps/../../x"), "climbs out", "'sweeps/../../x'", "sweep 4"),
    "file-nul": Case(setting("sample_data", "b-sweep4", filename="a\0b"), "holds a NUL", r"'a\x00b'", "sweep 4"),
    "file-backslash": Case(setting("sample_data", "b-sweep4", filename="..\\x"), "holds a backslash", r"'..\\x'", "sweep 4"),
    "file-surrogate": Case(setting("sample_data", "b-sweep4", filename="\ud800"), "not valid Unicode", r"'\ud800'", "sweep 4"),
    "file-empty": Case(setting("sample_data", "b-sweep4", filename=""), "file name is empty", "''", "sweep 4"),
    "label-file-climbs": Case(setting("lidarseg", "b-sweep3", filename="../x"), "climbs out", "'../x'", "b-sample1"),
    "scene-empty": Case(setting("scene", "b-scene", first_sample_token=""), "scene is empty", "scene", found="no samples"),
}  # fmt: skip


def read(log: NuScenesLog) -> list[LoggedScene | InputError]:
    return list(SOURCES["nuscenes"](log.root, VERSION).index())


def index(log: NuScenesLog) -> list[SceneTables | InputError]:
    return [scene if isinstance(scene, InputError) else scene.tables for scene in read(log)]


@pytest.mark.parametrize("name", CASES)
def test_broken_scene_is_named_and_the_other_untouched(name: str, log: NuScenesLog, opened: list[str]) -> None:
    case = CASES[name]
    (clean, _) = index(log.write(files=False))
    case.spoil(log)
    good, bad = index(log.write(files=False))
    assert isinstance(good, SceneTables)
    assert isinstance(clean, SceneTables)
    assert good.scene == GOOD
    assert good.attributes() == clean.attributes()
    assert all((getattr(good, array) == getattr(clean, array)).all() for array in SceneTables.specs())
    assert isinstance(bad, InputError), "the broken scene was accepted"
    assert case.what in bad.what
    assert bad.scene == BAD
    assert bad.file == (case.table if case.table.startswith("'") else f"{VERSION}/{case.table}.json")
    if case.frame is not None:
        assert bad.frame == case.frame
    assert case.found in (bad.found or "")
    assert bad.fix
    assert "\n" not in str(bad)
    assert "/etc/passwd" not in opened


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x\0", "x" * 200, "naïve"])
def test_scene_name_that_is_no_folder_name(name: str, log: NuScenesLog) -> None:
    log.row("scene", "b-scene")["name"] = name
    errors = [scene for scene in index(log.write(files=False)) if isinstance(scene, InputError)]
    assert [error.what for error in errors] == ["table row b-scene: scene name cannot be a folder name"]
    assert errors[0].scene == ascii(name)


def test_scenes_that_share_a_name_are_both_errors(log: NuScenesLog) -> None:
    log.row("scene", "b-scene")["name"] = GOOD
    first, second = index(log.write(files=False))
    assert isinstance(first, InputError)
    assert isinstance(second, InputError)
    assert "not unique" in str(first)
    assert "not unique" in str(second)


def test_more_bad_rows_are_counted(log: NuScenesLog) -> None:
    for token in ("b-car0", "b-car1", "b-adult0"):
        log.row("sample_annotation", token)["instance_token"] = "gone"
    _, bad = index(log.write(files=False))
    assert "(and 2 more rows of this scene)" in str(bad)


def write_text(text: str | bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize("table", ["scene", "ego_pose", "sample_annotation", "lidarseg"])
@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (Path.unlink, "table is missing"),
        (write_text(""), "table is empty"),
        (write_text("[{"), "table is not JSON"),
        (write_text("[" * 100_000), "table is not JSON"),
        (write_text("\ufeff[]"), "byte order mark"),
        (write_text(b"[\xff]"), "not UTF-8"),
        (write_text("{}"), "not a list of rows"),
        (write_text("[7]"), "row without a token"),
        (write_text('[{"token": 7}]'), "row without a token"),
    ],
)
def test_unreadable_table_is_named(spoil: Callable[[Path], object], what: str, table: str, log: NuScenesLog) -> None:
    spoil(log.write(files=False).root / VERSION / f"{table}.json")
    if (table, what) == ("lidarseg", "table is missing"):
        assert all(isinstance(scene, SceneTables) and set(scene.label_files) == {""} for scene in index(log))
        return
    with pytest.raises(InputError, match=what) as caught:
        index(log)
    assert caught.value.file == f"{VERSION}/{table}.json"
    assert caught.value.fix


def test_release_without_scenes(log: NuScenesLog) -> None:
    log.tables["scene"].clear()
    with pytest.raises(InputError, match=r"release holds no scenes \(file v1.0-mini/scene.json\)"):
        index(log.write(files=False))


@pytest.mark.parametrize(
    ("field", "value"), [("index", None), ("index", 0), ("index", 300), ("index", -1), ("name", 3), ("name", None)]
)
def test_categories_that_labels_cannot_use(field: str, value: object, log: NuScenesLog) -> None:
    log.row("category", "cat-vehicle.ufo")[field] = value
    with pytest.raises(InputError, match=r"cat-vehicle\.ufo"):
        index(log.write(files=False))


def test_categories_without_index_need_no_labels(log: NuScenesLog) -> None:
    for row in log.tables["category"]:
        del row["index"]
    with pytest.raises(InputError, match="comes with nuScenes-lidarseg"):
        index(log.write(files=False))
    del log.tables["lidarseg"]
    (log.root / VERSION / "lidarseg.json").unlink()
    assert all(isinstance(scene, SceneTables) for scene in index(log.write(files=False)))


def test_table_behind_a_link_is_not_opened(log: NuScenesLog, tmp_path: Path, opened: list[str]) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("[]")
    table = log.write(files=False).root / VERSION / "instance.json"
    table.unlink()
    table.symlink_to(secret)
    opened.clear()
    with pytest.raises(InputError, match="leads out of the data root"):
        index(log)
    assert not [path for path in opened if path.endswith(("secret.json", "instance.json"))]
