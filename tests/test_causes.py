"""Mechanisms, each on the archive that it makes, and on those that only look like it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layerkit.causes import FILE_CAUSES, IMAGE_CAUSES, find_causes, name_writer
from layerkit.causes.scene import EMPTY_GZIP, EMPTY_TAR, ranges
from layerkit.digest import chain_ids
from layerkit.errors import SourceError
from layerkit.finding import Cause
from layerkit.frames import Frames, read_frames
from layerkit.inventory import Inventory

from .images import (
    ABSENT,
    CASES,
    DEFECTS,
    EMPTY_LAYER,
    Member,
    Spec,
    Tar,
    blob_name,
    descriptor,
    docker_archive,
    hybrid,
    layer,
    oci_layout,
    pack,
    rootfs_export,
    sha256,
    stack,
    steps,
)
from .images import (
    EMPTY_GZIP as EMPTY_GZIP_BYTES,
)
from .images.build import hexes
from .images.tar import BLOCK, encode

Look = Callable[..., Frames]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    def read(archive: Tar | bytes, *, deep: bool = False, held: Inventory | None = None) -> Frames:
        path = tmp_path / "archive.tar"
        path.write_bytes(bytes(archive))
        return read_frames(path, deep=deep, held=held)

    return read


def of_image(frames: Frames, number: int = 0) -> tuple[Cause, ...]:
    return find_causes(frames)[1][number]


def of_file(frames: Frames) -> tuple[Cause, ...]:
    return find_causes(frames)[0]


def brief(causes: tuple[Cause, ...]) -> list[tuple[str, str]]:
    return [(cause.id, cause.confidence) for cause in causes]


def spec(count: int = 6, salt: str = "causes", **knobs: Any) -> Spec:
    return Spec(**{"layers": stack(salt, range(count)), **knobs})


SOUND = [
    "da_good",
    "da_gzip",
    "da_hardlink",
    "da_dup_path_same",
    "da_member_dotslash",
    "da_manifest_dotslash",
    "da_outer_gzip",
    "da_outer_xz",
    "da_config_name_mismatch",
    "da_manifest_trailing",
    "da_history_missing",
    "da_layer_emptyfile_diffid",
    "da_zero_layers",
    "da_arch_arm64",
    "oci_good",
    "oci_uncompressed",
    "oci_attestation_nested",
    "oci_attestation_missing_blob",
    "oci_desc_platform_arm64",
    "oci_desc_platform_unknown",
    "oci_multi_without_wanted",
    "oci_ref_only",
    "hy_good",
    "hy_no_layout",
    "thin_hy_0_base",
]


@pytest.mark.parametrize("deep", [False, True], ids=["headers", "deep"])
@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_has_no_cause(name: str, deep: bool, look: Look) -> None:
    whole, images = find_causes(look(CASES[name]("sound"), deep=deep))
    assert whole == ()
    assert all(causes == () for causes in images)


# What is left out.


def test_a_prefix_without_telling_names_is_only_likely(look: Look) -> None:
    archive = docker_archive(
        spec(36, names="v1", stored=dict.fromkeys(range(11)), entry={"Layers": lambda names: names[11:]})
    )
    (cause,) = of_image(look(archive))
    assert (cause.id, cause.confidence) == ("incremental-filter", "likely")


def test_with_names_that_tell_nothing_the_positions_are_left_open(look: Look) -> None:
    archive = docker_archive(
        spec(names=tuple("abcdef"), stored={0: None, 1: None}, entry={"Layers": lambda names: names[2:]})
    )
    (cause,) = of_image(look(archive))
    assert (cause.id, cause.confidence) == ("incremental-filter", "possible")
    assert (
        "left out 2 layers, most likely the lowest, and shortened the list as well: manifest.json has 4"
        in cause.message
    )
    (cause,) = of_image(look(archive, deep=True))
    assert cause.confidence == "likely"
    assert "the lowest 2 layers (positions 0–1)" in cause.message


def test_a_scattered_subset_is_possible_and_no_docker_can_do_without(look: Look) -> None:
    (cause,) = of_image(look(docker_archive(spec(stored={1: None, 4: None}))))
    assert (cause.id, cause.confidence) == ("incremental-filter", "possible")
    assert "positions 1, 4" in cause.message
    assert "at the bottom, and this is none" in cause.fix


def test_a_delta_that_the_target_completes_has_no_gap(look: Look) -> None:
    one = spec(stored={0: None, 1: None})
    held = Inventory("site", "docker", chain_ids=frozenset(chain_ids(one.true_diff_ids[:2])))
    assert of_image(look(docker_archive(one), held=held)) == ()


def test_a_wrong_base_needs_an_inventory_to_be_seen(look: Look) -> None:
    one = spec(stored={0: None, 1: None})
    other = tuple(reversed(one.true_diff_ids[:2]))
    held = Inventory("site", diff_ids=frozenset(other), chain_ids=frozenset(chain_ids((EMPTY_TAR, *other))))
    assert brief(of_image(look(docker_archive(one), held=held)))[0] == ("wrong-base", "certain")
    assert "wrong-base" not in dict(brief(of_image(look(docker_archive(one)))))


def test_a_short_list_over_all_the_files(look: Look) -> None:
    archive = docker_archive(spec(entry={"Layers": lambda names: names[:3]}))
    assert brief(of_image(look(archive))) == [("manifest-trimmed", "possible")]
    (cause,) = of_image(look(archive, deep=True))
    assert cause.confidence == "certain"
    assert (
        "manifest.json lists 3 layers, the config promises 6; the 3 that are not listed are in the file"
        in cause.message
    )


def test_a_squash_that_the_history_tells_of(look: Look) -> None:
    history = [*steps(*"abcdef"), {"comment": "merge sha256:aa to sha256:bb"}]
    archive = docker_archive(spec(stored={3: None, 4: None}, config={"history": history[:5] + history[6:]}))
    found = dict(brief(of_image(look(archive))))
    assert found["stale-after-squash"] == "likely"
    plain = docker_archive(spec(stored={3: None, 4: None}))
    assert "stale-after-squash" not in dict(brief(of_image(look(plain))))


@pytest.mark.parametrize("name", ["LK307 dangling", "LK307 loop", "da_manifest_dotdot"])
def test_a_path_that_leads_nowhere_is_nobodys_filter(name: str, look: Look) -> None:
    data = DEFECTS[name]() if name in DEFECTS else CASES[name]("x")
    assert of_image(look(data)) == ()


# What is counted.


def repeating(**knobs: Any) -> Spec:
    a, b, c = stack("workdir")
    return Spec((a, b, a, c, b), **knobs)


def test_a_set_of_layers_in_place_of_a_list(look: Look) -> None:
    archive = docker_archive(repeating(names="colon", entry={"Layers": lambda names: list(dict.fromkeys(names))}))
    (cause,) = of_image(look(archive))
    assert (cause.id, cause.confidence) == ("dedup-diff-ids", "certain")
    assert "manifest.json lists 3 layers, the config promises 5, of which 3 are different" in cause.message
    assert any("occurs 2 times" in fact for fact in cause.evidence)


def test_a_set_of_layers_under_names_that_tell_nothing(look: Look) -> None:
    archive = docker_archive(
        repeating(names=tuple("abcde"), stored={2: None, 4: None}, entry={"Layers": lambda n: [n[0], n[1], n[3]]})
    )
    assert brief(of_image(look(archive)))[0] == ("dedup-diff-ids", "likely")
    assert brief(of_image(look(archive, deep=True))) == [("dedup-diff-ids", "certain")]


def test_a_missing_base_is_no_set_even_if_the_number_fits(look: Look) -> None:
    archive = docker_archive(repeating(names="colon", stored={0: None}, entry={"Layers": lambda n: n[2:]}))
    assert "dedup-diff-ids" not in dict(brief(of_image(look(archive, deep=True))))


def test_the_well_known_empty_layer() -> None:
    assert sha256(EMPTY_LAYER) == EMPTY_TAR
    assert sha256(EMPTY_GZIP_BYTES) == EMPTY_GZIP


def schema1(**knobs: Any) -> Spec:
    layers = (*stack("schema1"), EMPTY_LAYER, EMPTY_LAYER)
    return Spec(layers, diff_ids=tuple(map(sha256, layers[:3])), **knobs)


@pytest.mark.parametrize("deep", [False, True], ids=["headers", "deep"])
def test_surplus_empty_layers_under_any_name(deep: bool, look: Look) -> None:
    cause = of_image(look(docker_archive(schema1()), deep=deep))[0]
    assert (cause.id, cause.confidence) == ("schema1-empty-layers", "certain" if deep else "likely")
    assert "manifest.json lists 5 layers, the config promises 3" in cause.message


def test_the_32_byte_form_and_its_digest(look: Look) -> None:
    stored: dict[int | str, Any] = {3: EMPTY_GZIP_BYTES, 4: EMPTY_GZIP_BYTES}
    names = ("a", "b", "c", f"{hexes(EMPTY_GZIP)}.tar.gz", f"{hexes(EMPTY_GZIP)}.tar.gz")
    assert brief(of_image(look(docker_archive(schema1(names=names, stored=stored)))))[0][0] == "schema1-empty-layers"
    one = schema1(stored=stored)
    assert brief(of_image(look(docker_archive(one))))[0][0] == "schema1-empty-layers"


def test_surplus_layers_with_files_are_not_the_empty_ones(look: Look) -> None:
    archive = docker_archive(spec(diff_ids=spec().true_diff_ids[:4]))
    assert brief(of_image(look(archive))) == [("mixed-images", "possible")]
    (cause,) = of_image(look(archive, deep=True))
    assert "manifest.json lists 6 layers, the config promises 4, which are the lowest 4" in cause.message


def test_empty_history_entries_taken_for_layers(look: Look) -> None:
    layers = (*stack("hist", range(5)), *(layer("hist", n) for n in (7, 8)))
    history = steps(*"abcdefg", empty=(2, 5))
    archive = docker_archive(Spec(layers, diff_ids=tuple(map(sha256, layers[:5])), config={"history": history}))
    cause = of_image(look(archive))[0]
    assert (cause.id, cause.confidence) == ("history-as-layers", "likely")
    assert "manifest.json lists 7 layers, the config promises 5" in cause.message
    assert "all 7 history entries, the 2 without a layer included" in cause.message


def test_diff_ids_padded_to_the_history(look: Look) -> None:
    true = spec(4).true_diff_ids
    padded = (*true, sha256(b"x"), sha256(b"y"))
    archive = docker_archive(spec(4, diff_ids=padded, config={"history": steps(*"abcdef", empty=(1, 3))}))
    found = of_image(look(archive))
    cause = next(cause for cause in found if cause.id == "history-as-layers")
    assert "manifest.json lists 4 layers, the config promises 6. Rootfs.diff_ids" in cause.message or (
        "rootfs.diff_ids" in cause.message.lower()
    )


def test_a_history_that_is_too_long_without_a_suspect(look: Look) -> None:
    archive = docker_archive(spec(3, config={"history": steps("a", "b", "c", "d")}))
    assert brief(of_image(look(archive))) == [("history-unmarked", "possible")]


# What the bytes are.


@pytest.mark.parametrize("write", [docker_archive, oci_layout, hybrid])
def test_compressed_digests_are_certain_once_measured(write: Callable[[Spec], Tar], look: Look) -> None:
    one = spec(3, compression="gzip")
    wrong = replace(one, diff_ids=tuple(map(sha256, one.blobs)))
    (cause,) = of_image(look(write(wrong), deep=True))
    assert (cause.id, cause.confidence) == ("compressed-digests-as-diff-ids", "certain")
    assert "3 compressed files (positions 0–2)" in cause.message


def test_compressed_digests_seen_by_their_blob_digest(look: Look) -> None:
    one = spec(3, compression="gzip")
    wrong = replace(one, diff_ids=tuple(map(sha256, one.blobs)))
    assert brief(of_image(look(oci_layout(wrong)))) == [("compressed-digests-as-diff-ids", "likely")]


@pytest.mark.parametrize(
    ("order", "how"),
    [((5, 4, 3, 2, 1, 0), "newest first"), ((1, 0, 2, 3, 4, 5), "2 of 6 are in another's place")],
)
def test_the_right_layers_in_the_wrong_order(order: tuple[int, ...], how: str, look: Look) -> None:
    archive = docker_archive(spec(entry={"Layers": lambda names: [names[i] for i in order]}))
    (cause,) = of_image(look(archive, deep=True))
    assert (cause.id, cause.confidence) == ("layers-reordered", "certain")
    assert how in cause.message


def test_an_order_by_name(look: Look) -> None:
    archive = docker_archive(spec(names="colon", entry={"Layers": sorted}))
    (cause,) = of_image(look(archive))
    assert (cause.id, cause.confidence) == ("layers-reordered", "likely")
    assert "sorted by name" in cause.message


def test_a_packed_layer_that_unpacks_is_no_bad_copy(look: Look) -> None:
    """gzip carries a checksum: what passes it is another layer, whatever else it may be."""
    other = pack(layer("else", 2), "gzip")
    assert of_image(look(docker_archive(spec(compression="gzip", stored={2: other})), deep=True)) == ()
    spoilt = docker_archive(spec(compression="gzip", stored={2: lambda d: d[:60] + bytes(9) + d[69:]}))
    assert brief(of_image(look(spoilt, deep=True))) == [("corrupt-copy", "likely")]


def test_half_of_the_layers_wrong_is_no_bad_copy(look: Look) -> None:
    other = stack("else", range(6))
    archive = docker_archive(spec(stored={n: other[n] for n in (1, 3, 5)}))
    assert "corrupt-copy" not in dict(brief(of_image(look(archive, deep=True))))


def test_a_layer_exchanged_behind_the_configs_back(look: Look) -> None:
    ids = list(spec().true_diff_ids)
    ids[2] = sha256(b"as it was")
    archive = oci_layout(spec(compression="gzip", diff_ids=tuple(ids)))
    (cause,) = of_image(look(archive, deep=True))
    assert (cause.id, cause.confidence) == ("layer-replaced", "likely")
    assert "(position 2)" in cause.message


def test_a_layer_cut_short_tells_by_how_much(look: Look) -> None:
    one = spec(compression="gzip")
    size = len(one.blobs[3])
    archive = oci_layout(replace(one, stored={3: lambda data: data[: size - 40]}))
    for deep in (False, True):
        (cause,) = of_image(look(archive, deep=deep))
        assert (cause.id, cause.confidence) == ("truncated-copy", "likely")
        assert f"has {size - 40} of {size} bytes, 40 are missing" in cause.message


def test_a_size_that_lies_over_the_right_bytes_is_no_cut(look: Look) -> None:
    def lie(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**entry, "size": entry["size"] + 7} for entry in layers]

    assert of_image(look(oci_layout(spec(3, compression="gzip", manifest={"layers": lie})), deep=True)) == ()


@pytest.mark.parametrize(("kind", "sure"), [("zstd", "possible"), ("xz", "likely"), ("bzip2", "likely")])
def test_a_compression_that_some_cannot_read(kind: str, sure: str, look: Look) -> None:
    (cause,) = of_image(look(docker_archive(spec(3, compression=kind))))
    assert (cause.id, cause.confidence) == ("compression-unsupported", sure)
    assert kind in cause.message


# What was mixed.


def test_two_images_that_swapped_configs(look: Look) -> None:
    one, two = spec(3, "one", tags=("x:1",)), spec(4, "two", tags=("x:2",))
    tar = docker_archive(one, two)

    def swap(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**items[0], "Config": items[1]["Config"]}, {**items[1], "Config": items[0]["Config"]}]

    first, second = find_causes(look(tar.edit("manifest.json", swap), deep=True))[1]
    assert brief(first) == brief(second) == [("mixed-images", "certain")]
    assert "lists 3 layers that belong to image x:2, beside a config that promises 4 others" in first[0].message


def test_names_tell_of_a_mix_without_the_bytes(look: Look) -> None:
    one, two = spec(3, "one", names="colon"), spec(3, "two", names="colon", tags=("x:2",))
    tar = docker_archive(one, two).edit("manifest.json", lambda i: [{**i[0], "Config": i[1]["Config"]}, i[1]])
    # Both items now name one config; the layers are those of a config that nothing names any more.
    first, second = find_causes(look(tar))[1]
    assert brief(first) == [("mixed-images", "likely")]
    assert "which nothing names" in first[0].message
    assert second == ()


def test_two_builds_on_one_base(look: Look) -> None:
    base = stack("base")
    old, new = Spec((*base, *stack("old"))), Spec((*base, *stack("new")))
    (cause,) = of_image(look(docker_archive(replace(new, diff_ids=old.true_diff_ids)), deep=True))
    assert (cause.id, cause.confidence) == ("mixed-images", "likely")
    assert "lowest 3 layers fit the config, none of the 3 above does (positions 3–5)" in cause.message


def test_an_index_that_names_another_platform(look: Look) -> None:
    said = {"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}
    (cause,) = of_image(look(oci_layout(spec(descriptor=said))))
    assert (cause.id, cause.confidence) == ("mixed-images", "likely")
    assert "offers this image as linux/arm64, its config says linux/amd64" in cause.message


def test_halves_of_two_images(look: Look) -> None:
    archive = hybrid(spec(3, "one"), classic=(spec(4, "two"),))
    assert brief(of_image(look(archive)))[0] == ("mixed-images", "certain")


# What became of the file.


def test_a_cut_file_tells_by_how_much_and_blames_nothing_else(look: Look) -> None:
    data = bytes(docker_archive(spec(3, salt="cut")))
    (cause,) = of_file(look(data[: 2 * BLOCK + 700]))
    assert (cause.id, cause.confidence) == ("truncated-copy", "certain")
    assert "at least" in cause.message
    assert any(f"the file has {2 * BLOCK + 700} bytes and needs" in fact for fact in cause.evidence)


def test_a_cut_layout_folder_order_keeps_the_documents(look: Look) -> None:
    """With the documents in front, the manifests tell how much is missing."""
    tar = oci_layout(spec(compression="gzip"))
    front = [member for member in tar if not member.name.startswith("blobs/")]
    blobs = [member for member in tar if member.name.startswith("blobs/")]
    small = [member for member in blobs if member.data.startswith(b"{")]
    big = [member for member in blobs if not member.data.startswith(b"{")]
    data = bytes(Tar((*front, *small, *big)))
    frames = look(data[: data.index(big[3].data) + 100])
    (cause,) = of_file(frames)
    assert cause.confidence == "certain"
    assert any("2 layers named by the manifests are not there" in fact for fact in cause.evidence)
    assert of_image(frames) == ()


@pytest.mark.parametrize("keep", [0.3, 0.6])
def test_a_tail_of_zeros_is_a_copy_that_broke_off(keep: float, look: Look) -> None:
    data = bytes(docker_archive(spec(40, salt="zeros")))
    kept = int(len(data) * keep) // BLOCK * BLOCK
    (cause,) = of_file(look(data[:kept] + bytes(len(data) - kept)))
    assert (cause.id, cause.confidence) == ("truncated-copy", "likely")
    assert "zeros" in cause.message


def test_padding_behind_a_whole_archive_is_harmless(look: Look) -> None:
    assert of_file(look(bytes(docker_archive(spec(3))) + bytes(1 << 20))) == ()


def test_a_whole_archive_without_an_end_marker_is_harmless(look: Look) -> None:
    data = bytes(docker_archive(spec(3, stored={0: None})))
    frames = look(data.rstrip(b"\0") + bytes(-len(data.rstrip(b"\0")) % BLOCK))
    assert of_file(frames) == ()
    assert brief(of_image(frames)) == [("incremental-filter", "likely")]


def test_two_archives_after_one_another(look: Look) -> None:
    first, second = bytes(docker_archive(spec(3, "a"))), bytes(docker_archive(spec(3, "b")))
    (cause,) = of_file(look(first + bytes(20 * BLOCK) + second))
    assert (cause.id, cause.confidence) == ("concatenated-archives", "certain")
    assert f"begins at byte {len(first) + 20 * BLOCK}" in cause.message


def test_a_compressed_archive_cut_short(look: Look) -> None:
    data = pack(bytes(docker_archive(spec(30))), "gzip")
    (cause,) = of_file(look(data[: len(data) // 2]))
    assert (cause.id, cause.confidence) == ("truncated-copy", "certain")


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", ("truncated-copy", "likely")),
        (bytes(4096), ("truncated-copy", "likely")),
        (bytes(rootfs_export()), ("rootfs-export", "certain")),
    ],
    ids=["empty", "zeros", "rootfs"],
)
def test_files_of_another_kind(data: bytes, cause: tuple[str, str], look: Look) -> None:
    assert brief(of_file(look(data))) == [cause]


def test_names_that_lead_out(look: Look) -> None:
    archive = docker_archive(spec(3)).rename(lambda name: f"/{name}")
    (cause,) = of_file(look(archive))
    assert (cause.id, cause.confidence) == ("unsafe-names", "likely")
    assert "tar -P" in cause.message
    assert of_file(look(docker_archive(spec(3)).rename(lambda name: f"..{name}"))) == ()


def test_the_direction_is_the_loaders(look: Look) -> None:
    """Docker's `expected` is the manifest's count and `got` the config's, whichever is larger."""
    more = docker_archive(spec(5, diff_ids=spec().true_diff_ids[:3]))
    fewer = docker_archive(spec(5, stored={0: None}, entry={"Layers": lambda names: names[1:]}))
    for archive, said in ((more, "expected 5, got 3"), (fewer, "expected 4, got 5")):
        (cause,) = of_image(look(archive))
        assert any(said in fact for fact in cause.evidence)
    oci = oci_layout(spec(5, manifest={"layers": lambda layers: layers[1:]}, stored={0: None}))
    assert not any("expected" in fact for cause in of_image(look(oci)) for fact in cause.evidence)


