"""Shards: their form, their sizes, and that they do not depend on anything but the content."""

from __future__ import annotations

import pytest

from edge_run._files import sha256
from edge_run.batch.shard import Shard, identity
from edge_run.errors import UsageError

HASHES = [sha256(str(n).encode()) for n in range(4000)]


@pytest.mark.parametrize("of", [1, 2, 16, 100])
def test_each_scan_belongs_to_one_shard_and_shards_are_equally_large(of: int) -> None:
    shards = [Shard.parse(f"{number}/{of}") for number in range(1, of + 1)]
    sizes = [sum(shard.holds(one) for one in HASHES) for shard in shards]
    assert sum(sizes) == len(HASHES)
    # Five standard deviations of a binomial distribution.
    assert max(sizes) <= len(HASHES) / of + 5 * (len(HASHES) / of) ** 0.5
    assert all(sum(shard.holds(one) for shard in shards) == 1 for one in HASHES[:100])


def test_shard_of_a_content_never_changes() -> None:
    content = identity("03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4", "a.png")
    assert [of for of in range(1, 12) if Shard(1, of).holds(content)] == [1, 2, 4]


def test_unreadable_file_is_sharded_by_its_name() -> None:
    assert identity(None, "a.png") == identity(None, "a.png") != identity(None, "b.png")
    assert len(identity(None, "\udcff.png")) == 64


@pytest.mark.parametrize("text", ["", "3", "3/", "/3", "0/3", "4/3", "-1/3", "1/0", "a/b", "1/2/3", "1/ 2", "٣/٤"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Shard.parse(text)
