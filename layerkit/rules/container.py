"""LK301, LK304, LK306, LK308, LK310: what the file is, and the documents that say what is in it."""

from __future__ import annotations

from collections.abc import Iterator

from ..document import text_of
from ..finding import Finding, Rule
from ..frames import Frames
from ..sources import Archive
from ..text import printable
from .wording import EVIDENCE, REPAIR, again, count, listing, quote, short

_IMAGE_CONFIGS = frozenset(
    {
        "",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
        "application/octet-stream",  # Docker 1.9 and older registries wrote it
    }
)
_CACHE = "application/vnd.buildkit.cacheconfig"  # moby/buildkit, cache/remotecache/v1/spec.go


def _documents(frames: Frames) -> Iterator[Finding]:
    """manifest.json or index.json, which say what images the file holds, is absent, empty or not what it should be.

    Without it no runtime finds an image. Some say so, others load nothing and exit 0: Docker does for an empty
    manifest.json. Export the image again; a file that was edited by hand must stay one JSON value of the right shape.
    """
    archive = frames.archive
    if archive is None:
        return
    documents = archive.documents
    if "docker" in archive.views and (document := documents.get("manifest.json")) is not None:
        if archive.items_fault:
            yield _document("manifest.json", archive.items_fault, len(document.raw))
        elif document.trailing:
            yield LK301.finding(
                "manifest.json has text after its JSON value, which podman and skopeo refuse and others ignore.",
                evidence={"document": "manifest.json", "fault": "trailing"},
                fix=f"Run {REPAIR}.",
            )
    if "oci" not in archive.views:
        return
    if (index := documents.get("index.json")) is not None:
        fault = archive.offers_fault or ("" if archive.offers else "no manifest")
        if fault:
            yield _document("index.json", fault, len(index.raw))
    elif "oci-layout" in documents:
        also = ", though manifest.json is there" if "manifest.json" in documents else ""
        yield LK301.finding(
            f"index.json is absent{also}: containerd and Docker's containerd store expect it beside oci-layout.",
            evidence={"document": "index.json", "fault": "absent"},
            fix=f"Run {REPAIR}, or export the image again: {again()}.",
        )


def _document(name: str, fault: str, size: int) -> Finding:
    if fault == "no manifest":
        message = f"{name} names no manifest"
    elif fault.startswith(("null", "empty", "an empty", "not ", "larger ", "nested ")):
        message = f"{name} is {printable(fault, 160)}"
    else:
        message = f"{name} is wrong: {printable(fault, 160)}"
    return LK301.finding(
        f"{message}; no image can be read from it.",
        evidence={"document": name, "fault": fault, "bytes": size},
        fix=f"Export the image again: {again()}.",
    )


def _is_archive(frames: Frames) -> Iterator[Finding]:
    """The file is something else than a container image.

    Often it is the file system of a container (`docker export` instead of `docker save`), a tar that PowerShell's `>`
    turned into text, a build cache, a web page saved in place of a download, or an archive packed one folder too deep.
    No runtime loads it as an image; what to do depends on what it is.
    """
    archive = frames.archive
    if archive is not None and archive.format == "unknown":
        yield from _something_else(archive)
    others = [a for a in frames.alignments if a.oci is not None and _kind(a.oci.config) not in _IMAGE_CONFIGS]
    for alignment in others[:EVIDENCE]:
        assert alignment.oci is not None
        kind = _kind(alignment.oci.config)
        cache = kind.startswith(_CACHE)
        what = "a build cache (`--cache-to`)" if cache else f"an artifact of type {quote(kind)}"
        yield LK304.finding(
            f"The manifest {short(alignment.oci.name)} is no container image but {what}.",
            evidence={"likeness": "build-cache" if cache else "artifact", "config_media_type": kind},
            fix="Name the image itself, not its cache: build with `--output type=docker,dest=FIXED.tar`."
            if cache
            else "Name a container image; an artifact is fetched with its own tool.",
            # Beside real images an artifact, a signature for instance, does no harm.
            severity="error" if len(others) == len(frames.alignments) else "info",
        )


def _kind(config: object) -> str:
    return str(getattr(config, "media_type", ""))


def _something_else(archive: Archive) -> Iterator[Finding]:
    backing, likeness = archive.backing, archive.likeness
    if backing.outer and backing.fault and not backing.first:
        return  # nothing could be decompressed: that is LK303's to tell
    if "index.json" in archive.documents or "oci-layout" in archive.documents:
        words, kind = "an OCI layout, which has no manifest.json", "oci-layout"
        fix = "Name it as `oci-archive:FILE`, or give the path alone."
    elif "manifest.json" in archive.documents:
        words, kind = "a docker-archive, which has no index.json", "docker-archive"
        fix = "Name it as `docker-archive:FILE`, or give the path alone."
    elif archive.uri.startswith("oci:") and not archive.members.all:
        words, kind = "a folder without index.json and blobs", "folder"
        fix = "Name the folder that holds index.json."
    elif likeness is not None:
        if backing.end in ("cut", "damaged") and likeness.id in ("headless", "tar"):
            return  # it may have been an image archive: what is lost is LK303's to tell
        words, kind = likeness.words, likeness.id
        fix = f"{likeness.fix[:1].upper()}{likeness.fix[1:]}." if likeness.fix else f"Export an image: {again()}."
    else:
        return
    said = "This tar has no image in it" if kind == "tar" else f"This is no image archive but {printable(words)}"
    yield LK304.finding(f"{said}.", evidence={"likeness": kind}, fix=printable(fix))


