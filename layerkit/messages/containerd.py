"""What containerd says: `ctr images import` and `pull`, Docker's containerd store, nerdctl, kind, kubelet.

Sources (containerd): ``core/images/archive/importer.go``, ``client/image.go``, ``pkg/rootfs/apply.go``,
``core/unpack/unpacker.go``, ``core/transfer/local/import.go``; (moby)
``daemon/containerd/image_exporter.go``.
"""

from __future__ import annotations

from dataclasses import replace

from layerkit.messages.docker import FEWER, MORE
from layerkit.messages.sentence import Sentence

CTR = "ctr images import, nerdctl, kind load, the kubelet"
DOCKER = "docker load, containerd store"
BOTH = (DOCKER, CTR)
OCI_COUNTS = {
    "manifest": "layers of the manifest",
    "diff_ids": "diff IDs in the image config (rootfs.diff_ids)",
}

UNPACK_LOADED = Sentence(
    id="containerd.unpack-loaded",
    text="failed to unpack loaded image: ",
    said_by=(f"{DOCKER}, 25.0 to 27.1",),
    means="The image was recorded and then could not be unpacked; the broken record stays.",
    kind="wrapper",
)
UNPACKING = Sentence(
    id="containerd.error-unpacking",
    text="Error unpacking image {name:w}: ",
    said_by=(f"{DOCKER}, 27.2 and later",),
    means="The image {name} could not be unpacked. Docker still exits with 0, prints Loaded image, and "
    "keeps the broken record.",
    kind="wrapper",
)
APPLY_LAYER = Sentence(
    id="containerd.apply-layer",
    text="apply layer error for {name:q}: ",
    said_by=("containerd 2.0 and later, Docker 28 and later with the containerd store",),
    means="A layer of {name} could not be unpacked.",
    kind="wrapper",
)
EXTRACT_LAYER = Sentence(
    id="containerd.extract-layer",
    text="failed to extract layer {diff_id:w}: ",
    said_by=BOTH,
    means="The layer with the diff ID {diff_id} could not be unpacked.",
    kind="wrapper",
)
EXTRACT_LAYER_TRANSFER = Sentence(
    id="containerd.extract-layer-transfer",
    text="failed to extract layer ({media_type:w} {descriptor:h}) to {snapshotter:w} as {snapshot:q}: ",
    said_by=("ctr 2.x (transfer service)", "docker pull, containerd store, 28 and later"),
    means="The layer {descriptor} could not be unpacked.",
    kind="wrapper",
    fields={"snapshot": "the temporary name of the unpacked layer"},
)
MOUNT_CALLBACK = Sentence(
    id="containerd.mount-callback",
    text="mount callback failed on {path:w}: ",
    said_by=BOTH,
    means="The unpacking of a layer broke off.",
    kind="wrapper",
)
CONTENT_READER = Sentence(
    id="containerd.content-reader",
    text="failed to get reader from content store: ",
    said_by=BOTH,
    means="A blob could not be opened.",
    kind="wrapper",
)
RESOLVE_LAYERS = Sentence(
    id="containerd.resolve-layers",
    text="failed to resolve layers: ",
    said_by=BOTH,
    means="A layer of manifest.json could not be found in the archive.",
    kind="wrapper",
)
RESOLVE_ROOTFS = Sentence(
    id="containerd.resolve-rootfs",
    text="failed to resolve rootfs: ",
    said_by=("ctr 1.6, or ctr 2.x with --local",),
    means="The image config could not be read.",
    kind="wrapper",
    codes=("LK210",),
)
RESOLVE_PLATFORM = Sentence(
    id="containerd.resolve-platform",
    text="unable to resolve platform: ",
    said_by=BOTH,
    means="The image config could not be read for its platform.",
    kind="wrapper",
    codes=("LK210",),
)
UNMARSHAL_CONFIG = Sentence(
    id="containerd.unmarshal-config",
    text="unmarshal image config: ",
    said_by=("ctr 2.x (transfer service)", "docker pull, containerd store"),
    means="The image config is not JSON.",
    kind="wrapper",
    codes=("LK210",),
)
DESERIALIZE_CONFIG = Sentence(
    id="containerd.deserialize-config",
    text="could not deserialize image config: ",
    said_by=("docker with the containerd store, for every command that lists the image",),
    means="The config of a loaded image is not JSON; on 26.1 this breaks docker images for the whole daemon.",
    kind="wrapper",
    codes=("LK210",),
)
READ_CONFIG = Sentence(
    id="containerd.read-config",
    text="failed to read config content: ",
    said_by=("docker create, containerd store",),
    means="The config of a loaded image is not there: the load that reported success was not complete.",
    kind="wrapper",
    codes=("LK210",),
)
UNTAR_MANIFEST = Sentence(
    id="containerd.untar-manifest",
    text="untar manifest {member:q}: ",
    said_by=BOTH,
    means="{member} of the archive could not be read.",
    kind="wrapper",
    codes=("LK301",),
)
UNTAR_LAYOUT = Sentence(
    id="containerd.untar-layout",
    text="untar oci layout {member:q}: ",
    said_by=BOTH,
    means="The file oci-layout of the archive could not be read.",
    kind="wrapper",
    codes=("LK310",),
)
INGEST = Sentence(
    id="containerd.ingest",
    text="failed to ingest {member:q}: ",
    said_by=BOTH,
    means="The member {member} of the archive could not be stored.",
    kind="wrapper",
    codes=("LK303",),
)
MISMATCHED_ROOTFS = Sentence(
    id="containerd.mismatched-rootfs",
    text="mismatched image rootfs and manifest layers",
    said_by=(
        f"{DOCKER}, all versions (27.2 and later with exit status 0)",
        "ctr 1.6, or ctr 2.x with --local",
    ),
    means="The manifest lists another number of layers than the config promises diff IDs. Layers of an "
    "unknown media type are not counted (containerd 1.7.13 and later).",
    kind="count",
    codes=("LK101", "LK104", "LK406", "LK402"),
    causes=(*FEWER, "build-cache", "schema1-empty-layers"),
    next="Diagnose the archive: it shows both counts. Remove the image that was recorded anyway.",
)
LAYERS_DIFFIDS = Sentence(
    id="containerd.layers-and-diffids",
    text="number of layers and diffIDs don't match: {manifest:d} != {diff_ids:d}",
    said_by=("ctr 2.x (transfer service)", "docker pull, containerd store", "kubelet and nerdctl pulls"),
    means="The manifest lists {manifest} layers, the config promises {diff_ids} diff IDs.",
    kind="count",
    fields=OCI_COUNTS,
    codes=("LK104", "LK101", "LK406", "LK402"),
    causes=(*FEWER, "build-cache"),
    causes_more=("build-cache", *MORE),
    next="Diagnose the image: the layer table shows which positions only one of the two has. A tag such as "
    ":cache may hold build cache and no image.",
)
WRONG_DIFF_ID = Sentence(
    id="containerd.wrong-diff-id",
    text="wrong diff id calculated on extraction {computed:q}",
    said_by=(
        f"{DOCKER}, all versions",
        "ctr 1.6, or ctr 2.x with --local",
        "containerd pulls up to 2.1 (which print the promised digest instead)",
    ),
    means="The bytes of a layer hash to {computed}, and the config promises another diff ID at that "
    "position. Pulls up to containerd 2.1 print the promised digest here.",
    kind="content",
    codes=("LK202", "LK207", "LK209", "LK208"),
    causes=("corrupt-copy", "compressed-digests-as-diff-ids", "mixed-images", "truncated-copy"),
    next="Diagnose with --deep: it says to which position the digest belongs, if to any.",
)
WRONG_DIFF_ID_BOTH = Sentence(
    id="containerd.wrong-diff-id-both",
    text="wrong diff id {computed:q} calculated on extraction {expected:q}, desc {descriptor:q}",
    said_by=("ctr 2.2 and later (transfer service)", "docker pull 29, containerd store"),
    means="The bytes of the layer {descriptor} hash to {computed}, the config promises {expected}.",
    kind="content",
    fields={"expected": "the diff ID that the config promises at this position"},
    codes=("LK202", "LK207", "LK209", "LK409"),
    causes=("corrupt-copy", "compressed-digests-as-diff-ids", "mixed-images", "truncated-copy"),
    next="Diagnose with --deep: it says to which position the digest belongs, if to any.",
)
UNRECOGNIZED = Sentence(
    id="containerd.unrecognized-format",
    text="unrecognized image format",
    said_by=BOTH,
    means="The archive has neither oci-layout nor a usable manifest.json at its top level.",
    kind="format",
    codes=("LK301", "LK304", "LK310", "LK306", "LK305", "LK303"),
    causes=("rootfs-export", "manifest-only-store", "truncated-copy", "utf16-redirect"),
    next="Diagnose the file: it says what it is instead. A file of docker export needs docker import.",
)
FILTERED_OUT = Sentence(
    id="containerd.filtered-out",
    text="image might be filtered out",
    said_by=("ctr images import", f"{DOCKER}, for an archive without images or with --platform"),
    means="The archive has no image for the platform of the host (or none at all).",
    kind="platform",
    codes=("LK401", "LK308", "LK301"),
    causes=("missing-platform",),
    next="Look at os and architecture of the image; ctr takes --all-platforms or --platform.",
)
PLATFORM_NOT_FOUND = Sentence(
    id="containerd.platform-not-found",
    text="requested platform(s) ([{platform}]) not found: image might be filtered out",
    said_by=(f"{DOCKER}, 29, with --platform",),
    means="The archive has no image for {platform}.",
    kind="platform",
    codes=("LK401", "LK308"),
    causes=("missing-platform",),
    next="Export the image for {platform}, or load another platform.",
)
PLATFORM_NOT_FOUND_28 = replace(
    PLATFORM_NOT_FOUND,
    id="containerd.platform-not-found-28",
    text="requested platform ({platform}) not found: image might be filtered out",
    said_by=(f"{DOCKER}, 28, with --platform",),
)
PLATFORM_INCOMPLETE = Sentence(
    id="containerd.platform-incomplete",
    text="requested platform(s) ([{platform}]) found, but some content is missing: NotFound: content digest "
    "{digest:h}: not found",
    said_by=(f"{DOCKER}, 28 and later, with --platform",),
    means="The archive names an image for {platform} and does not hold all of it: the blob {digest} is missing.",
    kind="missing",
    codes=("LK211", "LK201", "LK308"),
    causes=("missing-platform", "incremental-filter", "manifest-only-store"),
    next="Diagnose the archive. A load with --platform refuses archives that leave layers out on purpose.",
)
PLATFORM_NOT_PROVIDED = Sentence(
    id="containerd.platform-not-provided",
    text="image {name:w} was loaded, but doesn't provide the requested platform ([{platform}])",
    said_by=(f"{DOCKER}, 28 and later, with --platform",),
    means="The image {name} was recorded, and what {platform} needs is not all there.",
    kind="platform",
    codes=("LK308", "LK401", "LK201"),
    causes=("missing-platform", "incremental-filter"),
    next="A load with --platform refuses archives that leave layers out on purpose: load without it, then "
    "run docker create.",
)
NO_MATCH = Sentence(
    id="containerd.no-platform-match",
    text="no match for platform in manifest {digest:h}: not found",
    said_by=("ctr 1.6, or ctr 2.x with --local",),
    means="The index {digest} has no image for the platform of the host.",
    kind="platform",
    codes=("LK401", "LK308"),
    causes=("missing-platform",),
    next="Diagnose the archive: it lists the platforms of the index and which of them are complete.",
)
NO_MATCH_BARE = replace(
    NO_MATCH,
    id="containerd.no-platform-match-bare",
    text="no match for platform in manifest: not found",
    said_by=("docker pull, containerd store",),
    means="The index has no image for the platform of the host.",
)
CONTENT_NOT_FOUND = Sentence(
    id="containerd.content-not-found",
    text="content digest {digest:h}: not found",
    said_by=("containerd and everything built on it: ctr, nerdctl, kind load, docker with the containerd store",),
    means="The blob {digest} is neither in the archive nor in the store. It may be a layer, a config, or "
    "the manifest of another platform; a damaged blob looks the same, because containerd files every "
    "member under its real digest.",
    kind="missing",
    codes=("LK201", "LK203", "LK308", "LK211", "LK210"),
    causes=("missing-platform", "incremental-filter", "manifest-only-store", "corrupt-copy", "wrong-base"),
    next="Diagnose the archive: it says what the digest is. For another platform's blobs export one "
    "platform only (docker save --platform, or ctr import without --all-platforms).",
)
CONTENT_NOT_FOUND_CREATE = replace(
    CONTENT_NOT_FOUND,
    id="containerd.content-not-found-spaced",
    text="content digest {digest:h} : not found",
    said_by=("docker create, containerd store, up to 27",),
)
CONFIG_ABSENT = Sentence(
    id="containerd.config-absent",
    text="image config {member:q} not found",
    said_by=BOTH,
    means="manifest.json names {member} as the config, and the archive does not hold it.",
    kind="missing",
    codes=("LK210", "LK303"),
    causes=("truncated-copy", "mixed-images"),
    next="Export the image again, complete.",
)
LAYER_ABSENT = Sentence(
    id="containerd.layer-absent",
    text="layer {member:q} not found",
    said_by=BOTH,
    means="manifest.json lists the layer {member}, and the archive does not hold it under exactly this "
    "name. containerd never takes a layer of a docker-archive from the host, ignores hard links, and does "
    "not clean ./ from paths.",
    kind="missing",
    codes=("LK201", "LK311", "LK305"),
    causes=("incremental-filter", "last-layer-only", "truncated-copy", "unsafe-names"),
    next="Export the archive complete, or in the universal form, whose layers may be left out.",
)
DANGLING_LINK = Sentence(
    id="containerd.dangling-link",
    text="no target for symlink layer from {link:q} to {target:q}",
    said_by=BOTH,
    means="The archive holds the link {link}, which leads to {target}, and that is not in the archive.",
    kind="missing",
    codes=("LK307", "LK201"),
    causes=("dedup-diff-ids", "incremental-filter", "truncated-copy"),
    next="Repair the archive: it replaces links by the files they stand for.",
)
NO_INDEX = Sentence(
    id="containerd.no-index",
    text="missing index.json in OCI layout {version:w}",
    said_by=BOTH,
    means="The archive has oci-layout and no index.json; a manifest.json beside it is not looked at.",
    kind="format",
    fields={"version": "version in the file oci-layout"},
    codes=("LK301", "LK303"),
    causes=("truncated-copy",),
    next="Export the image again, complete.",
)
OCI_VERSION = Sentence(
    id="containerd.oci-version",
    text="unsupported OCI version {version:w}",
    said_by=BOTH,
    means="The file oci-layout says version {version}; only 1.0.0 exists.",
    kind="format",
    fields={"version": "version in the file oci-layout"},
    codes=("LK310",),
    next="Repair the archive.",
)
MEDIA_TYPE_UNSET = Sentence(
    id="containerd.media-type-unset",
    text="target.MediaType must be set: invalid argument",
    said_by=BOTH,
    means="An entry of index.json has no mediaType.",
    kind="format",
    codes=("LK402", "LK301"),
    next="Repair the archive.",
)
TARGET_DIGEST = replace(
    MEDIA_TYPE_UNSET,
    id="containerd.target-digest",
    text="target.Digest {digest:q} invalid: {reason}: invalid argument",
    means="An entry of index.json has {digest} as its digest, which is none.",
    codes=("LK211", "LK301"),
)
TARGET_SIZE = replace(
    MEDIA_TYPE_UNSET,
    id="containerd.target-size",
    text="target.Size must be greater than zero: invalid argument",
    means="An entry of index.json has no size.",
    codes=("LK204", "LK301"),
)
MANIFEST_IS_INDEX = Sentence(
    id="containerd.manifest-is-index",
    text="media-type: expected manifest but found index ({media_type})",
    said_by=BOTH,
    means="A descriptor says {media_type}, and what it leads to has the fields of an index.",
    kind="format",
    codes=("LK211", "LK402"),
    next="Repair the archive.",
)
INDEX_IS_MANIFEST = replace(
    MANIFEST_IS_INDEX,
    id="containerd.index-is-manifest",
    text="media-type: expected index but found manifest ({media_type})",
    means="A descriptor says {media_type}, and what it leads to has the fields of a manifest.",
)
SCHEMA_1 = replace(
    MANIFEST_IS_INDEX,
    id="containerd.schema-1",
    text="media-type: schema 1 not supported",
    means="A manifest is of Docker's schema 1, which containerd does not read.",
    next="Export the image again with a newer tool.",
)
NEITHER = Sentence(
    id="containerd.neither-manifest-nor-index",
    text="error walking manifest for {name:w}: descriptor is neither a manifest or index",
    said_by=(DOCKER,),
    means="index.json names something of another media type as the image {name}.",
    kind="format",
    codes=("LK402", "LK301"),
    next="Diagnose the archive: it may hold an artifact and no image.",
)
UNEXPECTED_TYPE = replace(
    NEITHER,
    id="containerd.unexpected-media-type",
    text="unexpected media type {media_type:w} for {digest:h}: not found",
    said_by=("ctr 1.6, or ctr 2.x with --local",),
    means="index.json names something of the media type {media_type} as an image.",
)
DIGEST_VALIDATION = Sentence(
    id="containerd.digest-validation",
    text="{digest:q} failed validation: invalid argument",
    said_by=BOTH,
    means="A descriptor of the archive gives {digest} as a digest, which is none.",
    kind="format",
    codes=("LK211", "LK409"),
    next="Repair the archive.",
)
NO_PROCESSOR = Sentence(
    id="containerd.no-processor",
    text="failed to get stream processor for {media_type:w}: no processor for media-type: ",
    said_by=("ctr and Docker's containerd store, containerd up to 1.7",),
    means="A layer has the media type {media_type}, which containerd cannot unpack.",
    kind="compression",
    codes=("LK402", "LK404"),
    causes=("compression-unsupported",),
    next="Diagnose the image: what is called a layer may be an attestation or another artifact.",
)
NORMALIZE_REF = Sentence(
    id="containerd.normalize-ref",
    text="normalize image ref {reference:q}: ",
    said_by=BOTH,
    means="The archive names the image {reference}.",
    kind="wrapper",
    codes=("LK407",),
)
FAILED_COPY = Sentence(
    id="containerd.failed-copy",
    text="failed to copy: ",
    said_by=("containerd pulls",),
    means="A blob could not be fetched.",
    kind="wrapper",
)
SHORT_READ = Sentence(
    id="containerd.short-read",
    text="short read: expected {want:d} bytes but got {have:d}: unexpected EOF",
    said_by=("containerd 2.2 and later (also Docker 28 and later), pull and load",),
    means="{want} bytes were promised, {have} came: the archive is cut, or the descriptor gives a wrong size.",
    kind="content",
    codes=("LK204", "LK303"),
    causes=("truncated-copy",),
    next="Compare the size of the file with the one at its origin, then diagnose it.",
)
SHORT_READ_OLD = Sentence(
    id="containerd.short-read-old",
    text="failed to read expected number of bytes: unexpected EOF",
    said_by=("containerd up to 2.1, pull and load",),
    means="Fewer bytes came than were promised: the archive is cut, or the descriptor gives a wrong size.",
    kind="content",
    codes=("LK204", "LK303"),
    causes=("truncated-copy",),
    next="Compare the size of the file with the one at its origin, then diagnose it.",
)
IMAGE_NOT_FOUND = Sentence(
    id="containerd.no-such-image",
    text="image {name:q}: not found",
    said_by=("ctr, nerdctl",),
    means="No image of this name is in this namespace.",
    kind="tag",
    codes=("LK403", "LK407"),
    next="Namespaces do not share images: moby is Docker's, k8s.io the kubelet's, default that of ctr.",
)
IMAGE_NOT_PRESENT = Sentence(
    id="containerd.kubelet-never-pull",
    text="Container image {name:q} is not present with pull policy of Never",
    said_by=("the kubelet (ErrImageNeverPull)",),
    means="The node has no image {name} in the namespace k8s.io.",
    kind="tag",
    codes=("LK403", "LK407"),
    next="Load the archive with ctr -n k8s.io images import, and compare the name with ctr -n k8s.io images ls.",
)
KIND_LOAD = Sentence(
    id="containerd.kind-load",
    text="failed to load image: command {command:q} failed with error: exit status {status:d}",
    said_by=("kind load",),
    means="ctr inside the node refused the archive; its own words are in the lines below.",
    kind="wrapper",
    fields={"command": "the command inside the node", "status": "its exit status"},
    next="Read the line of ctr below it.",
)
SENTENCES = tuple(value for value in list(globals().values()) if isinstance(value, Sentence))
