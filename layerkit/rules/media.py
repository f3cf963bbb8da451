"""LK402, LK404, LK405: how layers are packed, and what they are said to be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..alignment import Alignment
from ..compression import Compression, detect
from ..finding import Finding, Rule
from ..sources import Archive
from .halves import Listed, distinct, listed_layers
from .wording import EVIDENCE, REPAIR, again, count, quote, spans

# OCI image-spec, layer.md and media-types.md; moby and containerd, images/mediatypes.go, `IsLayerType`.
_LAYER_TYPE = re.compile(
    r"application/vnd\.(?:oci\.image\.layer\.(?:v1|nondistributable\.v1)\.tar(?:\+(?P<oci>gzip|zstd))?"
    r"|docker\.image\.rootfs(?:\.foreign)?\.diff\.tar(?:\.(?P<docker>gzip|zstd))?)(?P<encrypted>\+encrypted)?"
)
_FOREIGN = (".nondistributable.", ".foreign.")


def _media_types(image: Alignment) -> Iterator[Finding]:
    """A media type does not say what the bytes are.

    containerd trusts the plain OCI layer type and fails on compressed bytes under it; a layer of a type that it does
    not know it leaves out of the count, and a manifest without a type it refuses. Most other mistakes are smoothed
    over by looking at the first bytes, but umoci and crane refuse them. Export the image again, or repair it.
    """
    oci = image.oci
    if oci is None:
        return
    entry = image.image.entry.oci
    if entry is not None and not entry.media_type and isinstance(image.image.source, Archive):
        yield LK402.finding(
            "index.json gives no media type for the manifest: containerd refuses the archive.",
            evidence={"digest": entry.digest},
            fix=f"Run {REPAIR}, or export the image again: {again(image)}.",
        )
    unknown = [i for i, blob in enumerate(oci.layers) if not _LAYER_TYPE.fullmatch(blob.media_type)]
    if unknown:
        kind = oci.layers[unknown[0]].media_type
        what = f"the media type {quote(kind)}, which is no layer's" if kind else "no media type"
        yield LK402.finding(
            f"The OCI manifest gives {count(len(unknown), 'layer')} ({spans(unknown)}) {what}.",
            positions=unknown if image.manifest is oci else (),
            evidence={"indices": unknown[:EVIDENCE], "media_type": kind[:EVIDENCE]},
            fix=f"Run {REPAIR}, or export the image again: {again(image)}.",
        )
    groups: dict[tuple[str, Compression], list[Listed]] = {}
    for layer in listed_layers(image):
        match = _LAYER_TYPE.fullmatch(layer.blob.media_type)
        if layer.manifest is not oci or match is None or match["encrypted"] or not layer.stored:
            continue
        head = image.image.source.head(layer.blob)
        if head and detect(head) != (match["oci"] or match["docker"] or ""):
            groups.setdefault((layer.blob.media_type, detect(head)), []).append(layer)
    for (kind, real), layers in groups.items():
        # containerd, images/diffid.go and diff/stream.go: the plain OCI type is taken at its word.
        trusted = kind.startswith("application/vnd.oci.") and kind.endswith(".tar")
        yield LK402.finding(
            f"{count(len(layers), 'layer')} ({spans(one.index for one in layers)}) "
            f"{'is' if len(layers) == 1 else 'are'} {real or 'not compressed'}, the OCI manifest says {quote(kind)}.",
            positions=[position for one in layers for position in one.positions],
            evidence={"media_type": kind, "compression": real, "layers": len(layers)},
            fix=f"Run {REPAIR}, or export the image again: {again(image)}.",
            severity="error" if trusted else "warning",
        )


def _compressions(image: Alignment) -> Iterator[Finding]:
    """Layers are compressed in a way that not every runtime can read.

    zstd needs Docker 23, containerd 1.5 or podman 4; xz and bzip2 are read by Docker's classic store and podman, but
    containerd takes them for plain tars and fails. The same holds for the archive as a whole. gzip is fine everywhere.
    Pack the layers with gzip or not at all: the diff IDs and the image ID stay the same.
    """
    source = image.image.source
    groups: dict[Compression, list[Listed]] = {}
    for layer in distinct(listed_layers(image)):
        kind = detect(source.head(layer.blob))
        if kind in ("zstd", "xz", "bzip2"):
            groups.setdefault(kind, []).append(layer)
    for kind, layers in groups.items():
        if kind != "zstd":
            who = "containerd and Docker's containerd store cannot unpack that"
        elif image.manifest.view == "docker":
            who = "Docker before 23 cannot unpack that"
        else:
            who = "Docker before 23, which may pull it from a registry, cannot unpack that"
        yield LK404.finding(
            f"{count(len(layers), 'layer')} ({spans(one.index for one in layers)}) "
            f"{'is' if len(layers) == 1 else 'are'} packed with {kind}: {who}.",
            positions=[position for one in layers for position in one.positions],
            evidence={"compression": kind, "layers": len(layers)},
            fix=f"Run {REPAIR}, which packs them anew, or export the image again: {again(image)}.",
            severity="error" if kind != "zstd" else "warning" if image.manifest.view == "docker" else "info",
        )
    outer = source.backing.outer if isinstance(source, Archive) else ""
    if outer in ("zstd", "xz", "bzip2"):
        unpack = {"zstd": "zstd -d FILE", "xz": "xz -d FILE", "bzip2": "bzip2 -d FILE"}[outer]
        yield LK404.finding(
            f"The archive as a whole is packed with {outer}, which not every runtime unpacks.",
            evidence={"outer": outer},
            fix=f"Unpack it first: `{unpack}`.",
            severity="warning",
        )


def _foreign(image: Alignment) -> Iterator[Finding]:
    """A layer is of a foreign, non-distributable kind, as Windows base images have them.

    Registries are not given its bytes on a push, and `docker save` from the containerd store drops them from the tar
    while manifest.json still lists them, so the image loads only where the layer can be fetched from its own address.
    Keep the file as it is, or publish the layer under an ordinary type if its licence allows that.
    """
    layers = image.oci.layers if image.oci is not None else ()
    foreign = [i for i, blob in enumerate(layers) if any(mark in blob.media_type for mark in _FOREIGN)]
    if foreign:
        yield LK405.finding(
            f"{count(len(foreign), 'layer')} ({spans(foreign)}) {'is' if len(foreign) == 1 else 'are'} declared "
            "non-distributable: registries and `docker save` leave the bytes out.",
            positions=foreign if image.manifest is image.oci else (),
            evidence={
                "digests": [layers[i].digest for i in foreign[:EVIDENCE]],
                "urls": [url[:EVIDENCE] for i in foreign[:EVIDENCE] for url in layers[i].urls[:2]],
            },
            fix="Keep the bytes with the image, `skopeo copy --all docker://IMAGE oci-archive:FIXED.tar`.",
        )


_MANIFEST = frozenset({"LK211"})

LK402 = Rule("LK402", "media types say what the bytes are", _media_types, requires=_MANIFEST)
LK404 = Rule("LK404", "every runtime can unpack the layers", _compressions, requires=_MANIFEST)
LK405 = Rule("LK405", "no layer is foreign", _foreign, severity="warning", requires=_MANIFEST)