# Half-told and hostile claims.


@pytest.mark.parametrize("history", [5, {}, None, ["{}"] * 6])
def test_a_schema_1_manifest_that_tells_nothing(history: object, look: Look) -> None:
    manifest = {"schemaVersion": 1, "fsLayers": [{}] * 6, "history": history}
    assert of_image(look(oci_layout(spec(1, manifest_bytes=encode(manifest))))) == ()


@pytest.mark.parametrize("config", [None, {"digest": "x"}, ABSENT])
def test_an_oci_manifest_without_a_config(config: object, look: Look) -> None:
    one = spec(2, manifest={"config": config}, stored={0: None, 1: None})
    assert "certain" not in dict(brief(of_image(look(hybrid(one))))).values()


def test_a_cache_is_told_by_its_shape_alone(look: Look) -> None:
    shaped = {"layers": [{"blob": sha256(b"x"), "parent": -1}], "records": []}
    assert brief(of_image(look(docker_archive(spec(2, config_bytes=encode(shaped))))))[0] == ("build-cache", "certain")
    others: list[dict[str, object]] = [
        {"layers": []},
        {"records": []},
        {**shaped, "rootfs": {"type": "layers", "diff_ids": []}},
    ]
    for other in others:
        assert of_image(look(docker_archive(spec(2, config_bytes=encode(other))))) == ()


