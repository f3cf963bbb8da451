"""The builder tells the truth unless told otherwise, and data/ is what make.py makes."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from layerkit.compression import zstd
from tests.images import (
    ABSENT,
    CASES,
    DEFECTS,
    EMPTY_GZIP,
    EMPTY_LAYER,
    NAMINGS,
    PACKERS,
    Member,
    Spec,
    Tar,
    attestation,
    base256,
    docker_archive,
    ghost,
    hybrid,
    legacy,
    oci_layout,
    sha256,
    stack,
    steps,
    utf16_redirect,
)

DATA = Path(__file__).resolve().parents[1] / "data"
CODES = (
    *(f"LK10{n}" for n in range(1, 6)),
    *(f"LK2{n:02}" for n in range(1, 12)),
    *(f"LK3{n:02}" for n in range(1, 12)),
    *(f"LK40{n}" for n in range(1, 10)),
)
SOUND = Spec(stack("sound"))


def unpacked(data: bytes) -> bytes:
    """Undo any layer compression, told by its magic bytes."""
    tools: dict[bytes, Callable[[bytes], bytes]] = {
        b"\x1f\x8b": gzip.decompress,
        b"BZh": bz2.decompress,
        b"\xfd7zXZ": lzma.decompress,
        b"\x28\xb5\x2f\xfd": lambda text: zstd.decompress(text),
    }
    return next((tool(data) for magic, tool in tools.items() if data.startswith(magic)), data)


def members(data: bytes) -> dict[str, bytes]:
    """Regular files as Python's own tarfile reads them; of members with one name the last."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {info.name: source.read() for info in tar if (source := tar.extractfile(info)) is not None}


def claims(data: bytes) -> dict[str, Any]:
    """Every claim of a one-image archive, flat, each under a name of its own."""
    files = members(data)
    told: dict[str, Any] = {}
    if "manifest.json" in files:
        (entry,) = json.loads(files["manifest.json"])
        told |= {f"entry.{key}": value for key, value in entry.items()}
        told["bytes"] = [files.get(name) for name in entry["Layers"]]
        config = files.get(entry["Config"])
    else:
        (found,) = json.loads(files["index.json"])["manifests"]
        told |= {f"index.{key}": value for key, value in found.items()}
        manifest = json.loads(files["blobs/sha256/" + found["digest"][7:]])
        told |= {f"manifest.{key}": value for key, value in manifest.items()}
        told["bytes"] = [files.get("blobs/sha256/" + item["digest"][7:]) for item in manifest["layers"]]
        config = files.get("blobs/sha256/" + manifest["config"]["digest"][7:])
    if config is None or not config.startswith(b"{"):
        return {**told, "config": config}
    return told | {f"config.{key}": value for key, value in json.loads(config).items()}


