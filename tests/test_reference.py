"""References as Docker reads them; the sentences are those of distribution/reference."""

from __future__ import annotations

import time

import pytest

from layerkit.errors import UsageError
from layerkit.reference import Reference

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("redis", "docker.io/library/redis", "redis"),
        ("redis:7", "docker.io/library/redis:7", "redis:7"),
        ("shop/app:1.0", "docker.io/shop/app:1.0", "shop/app:1.0"),
        ("docker.io/redis", "docker.io/library/redis", "redis"),
        ("index.docker.io/library/redis:7", "docker.io/library/redis:7", "redis:7"),
        ("library/redis", "docker.io/library/redis", "redis"),
        ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost:5000/app:2", "localhost:5000/app:2", "localhost:5000/app:2"),
        ("[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"),
        ("Registry/app", "Registry/app", "Registry/app"),
        ("quay.io/a__b/c-d.e:V1", "quay.io/a__b/c-d.e:V1", "quay.io/a__b/c-d.e:V1"),
        (f"redis@sha256:{HEX}", f"docker.io/library/redis@sha256:{HEX}", f"redis@sha256:{HEX}"),
        (f"a.b/c:1@sha256:{HEX}", f"a.b/c:1@sha256:{HEX}", f"a.b/c:1@sha256:{HEX}"),
        ("a:" + "t" * 128, "docker.io/library/a:" + "t" * 128, "a:" + "t" * 128),
        (HEX + ":1", f"docker.io/library/{HEX}:1", HEX + ":1"),
    ],
)
def test_a_reference_is_normalised(text: str, full: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert str(reference) == full
    assert reference.familiar == familiar
    assert Reference.parse(full) == reference
    assert Reference.parse(familiar) == reference


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "invalid reference format"),
        (":tag", "invalid reference format"),
        ("a b", "invalid reference format"),
        ("-a", "invalid reference format"),
        ("a/", "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("a:" + "t" * 129, "invalid reference format"),
        ("a:b:c", "invalid reference format"),
        ("a@sha256:abc", "invalid reference format"),
        ("a.b/c\n", "invalid reference format"),
        ("a___b", "invalid reference format"),
        ("UPPER", "invalid reference format: repository name (library/UPPER) must be lowercase"),
        ("a.b/UPPER:t", "invalid reference format: repository name (UPPER) must be lowercase"),
        (HEX, f"invalid repository name ({HEX}), cannot specify 64-byte hexadecimal strings"),
        ("a.b/" + "c" * 256, "repository name must not be more than 255 characters"),
        (f"a@sha256:{HEX[:40]}", "invalid checksum digest length"),
        (f"a@sha256:{HEX.upper()}", "invalid checksum digest format"),
        (f"a@md5:{HEX}", "unsupported digest algorithm"),
        ("a" * 5000, "invalid reference format"),
    ],
)
def test_what_docker_refuses_is_refused_in_its_words(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        Reference.parse(text)
    assert str(caught.value) == why
    assert "should read" in caught.value.hint


def test_a_tag_is_added_only_where_nothing_is_named() -> None:
    assert str(Reference.parse("redis").tagged()) == "docker.io/library/redis:latest"
    assert str(Reference.parse("redis:7").tagged()) == "docker.io/library/redis:7"
    assert Reference.parse(f"redis@sha256:{HEX}").tagged().tag == ""
    assert Reference.parse("a.b/c:1").name == "a.b/c"


def test_hostile_names_take_no_time() -> None:
    start = time.perf_counter()
    for text in (
        "a." * 1000 + "!",
        "a-" * 1000,
        "a__" * 600 + "/",
        "a" * 2000 + ":" + "!" * 9,
        "a@" + "b+" * 900 + ":",
    ):
        with pytest.raises(UsageError):
            Reference.parse(text)
    assert time.perf_counter() - start < 2
