"""The causes in plain words, for a text without its archive: `layerkit.causes` tells them from what it sees."""

from __future__ import annotations

from collections.abc import Mapping

MECHANISMS: Mapping[str, str] = {
    "build-cache": "A build cache was pulled or saved as if it were an image.",
    "compressed-digests-as-diff-ids": "The config holds the digests of the compressed layers where those of the "
    "uncompressed ones belong.",
    "compression-unsupported": "Layers are packed in a way that this runtime does not read, such as zstd.",
    "concatenated-archives": "Two archives were put into one file; readers stop at the end of the first.",
    "corrupt-copy": "Bytes changed on the way: a damaged disk, memory or transfer.",
    "dedup-diff-ids": "A tool kept equal layers (mostly empty ones) only once in one of the two lists.",
    "empty-file": "A layer's file has no bytes: writing it failed, or the disk was full.",
    "empty-layer-path": 'A client wrote "" for the layers it took the target to hold.',
    "faulty-oci-half": "One tool wrote both manifests of the archive, and the OCI one wrong.",
    "history-as-layers": "A tool counted every history entry as a layer, those that made none as well.",
    "history-unmarked": "History entries that made no layer are not marked with empty_layer.",
    "incomplete-content": "The store kept the unpacked layers and threw away the blobs that the manifest names.",
    "incremental-filter": "An exporter left out the layers it took the target to hold, and off the list as well.",
    "last-layer-only": "A tool kept the topmost layer and nothing below it.",
    "layer-replaced": "A layer was exchanged, and the config was not told.",
    "layers-reordered": "The right layers are listed in another order than the config's.",
    "layers-without-history": "Layers were appended, and no history with them.",
    "manifest-only-store": "The image was saved from a containerd store that had its manifest and not its layers.",
    "manifest-trimmed": "The list in manifest.json was shortened; the files may still be there.",
    "missing-platform": "The index names several platforms, the blobs of only one of them are there.",
    "mixed-images": "The manifest of one image stands beside the config or the layers of another.",
    "no-registry-blob": "The registry does not have the blob: it was never pushed, or was cleaned up.",
    "rootfs-export": "The file comes from docker export: the files of a container, and no image.",
    "schema1-counts": "The two lists of an old schema 1 manifest differ in length.",
    "schema1-empty-layers": "Empty layers of an old schema 1 image stayed on the list.",
    "stale-after-squash": "The layers were merged, and the manifest or the config still names the old ones.",
    "truncated-copy": "The copy or download broke off, so the end is missing.",
    "unsafe-names": "Member names or links lead out of the archive.",
    "utf16-redirect": "A shell (PowerShell's >) wrote the archive as UTF-16 text; docker save -o does not.",
    "variant-not-fetched": "The containerd store never fetched this platform of the image.",
    "wrong-base": "The target holds the left-out layers, but on top of other ones.",
}
"""One line for every cause that `layerkit.causes` finds or a sentence names."""