def changed(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    nothing = object()
    return {key for key in one | other if one.get(key, nothing) != other.get(key, nothing)}


@pytest.mark.parametrize("compression", [*PACKERS, ("gzip", "plain", "zstd")])
@pytest.mark.parametrize("write", [docker_archive, oci_layout, hybrid])
def test_a_sound_image_agrees_with_itself(write: Callable[..., Tar], compression: str | tuple[str, ...]) -> None:
    data = bytes(write(replace(SOUND, compression=compression)))
    told = claims(data)
    assert [sha256(unpacked(layer)) for layer in told["bytes"]] == told["config.rootfs"]["diff_ids"]
    assert len(told["config.history"]) == 3
    for name, content in members(data).items():
        if name.startswith("blobs/sha256/"):
            assert name.removeprefix("blobs/sha256/") == hashlib.sha256(content).hexdigest()
    for item in told.get("manifest.layers", []):
        content = members(data)["blobs/sha256/" + item["digest"][7:]]
        assert item["size"] == len(content)
        assert item["mediaType"].endswith("+gzip") == content.startswith(b"\x1f\x8b")


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({"tags": None}, {"entry.RepoTags"}),
        ({"diff_ids": SOUND.true_diff_ids[:2]}, {"config.rootfs", "config.history", "entry.Config"}),
        ({"config": {"history": ABSENT}}, {"config.history", "entry.Config"}),
        ({"config": {"rootfs": None}}, {"config.rootfs", "entry.Config"}),
        ({"config": {"os": "windows"}}, {"config.os", "entry.Config"}),
        ({"config_name": "c.json"}, {"entry.Config"}),
        ({"entry": {"Layers": lambda names: names[::-1]}}, {"entry.Layers", "bytes"}),
        ({"names": "colon"}, {"entry.Layers"}),
        ({"stored": {1: None}}, {"bytes"}),
        ({"stored": {1: b""}}, {"bytes"}),
        ({"compression": "gzip"}, {"bytes"}),
    ],
    ids=str,
)
def test_a_knob_changes_its_own_claim_only(knobs: dict[str, Any], expected: set[str]) -> None:
    sound = claims(bytes(docker_archive(SOUND)))
    assert changed(sound, claims(bytes(docker_archive(replace(SOUND, **knobs))))) == expected


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({"ref": "x"}, {"index.annotations"}),
        ({"descriptor": {"size": lambda size: size + 7}}, {"index.size"}),
        ({"descriptor": {"platform": {"os": "linux"}}}, {"index.platform"}),
        ({"stored": {1: lambda layer: layer[:9]}}, {"bytes"}),
        ({"media_types": "x/y"}, {"manifest.layers", "index.digest", "index.size"}),
        (
            {"manifest": {"layers": lambda layers: layers[:2]}},
            {"manifest.layers", "index.digest", "index.size", "bytes"},
        ),
        ({"config": {"os": "plan9"}}, {"config.os", "manifest.config", "index.digest"}),
    ],
    ids=str,
)
def test_a_layout_knob_changes_its_own_claim_only(knobs: dict[str, Any], expected: set[str]) -> None:
    sound = claims(bytes(oci_layout(SOUND)))
    assert expected - {"index.size"} <= changed(sound, claims(bytes(oci_layout(replace(SOUND, **knobs))))) <= expected


def test_stored_nothing_is_not_stored_empty() -> None:
    absent, empty = (claims(bytes(docker_archive(replace(SOUND, stored={1: part})))) for part in (None, b""))
    assert (absent["bytes"][1], empty["bytes"][1]) == (None, b"")


def test_history_steps_mark_the_empty_ones() -> None:
    assert [entry.get("empty_layer", False) for entry in steps("a", "b", "c", empty=[1])] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("naming", NAMINGS)
def test_namings_lead_to_the_layers(naming: str) -> None:
    archive = replace(SOUND, names=naming)
    assert [members(bytes(docker_archive(archive)))[name] for name in archive.layer_names] == list(SOUND.layers)


def test_the_well_known_empty_layer() -> None:
    assert sha256(EMPTY_GZIP) == "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
    assert sha256(EMPTY_LAYER) == "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    assert gzip.decompress(EMPTY_GZIP) == EMPTY_LAYER
    assert len(EMPTY_GZIP) == 32


def test_images_of_one_file_share_equal_layers() -> None:
    names = docker_archive(replace(SOUND, names="v1"), Spec((*SOUND.layers, EMPTY_LAYER), names="v1")).names
    assert len(names) == len(set(names)) == 4 + 2 + 1


def test_two_views_of_a_hybrid_can_speak_of_two_images() -> None:
    other = Spec(stack("other"), tags=("registry.example/shop/other:1",))
    files = members(bytes(hybrid(SOUND, classic=(other,))))
    entry = json.loads(files["manifest.json"])[0]
    assert entry["RepoTags"] == list(other.tags or ())
    assert [files[name] for name in entry["Layers"]] == list(other.layers)


def test_a_nested_index_lists_what_is_absent_and_attests_what_is_there() -> None:
    proof = attestation(sha256(SOUND.manifest_json))
    files = members(bytes(oci_layout(SOUND, proof, ghost(Spec(stack("arm"))), nested=True)))
    (outer,) = json.loads(files["index.json"])["manifests"]
    inner = json.loads(files["blobs/sha256/" + outer["digest"][7:]])["manifests"]
    assert outer["annotations"]["org.opencontainers.image.ref.name"] == "1.0"
    assert "annotations" not in inner[0]
    there = [f"blobs/sha256/{item['digest'][7:]}" in files for item in inner]
    assert there == [True, True, False]
    assert inner[1]["annotations"]["vnd.docker.reference.digest"] == inner[0]["digest"]


