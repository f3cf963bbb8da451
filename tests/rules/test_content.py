"""LK202, LK203, LK205, LK207 to LK209: other bytes than promised."""

from __future__ import annotations

from dataclasses import replace

from tests.images import Spec, docker_archive, hybrid, oci_layout, pack, sha256, stack

from .conftest import BY_CODE, Look

LAYERS = stack("content", range(4))
SPEC = Spec(LAYERS, names=("a.tar", "b.tar", "c.tar", "d.tar"))
PACKED = replace(SPEC, compression="gzip")
OTHER = stack("stranger", range(4))


def test_lk202_tells_both_diff_ids(look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, stored={1: OTHER[1]})), "LK202", deep=True)
    assert finding.message == (
        f'Layer "b.tar" (position 1) hashes to {sha256(OTHER[1])[:19]}, the config promises {sha256(LAYERS[1])[:19]}.'
    )
    assert finding.evidence["layers"] == [
        {"position": 1, "path": "b.tar", "expected": sha256(LAYERS[1]), "got": sha256(OTHER[1])}
    ]


def test_lk202_puts_many_into_one_finding(look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, stored=dict(enumerate(OTHER)))), "LK202", deep=True)
    assert finding.positions == (0, 1, 2, 3)
    assert "4 layers hash to other diff IDs than the config promises (positions 0 to 3)" in finding.message


def test_lk202_recognises_compressed_digests(look: Look) -> None:
    tar = oci_layout(replace(PACKED, diff_ids=tuple(sha256(blob) for blob in PACKED.blobs)))
    [finding] = look(tar, "LK202", deep=True)
    assert "the digests of 4 layers as compressed" in finding.message
    assert finding.evidence["compressed_digests"] == 4


def test_lk202_needs_a_deep_look_and_is_silent_on_the_right_bytes(look: Look) -> None:
    assert BY_CODE["LK202"].deep
    assert look(docker_archive(replace(SPEC, stored={1: OTHER[1]})), "LK202") == []
    assert look(docker_archive(PACKED), "LK202", deep=True) == []


def test_lk202_does_not_repeat_what_other_rules_explain(look: Look) -> None:
    swapped = replace(SPEC, entry={"Layers": lambda n: [n[1], n[0], *n[2:]]})
    shared = replace(SPEC, entry={"Layers": lambda n: [n[0], n[1], n[0], n[3]]})
    altered = replace(PACKED, stored={1: pack(OTHER[1], "gzip")})
    for tar, code in (
        (docker_archive(swapped), "LK207"),
        (docker_archive(shared), "LK208"),
        (docker_archive(replace(SPEC, stored={1: b""})), "LK209"),
        (docker_archive(replace(PACKED, stored={1: lambda b: b[:40]})), "LK205"),
        (oci_layout(altered), "LK203"),
    ):
        assert look(tar, "LK202", deep=True) == []
        assert look(tar, code, deep=True)


def test_lk203_compares_stored_bytes_with_the_descriptor(look: Look) -> None:
    altered = pack(OTHER[1], "gzip")
    for tar in (oci_layout(replace(PACKED, stored={1: altered})), hybrid(replace(PACKED, stored={1: altered}))):
        [finding] = look(tar, "LK203", deep=True)
        assert finding.severity == "error"
        assert finding.positions == (1,)
        [layer] = finding.evidence["layers"]
        assert layer["expected"] == sha256(PACKED.blobs[1])
        assert layer["got"] == sha256(altered)


def test_lk203_is_a_warning_where_only_a_path_says_so(look: Look) -> None:
    tar = docker_archive(replace(SPEC, names="blobs", stored={1: pack(LAYERS[1], "gzip")}))
    assert [f.severity for f in look(tar, "LK203", deep=True)] == ["warning"]


def test_lk203_is_silent_on_right_blobs(look: Look) -> None:
    for tar in (oci_layout(PACKED), hybrid(SPEC), docker_archive(SPEC)):
        assert look(tar, "LK203", deep=True) == []


def test_lk203_leaves_cut_layers_to_lk205_and_empty_ones_to_lk209(look: Look) -> None:
    tar = oci_layout(replace(PACKED, stored={1: lambda b: b[:-12], 2: b""}))
    assert look(tar, "LK203", deep=True) == []
    assert [f.positions for f in look(tar, "LK205", deep=True)] == [(1,)]
    assert [f.positions for f in look(tar, "LK209", deep=True)] == [(2,)]