def test_a_config_without_diff_ids_accuses_nobody(look: Look) -> None:
    for config in ({"rootfs": {"type": "layers", "diff_ids": []}}, {"rootfs": ABSENT}):
        assert of_image(look(docker_archive(spec(3, config=config, stored={0: None})), deep=True)) == ()


def test_no_manifest_but_the_docker_daemons_store(look: Look) -> None:
    """Only an OCI manifest is there, and no manifest.json that lists more: the same, less surely."""
    archive = oci_layout(spec(3, compression="gzip", stored={**dict.fromkeys(range(3)), "config": None}))
    assert brief(of_image(look(archive))) == [("manifest-only-store", "likely")]


def test_a_platform_without_layers_beside_one_that_is_whole(look: Look) -> None:
    whole = spec(2, "whole", compression="gzip")
    part = spec(2, "part", compression="gzip", stored={0: None, 1: None, "config": None})
    first, second = find_causes(look(oci_layout(whole, part, nested=True)))[1]
    assert first == ()
    assert brief(second) == [("missing-platform", "certain")]
    half = replace(whole, stored={0: None})
    first, second = find_causes(look(oci_layout(half, part, nested=True)))[1]
    assert brief(second) == [("manifest-only-store", "likely")]


def test_damage_within_the_archives_own_structure(look: Look) -> None:
    data = bytearray(bytes(docker_archive(spec(3))))
    second = 2 * BLOCK + len(spec(3).layers[0]) - BLOCK
    data[second + 148] ^= 0xFF
    (cause,) = of_file(look(bytes(data)))
    assert (cause.id, cause.confidence) == ("corrupt-copy", "likely")
    assert "good for 1 member and then makes no sense" in cause.message
    assert any("invalid tar header" in fact for fact in cause.evidence)


