"""What crane says, and everything else built on go-containerregistry (ko, kaniko, syft, Bazel's rules_oci).

Sources: ``pkg/v1/tarball/image.go``, ``pkg/v1/validate/image.go``, ``pkg/v1/layout``,
``pkg/v1/mutate/rebase.go``.
"""

from __future__ import annotations

from dataclasses import replace

from layerkit.messages.docker import FEWER, MORE
from layerkit.messages.sentence import Sentence

TARBALL = ("crane push and validate, go-containerregistry's tarball package",)
VALIDATE = ("crane validate",)
LAYOUT = ("crane push of a directory (OCI layout)",)
COUNTS = {
    "manifest": "layers listed in manifest.json (Layers)",
    "diff_ids": "diff IDs in the image config (rootfs.diff_ids)",
}
DEEP = "Diagnose with --deep: it says whether the bytes belong to another position, are cut short, or match nothing."

NOT_RUNNABLE = "; the config may not describe a runnable image"
NOT_RUNNABLE_CACHE = f"{NOT_RUNNABLE} (for example, a buildkit cacheconfig)"
"""How some of the sentences below go on."""

LOADING_TARBALL = Sentence(
    id="crane.loading-tarball",
    text="loading {archive} as tarball: ",
    said_by=("crane push",),
    means="The archive could not be opened.",
    kind="wrapper",
)
LOADING_LAYOUT = Sentence(
    id="crane.loading-layout",
    text="loading {archive} as OCI layout: ",
    said_by=("crane push",),
    means="The directory could not be opened.",
    kind="wrapper",
)
READING_IMAGE = Sentence(
    id="crane.reading-image",
    text="failed to read image {archive}: ",
    said_by=VALIDATE,
    means="The archive could not be opened.",
    kind="wrapper",
)
VALIDATING_LAYERS = Sentence(
    id="crane.validating-layers",
    text="validating layers: ",
    said_by=VALIDATE,
    means="About the layers.",
    kind="wrapper",
)
VALIDATING_CONFIG = Sentence(
    id="crane.validating-config",
    text="validating config: ",
    said_by=VALIDATE,
    means="About the config.",
    kind="wrapper",
)
VALIDATING_MANIFEST = Sentence(
    id="crane.validating-manifest",
    text="validating manifest: ",
    said_by=VALIDATE,
    means="About the manifest.",
    kind="wrapper",
)
CONFIG_HAS_MORE = Sentence(
    id="crane.config-has-more",
    text="config has {diff_ids:d} rootfs.diff_id(s) but tarball manifest only references {manifest:d} layer(s)",
    said_by=("crane push and validate, 0.21.8 and later, for archives with uncompressed layers",),
    means="The config promises {diff_ids} diff IDs, manifest.json lists only {manifest} layers.",
    kind="count",
    fields=COUNTS,
    codes=("LK101",),
    causes=(*FEWER, "build-cache"),
    causes_more=MORE,
    next="Diagnose the archive: the layer table shows which positions manifest.json does not list.",
)
MANIFEST_HAS_MORE = Sentence(
    id="crane.manifest-has-more",
    text="tarball manifest references {manifest:d} layer(s) but config has {diff_ids:d} rootfs.diff_ids",
    said_by=("crane push and validate, 0.21.7 and later, for archives with compressed layers",),
    means="manifest.json lists {manifest} layers, the config promises {diff_ids} diff IDs.",
    kind="count",
    fields=COUNTS,
    codes=("LK101",),
    causes=FEWER,
    causes_more=("build-cache", *MORE),
    next="Diagnose the archive: the layer table shows which layers the config does not know.",
)
MISMATCHED_LAYERS = Sentence(
    id="crane.mismatched-layers",
    text="mismatched fs layers ({manifest:d}) and diff ids ({diff_ids:d})",
    said_by=VALIDATE,
    means="The image has {manifest} layers, the config promises {diff_ids} diff IDs.",
    kind="count",
    fields={"manifest": "layers of the manifest", "diff_ids": COUNTS["diff_ids"]},
    codes=("LK104", "LK101"),
    causes=(*FEWER, "build-cache"),
    causes_more=("build-cache", *MORE),
    next="Diagnose the image: the layer table shows which positions only one of the two has.",
)
REBASE_HISTORY = Sentence(
    id="crane.rebase-history",
    text="malformed image: config history references at least {history:d} non-empty layer(s), but only {manifest:d}",
    said_by=("crane rebase",),
    means="The config's history claims {history} layers or more, the image has {manifest}.",
    kind="history",
    fields={"history": "history entries without empty_layer", "manifest": "layers of the image"},
    codes=("LK102",),
    causes=("schema1-empty-layers", "stale-after-squash"),
    next="Diagnose the image: the history table shows which entries have no layer.",
)
LAYER_DIGEST = Sentence(
    id="crane.layer-digest",
    text="mismatched layer[{layer:d}] digest: Digest()={expected:h}, SHA256(Compressed())={computed:h}",
    said_by=VALIDATE,
    means="The bytes of layer {layer} (counted from 0) hash to {computed}, its name promises {expected}.",
    kind="content",
    codes=("LK203", "LK205"),
    causes=("corrupt-copy", "truncated-copy"),
    next=DEEP,
)
LAYER_MANIFEST_DIGEST = Sentence(
    id="crane.layer-manifest-digest",
    text="mismatched layer[{layer:d}] digest: Manifest.Layers[{layer:d}].Digest={expected:h}, "
    "SHA256(Compressed())={computed:h}",
    said_by=VALIDATE,
    means="The bytes of layer {layer} (counted from 0) hash to {computed}, the manifest promises {expected}.",
    kind="content",
    codes=("LK203", "LK205"),
    causes=("corrupt-copy", "truncated-copy"),
    next=DEEP,
)
LAYER_DIFF_ID = Sentence(
    id="crane.layer-diff-id",
    text="mismatched layer[{layer:d}] diffid: DiffID()={expected:h}, SHA256(Gunzip(Compressed()))={computed:h}",
    said_by=VALIDATE,
    means="Layer {layer} (counted from 0) unpacks to {computed}, and {expected} was promised for it.",
    kind="content",
    codes=("LK202", "LK207", "LK209"),
    causes=("corrupt-copy", "compressed-digests-as-diff-ids", "mixed-images"),
    next=DEEP,
)
LAYER_DIFF_ID_PLAIN = Sentence(
    id="crane.layer-diff-id-plain",
    text="mismatched layer[{layer:d}] diffid: DiffID()={expected:h}, SHA256(Uncompressed())={computed:h}",
    said_by=VALIDATE,
    means="Layer {layer} (counted from 0) holds {computed}, and {expected} was promised for it.",
    kind="content",
    codes=("LK202", "LK207", "LK209"),
    causes=("corrupt-copy", "compressed-digests-as-diff-ids", "mixed-images"),
    next=DEEP,
)
LAYER_CONFIG_DIFF_ID = Sentence(
    id="crane.layer-config-diff-id",
    text="mismatched layer[{layer:d}] diffid: ConfigFile.RootFS.DiffIDs[{layer:d}]={expected:h}, "
    "SHA256(Gunzip(Compressed()))={computed:h}",
    said_by=VALIDATE,
    means="Layer {layer} (counted from 0) unpacks to {computed}, the config promises {expected}.",
    kind="content",
    fields={"expected": "the diff ID that the config promises at this position"},
    codes=("LK202", "LK207", "LK209"),
    causes=("corrupt-copy", "compressed-digests-as-diff-ids", "mixed-images"),
    next=DEEP,
)
LAYER_UNDERSIZED = Sentence(
    id="crane.layer-undersized",
    text="undersized layer[{layer:d}] content: Manifest.Layers[{layer:d}].Size={want:d}",
    said_by=VALIDATE,
    means="Layer {layer} (counted from 0) ends before the {want} bytes that were announced, or is "
    "compressed with something else than gzip.",
    kind="content",
    codes=("LK205", "LK204", "LK404"),
    causes=("truncated-copy", "compression-unsupported"),
    next="Diagnose the archive: truncation and compression are told apart there.",
)
LAYER_SIZE = Sentence(
    id="crane.layer-size",
    text="mismatched layer[{layer:d}] size: Manifest.Layers[{layer:d}].Size={want:d}, len(Compressed())={have:d}",
    said_by=VALIDATE,
    means="Layer {layer} (counted from 0) has {have} bytes, the manifest promises {want}.",
    kind="content",
    codes=("LK204",),
    causes=("truncated-copy",),
    next="Diagnose the archive: it shows the promised and the real sizes.",
)
ROOTFS_TYPE = Sentence(
    id="crane.rootfs-type",
    text='invalid ConfigFile.RootFS.Type: {found:q} != "layers"',
    said_by=VALIDATE,
    means="The config says its rootfs is of type {found}; only layers exists.",
    kind="format",
    fields={"found": "rootfs.type of the config"},
    codes=("LK406",),
    causes=("build-cache",),
    next="Diagnose the image: the file named as config may not be an image config.",
)
UNKNOWN_DIFF_ID = Sentence(
    id="crane.unknown-diff-id",
    text="unknown diffID {diff_id:h}",
    said_by=TARBALL,
    means="A layer unpacks to {diff_id}, which the config does not promise.",
    kind="content",
    fields={"diff_id": "digest of the unpacked layer"},
    codes=("LK202",),
    causes=("compressed-digests-as-diff-ids", "mixed-images"),
    next=DEEP,
)
UNKNOWN_BLOB = Sentence(
    id="crane.unknown-blob",
    text="unknown blob {digest:h}",
    said_by=("crane and others built on go-containerregistry",),
    means="The image has no layer {digest}.",
    kind="missing",
    codes=("LK201", "LK203"),
    causes=("mixed-images", "compressed-digests-as-diff-ids"),
    next=DEEP,
)
NOT_IN_TAR = Sentence(
    id="crane.not-in-tar",
    text="file {member} not found in tar",
    said_by=TARBALL,
    means="The archive does not hold {member}, which manifest.json names (or which is manifest.json itself).",
    kind="missing",
    codes=("LK201", "LK301", "LK210", "LK305", "LK307"),
    causes=("incremental-filter", "last-layer-only", "truncated-copy", "rootfs-export"),
    next="Diagnose the archive: it names what is missing, or what the file is instead.",
)
NO_MANIFEST = Sentence(
    id="crane.no-manifest",
    text="no valid manifest.json in tarball",
    said_by=TARBALL,
    means="manifest.json names no image: it holds the word null.",
    kind="format",
    codes=("LK301",),
    next="Export the image again.",
)
SINGLE_IMAGE = Sentence(
    id="crane.single-image",
    text="tarball must contain only a single image to be used with tarball.Image",
    said_by=TARBALL,
    means="manifest.json names several images, or none.",
    kind="tag",
    codes=("LK301", "LK403"),
    next="Name the image, or export it alone.",
)
PARSE_HASH = Sentence(
    id="crane.parse-hash",
    text="cannot parse hash: {digest:q}",
    said_by=TARBALL,
    means="{digest} should be a digest and is none.",
    kind="format",
    codes=("LK409",),
    next="Look at rootfs.diff_ids of the config: every entry is sha256: and 64 hex digits.",
)
UNSUPPORTED_HASH = Sentence(
    id="crane.unsupported-hash",
    text="unsupported hash: {algorithm:q}",
    said_by=TARBALL,
    means="A digest is of the kind {algorithm}, only sha256 is known.",
    kind="format",
    fields={"algorithm": "the kind of digest"},
    codes=("LK409",),
    next="Export the image again with sha256 digests.",
)
HASH_HEX = replace(
    PARSE_HASH,
    id="ggcr.hash-no-hex",
    text="found non-hex character in hash: {character}",
    means="A digest or diff ID holds {character}, which is no hexadecimal digit in lower case.",
    fields={"character": "the first character that is none"},
)
HASH_LENGTH = replace(
    PARSE_HASH,
    id="ggcr.hash-length",
    text="wrong number of hex digits for {algorithm:w}: {digits}",
    means="The digest or diff ID {digits} is too short or too long for {algorithm}.",
    fields={"algorithm": "the algorithm in front of the colon", "digits": "what follows it"},
)
LINK_CYCLE = Sentence(
    id="ggcr.link-cycle",
    text="link cycle detected for {member}",
    said_by=TARBALL,
    means="The links that {member} leads through form a circle.",
    kind="missing",
    codes=("LK307",),
    next="Repair the archive: it replaces links by the files they stand for.",
)
UPLOADING = Sentence(
    id="ggcr.uploading",
    text="Patch {url:q}: net/http: HTTP/1.x transport connection broken: ",
    said_by=("crane push",),
    means="The upload of a blob broke off.",
    kind="wrapper",
    fields={"url": "where it was sent"},
)
PUTTING = replace(
    UPLOADING,
    id="ggcr.putting",
    text="PUT {url:w}: ",
    means="The registry did not take a manifest.",
)
GETTING = replace(
    UPLOADING,
    id="ggcr.getting",
    text="GET {url:w}: ",
    said_by=("crane pull and validate --remote",),
    means="Something could not be fetched from the registry.",
    fields={"url": "what was asked for"},
)
LAYOUT_ENTRIES = Sentence(
    id="crane.layout-entries",
    text="layout contains {images:d} entries, consider --index",
    said_by=LAYOUT,
    means="index.json has {images} entries, and exactly one is wanted.",
    kind="tag",
    fields={"images": "number of entries in index.json"},
    codes=("LK403", "LK301"),
    next="Export one image, or push with --index.",
)
LAYOUT_NON_IMAGE = Sentence(
    id="crane.layout-non-image",
    text="layout contains non-image (mediaType: {media_type:q}), consider --index",
    said_by=LAYOUT,
    means="The entry of index.json has the media type {media_type}, which is no image.",
    kind="format",
    codes=("LK402",),
    next="Push with --index, or repair the layout.",
)
CHECKSUM = Sentence(
    id="crane.checksum",
    text="error verifying sha256 checksum after reading {have:d} bytes; got {got:q}, want {expected:q}",
    said_by=("crane pull",),
    means="The blob that came from the registry hashes to {got}, {expected} was promised.",
    kind="content",
    codes=("LK203", "LK206"),
    causes=("corrupt-copy", "truncated-copy"),
    next="Fetch again; if it stays, the registry's storage is damaged.",
)
CONTENT_LENGTH = Sentence(
    id="crane.content-length",
    text="Content-Length header {have:d} does not match expected size {want:d}",
    said_by=("crane pull, crane validate --remote",),
    means="The registry has {have} bytes, the manifest promises {want}.",
    kind="content",
    codes=("LK204", "LK203"),
    causes=("truncated-copy", "corrupt-copy"),
    next="Fetch again; if it stays, the registry's storage is damaged or the manifest gives a wrong size.",
)
BODY_LENGTH = Sentence(
    id="crane.body-length",
    text="http: ContentLength={want:d} with Body length {have:d}",
    said_by=("crane push",),
    means="A blob has {have} bytes, its descriptor promises {want}.",
    kind="content",
    codes=("LK204", "LK203"),
    causes=("truncated-copy", "corrupt-copy"),
    next="Diagnose the layout: it shows the promised and the real sizes.",
)
NO_CHILD = Sentence(
    id="crane.no-child",
    text="no child with platform {platform:w} in index {reference:w}",
    said_by=("crane pull",),
    means="The index {reference} has no image for {platform}.",
    kind="platform",
    codes=("LK401", "LK308"),
    causes=("missing-platform",),
    next="List the platforms of the index and choose one of them.",
)
SENTENCES = tuple(value for value in list(globals().values()) if isinstance(value, Sentence))