def test_lk205_finds_cut_and_damaged_streams(look: Look) -> None:
    [cut] = look(docker_archive(replace(PACKED, stored={1: lambda b: b[:-12]})), "LK205", deep=True)
    assert cut.message.startswith('Layer "b.tar" (position 1) cannot be decompressed: gzip stream')
    [zstd] = look(docker_archive(replace(SPEC, compression="zstd", stored={2: lambda b: b[:30]})), "LK205", deep=True)
    assert zstd.positions == (2,)
    both = replace(PACKED, stored={1: PACKED.blobs[1][:-12], 3: PACKED.blobs[3][:-12]})
    [two] = look(docker_archive(both), "LK205", deep=True)
    assert two.positions == (1, 3)
    assert two.message.endswith("and 1 other layer likewise.")


def test_lk205_sees_a_layer_that_the_archive_cuts_off_without_reading(look: Look) -> None:
    tar = docker_archive(replace(SPEC, layers=LAYERS[:2], names=("a.tar", "b.tar")))
    moved = replace(tar, members=(tar.members[-1], *tar.members[:-1]))
    moved = replace(moved, members=(*(m for m in moved.members if m.name != "b.tar"), moved.members[2]))
    raw = bytes(moved)
    cut = raw[: raw.rindex(b"content layer 1") - 100]
    [finding] = look(cut, "LK205")
    assert "is cut short" in finding.message
    assert finding.positions == (1,)


def test_lk205_is_silent_on_whole_layers(look: Look) -> None:
    for packing in ("plain", "gzip", "zstd", "xz", "bzip2"):
        assert look(docker_archive(replace(SPEC, compression=packing)), "LK205", deep=True) == []


def test_lk207_knows_layers_by_their_content(look: Look) -> None:
    swapped = replace(PACKED, entry={"Layers": lambda n: [n[1], n[0], *n[2:]]})
    [finding] = look(docker_archive(swapped), "LK207", deep=True)
    assert finding.message == (
        "The 4 layers are the right ones in the wrong order: 2 are out of place (positions 0 and 1)."
    )
    assert look(docker_archive(swapped), "LK207") == [], "names tell nothing here"


def test_lk207_knows_layers_by_names_that_carry_the_diff_id(look: Look) -> None:
    swapped = replace(SPEC, names="colon", entry={"Layers": lambda n: n[::-1]})
    [finding] = look(docker_archive(swapped), "LK207")
    assert finding.positions == (0, 1, 2, 3)


def test_lk207_is_silent_where_a_layer_is_another(look: Look) -> None:
    strange = replace(SPEC, stored={0: OTHER[0]}, entry={"Layers": lambda n: [n[1], n[0], *n[2:]]})
    assert look(docker_archive(strange), "LK207", deep=True) == []
    assert look(docker_archive(SPEC), "LK207", deep=True) == []
    assert look(docker_archive(Spec((LAYERS[0], LAYERS[1], LAYERS[0]), names="colon")), "LK207", deep=True) == []


def test_lk208_finds_one_path_for_two_diff_ids(look: Look) -> None:
    shared = replace(SPEC, entry={"Layers": lambda n: [n[0], n[1], n[0], n[3]]})
    [finding] = look(docker_archive(shared), "LK208")
    assert finding.message == '"a.tar" is listed for 2 different diff IDs (positions 0 and 2).'
    assert finding.evidence["diff_ids"] == [sha256(LAYERS[0]), sha256(LAYERS[2])]


def test_lk208_lets_a_layer_occur_twice(look: Look) -> None:
    twice = Spec((LAYERS[0], LAYERS[1], LAYERS[0]), names=("a.tar", "b.tar", "a.tar"))
    assert look(docker_archive(twice), "LK208") == []
    assert look(docker_archive(replace(SPEC, names="colon")), "LK208") == []


def test_lk209_finds_placeholders(look: Look) -> None:
    [one] = look(docker_archive(replace(SPEC, stored={1: b""})), "LK209")
    assert one.message == 'The layer file "b.tar" has no bytes (position 1).'
    [three] = look(docker_archive(replace(SPEC, stored={0: b"", 1: b"", 2: b""})), "LK209")
    assert three.message == "3 layer files have no bytes (positions 0 to 2)."


def test_lk209_lets_a_promised_empty_file_be(look: Look) -> None:
    assert look(docker_archive(Spec((LAYERS[0], b"", LAYERS[2]))), "LK209") == []
    assert look(docker_archive(SPEC), "LK209") == []
