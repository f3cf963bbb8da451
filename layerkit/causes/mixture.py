"""Two images, or two states of one, got into one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..alignment import Alignment
from ..digest import is_digest
from ..document import Document, field_of
from ..finding import Cause, Confidence
from ..image import Config
from .content import compressed_digests
from .counts import schema1_empty_layers
from .scene import Scene, brief, carried, counted, identities, layers, listed, opening, ranges, shown, written

_FIX = "Export the image again by its digest, or put the config and the layers of one image together."


def mixed_images(image: Alignment, scene: Scene) -> Cause | None:
    """Config and layers are those of different images, tags or platforms."""
    return (
        _two_halves(image)
        or _other_config(image, scene)
        or _no_overlap(image, scene)
        or _surplus(image, scene)
        or _other_platform(image)
    )


def _two_halves(image: Alignment) -> Cause | None:
    oci = image.oci
    if image.manifest.view != "docker" or oci is None or oci.config is None or not image.config.raw:
        return None
    if oci.config.digest == image.config.digest:
        return None
    return Cause(
        "mixed-images",
        "certain",
        f"The two halves of this archive describe different images: manifest.json names the config "
        f"{brief(image.config.digest)}, index.json leads to {brief(oci.config.digest)}. Docker's classic "
        "store loads the one, containerd and podman the other.",
        (
            f"manifest.json: {layers(len(image.manifest.layers))}, config {brief(image.config.digest)}",
            f"OCI manifest {brief(oci.name)}: {layers(len(oci.layers))}, config {brief(oci.config.digest)}",
        ),
        "Write both halves from one image.",
    )


def _other_config(image: Alignment, scene: Scene) -> Cause | None:
    """The layers are known, by content or name, to be those of another config in the same file."""
    own = frozenset(image.config.diff_ids)
    rows = listed(image)
    found = identities(image)
    if not rows or not own or all(identity in own for identity in found):
        return None
    told = [tuple(d for d in ((i,) if i else carried(row)) if d not in own) for row, i in zip(rows, found, strict=True)]
    strange = [digests for digests in told if digests]
    if len(strange) < max(1, (len(rows) - sum(identity in own for identity in found)) // 2):
        return None
    votes: Counter[str] = Counter()
    configs: dict[str, Config] = {}
    for digests in strange:
        owners = {id(o): o for d in digests for o in scene.owners.get(d, ()) if o is not image}
        for key, owner in owners.items():
            votes[f"image {scene.names[key]}"] += 1
            configs[f"image {scene.names[key]}"] = owner.config
    if not votes:
        for member, config in scene.spare_configs.items():
            promised = frozenset(config.diff_ids)
            name = f"the config {shown(member)}, which nothing names"
            if fitting := sum(any(d in promised for d in digests) for digests in strange):
                votes[name], configs[name] = fitting, config
    whose, count = votes.most_common(1)[0] if votes else ("", 0)
    if not count or count * 2 < len(strange):
        return None
    exact = image.deep and found == configs[whose].diff_ids
    return Cause(
        "mixed-images",
        "certain" if exact else "likely",
        f"{opening(image)} lists {layers(len(rows))} that belong to {whose}, beside a config "
        f"that promises {len(own)} others: config and layers come from different images.",
        (*counted(image), f"{count} of {len(rows)} listed layers are promised by {whose}"),
        _FIX,
    )


def _no_overlap(image: Alignment, scene: Scene) -> Cause | None:
    """The bytes were read, and from some layer on none is of this config."""
    rows, diff_ids = listed(image), image.config.diff_ids
    whole = image.deep and rows and diff_ids and all(r.measured and r.measured.diff_id for r in rows)
    if not whole or compressed_digests(image, scene) is not None:
        return None
    found, own = identities(image), frozenset(diff_ids)
    shared = 0
    for identity, diff_id in zip(found, diff_ids, strict=False):
        if identity != diff_id:
            break
        shared += 1
    if shared == len(diff_ids) or not all(map(is_digest, diff_ids)):
        return None
    above = found[shared:]
    if (len(above) < 2 and shared) or not above or own & set(above):
        return None
    sound = all(r.measured and r.blob and r.measured.digest == r.blob.digest for r in rows[shared:])
    confidence: Confidence = "likely" if sound or len(above) > 1 else "possible"
    if shared:
        message = (
            f"The lowest {layers(shared)} fit the config, none of the {len(above)} above does (positions "
            f"{ranges(range(shared, len(rows)))}): config and layers are of different builds or tags on one "
            "base."
        )
    else:
        message = (
            f"{opening(image)} lists {layers(len(rows))} and the config promises "
            f"{len(diff_ids)}; by content not one of them fits. Config and layers come from different images."
        )
    evidence = [*counted(image)]
    evidence.append(f"position {shared}: measured {brief(found[shared])}, promised {brief(diff_ids[shared])}")
    if sound:
        evidence.append("every layer is intact by its own digest, so this is no bad copy")
    return Cause("mixed-images", confidence, message, tuple(evidence), _FIX)


def _surplus(image: Alignment, scene: Scene) -> Cause | None:
    """More layers than the config knows, and nothing else that would tell why."""
    manifest, config = len(image.manifest.layers), len(image.config.diff_ids)
    if not 0 < config < manifest or scene.cut or schema1_empty_layers(image, scene) or build_cache(image, scene):
        return None
    based = identities(image)[:config] == image.config.diff_ids
    return Cause(
        "mixed-images",
        "likely" if based and image.deep else "possible",
        f"{opening(image)} lists {layers(manifest)}, the config promises {config}"
        + (
            f", which are the lowest {config}: the config is that of the base or of an earlier build."
            if based
            else ": the config may be that of another image, of the base or of an earlier build."
        ),
        counted(image),
        _FIX,
    )


def _other_platform(image: Alignment) -> Cause | None:
    said, is_ = image.image.entry.platform.split("/")[:2], image.config.platform.split("/")[:2]
    if len(said) < 2 or len(is_) < 2 or said == is_ or "unknown" in (*said, *is_):
        return None
    return Cause(
        "mixed-images",
        "likely",
        f"The index offers this image as {shown('/'.join(said))}, its config says {shown('/'.join(is_))}: "
        "the config or the index entry is another platform's.",
        (f"index.json: {shown(image.image.entry.platform)}; config: {shown(image.config.platform)}",),
        "Export the wanted platform again, naming it (`--platform`).",
    )


def faulty_oci_half(image: Alignment, scene: Scene) -> Cause | None:
    """One tool wrote both halves of the archive, and the OCI half wrong."""
    oci = image.oci
    if image.manifest.view != "docker" or oci is None or oci.fault or oci.config is None:
        return None
    if oci.config.digest != image.config.digest:
        return None
    classic = [str(blob.digest or "") for blob in image.manifest.layers]
    other = [str(blob.digest or "") for blob in oci.layers]
    if classic == other or not classic or (len(other) == len(classic) and sorted(other) != sorted(classic)):
        return None
    if not other:
        what = "lists no layer at all"
    elif len(other) == len(classic):
        what = "lists them in another order"
    else:
        what = f"lists {len(other)}"
    known = not other or len(other) == len(classic)
    return Cause(
        "faulty-oci-half",
        "likely" if known else "possible",
        f"manifest.json lists {layers(len(classic))}, the OCI manifest of the same image {what}. Docker 25.0 "
        "wrote such archives: its classic half is right, and whoever reads index.json first gets the wrong "
        "one."
        if known
        else f"manifest.json lists {layers(len(classic))}, the OCI manifest of the same image {what}: one "
        "half was edited, or written wrong, and loaders disagree on which half they read.",
        (
            *counted(image),
            (f"OCI manifest {brief(oci.name)}: {layers(len(oci.layers))}, same config {brief(oci.config.digest)}"),
            *written(scene),
        ),
        "Save again with Docker 25.0.1 or later, or drop index.json and oci-layout from the archive.",
    )


def build_cache(image: Alignment, scene: Scene) -> Cause | None:
    """A build cache was pulled or saved as if it were an image."""
    blob, doc = image.manifest.config, _object(image.config.raw)
    typed = blob is not None and "buildkit.cacheconfig" in blob.media_type
    chain = field_of(doc, "layers")
    shaped = isinstance(chain, list) and isinstance(field_of(doc, "records"), list) and not image.config.has_rootfs
    if not typed and not shaped:
        return None
    return Cause(
        "build-cache",
        "certain",
        f"This is BuildKit's build cache, not an image: its config is a cache description without rootfs, so "
        f"{layers(len(image.manifest.layers))} stand against {len(image.config.diff_ids)} diff IDs.",
        (
            f"config media type {shown(blob.media_type)}" if typed and blob else "the config lists cache records",
            *counted(image),
        ),
        "Use the tag of the image itself; a cache tag (`:cache`, `:buildcache`) is for `--cache-from` only.",
    )


def _object(raw: bytes) -> Mapping[str, object]:
    value = Document.parse(raw).value
    return value if isinstance(value, dict) else {}
