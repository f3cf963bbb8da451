from __future__ import annotations

import pytest

from layerkit.sources.members import Members, clean
from layerkit.sources.tar import Kind, Member


def members(*rows: tuple[str, Kind, str]) -> Members:
    return Members(tuple(Member(name, kind, 1, i, i, 1, target) for i, (name, kind, target) in enumerate(rows)))


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("a", "a"),
        ("./a", "a"),
        ("/a", "a"),
        ("a//b/./c", "a/b/c"),
        ("a/../b", "b"),
        ("../a", "../a"),
        ("", "."),
    ],
)
def test_clean(name: str, cleaned: str) -> None:
    assert clean(name) == cleaned


def test_follows_links_inside() -> None:
    m = members(("a/x", "file", ""), ("b/l", "symlink", "../a/x"), ("c", "hardlink", "b/l"), ("d", "symlink", "/a/x"))
    for name, hops in (("a/x", 0), ("b/l", 1), ("c", 2), ("d", 1)):
        found = m.find(name)
        assert found.member is m.all[0]
        assert len(found.links) == hops


@pytest.mark.parametrize(
    ("target", "trouble"),
    [("nowhere", "dangling"), ("../../etc/passwd", "outside"), ("l", "loop"), ("/etc/passwd", "dangling")],
)
def test_never_follows_a_link_outside(target: str, trouble: str) -> None:
    found = members(("l", "symlink", target)).find("l")
    assert (found.member, found.trouble) == (None, trouble)


def test_the_last_of_a_name_wins_and_repeats_are_told() -> None:
    m = members(("a", "file", ""), ("./a", "file", ""), ("d", "dir", ""), ("d", "dir", ""))
    assert m.find("a").member is m.all[0]
    assert m.find("x/../a").member is m.all[1]
    assert {name: len(group) for name, group in m.repeated.items()} == {"a": 2}


@pytest.mark.parametrize("name", ["", "missing", "d"])
def test_what_is_no_file_is_absent(name: str) -> None:
    assert members(("d", "dir", "")).find(name).trouble == "absent"
