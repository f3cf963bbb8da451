"""Images from literals, one knob per claim: what is not said is the truth.

A `Spec` is one image: its layers, and everything that the manifest, the config, the history and the
stored bytes may say about them. `docker_archive`, `oci_layout` and `hybrid` lay one or several out as a tar.
Formats: moby image/spec v1.2 (manifest.json), OCI image-spec v1.1 (image-layout.md, manifest.md).
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from layerkit.compression import zstd

from .tar import Member, Tar, encode

CREATED = "2020-01-02T03:04:05Z"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
REF_NAME, FULL_NAME = "org.opencontainers.image.ref.name", "io.containerd.image.name"

# The layer that schema 1 and old builders gave to every step without files: moby layer/empty.go.
EMPTY_LAYER = bytes(1024)
EMPTY_GZIP = bytes.fromhex("1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000")

ABSENT: Any = object()  # as the value in an edit: take the key out
Claims = Mapping[str, Any]  # value, ABSENT, or a function of the true value
Stored = bytes | None | Callable[[bytes], bytes]  # None: left out of the file


def _zstd(data: bytes) -> bytes:
    # As `zstd -c` does for a pipe: checksum, no content size in the frame.
    stream = zstd.ZstdCompressor(options={zstd.CompressionParameter.checksum_flag: 1})
    return stream.compress(data) + stream.flush()


# compression -> (packer, suffix of the OCI media type)
PACKERS: Mapping[str, tuple[Callable[[bytes], bytes], str]] = {
    "plain": (bytes, ""),
    "gzip": (lambda data: gzip.compress(data, 6, mtime=0), "+gzip"),
    "zstd": (_zstd, "+zstd"),
    "xz": (lzma.compress, "+xz"),
    "bzip2": (bz2.compress, "+bzip2"),
}


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def hexes(digest: str) -> str:
    return digest.partition(":")[2]


def pack(data: bytes, compression: str) -> bytes:
    return PACKERS[compression][0](data)


def layer(salt: str, number: int, size: int = 1500) -> bytes:
    """One plain layer tar of about `size` bytes holding `f<number>.txt`, different for every salt."""
    line = f"{salt} layer {number}\n".encode()
    text = line * (size // (len(salt) + 9) + 1)
    return bytes(Tar((Member(f"f{number}.txt", text),), tarfile.USTAR_FORMAT))


def stack(salt: str, numbers: Iterable[int] = range(3)) -> tuple[bytes, ...]:
    return tuple(layer(salt, number) for number in numbers)


def steps(*created_by: str, empty: Iterable[int] = ()) -> list[dict[str, Any]]:
    """History entries; those at the positions `empty` are marked as having made no layer."""
    entries: list[dict[str, Any]] = [{"created": CREATED, "created_by": text} for text in created_by]
    for position in empty:
        entries[position]["empty_layer"] = True
    return entries


# How tools name layer files: position and diff ID -> member name.
NAMINGS: Mapping[str, Callable[[int, str], str]] = {
    "numbered": lambda position, diff_id: f"{position:02d}-{hexes(diff_id)[:12]}/layer.tar",
    "v1": lambda position, diff_id: f"{hexes(diff_id)}/layer.tar",
    "colon": lambda position, diff_id: f"{diff_id}.tar",
    "blobs": lambda position, diff_id: f"blobs/sha256/{hexes(diff_id)}",
}


@dataclass(frozen=True)
class Spec:
    """One image. `stored` maps a layer position, "config" or "manifest" to what is really in the file."""

    layers: tuple[bytes, ...]
    tags: tuple[str, ...] | None = ("registry.example/shop/app:1.0",)
    diff_ids: tuple[str, ...] | None = None
    config: Claims = field(default_factory=dict)
    config_bytes: bytes | None = None
    compression: str | tuple[str, ...] = "plain"
    stored: Mapping[int | str, Stored] = field(default_factory=dict)
    # manifest.json
    names: str | tuple[str, ...] = "numbered"
    config_name: str | None = None
    entry: Claims = field(default_factory=dict)
    # OCI
    media_types: str | tuple[str, ...] | None = None
    manifest: Claims = field(default_factory=dict)
    manifest_bytes: bytes | None = None
    descriptor: Claims = field(default_factory=dict)
    ref: str | None = None

    @property
    def true_diff_ids(self) -> tuple[str, ...]:
        return tuple(sha256(data) for data in self.layers)

    @property
    def config_json(self) -> bytes:
        diff_ids = self.true_diff_ids if self.diff_ids is None else self.diff_ids
        truth = {
            "architecture": "amd64",
            "os": "linux",
            "created": CREATED,
            "config": {"Cmd": ["/f1.txt"]},
            "history": steps(*(f"layer {position}" for position in range(len(diff_ids)))),
            "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        }
        return encode(edited(truth, self.config)) if self.config_bytes is None else self.config_bytes

    @property
    def packings(self) -> tuple[str, ...]:
        each = self.compression
        return (each,) * len(self.layers) if isinstance(each, str) else each

    @property
    def blobs(self) -> tuple[bytes, ...]:
        """The layers as packed, which is what digests and sizes speak of."""
        return tuple(pack(data, how) for data, how in zip(self.layers, self.packings, strict=True))

    @property
    def layer_names(self) -> tuple[str, ...]:
        if not isinstance(self.names, str):
            return self.names
        return tuple(NAMINGS[self.names](*pair) for pair in enumerate(self.true_diff_ids))

    @property
    def manifest_json(self) -> bytes:
        types = self.media_types
        if types is None:
            types = tuple(OCI_LAYER + PACKERS[how][1] for how in self.packings)
        elif isinstance(types, str):
            types = (types,) * len(self.layers)
        truth = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, self.config_json),
            "layers": [descriptor(kind, blob) for kind, blob in zip(types, self.blobs, strict=True)],
        }
        return encode(edited(truth, self.manifest)) if self.manifest_bytes is None else self.manifest_bytes

    def put(self, key: int | str, name: str, data: bytes) -> tuple[Member, ...]:
        """The member for `key`, holding `data` unless the spec stores something else or nothing."""
        real = self.stored.get(key, data)
        if callable(real):
            real = real(data)
        return () if real is None else (Member(name, real),)

    def annotations(self) -> dict[str, str]:
        full = self.tags[0] if self.tags else ""
        ref = full.rpartition(":")[2] if self.ref is None else self.ref
        return {key: value for key, value in ((REF_NAME, ref), (FULL_NAME, full)) if value}


def edited(truth: Mapping[str, Any], claims: Claims) -> dict[str, Any]:
    """`truth` with `claims` over it; keys keep their place."""
    result = dict(truth)
    for key, claim in claims.items():
        if claim is ABSENT:
            result.pop(key, None)
        else:
            result[key] = claim(result[key]) if callable(claim) else claim
    return result


def descriptor(media_type: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data), **more}


def blob_name(data: bytes) -> str:
    return NAMINGS["blobs"](0, sha256(data))


def _once(members: Iterable[Member]) -> tuple[Member, ...]:
    """Images of one file share what is equal: the same name with the same bytes is written once."""
    return tuple({(member.name, member.data): member for member in members}.values())


def _entry(spec: Spec, config_name: str, names: Iterable[str]) -> dict[str, Any]:
    tags = None if spec.tags is None else list(spec.tags)
    return edited({"Config": config_name, "RepoTags": tags, "Layers": list(names)}, spec.entry)


def docker_archive(*specs: Spec) -> Tar:
    """What `docker save` wrote before 25.0: layers and configs, then one manifest.json for all images."""
    members: list[Member] = []
    entries = []
    for spec in specs:
        for position, (name, blob) in enumerate(zip(spec.layer_names, spec.blobs, strict=True)):
            members += spec.put(position, name, blob)
        config_name = spec.config_name or hexes(sha256(spec.config_json)) + ".json"
        members += spec.put("config", config_name, spec.config_json)
        entries.append(_entry(spec, config_name, spec.layer_names))
    return Tar(_once(members)).file("manifest.json", encode(entries))


def oci_layout(*specs: Spec, nested: bool = False) -> Tar:
    """An OCI image layout; `nested` puts the manifests into an inner index that carries the name."""
    members: list[Member] = []
    listed = []
    for spec in specs:
        for position, blob in enumerate(spec.blobs):
            members += spec.put(position, blob_name(blob), blob)
        members += spec.put("config", blob_name(spec.config_json), spec.config_json)
        members += spec.put("manifest", blob_name(spec.manifest_json), spec.manifest_json)
        names = {} if nested else spec.annotations()
        truth = descriptor(OCI_MANIFEST, spec.manifest_json, **({"annotations": names} if names else {}))
        listed.append(edited(truth, spec.descriptor))
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    if nested:
        inner = encode(index)
        members.append(Member(blob_name(inner), inner))
        index = {**index, "manifests": [descriptor(OCI_INDEX, inner, annotations=specs[0].annotations())]}
    return Tar(_once(members)).file("oci-layout", LAYOUT).file("index.json", encode(index))


def hybrid(*specs: Spec, classic: tuple[Spec, ...] | None = None) -> Tar:
    """What `docker save` writes since 25.0: OCI layout and manifest.json, the latter of `classic`."""
    tar = oci_layout(*specs)
    entries = []
    for spec in specs if classic is None else classic:
        entries.append(_entry(spec, blob_name(spec.config_json), map(blob_name, spec.blobs)))
        if classic is not None:
            parts: list[tuple[int | str, bytes]] = [*enumerate(spec.blobs), ("config", spec.config_json)]
            for key, data in parts:
                tar = tar.add(*(m for m in spec.put(key, blob_name(data), data) if m not in tar.members))
    return tar.file("manifest.json", encode(entries))
