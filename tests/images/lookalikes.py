"""What stands beside images or is taken for one: v1 archives, attestations, caches, rootfs tars, pages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from .build import ABSENT, CREATED, Spec, descriptor, layer, oci_layout, sha256
from .tar import Tar, encode

CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"  # moby/buildkit cache/remotecache/v1/spec.go
HTML_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n"


def legacy(salt: str, tag: str, *, absent: Iterable[int] = (), count: int = 2) -> Tar:
    """A v1 archive (before Docker 1.10): `repositories`, and per layer VERSION, json and layer.tar."""
    ids = [hashlib.sha256(f"{salt}{number}".encode()).hexdigest() for number in range(count)]
    tar = Tar()
    for number in sorted(set(range(count)) - set(absent)):
        about = {"id": ids[number], "created": CREATED, "os": "linux", "architecture": "amd64",
                 "container_config": {"Cmd": ["/bin/sh"]}, "config": {"Cmd": ["/f0.txt"]}}  # fmt: skip
        if number:
            about["parent"] = ids[number - 1]
        tar = tar.folder(f"{ids[number]}/").file(f"{ids[number]}/VERSION", b"1.0")
        tar = tar.file(f"{ids[number]}/json", encode(about))
        tar = tar.file(f"{ids[number]}/layer.tar", layer(salt, number))
    name, _, version = tag.rpartition(":")
    return tar.file("repositories", encode({name: {version: ids[-1]}}))


def attestation(subject: str) -> Spec:
    """The provenance that buildx puts beside an image, as its own manifest for platform unknown/unknown."""
    statement = encode({"_type": "https://in-toto.io/Statement/v0.1", "subject": []})
    unknown = {"architecture": "unknown", "os": "unknown"}
    notes = {"vnd.docker.reference.digest": subject, "vnd.docker.reference.type": "attestation-manifest"}
    return Spec(
        layers=(statement,),
        tags=None,
        config={**unknown, "created": ABSENT, "config": {}, "history": ABSENT},
        media_types="application/vnd.in-toto+json",
        descriptor={"annotations": notes, "platform": unknown},
        ref="",
    )


def ghost(spec: Spec) -> Spec:
    """`spec` as an index entry only: none of its blobs is in the file."""
    return replace(spec, stored={**dict.fromkeys(range(len(spec.layers))), "config": None, "manifest": None})


def build_cache(spec: Spec) -> Tar:
    """What `buildx build --cache-to` writes: layers under a config that is no image config."""
    chain = [{"blob": sha256(blob), "parent": position - 1} for position, blob in enumerate(spec.blobs)]
    cache = encode({"layers": chain, "records": []})
    media = {"config": descriptor(CACHE_CONFIG, cache)}
    return oci_layout(replace(spec, config_bytes=cache, manifest=media))


def rootfs_export() -> Tar:
    """What `docker export` writes: the files of a container, no image."""
    tar = Tar().file(".dockerenv", b"").folder("bin/").file("bin/sh", b"#!").folder("etc/")
    return tar.file("etc/os-release", b"ID=debian\n").symlink("lib", "usr/lib").folder("usr/lib/")


def utf16_redirect(data: bytes) -> bytes:
    """`docker save IMAGE > FILE` in Windows PowerShell: text as UTF-16 with a byte order mark."""
    text = data.decode("cp437").replace("\n", "\r\n")
    return b"\xff\xfe" + text.encode("utf-16-le")
