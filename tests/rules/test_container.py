"""LK301, LK304, LK306, LK308, LK310: files that are no image, and their documents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.images import (
    DEFECTS,
    HTML_PAGE,
    Spec,
    Tar,
    attestation,
    build_cache,
    docker_archive,
    ghost,
    hybrid,
    legacy,
    oci_layout,
    pack,
    rootfs_export,
    sha256,
    stack,
    utf16_redirect,
)

from .conftest import Look

LAYERS = stack("container", range(3))
SPEC = Spec(LAYERS)
PACKED = replace(SPEC, compression="gzip")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"null", "is null"),
        (b"[]", "is an empty list"),
        (b"", "is empty"),
        (b"{}", "manifest.json is not a list of images"),
        (b"[1]", "not a list of images"),
        (b'[{"Config":', "manifest.json is not JSON"),
        (b'[{"Layers":[1]}]', "wrong type"),
        (b" " * (5 << 20), "larger than 4 MiB"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_lk301_tells_what_is_wrong_with_manifest_json(text: bytes, said: str, look: Look) -> None:
    [finding] = look(docker_archive(SPEC).replace("manifest.json", text), "LK301")
    assert said in finding.message
    assert finding.message.startswith("manifest.json ")
    assert finding.severity == "error"


def test_lk301_knows_who_minds_what_stands_after_the_json(look: Look) -> None:
    tar = docker_archive(SPEC)
    [finding] = look(tar.replace("manifest.json", tar["manifest.json"] + b"garbage"), "LK301")
    assert "podman and skopeo refuse" in finding.message
    assert look(tar.replace("manifest.json", tar["manifest.json"] + b"\n "), "LK301") == []


def test_lk301_wants_an_index_beside_oci_layout(look: Look) -> None:
    [finding] = look(hybrid(PACKED).drop("index.json"), "LK301")
    assert finding.message.startswith("index.json is absent, though manifest.json is there")
    [finding] = look(oci_layout(PACKED).replace("index.json", b'{"manifests":[]}'), "LK301")
    assert finding.message == "index.json names no manifest; no image can be read from it."


def test_lk301_is_silent_on_good_documents(look: Look) -> None:
    for tar in (docker_archive(SPEC), oci_layout(PACKED), hybrid(PACKED)):
        assert look(tar, "LK301") == []


@pytest.mark.parametrize(
    ("data", "likeness", "words"),
    [
        (bytes(rootfs_export()), "rootfs", "docker export"),
        (utf16_redirect(bytes(docker_archive(SPEC))), "utf16", "UTF-16"),
        (HTML_PAGE, "html", "HTML page"),
        (b"", "empty", "an empty file"),
        (bytes(docker_archive(SPEC).drop("manifest.json")), "headless", "without the manifest"),
        (bytes(docker_archive(SPEC).rename(lambda n: "down/" + n)), "nested", "one folder down"),
        (b"\x7fELF" + bytes(600), "elf", "program"),
        (pack(HTML_PAGE, "gzip"), "html", "HTML page"),
        (pack(b"", "gzip"), "empty", "an empty file"),
    ],
    ids=["rootfs", "utf16", "html", "empty", "headless", "nested", "elf", "packed-html", "packed-nothing"],
)
def test_lk304_says_what_it_is_instead(data: bytes, likeness: str, words: str, look: Look) -> None:
    [finding] = look(data, "LK304")
    assert finding.message.startswith("This is no image archive but ")
    assert words in finding.message
    assert finding.evidence == {"likeness": likeness}
    assert finding.fix


def test_lk304_recognises_a_build_cache(look: Look) -> None:
    [finding] = look(build_cache(PACKED), "LK304")
    assert finding.severity == "error"
    assert "is no container image but a build cache" in finding.message


def test_lk304_lets_an_artifact_lie_beside_an_image(look: Look) -> None:
    chart = replace(
        Spec(stack("chart", range(1))),
        manifest={"config": lambda c: {**c, "mediaType": "application/vnd.cncf.helm.config.v1+json"}},
        ref="chart",
    )
    assert [f.severity for f in look(oci_layout(PACKED, chart), "LK304")] == ["info"]
    assert [f.severity for f in look(oci_layout(chart), "LK304")] == ["error"]


def test_lk304_names_the_other_transport(look: Look) -> None:
    [finding] = look(oci_layout(PACKED), "LK304", prefix="docker-archive:")
    assert "oci-archive:FILE" in finding.fix
    [finding] = look(docker_archive(SPEC), "LK304", prefix="oci-archive:")
    assert "docker-archive:FILE" in finding.fix


def test_lk304_knows_an_empty_folder(look: Look, tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    [finding] = look(folder, "LK304")
    assert "a folder without index.json" in finding.message


def test_lk304_leaves_a_damaged_stream_to_lk303(look: Look) -> None:
    data = b"\x1f\x8b\x08" + b"\xff" * 60
    assert look(data, "LK304") == []
    assert [f.code for f in look(data, "LK303")] == ["LK303"]


def test_lk304_leaves_an_archive_that_lost_its_end_to_lk303(look: Look) -> None:
    raw = bytes(docker_archive(SPEC))
    assert look(raw[:6000], "LK304") == []
    assert len(look(raw[:6000], "LK303")) == 1


def test_lk304_names_a_tar_of_something_else(look: Look) -> None:
    [finding] = look(Tar().file("notes.txt", b"hello"), "LK304")
    assert finding.message == "This tar has no image in it."


def test_lk304_is_silent_on_images(look: Look) -> None:
    for tar in (docker_archive(SPEC), oci_layout(PACKED), hybrid(PACKED), legacy("old", "app:1")):
        assert look(tar, "LK304") == []


def test_lk306_names_the_last_docker_that_loads_it(look: Look) -> None:
    [finding] = look(legacy("old", "registry.example/app:1", count=3), "LK306")
    assert finding.message == (
        "This is a legacy v1 archive with 3 layers and no manifest.json: Docker 28 is the last to load it."
    )
    [bare] = look(legacy("old", "registry.example/app:1").drop("repositories"), "LK306")
    assert bare.evidence["repositories"] is False


def test_lk306_is_silent_where_manifest_json_is_there(look: Look) -> None:
    tar = legacy("old", "registry.example/app:1").add(*docker_archive(SPEC))
    assert look(tar, "LK306") == []


def test_lk308_names_the_platforms_that_are_not_there(look: Look) -> None:
    [finding] = look(DEFECTS["LK308"](), "LK308")
    assert finding.message == "index.json offers 2 manifests, of which 1 is not there: linux/arm64."
    assert finding.severity == "info"


def test_lk308_does_not_count_attestations(look: Look) -> None:
    proof = ghost(attestation(sha256(PACKED.manifest_json)))
    assert look(oci_layout(PACKED, proof, nested=True), "LK308") == []
    assert look(oci_layout(PACKED), "LK308") == []


def test_lk310_wants_the_layout_file_and_its_version(look: Look) -> None:
    tar = oci_layout(PACKED)
    for text, said in (
        (None, "oci-layout is absent"),
        (b"{}", "oci-layout names no version"),
        (b"no json", "oci-layout cannot be read"),
        (b'{"imageLayoutVersion":"2\\u0007"}', 'oci-layout gives the version "2\\x07", expected 1.0.0.'),
    ):
        broken = tar.drop("oci-layout") if text is None else tar.replace("oci-layout", text)
        [finding] = look(broken, "LK310")
        assert finding.message.startswith(said)
        assert finding.severity == "error"


def test_lk310_is_a_hint_where_manifest_json_serves(look: Look) -> None:
    assert [f.severity for f in look(hybrid(PACKED).drop("oci-layout"), "LK310")] == ["info"]


def test_lk310_is_silent_on_layouts_and_docker_archives(look: Look) -> None:
    for tar in (docker_archive(SPEC), oci_layout(PACKED), hybrid(PACKED)):
        assert look(tar, "LK310") == []