def test_a_tar_layer_that_ends_inside_a_block(look: Look) -> None:
    (cause,) = of_image(look(docker_archive(spec(3, stored={1: lambda data: data[:1000]})), deep=True))
    assert (cause.id, cause.confidence) == ("truncated-copy", "likely")
    assert "ends after 1000 bytes, 488 bytes into a tar block of 512" in cause.message


def test_a_packed_layer_that_ends_early(look: Look) -> None:
    archive = docker_archive(spec(3, compression="gzip", stored={1: lambda data: data[:-30]}))
    (cause,) = of_image(look(archive, deep=True))
    assert (cause.id, cause.confidence) == ("truncated-copy", "likely")
    assert "inside its gzip stream" in cause.message


def test_one_file_for_two_layers_is_no_bad_copy(look: Look) -> None:
    names = ("a.tar", "b.tar", "a.tar", "c.tar")
    assert of_image(look(docker_archive(spec(4, names=names, stored={2: None})), deep=True)) == ()


def test_a_mix_with_a_damaged_layer_is_still_looked_at(look: Look) -> None:
    other = spec(4, "other", compression="gzip", stored={2: lambda data: data[:-30]})
    frames = look(docker_archive(replace(other, diff_ids=spec(4).true_diff_ids)), deep=True)
    assert "mixed-images" not in dict(brief(of_image(frames)))


