from __future__ import annotations

import io
import tarfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerkit.sources.tar import End, Reader
from layerkit.sources.tar import Member as Found

from ..images import Member, Tar, base256


def read(data: bytes, *, seekable: bool = True) -> tuple[list[Found], Reader]:
    reader = Reader(io.BytesIO(data), len(data) if seekable else None)
    return list(reader), reader


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300).filter(
    lambda name: not name.endswith("/") and name.strip()
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=1200)), max_size=6),
    st.sampled_from(["pax", "gnu"]),
    st.booleans(),
)
def test_agrees_with_the_standard_library(files: list[tuple[str, bytes]], form: str, seekable: bool) -> None:
    buffer = io.BytesIO()
    form_number = tarfile.PAX_FORMAT if form == "pax" else tarfile.GNU_FORMAT
    with tarfile.open(fileobj=buffer, mode="w", format=form_number) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    data = buffer.getvalue()
    members, reader = read(data, seekable=seekable)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        theirs = [(m.name, m.size, m.offset_data) for m in tar.getmembers()]
    assert [(m.name, m.size, m.offset) for m in members] == theirs
    assert [data[m.offset : m.offset + m.stored] for m in members] == [body for _, body in files]
    assert reader.end == "marker"


@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize(
    ("cut", "end"),
    [
        (0, "clean"),
        (100, "cut"),
        (512, "cut"),
        (700, "cut"),
        (1024, "clean"),
        (1536 + 511, "clean"),  # only padding is gone, which Go does not mind
        (2048, "clean"),
        (2048 + 512, "marker"),  # one block of zeros will do, ...
        (2048 + 700, "cut"),  # ... a part of the second will not
    ],
)
def test_tells_where_a_cut_archive_ends(cut: int, end: End, seekable: bool) -> None:
    tar = Tar((Member("a", b"x" * 300), Member("b", b"y" * 300)), tarfile.USTAR_FORMAT)
    _, reader = read(bytes(tar)[:cut], seekable=seekable)
    assert reader.end == end


def test_counts_the_bytes_that_are_there() -> None:
    data = bytes(Tar((Member("a", b"x" * 3000),)))[: 512 + 1000]
    (member,), reader = read(data)
    assert (member.size, member.stored, reader.end) == (3000, 1000, "cut")
    assert "1000 of 3000 bytes" in reader.fault


@pytest.mark.parametrize(
    "member",
    [
        Member("a", fields={"size": base256(-512)}),
        Member("a", fields={"size": b"banana"}),
        Member("a", fields={"chksum": b"000000\0 "}),
        Member("a", pax={"size": "-5"}),
        Member("a", type=b"L", fields={"size": b"77777777777\0"}),
    ],
    ids=["negative", "no number", "checksum", "pax size", "endless name"],
)
def test_stops_at_a_header_that_lies(member: Member) -> None:
    members, reader = read(bytes(Tar((Member("sound", b"1"), member, Member("after", b"2")))))
    assert [m.name for m in members] == ["sound"]
    assert reader.end == "damaged"


def test_a_huge_size_is_believed_only_as_far_as_the_file_goes() -> None:
    data = bytes(Tar((Member("a", b"1", fields={"size": base256(1 << 60)}),)))
    (member,), reader = read(data)
    assert (member.size, reader.end) == (1 << 60, "cut")
    assert member.stored < len(data)


def test_links_carry_no_data_whatever_their_size_says() -> None:
    link = Member("l", type=tarfile.SYMTYPE, target="a", fields={"size": b"00000001000\0"})
    members, _ = read(bytes(Tar((link, Member("a", b"1")))))
    assert [(m.name, m.kind, m.target, m.size) for m in members] == [
        ("l", "symlink", "a", 0),
        ("a", "file", "", 1),
    ]


def test_a_pax_record_overrides_name_and_size() -> None:
    lying = Member(
        "short", b"12345", pax={"path": "long/" * 60 + "name", "size": "5"}, fields={"size": b"00000000000\0"}
    )
    (member, after), _ = read(bytes(Tar((lying, Member("b")))))
    assert (member.name, member.size) == ("long/" * 60 + "name", 5)
    assert after.name == "b"


def test_a_zero_block_alone_is_no_end() -> None:
    tar = bytes(replace(Tar((Member("a", b"1"),)), form=tarfile.USTAR_FORMAT))[:1024]
    _, reader = read(tar + bytes(512) + tar)
    assert (reader.end, "lone zero block" in reader.fault) == ("damaged", True)
