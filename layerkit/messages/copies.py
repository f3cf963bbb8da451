"""The rarer sentences of containers/image, c/storage and libimage: names, indexes, links, layers that do not unpack.

Sources (containers/image): ``copy/{copy,blob}.go``, ``manifest/``, ``oci/layout``, ``docker/internal/tarfile``;
(containers/common) ``libimage/{pull,normalize}.go``; (containers/storage) ``pkg/archive``, ``pkg/chrootarchive``.
"""

from __future__ import annotations

from dataclasses import replace

from layerkit.messages import containers_image as say
from layerkit.messages.sentence import Sentence

_ALL, _OLD, _NEW = say.ALL, say.OLD, say.NEW
_DIAGNOSE = "Diagnose the archive: it says what is wrong and where."

TEMPORARY_COPY = Sentence(
    id="podman.copying-contents",
    text="copying contents to temporary file {path:q}: ",
    said_by=_ALL,
    means="The archive is compressed as a whole and could not be decompressed to its end.",
    kind="wrapper",
    codes=("LK303", "LK205"),
)
SIZE_UNKNOWN = replace(
    TEMPORARY_COPY,
    id="podman.size-decompression",
    text="auto-decompressing {member} to determine its size: initializing decompression: ",
    means="The layer {member} looks compressed and is too short to be.",
    codes=("LK205",),
)
CONFIG_INFO = replace(
    TEMPORARY_COPY,
    id="podman.config-info",
    text="getting config info: ",
    said_by=("podman load",),
    means="The manifest names no config that could be read.",
    codes=("LK210",),
)
PARSING_INDEX = replace(
    CONFIG_INFO,
    id="podman.parsing-index",
    text="parsing OCI1 index: ",
    means="The index is not JSON.",
    codes=("LK211",),
)
CHOOSING_INSTANCE = replace(
    CONFIG_INFO,
    id="podman.choosing-instance",
    text="choosing image instance: ",
    means="No image of the index fits this machine.",
    codes=("LK401", "LK308"),
)
FETCHING_TARGET = replace(
    CONFIG_INFO,
    id="podman.fetching-target",
    text="fetching target platform image selected from image index: ",
    means="The image for this machine was chosen from the index, and its manifest could not be read.",
    codes=("LK211", "LK308"),
)
PARSING_LIST = replace(
    PARSING_INDEX,
    id="podman.parsing-list",
    text="parsing primary manifest as list for {reference}: ",
    said_by=_ALL,
)
DIGEST_REFERENCE = replace(
    TEMPORARY_COPY,
    id="podman.digest-reference",
    text="unexpected digest reference {digest:w}: ",
    means="A descriptor gives {digest} as a digest, which is none.",
    codes=("LK211", "LK409"),
)
NORMALIZING = replace(
    TEMPORARY_COPY,
    id="podman.normalizing-name",
    text="normalizing name {name:q}: ",
    said_by=("podman load",),
    means="The name {name} cannot be used for an image.",
    codes=("LK407",),
)
ADDING_LAYER = replace(
    TEMPORARY_COPY,
    id="podman.adding-layer",
    text='adding layer with blob {digest:q}/""/{computed:q}: unpacking failed (error: exit status 1; output: ',
    said_by=_NEW,
    means="The layer {digest} arrived as promised and could not be unpacked: it is no tar, or one that is cut.",
    codes=("LK205", "LK202"),
)
ADDING_LAYER_OLD = replace(
    ADDING_LAYER,
    id="podman.adding-layer-old",
    text="adding layer with blob {digest:q}: ApplyLayer stdout:  stderr: ",
    said_by=_OLD,
)
NOT_REGULAR = Sentence(
    id="podman.component-not-a-file",
    text="Error reading tar archive component {member}: not a regular file",
    said_by=_ALL,
    means="{member} is a link to another link, a folder, or a device; only one link is followed.",
    kind="missing",
    codes=("LK307", "LK311"),
    next="Repair the archive: it replaces links by the files they stand for.",
)
UNKNOWN_DIGEST = Sentence(
    id="podman.unknown-digest",
    text="Can not check for a blob with unknown digest",
    said_by=_ALL,
    means="A layer has an empty text as its digest or diff ID.",
    kind="content",
    codes=("LK409",),
    next=_DIAGNOSE,
)
DIGEST_SPECIFICATION = replace(
    UNKNOWN_DIGEST,
    id="podman.digest-specification",
    text="preparing to verify blob {digest:w}: Invalid digest specification {digest:w}",
    means="{digest}, by which a layer or config is named, is no digest.",
)
BLOB_RENAMED = replace(
    say.INTERNAL_ERROR,
    id="podman.blob-renamed",
    text="Internal error writing blob {digest:w}, blob with digest {digest:w} saved with digest {got:h}",
)
SELECTED_DIGEST = replace(
    say.MANIFEST_DIGEST,
    id="podman.selected-digest",
    text="Image manifest does not match selected manifest digest {digest:h}",
    said_by=("podman load",),
)
LIST_RECEIVED = Sentence(
    id="podman.list-in-list",
    text="Unexpectedly received a manifest list instead of a manifest for a single image",
    said_by=_ALL,
    means="An index leads to another index; images that lie so deep are not found.",
    kind="format",
    codes=("LK211",),
    next="Export the image again, one index above its manifests.",
)
ARTIFACT = Sentence(
    id="podman.artifact",
    text="unsupported image-specific operation on artifact with type {media_type:q}",
    said_by=_ALL,
    means="The config has the media type {media_type}: this is an artifact (a chart, a signature, a cache), no image.",
    kind="format",
    codes=("LK304", "LK402"),
    causes=("build-cache",),
    next="Look whether another tag or entry of the index is the image.",
)
NO_PLATFORM = replace(
    say.NO_PLATFORM,
    id="podman.no-platform-list",
    text="no image found in manifest list for architecture {arch:q}, variant {variant:q}, OS {os:q}",
)
NO_PLATFORM_OLD = replace(
    say.NO_PLATFORM_OLD,
    id="podman.no-platform-list-old",
    text="no image found in manifest list for architecture {arch:w}, variant {variant:q}, OS {os:s}",
)
SCHEMA_VERSION = Sentence(
    id="podman.schema-version",
    text="unsupported schema version {version:d}",
    said_by=_ALL,
    means="A manifest has no media type that the library knows and says schema version {version}.",
    kind="format",
    fields={"version": "schemaVersion of the manifest"},
    codes=("LK402", "LK211"),
    next=_DIAGNOSE,
)
AMBIGUOUS = Sentence(
    id="podman.ambiguous-manifest",
    text="rejecting ambiguous manifest, unexpected fields []string{names} in supposedly {media_type:w}",
    said_by=_ALL,
    means="A manifest has fields of another kind of manifest ({names}), and could be read in two ways.",
    kind="format",
    fields={"names": "fields that do not belong there"},
    codes=("LK211", "LK402"),
    next=_DIAGNOSE,
)
V2S2_TYPE = Sentence(
    id="podman.v2s2-media-type",
    text="unsupported docker v2s2 media type: {media_type:q}",
    said_by=_ALL,
    means="A Docker manifest lists something of the media type {media_type}, which is no layer of Docker.",
    kind="format",
    codes=("LK402",),
    next=_DIAGNOSE,
)
OUTSIDE = Sentence(
    id="podman.member-outside",
    text="{member:q} is outside of {directory:q}",
    said_by=_ALL,
    means="The member {member} leads out of the folder that the archive is unpacked to.",
    kind="format",
    codes=("LK305",),
    causes=("unsafe-names",),
    next="Repair the archive. Archives of unknown origin with such names are not to be trusted.",
)
HARD_LINK_OUTSIDE = replace(
    OUTSIDE,
    id="podman.hard-link-outside",
    text="invalid hardlink {link:q} -> {target:q}",
    means="A hard link of the archive leads to {target}, out of the folder that it is unpacked to.",
    fields={"link": "where the link would lead"},
    codes=("LK307", "LK305"),
)
SENTENCES = tuple(value for value in list(globals().values()) if isinstance(value, Sentence))
