"""LK401, LK403, LK406 to LK409: platform, names, rootfs, depth, diff IDs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.images import ABSENT, Spec, docker_archive, hybrid, oci_layout, stack

from .conftest import Look

LAYERS = stack("metadata", range(3))
SPEC = Spec(LAYERS)
PACKED = replace(SPEC, compression="gzip")


@pytest.mark.parametrize(
    ("config", "severity", "said"),
    [
        ({"os": ABSENT}, "error", "The config names no os: "),
        ({"os": "", "architecture": ABSENT}, "error", "The config names no os and architecture: "),
        ({"os": "unknown"}, "error", '"unknown/amd64"'),
        ({"os": "no\x1b such os"}, "error", '"no\\x1b such os/amd64"'),
        ({"architecture": "pdp11"}, "warning", '"linux/pdp11"'),
        ({"os": "windows"}, "info", '"windows/amd64"'),
    ],
)
def test_lk401_judges_the_platform(config: dict[str, Any], severity: str, said: str, look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, config=config)), "LK401")
    assert finding.severity == severity
    assert said in finding.message


def test_lk401_compares_the_index_with_the_config(look: Look) -> None:
    arm = {"platform": {"os": "linux", "architecture": "arm64"}}
    [finding] = look(oci_layout(replace(PACKED, descriptor=arm)), "LK401")
    assert finding.severity == "warning"
    unknown = {"platform": {"os": "unknown", "architecture": "unknown"}}
    [finding] = look(oci_layout(replace(PACKED, descriptor=unknown)), "LK401")
    assert finding.severity == "error"


def test_lk401_is_silent_on_any_linux(look: Look) -> None:
    arm = {"architecture": "arm64", "variant": "v8"}
    offered = {"platform": {"os": "linux", "architecture": "arm64"}}
    assert look(oci_layout(replace(PACKED, config=arm, descriptor=offered)), "LK401") == []
    assert look(docker_archive(SPEC), "LK401") == []


def test_lk403_minds_no_name_in_manifest_json_only(look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, tags=None)), "LK403")
    assert finding.severity == "info"
    assert look(docker_archive(replace(SPEC, tags=())), "LK403")
    assert look(docker_archive(SPEC), "LK403") == []
    assert look(oci_layout(replace(PACKED, tags=None, ref="")), "LK403") == []


def test_lk406_tells_no_rootfs_from_a_strange_one(look: Look) -> None:
    for value in (ABSENT, None):
        [finding] = look(docker_archive(replace(SPEC, config={"rootfs": value})), "LK406")
        assert finding.severity == "error"
    [finding] = look(docker_archive(replace(SPEC, config={"rootfs": lambda true: {**true, "type": "a\nb"}})), "LK406")
    assert finding.severity == "warning"
    assert finding.message == 'The rootfs type in the config is "a\\nb", expected "layers".'
    assert look(docker_archive(SPEC), "LK406") == []


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("registry.example/SHOP/app:1", "must be lowercase"),
        ("registry.example/shop/app", "it has no tag"),
        ("registry.example/shop/app@sha256:" + "a" * 64, "a digest cannot be a tag"),
        ("shop app:1", "invalid reference format"),
        ("a" * 64, "cannot specify 64-byte hexadecimal strings"),
        ("app:1\x1b]0;x\x07", "invalid reference format"),
    ],
)
def test_lk407_refuses_what_docker_refuses(tag: str, why: str, look: Look) -> None:
    [finding] = look(docker_archive(replace(SPEC, tags=("ok:1", tag))), "LK407")
    assert why in finding.message
    assert finding.severity == "error"
    assert finding.message.isprintable()


def test_lk407_does_not_drown_the_reader(look: Look) -> None:
    findings = look(docker_archive(replace(SPEC, tags=tuple(f"A{n}:t" for n in range(5000)))), "LK407")
    assert len(findings) == 8
    assert findings[0].evidence["refused"] == 5000


def test_lk407_only_mentions_the_bare_tags_that_skopeo_writes(look: Look) -> None:
    for ref, full in (("1.0", "docker.io/library/1.0:latest"), ("app:1", "docker.io/library/app:1")):
        [finding] = look(oci_layout(replace(PACKED, tags=None, ref=ref)), "LK407")
        assert finding.severity == "info"
        assert finding.evidence["full"] == full
    assert [f.severity for f in look(oci_layout(replace(PACKED, tags=None, ref="RC1")), "LK407")] == ["info"]


def test_lk407_is_silent_on_full_names(look: Look) -> None:
    for tar in (
        docker_archive(SPEC),
        oci_layout(PACKED),
        hybrid(PACKED),
        docker_archive(replace(SPEC, tags=("redis:7",))),
    ):
        assert look(tar, "LK407") == []
    assert look(oci_layout(replace(PACKED, tags=None, ref="registry.example/app:1")), "LK407") == []


def test_lk408_counts_to_125(look: Look) -> None:
    [finding] = look(docker_archive(Spec(stack("deep", range(126)))), "LK408")
    assert finding.message == "The image has 126 layers, Docker's classic store takes 125 at most."
    assert look(docker_archive(Spec(stack("deep", range(125)))), "LK408") == []


@pytest.mark.parametrize("wrong", ["banana", "A" * 64, "sha256:" + "A" * 64, "sha512:" + "a" * 128, "\x1b[2J"])
def test_lk409_wants_sha256_digests(wrong: str, look: Look) -> None:
    diff_ids = (SPEC.true_diff_ids[0], wrong, SPEC.true_diff_ids[2])
    [finding] = look(docker_archive(replace(SPEC, diff_ids=diff_ids)), "LK409")
    assert finding.positions == (1,)
    assert finding.message.startswith("1 diff ID of the config (position 1) is no sha256 digest: ")
    assert finding.message.isprintable()
    assert look(docker_archive(SPEC), "LK409") == []