# Who wrote it.


def _crane(one: Spec) -> Tar:
    names = tuple(f"{hexes(sha256(blob))}.tar.gz" for blob in one.blobs)
    return docker_archive(replace(one, names=names, config_name=sha256(one.config_json)))


def _skopeo(one: Spec) -> Tar:
    return docker_archive(replace(one, names=tuple(f"{hexes(d)}.tar" for d in one.true_diff_ids)))


def _docker25(one: Spec) -> Tar:
    sources = {sha256(blob): descriptor("application/vnd.oci.image.layer.v1.tar", blob) for blob in one.blobs}
    return hybrid(one).edit("manifest.json", lambda items: [{**items[0], "LayerSources": sources}])


def _docker24(one: Spec) -> Tar:
    tar = docker_archive(replace(one, names="v1")).file("repositories", b"{}")
    return tar.add(*(Member(f"{hexes(d)}/VERSION", b"1.0") for d in one.true_diff_ids))


@pytest.mark.parametrize(
    ("write", "tool"),
    [
        (_docker24, "Docker before 25"),
        (_docker25, "Docker 25 or later"),
        (hybrid, "containerd, BuildKit or Docker's containerd store"),
        (_skopeo, "skopeo, podman or buildah"),
        (_crane, "crane, kaniko or another tool built on go-containerregistry"),
        (
            lambda one: docker_archive(replace(one, names="v1")),
            "nix dockerTools, or a repacked `docker save`",
        ),
        (lambda one: docker_archive(replace(one, names="colon")), "lite-image-export"),
        (
            lambda one: docker_archive(
                replace(one, names=tuple(f"{n:064x}.tar.gz" for n in range(3)), config_name="config.json")
            ),
            "jib",
        ),
        (oci_layout, "an OCI tool such as BuildKit, skopeo, podman, buildah or crane"),
        (docker_archive, ""),
    ],
)
def test_the_writer_is_told_by_its_names(write: Callable[[Spec], Tar], tool: str, look: Look) -> None:
    assert name_writer(look(write(spec(3, compression="gzip")))) == tool


