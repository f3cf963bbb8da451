"""LK402, LK404, LK405: media types and compressions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.images import ABSENT, Spec, docker_archive, hybrid, oci_layout, pack, stack

from .conftest import Look

LAYERS = stack("media", range(3))
SPEC = Spec(LAYERS)
OCI, DOCKER = "application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"


@pytest.mark.parametrize(
    ("compression", "kind", "severity"),
    [
        ("gzip", OCI, "error"),
        ("gzip", DOCKER, "warning"),
        ("plain", OCI + "+gzip", "warning"),
        ("zstd", DOCKER + ".gzip", "warning"),
    ],
)
def test_lk402_finds_types_that_lie(compression: str, kind: str, severity: str, look: Look) -> None:
    [finding] = look(oci_layout(replace(SPEC, compression=compression, media_types=kind)), "LK402")
    assert finding.severity == severity
    assert finding.positions == (0, 1, 2)
    assert kind in finding.message


def test_lk402_finds_types_that_no_runtime_knows(look: Look) -> None:
    tar = oci_layout(replace(SPEC, media_types=(OCI, "application/x-\x1b[2Jodd", OCI)))
    [finding] = look(tar, "LK402")
    assert finding.positions == (1,)
    assert "\x1b" not in finding.message
    [finding] = look(oci_layout(replace(SPEC, descriptor={"mediaType": ABSENT})), "LK402")
    assert "no media type for the manifest" in finding.message


@pytest.mark.parametrize(
    ("compression", "kind"),
    [
        ("plain", OCI),
        ("gzip", OCI + "+gzip"),
        ("zstd", OCI + "+zstd"),
        ("plain", DOCKER),
        ("gzip", DOCKER + ".gzip"),
        ("gzip", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
    ],
)
def test_lk402_is_silent_on_true_types(compression: str, kind: str, look: Look) -> None:
    assert look(oci_layout(replace(SPEC, compression=compression, media_types=kind)), "LK402") == []


@pytest.mark.parametrize(("compression", "severity"), [("zstd", "warning"), ("xz", "error"), ("bzip2", "error")])
def test_lk404_tells_who_cannot_unpack(compression: str, severity: str, look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, compression=("plain", compression, "gzip"))), "LK404")
    assert finding.severity == severity
    assert finding.positions == (1,)
    assert f"1 layer (position 1) is packed with {compression}" in finding.message


def test_lk404_is_only_a_hint_where_an_oci_archive_uses_zstd(look: Look) -> None:
    assert [f.severity for f in look(oci_layout(replace(SPEC, compression="zstd")), "LK404")] == ["info"]


def test_lk404_looks_at_the_archive_as_a_whole(look: Look) -> None:
    [finding] = look(pack(bytes(docker_archive(SPEC)), "xz"), "LK404")
    assert finding.evidence == {"outer": "xz"}
    assert look(pack(bytes(docker_archive(SPEC)), "gzip"), "LK404") == []


def test_lk404_is_silent_on_gzip_and_plain(look: Look) -> None:
    assert look(docker_archive(replace(SPEC, compression=("plain", "gzip", "gzip"))), "LK404") == []


def test_lk405_finds_foreign_layers(look: Look) -> None:
    foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    tar = oci_layout(replace(SPEC, compression="gzip", media_types=(foreign, OCI + "+gzip", foreign)))
    [finding] = look(tar, "LK405")
    assert finding.severity == "warning"
    assert finding.message.startswith("2 layers (positions 0 and 2) are declared non-distributable")


def test_lk405_is_silent_on_ordinary_layers(look: Look) -> None:
    for tar in (oci_layout(SPEC), hybrid(SPEC), docker_archive(SPEC)):
        assert look(tar, "LK405") == []