def _legacy(frames: Frames) -> Iterator[Finding]:
    """This is an archive of the v1 format, which `docker save` wrote alone before Docker 1.10.

    It has a folder per layer and no manifest.json. Docker up to 28 still loads it; Docker 29, containerd, podman,
    skopeo and crane do not. Load it with an older Docker and save it again.
    """
    archive = frames.archive
    if archive is not None and archive.format == "legacy":
        repositories = "repositories" in archive.documents
        yield LK306.finding(
            f"This is a legacy v1 archive with {count(len(archive.v1_layers), 'layer')} and no manifest.json"
            f"{'' if repositories else ' and no repositories file'}: Docker 28 is the last to load it"
            f"{'' if repositories else ' if that file is added'}.",
            evidence={"v1_layers": len(archive.v1_layers), "repositories": repositories},
            fix=f"Load it with Docker 28 or older and save it again: {again()}.",
        )


def _platforms(frames: Frames) -> Iterator[Finding]:
    """index.json offers the image for more platforms than the file holds.

    Docker's containerd store writes this when only some platforms were pulled, and the platforms that are there load.
    crane and regctl refuse the file as a whole, and loading it for another platform gives an image without content.
    Pull the other platforms before saving, or save one with `docker save --platform`.
    """
    archive = frames.archive
    offers = [o for o in archive.offers if not o.attestation] if archive is not None else []
    absent = [o for o in offers if not o.present]
    if absent and len(absent) < len(offers):
        names = list(dict.fromkeys(o.platform or short(o.blob.digest) for o in absent))
        yield LK308.finding(
            f"index.json offers {count(len(offers), 'manifest')}, of which {len(absent)} "
            f"{'is' if len(absent) == 1 else 'are'} not there: {listing([printable(n, 60) for n in names])}.",
            evidence={
                "offered": len(offers),
                "absent": len(absent),
                "platforms": names[:EVIDENCE],
                "digests": [o.blob.digest for o in absent[:EVIDENCE]],
            },
            fix="Nothing to do for the platforms that are there; for the others pull them and save again with "
            "`docker save --platform`.",
        )


def _layout(frames: Frames) -> Iterator[Finding]:
    """The file oci-layout, which marks an OCI layout and its version, is absent or wrong.

    containerd and Docker's containerd store tell an OCI archive by it and otherwise report "unrecognized image format"
    or "unsupported OCI version"; podman, skopeo and crane never read it. It must be {"imageLayoutVersion": "1.0.0"}.
    """
    archive = frames.archive
    if archive is None or "oci" not in archive.views:
        return
    document = archive.documents.get("oci-layout")
    value = document.value if document is not None else None
    version = text_of(value, "imageLayoutVersion") if isinstance(value, dict) else ""
    fix = f"Run {REPAIR}, which writes it anew."
    if document is not None and document.fault:
        yield LK310.finding(
            f"oci-layout cannot be read: {printable(document.fault, 160)}.",
            evidence={"fault": "json"},
            fix=fix,
        )
    elif version and version != "1.0.0":
        yield LK310.finding(
            f"oci-layout gives the version {quote(version, 40)}, expected 1.0.0.",
            evidence={"version": version[:EVIDENCE]},
            fix=fix,
        )
    elif not version and "index.json" in archive.documents:
        what = "oci-layout names no version" if document is not None else "oci-layout is absent"
        if archive.format == "universal":
            yield LK310.finding(
                f"{what}: containerd takes this file for a docker-archive and reads manifest.json only.",
                evidence={"fault": "absent"},
                fix=fix,
                severity="info",
            )
        else:
            yield LK310.finding(
                f"{what}: containerd and Docker do not recognise the OCI layout without it.",
                evidence={"fault": "absent"},
                fix=fix,
                severity="error" if archive.format == "oci-archive" else "warning",
            )


LK301 = Rule(
    "LK301",
    "manifest.json and index.json are there and can be read",
    _documents,
    "file",
    requires=frozenset({"LK304", "LK306"}),
)
LK304 = Rule("LK304", "this is an image archive", _is_archive, "file")
LK306 = Rule("LK306", "the archive is not of the v1 format", _legacy, "file", requires=frozenset({"LK303"}))
LK308 = Rule(
    "LK308",
    "every platform on offer is there",
    _platforms,
    "file",
    severity="info",
    requires=frozenset({"LK301"}),
)
LK310 = Rule("LK310", "oci-layout is there and right", _layout, "file", requires=frozenset({"LK304"}))