# What holds for all.


def test_every_mechanism_is_listed_and_explained() -> None:
    for cause in (*FILE_CAUSES, *IMAGE_CAUSES):
        assert cause.__doc__
    assert len({cause.__name__ for cause in (*FILE_CAUSES, *IMAGE_CAUSES)}) == len(FILE_CAUSES) + len(IMAGE_CAUSES)


@pytest.mark.parametrize("deep", [False, True], ids=["headers", "deep"])
def test_at_most_four_the_likeliest_first_and_with_evidence(deep: bool, look: Look) -> None:
    rank = ["certain", "likely", "possible"]
    archives = [case("all") for case in CASES.values()] + [make() for make in DEFECTS.values()]
    for data in archives:
        whole, images = find_causes(look(data, deep=deep))
        for causes in (whole, *images):
            assert len(causes) <= 4
            assert [c.confidence for c in causes] == sorted((c.confidence for c in causes), key=rank.index)
            for cause in causes:
                assert cause.evidence
                assert cause.fix
                assert cause.message.endswith(".")
                assert len(cause.message) < 500


def test_positions_for_people() -> None:
    assert ranges([0, 1, 2, 7, 9, 10]) == "0–2, 7, 9–10"
    assert ranges(range(0, 100, 2)).endswith(", ...")


