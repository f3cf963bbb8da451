"""LK302, LK303, LK305: duplicates, cuts, odd names."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.images import DEFECTS, Member, Spec, Tar, docker_archive, pack, rootfs_export, stack

from .conftest import Look

LAYERS = stack("members", range(3))
SPEC = Spec(LAYERS, names=("a/layer.tar", "b/layer.tar", "c/layer.tar"))
GOOD = docker_archive(SPEC)


def test_lk302_names_who_takes_which_manifest(look: Look) -> None:
    other = docker_archive(Spec(LAYERS[:2], tags=("b:2",)))
    [finding] = look(GOOD.file("manifest.json", other["manifest.json"]), "LK302")
    assert finding.message == (
        '"manifest.json" is in the tar twice with different bytes; Docker and containerd take the last, '
        "podman, skopeo and crane the first."
    )
    assert finding.severity == "error"


def test_lk302_knows_the_same_bytes(look: Look) -> None:
    [finding] = look(GOOD.file("b/layer.tar", LAYERS[1]), "LK302")
    assert finding.severity == "info"
    assert finding.evidence["same"] is True
    [finding] = look(GOOD.file("./b/layer.tar", LAYERS[2]), "LK302")
    assert finding.severity == "error", "./b is b"


def test_lk302_does_not_inflate_again_to_compare(look: Look) -> None:
    [finding] = look(pack(bytes(GOOD.file("b/layer.tar", LAYERS[1])), "gzip"), "LK302")
    assert finding.severity == "warning"
    assert "and may differ" in finding.message


def test_lk302_asks_whether_an_image_needs_it(look: Look) -> None:
    [finding] = look(GOOD.file("notes", b"1").file("notes", b"2"), "LK302")
    assert finding.severity == "info"
    assert "no image needs it" in finding.message


def test_lk302_is_silent_on_folders_and_single_names(look: Look) -> None:
    assert look(GOOD, "LK302") == []
    assert look(GOOD.folder("a/").folder("a/"), "LK302") == []


def test_lk303_counts_the_missing_bytes(look: Look) -> None:
    raw = bytes(Tar((Member("manifest.json", GOOD["manifest.json"]), Member("a/layer.tar", LAYERS[0]))))
    at = raw.index(LAYERS[0])
    [finding] = look(raw[: at + 1000], "LK303")
    assert finding.evidence == {
        "member": "a/layer.tar",
        "expected": len(LAYERS[0]),
        "got": 1000,
        "missing": len(LAYERS[0]) - 1000,
    }
    assert f"{len(LAYERS[0]) - 1000} bytes of its {len(LAYERS[0])} are missing" in finding.message
    assert finding.severity == "error"


def test_lk303_counts_in_a_compressed_archive_too(look: Look) -> None:
    raw = pack(bytes(GOOD), "gzip")
    [finding] = look(raw[: len(raw) // 2], "LK303")
    assert finding.severity == "error"


@pytest.mark.parametrize("name", ["LK303 size", "LK303 negative", "LK303 checksum"])
def test_lk303_finds_damaged_headers(name: str, look: Look) -> None:
    [finding] = look(DEFECTS[name](), "LK303")
    assert finding.severity == "error"


def test_lk303_suspects_a_missing_end_only_where_something_is_missing(look: Look) -> None:
    whole = b"".join(m.blocks(GOOD.form) for m in GOOD)
    assert look(whole, "LK303") == []
    cut = b"".join(m.blocks(GOOD.form) for m in GOOD.members[:-1])
    [finding] = look(cut, "LK303")
    assert finding.severity == "warning"


def test_lk303_is_silent_on_whole_archives_and_on_what_is_no_tar(look: Look) -> None:
    for data in (bytes(GOOD), b"", b"text\n", b"text\n" * 300, pack(bytes(GOOD), "xz")):
        assert look(data, "LK303") == []


def test_lk305_tells_harmless_from_fatal_prefixes(look: Look) -> None:
    [dot] = look(GOOD.rename(lambda n: "./" + n), "LK305")
    assert dot.severity == "info"
    [absolute] = look(GOOD.rename(lambda n: "/" + n), "LK305")
    assert absolute.severity == "error"
    [stray] = look(GOOD.file("/notes", b""), "LK305")
    assert stray.severity == "warning"
    [up] = look(GOOD.file("../../etc/cron.d/x", b""), "LK305")
    assert up.severity == "error"
    assert "Docker 28 and later refuse" in up.message


def test_lk305_looks_at_the_paths_in_manifest_json(look: Look) -> None:
    [dot] = look(docker_archive(replace(SPEC, entry={"Layers": lambda ns: ["./" + n for n in ns]})), "LK305")
    assert dot.message == (
        "manifest.json names 3 paths that containerd does not find: "
        '"./a/layer.tar", "./b/layer.tar" and "./c/layer.tar".'
    )
    [up] = look(docker_archive(replace(SPEC, entry={"Layers": lambda ns: ["../" + n for n in ns]})), "LK305")
    assert "that Docker refuses to follow" in up.message


def test_lk305_is_silent_on_plain_names_and_on_other_tars(look: Look) -> None:
    assert look(GOOD, "LK305") == []
    assert look(rootfs_export().rename(lambda n: "./" + n), "LK305") == []


def test_two_hundred_thousand_members_cost_little(look: Look) -> None:
    raw = b"".join(m.blocks(GOOD.form) for m in GOOD) + Member("same").blocks(GOOD.form) * 200_000 + bytes(1024)
    start = time.perf_counter()
    [finding] = look(raw, "LK302")
    assert '"same" is in the tar 200000 times' in finding.message
    assert time.perf_counter() - start < 30
