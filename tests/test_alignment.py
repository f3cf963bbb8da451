"""The join of what is listed, promised, told and stored: identity first, then position; a gap is a gap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from layerkit.alignment import Alignment
from layerkit.frames import read_frames
from layerkit.inventory import Inventory
from tests.images import EMPTY_LAYER, Spec, Tar, docker_archive, hybrid, oci_layout, stack

NAMED = Spec(stack("align", range(6)), names="colon")
ANONYMOUS = replace(NAMED, names=tuple(f"{n}.tar" for n in "abcdef"))
PACKED = replace(NAMED, compression="gzip")
REPEATED = Spec((*stack("align", range(2)), EMPTY_LAYER, *stack("align", range(2, 4)), EMPTY_LAYER), names="colon")

Read = Callable[..., Alignment]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def alignment(tar: Tar, *, deep: bool = False, held: Inventory | None = None) -> Alignment:
        (found,) = read_frames(tar.write(tmp_path / "x.tar"), deep=deep, held=held).alignments
        return found

    return alignment


def listing(names: Callable[[list[str]], list[str]]) -> dict[str, Any]:
    return {"entry": {"Layers": names}}


def states(alignment: Alignment) -> str:
    """One word per position, the shortest way to say a whole join."""
    return " ".join(row.state for row in alignment.layers)


def joined(alignment: Alignment) -> list[tuple[int | None, int | None]]:
    return [(row.manifest_index, row.config_index) for row in alignment.layers]


@pytest.mark.parametrize("deep", [False, True])
def test_a_trimmed_prefix_is_a_gap_at_the_bottom(read: Read, deep: bool) -> None:
    cut = {**listing(lambda names: names[2:]), "stored": {0: None, 1: None}}
    found = read(docker_archive(replace(NAMED, **cut)), deep=deep)
    assert states(found) == "gone gone ok ok ok ok"
    assert joined(found) == [(None, 0), (None, 1), (0, 2), (1, 3), (2, 4), (3, 5)]
    assert {row.matched_by for row in found.layers[2:]} == {"content" if deep else "name"}
    assert [row.created_by for row in found.layers] == [f"layer {n}" for n in range(6)]


def test_names_that_tell_nothing_need_the_bytes(read: Read) -> None:
    tar = docker_archive(replace(ANONYMOUS, **listing(lambda names: names[2:]), stored={0: None, 1: None}))
    assert states(read(tar)) == "ok ok ok ok gone gone", "by position, for want of anything better"
    assert {row.matched_by for row in read(tar).layers[:4]} == {"position"}
    assert states(read(tar, deep=True)) == "gone gone ok ok ok ok"


@pytest.mark.parametrize("gone", [(0,), (5,), (2,), (1, 4), (0, 2, 4), (0, 1, 2, 3, 4)])
def test_any_subset_is_found_where_it_is_missing(read: Read, gone: tuple[int, ...]) -> None:
    kept = [n for n in range(6) if n not in gone]
    tar = docker_archive(replace(NAMED, **listing(lambda names: [names[n] for n in kept]), stored=dict.fromkeys(gone)))
    assert read(tar).positions("gone") == gone
    assert read(tar, deep=True).positions("gone") == gone


def test_what_is_stored_and_not_listed(read: Read) -> None:
    tar = docker_archive(replace(NAMED, **listing(lambda names: names[1:])))
    row = read(tar).layers[0]
    assert (row.state, row.present, row.listed, row.path) == ("unlisted", True, False, NAMED.layer_names[0])
    anonymous = docker_archive(replace(ANONYMOUS, **listing(lambda names: names[1:])))
    assert read(anonymous, deep=True).layers[0].state == "unlisted"
    assert "unlisted" not in states(read(anonymous)), "nothing but the bytes tells whose they are"


def test_surplus_entries(read: Read) -> None:
    spec = replace(NAMED, diff_ids=(*NAMED.true_diff_ids[:2], *NAMED.true_diff_ids[3:]))
    assert states(read(docker_archive(spec))) == "ok ok surplus ok ok ok"
    anonymous = docker_archive(replace(spec, names=ANONYMOUS.names))
    assert states(read(anonymous)) == "ok ok ok ok ok surplus", "by position, for want of anything better"
    found = read(anonymous, deep=True)
    assert states(found) == "ok ok surplus ok ok ok"
    assert found.layers[2].diff_id is None
    assert found.layers[2].created_by == ""


def test_swapped_layers_are_wrong_in_their_places(read: Read) -> None:
    tar = docker_archive(replace(ANONYMOUS, **listing(lambda names: [names[1], names[0], *names[2:]])))
    assert states(read(tar)) == "ok ok ok ok ok ok"
    found = read(tar, deep=True)
    assert found.positions("wrong") == (0, 1)
    assert [row.matched_by for row in found.layers] == ["position", "position", *["content"] * 4]


@pytest.mark.parametrize("deep", [False, True])
def test_a_repeated_layer_that_is_listed_once_is_there_for_both_places(read: Read, deep: bool) -> None:
    tar = docker_archive(replace(REPEATED, **listing(lambda names: names[:5])))
    found = read(tar, deep=deep)
    assert states(found) == "ok ok ok ok ok unlisted"
    row, original = found.layers[5], found.layers[2]
    assert (row.present, row.listed, row.blob) == (True, False, original.blob)
    assert found.counts["members_present"] == 5, "it is not listed"
    if deep:
        assert row.measured == original.measured


def test_a_repeated_layer_that_is_nowhere_is_gone_twice(read: Read) -> None:
    cut = {**listing(lambda names: [names[n] for n in (0, 1, 3, 4)]), "stored": {2: None, 5: None}}
    assert states(read(docker_archive(replace(REPEATED, **cut)), deep=True)) == "ok ok gone ok ok gone"


def test_a_repeated_layer_in_a_sound_image(read: Read) -> None:
    assert states(read(docker_archive(REPEATED), deep=True)) == "ok ok ok ok ok ok"


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("spec", [NAMED, PACKED], ids=["plain", "gzip"])
def test_layers_that_only_the_oci_half_lists_are_there(read: Read, spec: Spec, deep: bool) -> None:
    tar = hybrid(spec).edit("manifest.json", lambda all: [{**one, "Layers": one["Layers"][2:]} for one in all])
    found = read(tar, deep=deep)
    if spec is NAMED or deep:  # a packed layer's name is not its diff ID
        assert states(found) == "unlisted unlisted ok ok ok ok"
    assert found.positions("gone") == ()
    assert all(row.present for row in found.layers)


def test_layers_that_only_the_oci_half_lists_and_nobody_stores(read: Read) -> None:
    tar = hybrid(replace(NAMED, stored={0: None}))
    tar = tar.edit("manifest.json", lambda all: [{**one, "Layers": one["Layers"][1:]} for one in all])
    assert states(read(tar)) == "gone ok ok ok ok ok"


def test_a_file_that_lies_about_its_content_is_not_taken_for_the_layer(read: Read) -> None:
    lie = NAMED.layers[0].replace(b"layer", b"LAYER")
    tar = docker_archive(replace(NAMED, **listing(lambda names: names[1:]), stored={0: lie}))
    assert read(tar).layers[0].state == "unlisted"
    assert read(tar, deep=True).layers[0].state == "gone", "its bytes were read"


def test_absent_damaged_wrong_and_held(read: Read) -> None:
    absent = docker_archive(replace(NAMED, stored={0: None}))
    assert read(absent).positions("absent") == (0,)
    held = Inventory(host="h", chain_ids=frozenset({read(absent).layers[0].chain_id or ""}))
    assert read(absent, held=held).positions("held") == (0,)
    packed = oci_layout(replace(PACKED, stored={1: lambda data: data[:-20], 2: PACKED.blobs[3]}))
    found = read(packed, deep=True)
    assert (found.positions("damaged"), found.positions("wrong")) == ((1,), (2,))


def test_history_that_nobody_promises(read: Read) -> None:
    told = [{"created_by": f"step {n}"} for n in range(8)]
    found = read(docker_archive(replace(NAMED, config={"history": told})))
    assert states(found) == "ok ok ok ok ok ok history history"
    assert [row.history_index for row in found.layers] == list(range(8))
    assert found.layers[7].created_by == "step 7"


def test_without_a_rootfs_nothing_is_judged(read: Read) -> None:
    found = read(docker_archive(replace(NAMED, config={"rootfs": None, "history": []})))
    assert set(states(found).split()) == {"unjudged"}


def test_ten_thousand_equal_layers_are_joined_in_no_time(read: Read) -> None:
    same = [NAMED.true_diff_ids[0]] * 9_000
    spec = replace(NAMED, diff_ids=tuple(same), config={"history": []}, **listing(lambda names: [names[0]] * 8_999))
    found = read(docker_archive(spec))
    assert len(found.positions("unlisted")) == 1
