"""What manifest.json, indexes, manifests and descriptors claim, parsed within bounds; nothing here reads a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..digest import Digest, is_digest, sha256
from ..document import MOST, Document, field_of, number_of, strings_of, text_of, texts_of
from ..image import Blob, Manifest

INDEX_TYPES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)
BASE_ANNOTATION = "io.layerkit.delta.base"
"""Annotation of a delta's `index.json`: a JSON list of {"diff_id", "chain_id", "digest"}, what its base must hold."""

OMITTED = "layerkit.omitted/"
"""Folder of the empty placeholders that a delta's `manifest.json` names for the layers left out."""

OFFERS = 1000
"""Images that one archive or index may name; more are not read."""


@dataclass(frozen=True, slots=True)
class Item:
    """One element of `manifest.json`."""

    config: str
    tags: tuple[str, ...]
    layers: tuple[str, ...]


def parse_items(document: Document) -> tuple[tuple[Item, ...], str]:
    """The items of a `manifest.json`, or why there are none."""
    if document.fault:
        return (), document.fault
    if document.value is None:
        return (), "null"
    if not isinstance(document.value, list):
        return (), "not a list of images"
    if len(document.value) > OFFERS:
        return (), f"it lists {len(document.value):,} images; more than {OFFERS:,} are not read"
    items = []
    for doc in document.value:
        if not isinstance(doc, dict):
            return (), "not a list of images"
        layers, tags = field_of(doc, "Layers"), field_of(doc, "RepoTags")
        config = field_of(doc, "Config")
        if (
            not isinstance(config, str | None)
            or (layers is not None and strings_of(layers) is None)
            or (tags is not None and strings_of(tags) is None)
        ):
            return (), "an image in it has a Config, RepoTags or Layers of the wrong type"
        if (number := max(len(layers or ()), len(tags or ()))) > MOST:
            return (), f"an image in it lists {number:,} layers or tags; more than {MOST:,} are not read"
        items.append(Item(config or "", strings_of(tags) or (), strings_of(layers) or ()))
    return tuple(items), "" if items else "an empty list"


def parse_manifest(blob: Blob, raw: bytes) -> Manifest:
    """An OCI or Docker schema 2 manifest from its bytes (OCI image-spec, manifest.md); never raises."""
    name = blob.name
    document = Document.parse(raw)
    if document.fault:
        return Manifest("oci", name, raw=raw, fault=document.fault, fault_kind="json")
    doc = document.value
    if not isinstance(doc, dict):
        return Manifest("oci", name, raw=raw, fault="JSON, but not an object", fault_kind="shape")
    media_type = text_of(doc, "mediaType") or blob.media_type
    layers = field_of(doc, "layers")
    if isinstance(layers, list) and len(layers) > MOST:
        fault = f"it lists {len(layers):,} layers; more than {MOST:,} are not read"
        return Manifest("oci", name, raw=raw, media_type=media_type, fault=fault, fault_kind="shape")
    blobs = [descriptor_of(d) for d in layers] if isinstance(layers, list) else []
    config = descriptor_of(field_of(doc, "config"))
    if field_of(doc, "schemaVersion") == 1:
        return Manifest(
            "schema1", name, raw=raw, media_type=media_type, fault="a schema 1 manifest", fault_kind="shape"
        )
    if config is None or (layers is not None and not isinstance(layers, list)) or None in blobs:
        fault = "it has no config and list of layers with digests"
        return Manifest("oci", name, raw=raw, media_type=media_type, fault=fault, fault_kind="shape")
    altered = blob.digest is not None and blob.digest.startswith("sha256:") and sha256(raw) != blob.digest
    return Manifest(
        "oci",
        name,
        config,
        tuple(b for b in blobs if b is not None),
        raw,
        media_type,
        fault=f"its bytes hash to {sha256(raw)}" if altered else "",
        fault_kind="altered" if altered else "",
        annotations=texts_of(field_of(doc, "annotations")),
    )


def descriptor_of(value: Any) -> Blob | None:
    """A content descriptor (OCI image-spec, descriptor.md); None where it names no digest."""
    if not isinstance(value, dict):
        return None
    digest = text_of(value, "digest")
    if not is_digest(digest):
        return None
    return Blob(
        digest,
        Digest(digest),
        number_of(value, "size"),
        text_of(value, "mediaType"),
        strings_of(field_of(value, "urls")) or (),
        texts_of(field_of(value, "annotations")),
    )


def tags_of(blob: Blob) -> tuple[str, ...]:
    """The name that a descriptor gives its image: containerd's, which is whole, before the specification's."""
    for key in ("io.containerd.image.name", "org.opencontainers.image.ref.name"):
        if name := blob.annotations.get(key, ""):
            return (name,)
    return ()


def platform_of(descriptor: Any) -> str:
    """A descriptor's `os/architecture[/variant]`, as written; "" where it says none."""
    platform = field_of(descriptor, "platform") if isinstance(descriptor, dict) else None
    if not isinstance(platform, dict):
        return ""
    return "/".join(p for p in (text_of(platform, k) for k in ("os", "architecture", "variant")) if p)


def digest_in(path: str) -> Digest | None:
    """The blob digest that a path under `blobs/sha256/` claims."""
    algorithm, _, rest = path.removeprefix("./").removeprefix("blobs/").partition("/")
    if path.removeprefix("./").startswith("blobs/") and is_digest(f"{algorithm}:{rest}"):
        return Digest(f"{algorithm}:{rest}")
    return None
