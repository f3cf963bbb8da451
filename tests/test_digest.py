from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
from collections.abc import Callable

import pytest

from layerkit.compression import detect, inflate, zstd
from layerkit.digest import EMPTY, Digest, chain_ids, is_digest, measure, sha256
from layerkit.errors import FormatError

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}
DATA = hashlib.shake_128(b"layer").digest(50_000) * 20


def test_plain_bytes_have_one_digest() -> None:
    m = measure(io.BytesIO(DATA))
    assert m.digest == m.diff_id == sha256(DATA)
    assert m.size == m.diff_size == len(DATA)


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("tail", ["", "again", "padding"])
def test_both_digests_in_one_pass(name: str, tail: str) -> None:
    packed = PACKERS[name](DATA)
    stored = packed + {"": b"", "again": packed, "padding": bytes(700)}[tail]
    ticks: list[int] = []
    m = measure(io.BytesIO(stored), ticks.append)
    plain = DATA * (2 if tail == "again" else 1)
    assert (m.compression, m.fault) == (name, "")
    assert (m.digest, m.size) == (sha256(stored), len(stored))
    assert (m.diff_id, m.diff_size) == (sha256(plain), len(plain))
    assert sum(ticks) == len(stored)


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("cut", [0.5, 0.999])
def test_a_cut_stream_has_no_diff_id_but_a_digest(name: str, cut: float) -> None:
    stored = PACKERS[name](DATA)
    stored = stored[: int(len(stored) * cut)]
    m = measure(io.BytesIO(stored))
    assert "ends early" in m.fault
    assert (m.diff_id, m.digest) == (None, sha256(stored))


def test_damage_is_told() -> None:
    stored = bytearray(gzip.compress(DATA))
    stored[5000] ^= 0xFF
    assert "damaged" in measure(io.BytesIO(bytes(stored))).fault


def test_a_bomb_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layerkit.compression._GRACE", 1 << 20)
    monkeypatch.setattr("layerkit.compression._RATIO", 100)
    seen: list[int] = []
    bomb = inflate(iter([gzip.compress(bytes(50 << 20))]), "gzip")
    with pytest.raises(FormatError, match="grows over 100-fold"):
        seen.extend(map(len, bomb))
    assert max(seen) <= 1 << 18
    assert sum(seen) < 6 << 20


def test_detect_reads_magic_only() -> None:
    assert [detect(x) for x in (b"", b"\x1f", b"ustar", b"\x50\x2a\x4d\x18")] == ["", "", "", "zstd"]


def test_chain_ids_nest() -> None:
    a, b = sha256(b"a"), sha256(b"b")
    assert list(chain_ids([a, b])) == [a, sha256(f"{a} {b}".encode())]
    assert list(chain_ids([])) == []


@pytest.mark.parametrize(
    ("text", "good"), [(EMPTY, True), ("sha256:abc", False), ("banana", False), (EMPTY.upper(), False)]
)
def test_is_digest(text: Digest, good: bool) -> None:
    assert is_digest(text) is good