def test_legacy_layers_name_their_parents() -> None:
    files = members(bytes(legacy("old", "shop/app:1", count=3)))
    (top,) = json.loads(files["repositories"])["shop/app"].values()
    chain = [top]
    while parent := json.loads(files[f"{chain[-1]}/json"]).get("parent"):
        chain.append(parent)
    assert len(chain) == 3


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_links_survive(form: Any) -> None:
    name, target = "d/" * 90 + "layer.tar", "t/" * 90
    data = bytes(Tar(form=form).file(name, b"x").symlink("s", target).hardlink("h", name))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert [(info.name, info.linkname) for info in tar] == [(name, ""), ("s", target), ("h", name)]


def test_headers_can_lie() -> None:
    def first(member: Member) -> tarfile.TarInfo:
        return tarfile.TarInfo.frombuf(bytes(Tar((member,)))[:512], "utf-8", "strict")

    assert first(Member("a", b"1234")).size == 4
    assert first(Member("a", fields={"size": base256(-512)})).size == -512
    assert first(Member("a", fields={"size": base256(2**70)})).size == 2**70
    assert first(Member("a", fields={"size": b"77777777777\0"})).size == 8**11 - 1
    with pytest.raises(tarfile.HeaderError, match="bad checksum"):
        first(Member("a", fields={"chksum": b"000000\0 "}))


def test_pax_records_can_lie() -> None:
    with tarfile.open(fileobj=io.BytesIO(bytes(Tar((Member("a", pax={"size": "99"}),))))) as tar:
        assert tar.next().size == 99  # type: ignore[union-attr]


def test_tar_edits_leave_the_original_alone(tmp_path: Path) -> None:
    tar = Tar().file("a", b"{}").file("b", b"1")
    assert tar.edit("a", lambda found: [found])["a"] == b"[{}]"
    assert tar.drop("a").names == ["b"]
    assert tar.file("a", b"first", at=0).names == ["a", "a", "b"]
    assert tar.file("a", b"last")["a"] == b"last"
    assert (tar.names, tar["a"]) == (["a", "b"], b"{}")
    assert (tar.unpack(tmp_path) / "b").read_bytes() == b"1"


def test_a_redirect_is_text_with_a_mark() -> None:
    assert utf16_redirect(b"a\n\x80") == "\ufeffa\r\nÇ".encode("utf-16-le")


@pytest.mark.parametrize("code", CODES)
def test_every_rule_has_its_defect(code: str) -> None:
    mine = [build for name, build in DEFECTS.items() if name.split()[0] == code]
    assert mine
    for build in mine:
        assert build() == build() != bytes(docker_archive(SOUND))


def test_defects_are_all_different() -> None:
    assert len({build() for build in DEFECTS.values()}) == len(DEFECTS)
    assert {name.split()[0] for name in DEFECTS} == set(CODES)


@pytest.mark.parametrize(
    ("case", "layer"),
    [
        ("da_no_manifest", "00-b607c3abf207/layer.tar"),
        ("da_layer_missing", "01-d7fab9cafeb1/layer.tar"),
    ],
)
def test_cases_carry_the_names_that_were_observed(case: str, layer: str) -> None:
    names = {**members(CASES[case](case))}
    listed = json.loads(names["manifest.json"])[0]["Layers"] if "manifest.json" in names else names
    assert layer in listed


def test_cases_are_reproducible_and_differ() -> None:
    built = {name: case(name) for name, case in CASES.items()}
    assert built == {name: case(name) for name, case in CASES.items()}
    assert len(set(built.values())) == len(CASES) == 115


