"""LK401, LK403, LK406 to LK409: platform, names, rootfs, depth, diff IDs."""

from __future__ import annotations

from collections.abc import Iterator

from ..alignment import Alignment
from ..digest import is_digest
from ..errors import UsageError
from ..finding import Finding, Rule
from ..reference import Reference
from .halves import configs, index_title, title
from .wording import EVIDENCE, REPAIR, again, count, listing, quote, spans

_MAX_LAYERS = 125
"""moby, layer/layer_store.go, `maxLayerDepth`."""
_SHOWN = 8
"""Names that get a finding of their own; the evidence holds the number of all."""

# What Go knows (internal/syslist), which is what runtimes compare with.
_SYSTEMS = frozenset(
    (
        "aix",
        "android",
        "darwin",
        "dragonfly",
        "freebsd",
        "illumos",
        "ios",
        "js",
        "linux",
        "netbsd",
        "openbsd",
        "plan9",
        "solaris",
        "wasip1",
        "wasi",
        "windows",
    )
)
_MACHINES = frozenset(
    (
        "386",
        "amd64",
        "arm",
        "arm64",
        "loong64",
        "mips",
        "mips64",
        "mips64le",
        "mipsle",
        "ppc64",
        "ppc64le",
        "riscv64",
        "s390x",
        "wasm",
        "wasm32",
    )
)


def _platform(image: Alignment) -> Iterator[Finding]:
    """The config, or the index, does not say for which platform the image is, or names one that does not exist.

    containerd then filters the image out ("image might be filtered out"), Docker refuses an unknown system ("cannot
    load ... image on linux"). An image for a system other than Linux is sound and only loads there. Build it again
    with a platform, or let layerkit write one into the config, which changes the image ID.
    """
    config = image.config
    system, machine = config.os, config.architecture
    fix = f"Run {REPAIR}, which gives the image a new ID, or build it again with `--platform linux/amd64`."
    evidence = {"os": system, "architecture": machine, "offered": image.image.entry.platform}
    if not system or not machine:
        lacks = listing([name for name, value in (("os", system), ("architecture", machine)) if not value])
        yield LK401.finding(
            f"The config names no {lacks}: containerd filters the image out of an import.",
            evidence=evidence,
            fix=fix,
        )
    elif system not in _SYSTEMS or machine not in _MACHINES:
        wrong_system = system not in _SYSTEMS
        yield LK401.finding(
            f"The config gives the platform {quote(config.platform)}, which is none that runtimes know.",
            evidence=evidence,
            fix=fix,
            severity="error" if wrong_system else "warning",
        )
    elif system != "linux":
        yield LK401.finding(
            f"The image is for {quote(config.platform)}: a Linux host does not run it and Docker there refuses it.",
            evidence=evidence,
            fix="Load it on a host of that system.",
            severity="info",
        )
    offered = image.image.entry.platform
    if not offered or not system or not machine or offered.split("/")[:2] == [system, machine]:
        return
    known = offered.split("/")[0] in _SYSTEMS
    lost = "" if known else ": containerd filters it out of an import"
    yield LK401.finding(
        f"{_offerer(image)} offers the image for {quote(offered)}, its config is for {quote(config.platform)}{lost}.",
        evidence=evidence,
        fix=f"Run {REPAIR}, or export the image again: {again(image)}.",
        severity="warning" if known else "error",
    )


def _offerer(image: Alignment) -> str:
    name = index_title(image)
    return name if name.endswith(".json") else name.capitalize()


def _tagged(image: Alignment) -> Iterator[Finding]:
    """The archive gives the image no name, as `docker save IMAGE_ID` writes it.

    Docker and podman load it and it can be used by its ID only; `ctr images import` exits 0 and keeps no image record
    unless it is given `--digests`. An OCI layout without a name is usual and not reported: whoever copies it names it.
    """
    if image.manifest.view == "docker" and not image.image.entry.tags and not _oci_name(image):
        yield LK403.finding(
            "manifest.json gives no tag for this image.",
            evidence={"config_digest": image.config.digest if image.config.raw else None},
            fix="Save it by its name, `docker save -o FIXED.tar NAME:TAG`, or once loaded `docker tag ID NAME:TAG`.",
        )


def _oci_name(image: Alignment) -> str:
    oci = image.image.entry.oci
    annotations = oci.annotations if oci is not None else {}
    keys = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    return next((annotations[key] for key in keys if annotations.get(key)), "")


def _rootfs(image: Alignment) -> Iterator[Finding]:
    """The config has no `rootfs`, or its type is not `layers`.

    Without a rootfs no layer can be checked: Docker says "invalid image JSON, no RootFS key", podman "rootFS is not
    set". A type other than `layers` is ignored by Docker and podman, but containerd 2 leaves the image unpacked and
    umoci refuses it. Export the image again with a tool that writes a complete config.
    """
    for manifest, config in configs(image):
        if config.fault:
            continue
        if not config.has_rootfs:
            yield LK406.finding(
                f"The config that {title(manifest)} names has no rootfs, so it promises no layer.",
                evidence={"manifest": manifest.name, "config_digest": config.digest},
                fix=f"Run {REPAIR}, which gives the image a new ID, or export the image again: {again(image)}.",
            )
        elif config.rootfs_type != "layers":
            said = quote(config.rootfs_type, 60) if config.rootfs_type is not None else "absent"
            yield LK406.finding(
                f'The rootfs type in the config is {said}, expected "layers".',
                evidence={"type": config.rootfs_type},
                fix=f"Run {REPAIR}, which gives the image a new ID.",
                severity="warning",
            )


