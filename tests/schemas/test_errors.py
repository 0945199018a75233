"""Errors are one line that says what to do, and travel between processes."""

from __future__ import annotations

import pickle

import pytest
from occ_pipeline.schemas import errors
from occ_pipeline.schemas.errors import InputError, PipelineError

FULL = InputError(
    "the point file is cut short",
    file="samples/a.bin",
    scene="scene-0001",
    frame="12",
    found="17 bytes",
    expected="a multiple of 20",
    fix="copy it again",
)


def test_an_error_says_everything_on_one_line() -> None:
    assert str(FULL) == (
        "the point file is cut short (file samples/a.bin, scene scene-0001, frame 12): found 17 bytes, "
        "expected a multiple of 20; copy it again"
    )


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "bad"),
        ({"scene": "s"}, "bad (scene s)"),
        ({"found": "a"}, "bad: found a"),
        ({"expected": "b", "fix": "c"}, "bad, expected b; c"),
    ],
)
def test_what_is_not_known_is_left_out(fields: dict[str, str], line: str) -> None:
    assert str(PipelineError("bad", **fields)) == line


KINDS = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, PipelineError)]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_travel_between_processes(kind: type[PipelineError]) -> None:
    sent = kind("bad", file="f", scene="s", frame="1", found="a", expected="b", fix="c")
    got = pickle.loads(pickle.dumps(sent))
    assert type(got) is kind
    assert got == sent
    assert str(got) == str(sent)
    bare = pickle.loads(pickle.dumps(kind("bad")))
    assert str(bare) == "bad"


def test_there_is_an_error_for_every_exit_code() -> None:
    assert len(KINDS) == 7