# --------------------------------------------------------------------------------------------- data/


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DATA / "make.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def rows() -> dict[str, list[str]]:
    """The table of data/README.md: file -> its other cells."""
    lines = (DATA / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    return {name.strip("`"): rest for name, *rest in cells}


def test_data_is_what_make_makes() -> None:
    result = make("--check")
    assert (result.returncode, result.stderr) == (0, "")


def test_check_sees_a_changed_an_absent_and_a_surplus_file(tmp_path: Path) -> None:
    into = tmp_path / "data"
    assert make("--into", str(into)).returncode == 0
    damaged = bytearray((into / "sound-docker.tar").read_bytes())
    damaged[700] ^= 1
    (into / "sound-docker.tar").write_bytes(damaged)
    (into / "sound-oci.tar").unlink()
    shutil.copy(into / "truncated.tar", into / "shop-oci" / "left-over")
    result = make("--check", "--into", str(into))
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "sound-docker.tar: differs",
        "sound-oci.tar: is absent",
        "shop-oci/left-over: is not made here",
    ]


def test_data_is_small_and_every_archive_has_its_row() -> None:
    there = {path.name for path in DATA.glob("*.tar")} | {"shop-oci"}
    assert set(rows()) == there
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) < 2_000_000
    for shallow, deep in (cells[1:3] for cells in rows().values()):
        assert re.fullmatch(r"none|LK\d{3}(, LK\d{3})*", shallow)
        assert re.fullmatch(r"none|LK\d{3}(, LK\d{3})*", deep)


@pytest.mark.parametrize(
    ("name", "listed", "promised", "stored", "history"),
    [
        ("trimmed-25-of-36.tar", 25, 36, 25, 36),
        ("full-list-files-absent.tar", 36, 36, 25, 36),
        ("surplus-layers.tar", 17, 14, 17, 14),
        ("deduplicated.tar", 6, 7, 6, 7),
        ("history-too-long.tar", 11, 11, 11, 12),
        ("history-too-short.tar", 31, 31, 31, 3),
        ("wrong-bytes.tar", 6, 6, 6, 6),
        ("swapped-order.tar", 6, 6, 6, 6),
        ("two-manifests.tar", 8, 8, 8, 8),
        ("sound-docker.tar", 6, 6, 6, 6),
        ("sound-hybrid.tar", 6, 6, 6, 6),
        ("sound-workdir.tar", 7, 7, 7, 7),
    ],
)
def test_data_has_the_numbers_it_is_named_for(name: str, listed: int, promised: int, stored: int, history: int) -> None:
    told = claims((DATA / name).read_bytes())
    made = [step for step in told["config.history"] if not step.get("empty_layer")]
    present = [layer for layer in told["bytes"] if layer is not None]
    counts = (len(told["entry.Layers"]), len(told["config.rootfs"]["diff_ids"]), len(present), len(made))
    assert counts == (listed, promised, stored, history)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("sound-docker.tar", []),
        ("sound-oci.tar", []),
        ("sound-hybrid.tar", []),
        ("sound-workdir.tar", []),
        ("history-too-long.tar", []),
        ("two-manifests.tar", []),
        ("wrong-bytes.tar", [3]),
        ("swapped-order.tar", [1, 2]),
    ],
)
def test_data_has_the_bytes_it_is_named_for(name: str, wrong: list[int]) -> None:
    told = claims((DATA / name).read_bytes())
    measured = [sha256(unpacked(layer)) for layer in told["bytes"]]
    pairs = zip(measured, told["config.rootfs"]["diff_ids"], strict=True)
    assert [position for position, (real, promised) in enumerate(pairs) if real != promised] == wrong


def test_trimmed_lost_the_lowest_eleven() -> None:
    told = claims((DATA / "trimmed-25-of-36.tar").read_bytes())
    assert told["entry.Layers"] == [f"{diff_id}.tar" for diff_id in told["config.rootfs"]["diff_ids"][11:]]


def test_the_two_shop_images_share_ten_layers() -> None:
    folder = DATA / "shop-oci"
    found = json.loads((folder / "index.json").read_bytes())["manifests"]
    blobs = folder / "blobs" / "sha256"
    old, new = (json.loads((blobs / item["digest"][7:]).read_bytes())["layers"] for item in found)
    assert len(old) == len(new) == 12
    assert [one == other for one, other in zip(old, new, strict=True)] == [True] * 10 + [False] * 2
    for blob in blobs.iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name


def test_truncated_stops_inside_a_layer() -> None:
    data = (DATA / "truncated.tar").read_bytes()
    with pytest.raises(tarfile.ReadError, match="unexpected end of data"):
        members(data)
    assert b"manifest.json" not in data
