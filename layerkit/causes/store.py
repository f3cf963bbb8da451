"""Saved from a store that held less than its index or manifests name."""

from __future__ import annotations

from collections.abc import Iterable

from ..alignment import Alignment
from ..finding import Cause
from ..image import Blob
from .scene import Scene, brief, layers, shown, written


def missing_platform(scene: Scene) -> Cause | None:
    """The index was kept whole, the blobs of one platform only."""
    archive = scene.frames.archive
    if archive is None or scene.cut:
        return None
    offers = [offer for offer in archive.offers if not offer.attestation]
    absent = [offer for offer in offers if not offer.present]
    there = [offer for offer in offers if offer.present]
    if not absent or not there:
        return None
    names = sorted({offer.platform or "an unnamed platform" for offer in absent})
    kept = sorted({offer.platform or "an unnamed platform" for offer in there})
    return Cause(
        "missing-platform",
        "certain",
        f"index.json offers {len(offers)} platforms or variants, and {len(absent)} of them "
        f"({shown(', '.join(names))}) {'has' if len(absent) == 1 else 'have'} no bytes here: the store that "
        f"it was saved from held {shown(', '.join(kept))} only.",
        tuple(f"{shown(o.platform or 'no platform')}: manifest {brief(o.blob.digest)} is absent" for o in absent[:4]),
        "Save one platform (`docker save --platform`, Docker 28 or later), or fetch all of them before saving.",
    )


def store_without_content(image: Alignment, scene: Scene) -> Cause | None:
    """Saved from a containerd store that held the manifest and nothing else of this image."""
    oci = image.oci
    if oci is None or not oci.raw or oci.config is None or not oci.layers or scene.cut:
        return None
    source = image.image.source
    if any(source.has(blob) for blob in oci.layers):
        return None
    if source.has(oci.config):
        same = scene.complete.get(image.config.digest)
        if same is None:
            return None
        return Cause(
            "variant-not-fetched",
            "likely",
            f"Two manifests share one config, and of this one none of {layers(len(oci.layers))} is here: it "
            f"is the same image in another compression ({_kinds(oci.layers)}), which the store never "
            "fetched.",
            ((f"config {brief(image.config.digest)} is also that of {brief(same.manifest.name)}, which is complete"),),
            "Take the complete variant, or fetch both before saving.",
        )
    other = next(iter(scene.complete.values()), None)
    if other is not None:
        return Cause(
            "missing-platform",
            "certain",
            f"The manifest for {shown(image.image.entry.platform or 'this platform')} is here, its config "
            f"and its {layers(len(oci.layers))} are not: the store that it was saved from held "
            f"{shown(other.config.platform or 'another platform')} only.",
            (f"manifest {brief(oci.name)} names {len(oci.layers) + 1} blobs, none of them stored",),
            "Save one platform (`docker save --platform`, Docker 28 or later), or fetch all of them before saving.",
        )
    listed = image.manifest.view == "docker"
    return Cause(
        "manifest-only-store",
        "certain" if listed else "likely",
        f"Only the OCI manifest of this image was saved: its config and all {layers(len(oci.layers))} are "
        "absent"
        + (", while manifest.json lists them. " if listed else ". ")
        + "Docker's containerd store does this, without an error, when any of an image's blobs was never "
        "fetched there.",
        (
            f"manifest {brief(oci.name)} names {len(oci.layers) + 1} blobs, none of them stored",
            *written(scene),
        ),
        "Pull the image again on the machine that saved it (`docker pull` after `docker rmi`), then save again.",
    )


def _kinds(blobs: Iterable[Blob]) -> str:
    return shown(", ".join(sorted({blob.media_type.rpartition("+")[2] for blob in blobs})))
