from __future__ import annotations

import gzip
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from layerkit.digest import sha256
from layerkit.errors import IntegrityError, NotFound, SourceError, Unreachable, UsageError
from layerkit.store import Store

PLAIN = bytes(range(256)) * 4000
BLOB = gzip.compress(PLAIN, mtime=0)
DIGEST = sha256(BLOB)


class Origin:
    """A blob that breaks off after `serve` bytes as often as it is told to."""

    def __init__(self, data: bytes = BLOB, serve: int | None = None) -> None:
        self.data, self.serve, self.asked = data, serve, list[int]()
        self.sent = 0

    def __call__(self, offset: int) -> Iterable[bytes]:
        self.asked.append(offset)
        for start in range(offset, len(self.data), 997):
            chunk = self.data[start : start + 997]
            if self.serve is not None and self.sent + len(chunk) > self.serve:
                raise Unreachable("the connection broke")
            self.sent += len(chunk)
            yield chunk


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def files(store: Store, kind: str) -> list[str]:
    return sorted(p.name for p in (store.root / kind).rglob("*") if p.is_file())


def test_fetch_keeps_and_measures(store: Store) -> None:
    ticks: list[int] = []
    measured = store.fetch(DIGEST, Origin(), size=len(BLOB), tick=ticks.append)
    assert (measured.digest, measured.diff_id, measured.diff_size) == (DIGEST, sha256(PLAIN), len(PLAIN))
    assert sum(ticks) == len(BLOB)
    with store.open(DIGEST) as file:
        assert file.read() == BLOB
    assert files(store, "partial") == files(store, "locks") == []


def test_a_second_fetch_asks_nothing(store: Store) -> None:
    store.fetch(DIGEST, Origin())
    again = Origin()
    assert store.fetch(DIGEST, again).digest == DIGEST
    assert again.asked == []


def test_what_came_before_a_break_is_not_asked_for_again(store: Store) -> None:
    broken = Origin(serve=2500)
    with pytest.raises(Unreachable):
        store.fetch(DIGEST, broken, size=len(BLOB))
    assert not store.has(DIGEST)
    assert store.missing(DIGEST, len(BLOB)) == len(BLOB) - broken.sent
    rest = Origin()
    assert store.fetch(DIGEST, rest, size=len(BLOB)).diff_id == sha256(PLAIN)
    assert rest.asked == [broken.sent]


def test_wrong_remains_are_dropped_and_fetched_once_more(store: Store) -> None:
    (store.root / "partial" / "sha256" / DIGEST[7:]).write_bytes(b"x" * 100)
    origin = Origin()
    assert store.fetch(DIGEST, origin).digest == DIGEST
    assert origin.asked == [100, 0]


@pytest.mark.parametrize(
    "data", [BLOB[:-1], BLOB + b"x", BLOB[:50] + b"!" + BLOB[51:]], ids=["short", "long", "flipped"]
)
def test_wrong_bytes_are_never_served(store: Store, data: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"hash to|longer than"):
        store.fetch(DIGEST, Origin(data), size=len(BLOB))
    assert not store.has(DIGEST)
    assert files(store, "blobs") == files(store, "partial") == []
    with pytest.raises(NotFound):
        store.open(DIGEST)


def test_a_blob_that_rots_is_put_out(store: Store) -> None:
    store.fetch(DIGEST, Origin())
    path = store.path(DIGEST)
    info = path.stat()
    path.write_bytes(BLOB[:-1] + b"!")
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert not store.has(DIGEST)
    assert not path.exists()


def test_lost_facts_are_measured_again(store: Store) -> None:
    measured = store.fetch(DIGEST, Origin())
    for path in (store.root / "facts").rglob("*"):
        if path.is_file():
            path.write_text("{")
    assert Store(store.root).facts(DIGEST) == measured


def test_two_fetches_at_once_ask_once(store: Store) -> None:
    gate = threading.Event()
    asked: list[int] = []

    def slow(offset: int) -> Iterable[bytes]:
        asked.append(offset)
        gate.wait(5)
        return [BLOB[offset:]]

    threads = [threading.Thread(target=store.fetch, args=(DIGEST, slow)) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    gate.set()
    for thread in threads:
        thread.join(10)
    assert asked == [0]
    assert store.has(DIGEST)


def test_verify_tells_and_removes_what_is_wrong(store: Store) -> None:
    store.fetch(DIGEST, Origin())
    store.put(b"good", sha256(b"good"))
    store.path(DIGEST).write_bytes(b"bad")
    assert store.verify() == (1, [DIGEST])
    assert [held.digest for held in store.contents()] == [sha256(b"good")]


def test_prune_by_age_and_by_size(store: Store) -> None:
    for i, name in enumerate((b"old", b"mid", b"new")):
        store.put(name, sha256(name))
        stamp = time.time() - (3 - i) * 86400
        os.utime(store.root / "facts" / "sha256" / sha256(name)[7:], (stamp, stamp))
    with pytest.raises(Unreachable):
        store.fetch(DIGEST, Origin(serve=2000))
    assert [held.digest for held in store.prune(unused_days=2.5)] == [sha256(b"old")]
    assert [held.digest for held in store.prune(keep_bytes=3)] == [sha256(b"mid")]
    assert files(store, "partial") != []
    store.prune(keep_bytes=0)
    assert files(store, "blobs") == files(store, "partial") == []


def test_using_a_blob_keeps_it_young(store: Store) -> None:
    store.put(b"a", sha256(b"a"))
    os.utime(store.root / "facts" / "sha256" / sha256(b"a")[7:], (0, 0))
    store.open(sha256(b"a")).close()
    assert store.prune(unused_days=1) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "sha256:../x", "sha512:" + "0" * 128])
def test_no_name_leads_outside(store: Store, name: str) -> None:
    with pytest.raises(UsageError):
        store.has(name)


def test_a_store_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be made"):
        Store(tmp_path / "file")
