"""An archive or more for every rule code: `DEFECTS["LK201 docker"]()` is bytes on which LK201 has to fire.

Other rules may fire on them as well; what fires on nothing else is in the tests of each rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from . import build
from .build import ABSENT, EMPTY_LAYER, Spec, docker_archive, hybrid, oci_layout, pack, sha256, stack, steps
from .lookalikes import HTML_PAGE, build_cache, ghost, legacy, rootfs_export, utf16_redirect
from .tar import Member, base256

LAYERS = stack("defect", range(4))
SOUND = Spec(LAYERS)
PACKED = replace(SOUND, compression="gzip")
OTHER = Spec(stack("other", range(4)), tags=("registry.example/shop/other:1.0",))


def _docker(**knobs: Any) -> Callable[[], bytes]:
    return lambda: bytes(docker_archive(replace(SOUND, **knobs)))


def _oci(**knobs: Any) -> Callable[[], bytes]:
    return lambda: bytes(oci_layout(replace(PACKED, **knobs)))


def _header(**fields: bytes) -> Callable[[], bytes]:
    """A sound archive in front of one member with an illegal header."""
    return lambda: bytes(docker_archive(SOUND).add(Member("odd", fields=fields)))


def _platforms() -> bytes:
    linux = {"os": "linux", "architecture": "amd64"}
    here = replace(PACKED, descriptor={"platform": linux})
    arm = replace(PACKED, config={"architecture": "arm64"}, descriptor={"platform": {**linux, "architecture": "arm64"}})
    return bytes(oci_layout(here, ghost(arm), nested=True))


def _only_linked() -> bytes:
    tar = docker_archive(replace(SOUND, stored={1: None})).file("store/x.tar", LAYERS[1])
    return bytes(tar.symlink(SOUND.layer_names[1], "../store/x.tar"))


def _link(target: str) -> Callable[[], bytes]:
    return lambda: bytes(docker_archive(replace(SOUND, stored={1: None})).symlink(SOUND.layer_names[1], target))


def _prefixed(prefix: str) -> Callable[[], bytes]:
    return lambda: bytes(docker_archive(SOUND).rename(lambda name: prefix + name))


GZIP, PLAIN = build.OCI_LAYER + "+gzip", build.OCI_LAYER
_GHOST_LAYERS = steps(*(f"step {number}" for number in range(6)))

DEFECTS: Mapping[str, Callable[[], bytes]] = {
    "LK101 fewer": _docker(entry={"Layers": lambda names: names[2:]}, stored={0: None, 1: None}),
    "LK101 more": _docker(diff_ids=SOUND.true_diff_ids[:3]),
    "LK101 surplus empty": _docker(
        layers=(*LAYERS, EMPTY_LAYER, EMPTY_LAYER), names="colon", diff_ids=SOUND.true_diff_ids
    ),
    "LK102": _docker(config={"history": _GHOST_LAYERS}),
    "LK103": _docker(config={"history": steps("one", "two", "three", empty=[1])}),
    "LK104": _oci(manifest={"layers": lambda layers: layers[:-1]}),
    "LK105": lambda: bytes(hybrid(PACKED, classic=(OTHER,))),
    "LK201 docker": _docker(stored={2: None}),
    "LK201 oci": _oci(stored={2: None}),
    "LK202": _docker(stored={1: LAYERS[1].replace(b"layer", b"LAYER")}),
    "LK203": _oci(stored={1: pack(LAYERS[1].replace(b"layer", b"LAYER"), "gzip")}),
    "LK204": _oci(descriptor={"size": lambda size: size + 7}),
    "LK205": _docker(compression="gzip", stored={1: lambda data: data[: len(data) // 2]}),
    "LK206 docker": _docker(config_name="0" * 64 + ".json"),
    "LK206 oci": _oci(stored={"config": lambda data: data.replace(b"amd64", b"arm64")}),
    "LK207": _docker(entry={"Layers": lambda names: [names[1], names[0], *names[2:]]}),
    "LK208": _docker(names=("a/layer.tar", "b/layer.tar", "a/layer.tar", "d/layer.tar"), stored={2: None}),
    "LK209": _docker(stored={1: b""}),
    "LK210 absent": _docker(stored={"config": None}),
    "LK210 text": _docker(config_bytes=b"not json"),
    "LK211": _oci(stored={"manifest": None}),
    "LK301 docker": lambda: bytes(docker_archive(SOUND).replace("manifest.json", b"[{")),
    "LK301 empty": lambda: bytes(docker_archive()),
    "LK301 oci": lambda: bytes(oci_layout(PACKED).drop("index.json")),
    "LK302": lambda: bytes(docker_archive(SOUND).add(*docker_archive(OTHER))),
    "LK303 cut": lambda: bytes(docker_archive(SOUND))[:6000],
    "LK303 size": _header(size=b"77777777777\0"),
    "LK303 negative": _header(size=base256(-512)),
    "LK303 checksum": _header(chksum=b"000000\0 "),
    "LK304 rootfs": lambda: bytes(rootfs_export()),
    "LK304 utf-16": lambda: utf16_redirect(bytes(docker_archive(SOUND))),
    "LK304 cache": lambda: bytes(build_cache(PACKED)),
    "LK304 html": lambda: HTML_PAGE,
    "LK304 empty": lambda: b"",
    "LK305 dot": _prefixed("./"),
    "LK305 absolute": _prefixed("/"),
    "LK305 up": _prefixed("../"),
    "LK305 slashes": _prefixed("export//"),
    "LK306": lambda: bytes(legacy("old", "registry.example/shop/app:0.1")),
    "LK307 dangling": _link("../nowhere/x.tar"),
    "LK307 escaping": _link("../../../../etc/hostname"),
    "LK307 loop": _link("layer.tar"),
    "LK308": _platforms,
    "LK309": _docker(entry={"Layers": lambda names: ["", *names[1:]]}, stored={0: None}),
    "LK310 absent": lambda: bytes(oci_layout(PACKED).drop("oci-layout")),
    "LK310 version": lambda: bytes(oci_layout(PACKED).replace("oci-layout", b'{"imageLayoutVersion":"9.9"}')),
    "LK311": _only_linked,
    "LK401 unknown": _docker(config={"os": "unknown", "architecture": "unknown"}),
    "LK401 absent": _docker(config={"os": ABSENT, "architecture": ABSENT}),
    "LK402 gzip": _oci(media_types=PLAIN),
    "LK402 zstd": _oci(compression="zstd", media_types=GZIP),
    "LK403": _docker(tags=None),
    "LK404 zstd": _docker(compression="zstd"),
    "LK404 mixed": _docker(compression=("plain", "gzip", "xz", "bzip2")),
    "LK405": _oci(media_types=(GZIP, build.OCI_FOREIGN + "+gzip", GZIP, GZIP)),
    "LK406 absent": _docker(config={"rootfs": ABSENT}),
    "LK406 type": _docker(config={"rootfs": lambda true: {**true, "type": "layers+base"}}),
    "LK407": _docker(tags=("registry.example/SHOP/app:1.0",)),
    "LK408": _docker(layers=stack("deep", range(126))),
    "LK409": _docker(diff_ids=(sha256(LAYERS[0]), "banana", *SOUND.true_diff_ids[2:])),
}
