"""Random archives: one or two deliberate defects each, or bytes that were damaged; the same for the same seed.

Contents are salted with the seed and the number, so that no layer of one archive is known from another. Nothing is
packed with xz, which Docker leaves to a program that a machine need not have.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.images import ABSENT, Spec, Tar, docker_archive, encode, hybrid, layer, oci_layout, pack, sha256, steps
from tests.images.build import OCI_LAYER

WRITERS: Mapping[str, Callable[..., Tar]] = {"docker": docker_archive, "oci": oci_layout, "hybrid": hybrid}
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
MEDIA_TYPES = (OCI_LAYER, f"{OCI_LAYER}+gzip", f"{OCI_LAYER}+zstd", DOCKER_LAYER, f"{DOCKER_LAYER}.gzip", "text/plain")
TAGS = (None, (), ("app:t",), ("UPPER/app:t",), ("a b",), ("app",), ("a:b:c",), ("localhost:5000/x:t",), ("-a:t",))
CONFIGS: tuple[bytes, ...] = (b"", b"[]", b"{}", b"not json", b'{"a":1}{}', b"\xff\xfe{\0}\0", b"<html>", b'{"os":')
CLAIMS: tuple[Mapping[str, Any], ...] = (
    {"created": "yesterday"},
    {"os": "windows"},
    {"os": "freebsd"},
    {"os": "Linux"},
    {"os": 5},
    {"os": ABSENT, "architecture": ABSENT},
    {"architecture": "arm64"},
    {"architecture": "x86_64"},
    {"rootfs": ABSENT},
    {"rootfs": None},
    {"rootfs": "x"},
    {"rootfs": {"type": "layers", "diff_ids": "x"}},
    {"rootfs": lambda true: {**true, "type": "other"}},
    {"history": {}},
    {"history": ABSENT},
    {"config": {"Cmd": 5}},
)
DOCUMENTS: Mapping[str, tuple[bytes, ...]] = {
    "manifest.json": (b"", b"[]", b"null", b"{}", b"[null]", b"[{}]", b"[1]", b"true", b"{", b"nul", b"<html>"),
    "index.json": (b"", b"{}", b"[]", b"null", b'{"manifests":null}', b'{"manifests":[{}]}', b'{"manifests":5}', b"x"),
    "oci-layout": (b"", b"{}", b"[]", b"null", b'{"imageLayoutVersion":"9.9.9"}', b'{"imageLayoutVersion":5}'),
}


@dataclass(frozen=True)
class Generated:
    """One archive; `name` says what was done to it. `base` is to be loaded first, where there is one."""

    name: str
    data: bytes
    base: bytes = b""


class Draw:
    """The choices of one archive."""

    def __init__(self, seed: str, number: int) -> None:
        self.salt = f"live-{seed}-{number}"
        self.random = random.Random(self.salt)

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def below(self, end: int) -> int:
        return self.random.randrange(end)

    def spec(self, count: int, **knobs: Any) -> Spec:
        sizes = [self.pick(0, 700, 1500, 1500, 40_000) for _ in range(count)]
        layers = tuple(layer(self.salt, number, size) for number, size in enumerate(sizes))
        return Spec(layers, (f"live.test/{self.salt}:t",), **knobs)


def generate(seed: str, count: int) -> Iterator[Generated]:
    """`count` archives with defects."""
    for number in range(count):
        draw = Draw(seed, number)
        kind = draw.pick("docker", "docker", "oci", "hybrid")
        spec = draw.spec(draw.pick(1, 2, 3, 4), compression=draw.pick("plain", "plain", "gzip", "gzip", "zstd"))
        spec = replace(spec, names=draw.pick("numbered", "v1", "colon", "blobs"))
        done = []
        for _ in range(draw.pick(0, 1, 1, 1, 2)):
            name = draw.pick(*SPECS)
            done.append(name)
            spec = SPECS[name](draw, spec)
        tar = WRITERS[kind](spec)
        if draw.below(3) == 0:
            name = draw.pick(*TARS)
            done.append(name)
            tar = TARS[name](draw, tar)
        data = bytes(tar)
        if draw.below(4) == 0 or not done:
            name = draw.pick(*BYTES)
            done.append(name)
            data = BYTES[name](draw, data)
        yield Generated(f"{draw.salt} {kind}: {', '.join(done)}", data)


def generate_thin(seed: str, count: int) -> Iterator[Generated]:
    """`count` archives that leave out layers of their base, from below, from above, or from anywhere."""
    for number in range(count):
        draw = Draw(f"{seed}-thin", number)
        kind = draw.pick(*WRITERS)
        spec = draw.spec(5, compression=draw.pick("plain", "gzip"))
        base = replace(spec, layers=spec.layers[:3], tags=(f"live.test/{draw.salt}:base",))
        how = draw.pick("bottom", "bottom", "anywhere", "too much", "placeholders", "elsewhere")
        out = {"anywhere": draw.random.sample(range(3), 2), "too much": range(4)}.get(how, range(draw.pick(1, 2, 3)))
        if how == "elsewhere":
            spec = replace(spec, layers=(spec.layers[3], *spec.layers[:2], spec.layers[4]))
            out = (1,)
        spec = replace(spec, stored=dict.fromkeys(out, b"" if how == "placeholders" else None))
        yield Generated(f"{draw.salt} {kind}: {how}", bytes(WRITERS[kind](spec)), bytes(WRITERS[kind](base)))


def _position(draw: Draw, spec: Spec) -> int:
    return draw.below(len(spec.layers))


def _stored(value: Any) -> Callable[[Draw, Spec], Spec]:
    """Store something else for one layer; functions get the draw and the true bytes."""

    def change(draw: Draw, spec: Spec) -> Spec:
        kept = (lambda data: value(draw, data)) if callable(value) else value
        return replace(spec, stored={**spec.stored, _position(draw, spec): kept})

    return change


def _listed(change: Callable[[Draw, list[str]], list[str]], *, both: bool = True) -> Callable[[Draw, Spec], Spec]:
    """Change what manifest.json lists, and as the dice fall the OCI manifest too where `both` may."""

    def edit(draw: Draw, spec: Spec) -> Spec:
        salt, seed = draw.salt, draw.below(1 << 30)

        def again(listed: Any) -> Any:  # asked more than once, and the same each time
            return change(Draw(f"{salt}-{seed}", 0), list(listed))

        edited: dict[str, Any] = {"entry": {**spec.entry, "Layers": again}}
        if both and draw.pick(True, False):
            edited["manifest"] = {**spec.manifest, "layers": again}
        return replace(spec, **edited)

    return edit


def _without_one(draw: Draw, items: list[Any]) -> list[Any]:
    where = draw.below(len(items)) if items else 0
    return items[:where] + items[where + 1 :]


def _shuffled(draw: Draw, items: list[Any]) -> list[Any]:
    return draw.random.sample(items, len(items))


def _diff_ids(change: Callable[[Draw, list[str]], list[str]]) -> Callable[[Draw, Spec], Spec]:
    return lambda draw, spec: replace(spec, diff_ids=tuple(change(draw, list(spec.diff_ids or spec.true_diff_ids))))


def _one_wrong(draw: Draw, items: list[str]) -> list[str]:
    odd = draw.pick("banana", "", "sha512:" + "a" * 128, "a" * 64, sha256(draw.salt.encode()), "sha256:ab")
    return [*items[:-1], odd]


def _media_type(draw: Draw, spec: Spec) -> Spec:
    where, kind = _position(draw, spec), draw.pick(*MEDIA_TYPES)

    def change(layers: Any) -> Any:
        return [{**item, "mediaType": kind} if index == where else item for index, item in enumerate(layers)]

    return replace(spec, manifest={**spec.manifest, "layers": change})


SPECS: Mapping[str, Callable[[Draw, Spec], Spec]] = {
    "fewer listed": _listed(_without_one),
    "one listed twice": _listed(lambda draw, items: [*items, draw.pick(*items)] if items else []),
    "listed in another order": _listed(_shuffled),
    "a diff ID too few": _diff_ids(_without_one),
    "a diff ID too many": _diff_ids(lambda draw, items: [*items, sha256(draw.salt.encode())]),
    "diff IDs in another order": _diff_ids(_shuffled),
    "a diff ID wrong": _diff_ids(_one_wrong),
    "a layer absent": _stored(None),
    "a layer empty": _stored(b""),
    "a layer cut": _stored(lambda draw, data: data[: draw.below(len(data))]),
    "a layer of another image": _stored(lambda draw, data: layer(draw.salt + "x", 1)),
    "a layer of garbage": _stored(lambda draw, data: draw.random.randbytes(draw.pick(5, 600, 3000))),
    "config absent": lambda draw, spec: replace(spec, stored={**spec.stored, "config": None}),
    "config altered": lambda draw, spec: replace(spec, stored={**spec.stored, "config": lambda data: data + b"\n"}),
    "config of another shape": lambda draw, spec: replace(spec, config_bytes=draw.pick(*CONFIGS)),
    "config claims": lambda draw, spec: replace(spec, config={**spec.config, **draw.pick(*CLAIMS)}),
    "history": lambda draw, spec: replace(
        spec, config={**spec.config, "history": steps(*map(str, range(draw.below(7))), empty=range(draw.below(1)))}
    ),
    "tags": lambda draw, spec: replace(spec, tags=draw.pick(*TAGS)),
    "compressions mixed": lambda draw, spec: replace(
        spec, compression=tuple(draw.pick("plain", "gzip", "zstd", "bzip2") for _ in spec.layers)
    ),
    "a media type": _media_type,
    "manifest absent": lambda draw, spec: replace(spec, stored={**spec.stored, "manifest": None}),
    "manifest altered": lambda draw, spec: replace(spec, stored={**spec.stored, "manifest": lambda data: data + b"\n"}),
    "descriptor": lambda draw, spec: replace(
        spec,
        descriptor=draw.pick(
            {"size": 5},
            {"size": 0},
            {"mediaType": ABSENT},
            {"mediaType": "text/plain"},
            {"digest": "banana"},
            {"platform": {"os": "linux", "architecture": "arm64"}},
            {"platform": {"os": "linux", "architecture": "amd64"}},
        ),
    ),
    "path with a prefix": _listed(lambda draw, items: [_prefix(draw) + item for item in items], both=False),
}


def _prefix(draw: Draw) -> Any:
    return draw.pick("./", "/", "../", "x/../")


def _renamed(draw: Draw, tar: Tar) -> Tar:
    prefix = draw.pick("./", "/", "../", "export/")
    return tar.rename(lambda name: prefix + name)


def _linked(draw: Draw, tar: Tar) -> Tar:
    """One member becomes a link to a copy, or to nothing."""
    member = draw.pick(*tar.members)
    target = draw.pick("store/copy", "nowhere", "../../../etc/hostname", member.name)
    link = tar.drop(member.name).file("store/copy", member.data)
    return link.hardlink(member.name, target) if draw.below(2) else link.symlink(member.name, target)


def _twice(draw: Draw, tar: Tar) -> Tar:
    member = draw.pick(*tar.members)
    return tar.file(member.name, draw.pick(b"", b"other", member.data), at=draw.pick(0, None))


def _document(draw: Draw, tar: Tar) -> Tar:
    name = draw.pick(*(name for name in DOCUMENTS if name in tar.names))
    return tar.replace(name, draw.pick(*DOCUMENTS[name]))


TARS: Mapping[str, Callable[[Draw, Tar], Tar]] = {
    "members renamed": _renamed,
    "a member dropped": lambda draw, tar: tar.drop(draw.pick(*tar.names)),
    "members in another order": lambda draw, tar: replace(tar, members=tuple(_shuffled(draw, list(tar.members)))),
    "a link": _linked,
    "a member twice": _twice,
    "a document": _document,
    "a folder": lambda draw, tar: tar.folder(draw.pick("blobs/", "x/y/", "manifest.json/", "oci-layout/")),
    "two entries": lambda draw, tar: (
        tar.edit("manifest.json", lambda items: [*items, {**items[0], "RepoTags": [f"live.test/{draw.salt}:second"]}])
        if "manifest.json" in tar.names
        else tar.edit("index.json", lambda index: {**index, "manifests": index["manifests"] * 2})
    ),
}


def _flip(draw: Draw, data: bytes) -> bytes:
    where = draw.below(len(data))
    return data[:where] + bytes([data[where] ^ (1 << draw.below(8))]) + data[where + 1 :]


def _typo(draw: Draw, data: bytes) -> bytes:
    """One character of the JSON near the end replaced."""
    start = max(data.rfind(b'"Layers"'), data.rfind(b'"schemaVersion"'), data.rfind(b'"diff_ids"'), 512)
    where = min(len(data) - 1, start + draw.below(80))
    typed: bytes = draw.pick(b"{", b"}", b",", b":", b'"', b"0", b"x", b"\\", b" ", b"\n")
    return data[:where] + typed + data[where + 1 :]


def _block_dropped(draw: Draw, data: bytes) -> bytes:
    """Never the first one: a file that then begins with a gzip layer is taken for gzip, and ends as none."""
    where = 512 + draw.below(len(data) // 512 - 1) * 512
    return data[:where] + data[where + 512 :]


BYTES: Mapping[str, Callable[[Draw, bytes], bytes]] = {
    "cut": lambda draw, data: data[: draw.below(len(data))],
    "a bit flipped": _flip,
    "a typing error": _typo,
    "a block dropped": _block_dropped,
    "gzip around": lambda draw, data: pack(data, "gzip"),
    "gzip around, cut": lambda draw, data: (packed := pack(data, "gzip"))[: 20 + draw.below(len(packed) - 20)],
    "bytes behind the end": lambda draw, data: data + encode({"a": 1}),
}