def _names(image: Alignment) -> Iterator[Finding]:
    """The name that the archive gives the image is one that runtimes refuse or cannot find again.

    In manifest.json a name needs a tag, lower case and no digest, else Docker and podman stop. In an OCI archive
    skopeo and buildah write what they were told, often the tag alone: Docker's containerd store keeps that as it is and
    cannot find it again, though it prints "Loaded image". Name the image in full when exporting.
    """
    if image.manifest.view == "docker":
        refused = [(tag, why) for tag in image.image.entry.tags if (why := _refusal(tag))]
        for tag, why in refused[:_SHOWN]:
            yield LK407.finding(
                f"manifest.json gives the image the name {quote(tag)}: {why}.",
                evidence={"name": tag[:EVIDENCE], "refused": len(refused)},
                fix=f"Save it under a full name, `docker save -o FIXED.tar NAME:TAG`, or run {REPAIR}.",
            )
    if image.image.entry.oci is None:
        return
    name = _oci_name(image) or (image.image.entry.tags[:1] or ("",))[0] * (image.manifest.view != "docker")
    if not name:
        return
    try:
        full = str(Reference.parse(name).tagged())
    except UsageError as error:
        yield LK407.finding(
            f"index.json gives the image the name {quote(name)}: {error}.",
            evidence={"name": name[:EVIDENCE]},
            fix="Export it under a full name, `skopeo copy SOURCE oci-archive:FIXED.tar:NAME:TAG`.",
            severity="info" if _bare(name) else "warning",
        )
        return
    if full != name:
        yield LK407.finding(
            f"index.json gives the image the name {quote(name)} only: Docker's containerd store looks for "
            f"{quote(full)} and does not find it.",
            evidence={"name": name[:EVIDENCE], "full": full},
            fix="Export it under its full name, `skopeo copy SOURCE oci-archive:FIXED.tar:NAME:TAG`, or name it after "
            "loading with `ctr -n moby images tag`.",
            severity="info",
        )


def _bare(name: str) -> bool:
    """Whether this is a tag alone, as skopeo and buildah write it; a tag may hold upper-case letters."""
    return "/" not in name and ":" not in name


def _refusal(tag: str) -> str:
    try:
        reference = Reference.parse(tag)
    except UsageError as error:
        return str(error)
    if reference.digest:
        return "a digest cannot be a tag"
    return "" if reference.tag else "it has no tag"


def _depth(image: Alignment) -> Iterator[Finding]:
    """The image has more than 125 layers.

    Docker's classic store stops at that depth with "max depth exceeded"; containerd and podman load it. Merge layers,
    for instance with a multi-stage build that copies the result into one layer.
    """
    layers = max(image.counts["manifest_layers"], image.counts["diff_ids"])
    if layers > _MAX_LAYERS:
        yield LK408.finding(
            f"The image has {layers} layers, Docker's classic store takes {_MAX_LAYERS} at most.",
            evidence={"layers": layers, "limit": _MAX_LAYERS},
            fix="Merge layers: build it again `FROM scratch` with one `COPY --from=IMAGE / /`.",
        )


def _diff_id_form(image: Alignment) -> Iterator[Finding]:
    """A diff ID in the config is not a sha256 digest, `sha256:` and 64 hexadecimal digits in lower case.

    Docker and containerd compute sha256 and find it different; podman and skopeo refuse the text, some old versions
    crash on it. The exporter wrote the config wrong; layerkit can compute the diff IDs from the bytes.
    """
    for _, config in configs(image):
        wrong = [i for i, d in enumerate(config.diff_ids) if not (d.startswith("sha256:") and is_digest(d))]
        if wrong:
            rows = {row.config_index: row.position for row in image.layers}
            first = config.diff_ids[wrong[0]]
            yield LK409.finding(
                f"{count(len(wrong), 'diff ID')} of the config ({spans(wrong)}) "
                f"{'is' if len(wrong) == 1 else 'are'} no sha256 digest: {quote(first, 80)}.",
                positions=[rows[i] for i in wrong if i in rows] if config is image.config else (),
                evidence={
                    "indices": wrong[:EVIDENCE],
                    "diff_ids": [config.diff_ids[i][:EVIDENCE] for i in wrong[:EVIDENCE]],
                },
                fix=f"Run {REPAIR}, which gives the image a new ID, or export the image again: {again(image)}.",
            )


_CONFIG = frozenset({"LK210"})
_ARCHIVE = frozenset({"LK304"})

LK401 = Rule("LK401", "the platform is one that exists", _platform, requires=_CONFIG)
LK403 = Rule("LK403", "the image has a name", _tagged, severity="info", requires=_ARCHIVE)
LK406 = Rule("LK406", "the config has a rootfs of layers", _rootfs, requires=_CONFIG)
LK407 = Rule("LK407", "the name is one that runtimes accept and find again", _names, requires=_ARCHIVE)
LK408 = Rule("LK408", "there are no more than 125 layers", _depth, requires=_CONFIG)
LK409 = Rule("LK409", "diff IDs are sha256 digests", _diff_id_form, requires=_CONFIG)
