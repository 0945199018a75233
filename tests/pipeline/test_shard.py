"""Which scenes a shard has, and what is no shard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from occ_pipeline.pipeline.shard import Shard
from occ_pipeline.schemas.errors import UsageError


@given(st.integers(1, 9), st.sets(st.text("abc", min_size=1), max_size=30))
def test_shards_part_the_scenes(count: int, scenes: set[str]) -> None:
    parts = [Shard(number, count).of(list(scenes)) for number in range(1, count + 1)]
    assert sorted(scene for part in parts for scene in part) == sorted(scenes)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0/4", "from 1 to 4"),
        ("5/4", "from 1 to 4"),
        ("1/0", "from 1 to 1"),
        ("half", "i/n"),
        ("1/2/3", "i/n"),
        ("-1/2", "i/n"),
    ],
)
def test_what_is_no_shard_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Shard.parse(text)


def test_text_and_name() -> None:
    shard = Shard.parse(" 2/4 ")
    assert (str(shard), shard.name, shard.of(["d", "a", "c", "b", "f", "e"])) == ("2/4", "2-of-4", ["b", "f"])
