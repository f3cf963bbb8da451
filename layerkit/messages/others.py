"""What regctl, umoci, dive and stereoscope (syft, grype) say, and the grammar of image names that all share.

Sources: (regclient) ``image.go``; (umoci) ``oci/layer/unpack.go``, ``oci/cas``; (dive) ``dive/image/docker``;
(stereoscope) ``pkg/image/docker``; (distribution/reference) ``regexp.go``.
"""

from __future__ import annotations

from dataclasses import replace

from layerkit.messages.sentence import Sentence

REGCTL = ("regctl image import",)
UMOCI = ("umoci unpack",)
DIVE = ("dive",)
SYFT = ("syft, grype (stereoscope)",)
NAMES = ("docker, containerd, podman",)

REGCTL_LAYERS = Sentence(
    id="regctl.import-layers",
    text="failed to import layers from docker tar: ",
    said_by=REGCTL,
    means="The layers of manifest.json could not be read.",
    kind="wrapper",
)
REGCTL_NOT_FOUND = Sentence(
    id="regctl.files-not-found",
    text="unable to read all files from tar: not found",
    said_by=REGCTL,
    means="The archive does not hold all files that it names, or has neither index.json nor manifest.json.",
    kind="missing",
    codes=("LK201", "LK301", "LK210", "LK211", "LK307"),
    causes=("incremental-filter", "missing-platform", "truncated-copy", "rootfs-export"),
    next="Diagnose the archive: it names what is missing.",
)
REGCTL_TAG = Sentence(
    id="regctl.tag-not-found",
    text="could not find requested tag in index.json, {tag:w}",
    said_by=REGCTL,
    means="index.json has no entry named {tag}.",
    kind="tag",
    fields={"tag": "the tag that was asked for"},
    codes=("LK403", "LK407", "LK301"),
    next="Diagnose the archive: it lists the names.",
)
REGCTL_MANIFEST = Sentence(
    id="regctl.manifest-digest",
    text="manifest digest mismatch, expected {expected:h}, computed {computed:h}",
    said_by=REGCTL,
    means="A manifest hashes to {computed}, {expected} was promised.",
    kind="content",
    codes=("LK203", "LK211"),
    causes=("corrupt-copy",),
    next="Export or fetch the image again.",
)
REGCTL_DIGEST = Sentence(
    id="regctl.digest",
    text="unexpected digest, expected {expected:h}, computed {computed:h}",
    said_by=REGCTL,
    means="A blob hashes to {computed}, {expected} was promised.",
    kind="content",
    codes=("LK203", "LK206"),
    causes=("corrupt-copy", "truncated-copy"),
    next="Diagnose the archive: it says which layer or config this is.",
)
REGCTL_LENGTH = Sentence(
    id="regctl.length",
    text="unexpected blob length, expected {want:d}, received {have:d}",
    said_by=REGCTL,
    means="A blob has {have} bytes, its descriptor promises {want}.",
    kind="content",
    codes=("LK204",),
    causes=("truncated-copy",),
    next="Diagnose the archive: it shows the promised and the real sizes.",
)
UMOCI_DIFF_ID = Sentence(
    id="umoci.diff-id",
    text="layer {descriptor:h}: diffid mismatch: got {got:h} expected {expected:h}",
    said_by=UMOCI,
    means="The layer {descriptor} unpacks to {got}, the config promises {expected}.",
    kind="content",
    codes=("LK202", "LK207"),
    causes=("compressed-digests-as-diff-ids", "mixed-images", "corrupt-copy"),
    next="Diagnose with --deep: it says to which position the digest belongs, if to any.",
)
UMOCI_DIGEST = Sentence(
    id="umoci.digest",
    text="expected {expected:h} not {got:h}: verified reader digest mismatch",
    said_by=UMOCI,
    means="A blob hashes to {got}, {expected} was promised.",
    kind="content",
    codes=("LK203", "LK206", "LK211"),
    causes=("corrupt-copy", "truncated-copy"),
    next="Diagnose the layout: it says which blob this is.",
)
UMOCI_SIZE = Sentence(
    id="umoci.size",
    text="expected {want:d} bytes (only {have:d} bytes in stream): verified reader size mismatch",
    said_by=UMOCI,
    means="A blob has {have} bytes, its descriptor promises {want}.",
    kind="content",
    codes=("LK204",),
    causes=("truncated-copy",),
    next="Diagnose the layout: it shows the promised and the real sizes.",
)
UMOCI_ROOTFS = Sentence(
    id="umoci.rootfs-type",
    text="unsupported rootfs.type: ",
    said_by=UMOCI,
    means="The config's rootfs is not of type layers, or absent.",
    kind="format",
    codes=("LK406",),
    causes=("build-cache",),
    next="Diagnose the layout: the file named as config may not be an image config.",
)
UMOCI_TAG_AMBIGUOUS = Sentence(
    id="umoci.tag-ambiguous",
    text="tag is ambiguous: {tag:w}",
    said_by=UMOCI,
    means="{tag} names an index with several manifests (an attestation is one), and umoci wants exactly one.",
    kind="tag",
    fields={"tag": "the tag that was asked for"},
    codes=("LK403", "LK407"),
    causes=("missing-platform",),
    next="Export one platform without attestations.",
)
UMOCI_TAG = Sentence(
    id="umoci.tag-not-found",
    text="tag is not found: {tag:w}",
    said_by=UMOCI,
    means="index.json has no entry named {tag}.",
    kind="tag",
    fields={"tag": "the tag that was asked for"},
    codes=("LK403", "LK407", "LK301"),
    next="Diagnose the layout: it lists the names.",
)
UMOCI_LAYOUT_VERSION = Sentence(
    id="umoci.layout-version",
    text="layout version is not supported: invalid image detected",
    said_by=UMOCI,
    means="The file oci-layout gives another version than 1.0.0.",
    kind="format",
    codes=("LK310",),
    next="Repair the layout.",
)
UMOCI_INVALID = Sentence(
    id="umoci.invalid-image",
    text="open CAS: validate: {check}: invalid image detected",
    said_by=UMOCI,
    means="The directory is no OCI layout: the step {check} failed (index.json or oci-layout is missing or wrong).",
    kind="format",
    fields={"check": "the step that failed"},
    codes=("LK301", "LK310"),
    next="Diagnose the layout.",
)
UMOCI_MEDIA_TYPE = Sentence(
    id="umoci.media-type",
    text="blob is not correct mediatype: {media_type:w}",
    said_by=("umoci unpack, up to 0.4",),
    means="A layer has the media type {media_type}, which this umoci does not know.",
    kind="compression",
    codes=("LK404", "LK402"),
    causes=("compression-unsupported",),
    next="Export the image with gzip layers.",
)
UMOCI_LAYER_TYPE = Sentence(
    id="umoci.layer-type",
    text="layer data is an unsupported mediatype",
    said_by=UMOCI,
    means="A layer has a media type umoci does not know.",
    kind="compression",
    codes=("LK402", "LK404"),
    causes=("compression-unsupported",),
    next="Diagnose the layout: the layer table shows the media types.",
)
UMOCI_ALGORITHM = Sentence(
    id="umoci.algorithm",
    text="unsupported algorithm: {algorithm:q}",
    said_by=UMOCI,
    means="A digest is of the kind {algorithm}, only sha256 is known.",
    kind="format",
    fields={"algorithm": "the kind of digest"},
    codes=("LK409",),
    next="Export the image again with sha256 digests.",
)
DIVE_MANIFEST = Sentence(
    id="dive.no-manifest",
    text="could not find image manifest",
    said_by=DIVE,
    means="The archive has no manifest.json.",
    kind="format",
    codes=("LK301", "LK304"),
    causes=("rootfs-export",),
    next="Diagnose the file: it says what it is instead.",
)
DIVE_CONFIG = Sentence(
    id="dive.no-config",
    text="could not find image config",
    said_by=DIVE,
    means="The archive does not hold the config that manifest.json names.",
    kind="missing",
    codes=("LK210",),
    causes=("truncated-copy",),
    next="Export the image again, complete.",
)
DIVE_LAYER = Sentence(
    id="dive.no-layer",
    text="could not find '{member}' in parsed layers",
    said_by=DIVE,
    means="manifest.json lists {member}, and dive did not find it: absent, or under a name or compression "
    "dive does not know.",
    kind="missing",
    codes=("LK201", "LK404", "LK311"),
    causes=("incremental-filter", "last-layer-only", "compression-unsupported"),
    next="Diagnose the archive: it says whether the layer is there.",
)
SYFT_SEVERAL = Sentence(
    id="syft.several-manifests",
    text="cannot process multiple docker manifests",
    said_by=SYFT,
    means="manifest.json names several images.",
    kind="tag",
    codes=("LK403",),
    next="Export the image alone.",
)
SYFT_TARBALL = Sentence(
    id="syft.tarball",
    text="unable to provide image from tarball: ",
    said_by=SYFT,
    means="The archive could not be read.",
    kind="wrapper",
)
REFERENCE_CASE = Sentence(
    id="reference.lowercase",
    text="invalid reference format: repository name ({name}) must be lowercase",
    said_by=(*NAMES, "Docker 23 and later, containerd 2.x"),
    means="The image name {name} has upper-case letters; no runtime takes them. On Docker's classic store "
    "the layers are loaded by then, and the image stays without a name.",
    kind="tag",
    codes=("LK407",),
    next="Give the image a name in lower case in RepoTags.",
)
REFERENCE_CASE_OLD = replace(
    REFERENCE_CASE,
    id="reference.lowercase-old",
    text="invalid reference format: repository name must be lowercase",
    said_by=("docker up to 22, containerd 1.6, podman",),
    means="An image name has upper-case letters; no runtime takes them.",
)
REFERENCE_UPPER = replace(
    REFERENCE_CASE_OLD,
    id="reference.lowercase-bare",
    text="repository name must be lowercase",
    said_by=("podman, skopeo",),
)
REFERENCE_EMPTY = replace(
    REFERENCE_CASE_OLD,
    id="reference.empty",
    text="repository name must have at least one component",
    said_by=NAMES,
    means="An image name is empty.",
    next="Look for an empty variable in the name.",
)
REFERENCE_LONG = replace(
    REFERENCE_EMPTY,
    id="reference.long",
    text="repository name must not be more than {limit:d} characters",
    means="An image name is longer than {limit} characters.",
    fields={"limit": "characters at most"},
    next="Give the image a shorter name in RepoTags.",
)
REFERENCE_HEX = replace(
    REFERENCE_EMPTY,
    id="reference.hexadecimal",
    text="invalid repository name ({name}), cannot specify 64-byte hexadecimal strings",
    means="An image name looks like an image ID.",
    next="Give the image a name in RepoTags.",
)
REFERENCE_FORMAT = Sentence(
    id="reference.invalid",
    text="invalid reference format",
    said_by=NAMES,
    means="An image name breaks the grammar host/name:tag.",
    kind="tag",
    codes=("LK407",),
    next="Look for blanks, upper-case letters, or an empty variable in the name.",
)
SENTENCES = tuple(value for value in list(globals().values()) if isinstance(value, Sentence))