def test_hostile_names_are_harmless_and_short(look: Look) -> None:
    name = "\x1b[31m\u202e" + "x" * 100_000
    tar = docker_archive(spec(3, names=(name, "b", "c"), stored={0: None})).file(name + "y.tar", layer("stray", 1))
    for cause in of_image(look(tar)):
        text = " ".join((cause.message, *cause.evidence, cause.fix))
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert len(text) < 2000


@pytest.mark.parametrize("known", [True, False], ids=["repeated", "different"])
def test_many_layers_take_little_time(known: bool, look: Look) -> None:
    count = 20_000
    ids = [sha256(str(0 if known else number).encode()) for number in range(count)]
    config = b'{"os":"linux","rootfs":{"type":"layers","diff_ids":["%s"]}}' % '","'.join(ids).encode()
    tar = Tar().file("c.json", config)
    listed = '","'.join(f"{digest}.tar" for digest in ids[1:]).encode()
    frames = look(tar.file("manifest.json", b'[{"Config":"c.json","RepoTags":null,"Layers":["%s"]}]' % listed))
    start = time.perf_counter()
    find_causes(frames)
    assert time.perf_counter() - start < 5


BASES = [
    bytes(docker_archive(spec(3))),
    bytes(oci_layout(spec(3, compression="gzip"), nested=True)),
    bytes(hybrid(spec(2))),
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_is_too_odd(look: Look, data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(BASES)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        how = data.draw(st.sampled_from(["flip", "cut", "splice", "zero"]))
        if how == "flip":
            raw[at] ^= 1 << data.draw(st.integers(0, 7))
        elif how == "cut":
            del raw[at : at + data.draw(st.integers(1, 3000))]
        elif how == "splice":
            other = data.draw(st.sampled_from(BASES))
            raw[at:at] = other[: data.draw(st.integers(1, len(other)))]
        else:
            end = min(len(raw), at + data.draw(st.integers(1, 5000)))
            raw[at:end] = bytes(end - at)
        if not raw:
            return
    try:
        frames = look(bytes(raw), deep=data.draw(st.booleans()))
    except SourceError:
        return
    find_causes(frames)


def test_blob_names_are_the_layouts() -> None:
    assert blob_name(EMPTY_LAYER) == f"blobs/sha256/{hexes(EMPTY_TAR)}"
