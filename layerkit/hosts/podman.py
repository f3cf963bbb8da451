"""podman over its own command line; its layers are those of containers/storage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..digest import is_digest
from ..document import Document, field_of, text_of
from ..errors import LayerkitError
from ..inventory import Inventory
from ..sources.platforms import normalise
from .docker import Docker
from .runtime import Facts, of_images, parse_object


class Podman(Docker):
    """Where Docker's commands are podman's too, they are shared."""

    kind = "podman"

    def facts(self) -> Facts:
        return podman_facts(parse_object(self.ask("info", "--format", "json").stdout, "podman info"))

    def inventory(self, facts: Facts) -> Inventory:
        inventory = of_images(self.kind, facts, self._held())
        diffs, blobs = self._layers(facts)
        return replace(inventory, diff_ids=inventory.diff_ids | diffs, blobs=blobs)

    def _layers(self, facts: Facts) -> tuple[frozenset[str], frozenset[str]]:
        """Diff IDs and compressed digests of the layers in storage; empty where its list cannot be read."""
        if not facts.root.startswith("/") or not facts.driver.isalnum():
            return frozenset(), frozenset()
        path = f"{facts.root}/{facts.driver}-layers/layers.json"
        try:
            result = self.shell.run(["cat", "--", path])
        except LayerkitError:
            return frozenset(), frozenset()
        return parse_storage(result.stdout) if result.ok else (frozenset(), frozenset())

    def images(self) -> Mapping[str, str]:
        lines = self.ask("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").text.splitlines()
        rows = (line.rpartition(" ") for line in lines)
        return {name: _digest(one) for name, _, one in rows if "<none>" not in name and is_digest(_digest(one))}

    def save_command(self, reference: str) -> tuple[str, ...]:
        return ("save", "--format", "docker-archive", reference)


def podman_facts(doc: Mapping[str, Any]) -> Facts:
    """What `podman info` tells."""

    def part(name: str) -> Mapping[str, Any]:
        value = field_of(doc, name)
        return value if isinstance(value, dict) else {}

    host, store = part("host"), part("store")
    return Facts(
        text_of(part("version"), "Version"),
        "podman",
        normalise(f"{text_of(host, 'os') or 'linux'}/{text_of(host, 'arch')}"),
        text_of(store, "graphRoot"),
        text_of(store, "graphDriverName"),
        doc,
    )


def parse_storage(raw: bytes) -> tuple[frozenset[str], frozenset[str]]:
    """Diff IDs and compressed digests of containers/storage's layers.json (storage/layers.go, `Layer`).

    Layers that podman calls incomplete are left out: it removes them when it sees them.
    """
    document = Document.parse(raw, limit=64 << 20)
    diffs, blobs = set(), set()
    for layer in document.value if isinstance(document.value, list) else ():
        if not isinstance(layer, dict):
            continue
        flags = field_of(layer, "flags")
        if isinstance(flags, dict) and flags.get("incomplete"):
            continue
        diffs.add(text_of(layer, "diff-digest"))
        blobs.add(text_of(layer, "compressed-diff-digest"))
    return frozenset(filter(is_digest, diffs)), frozenset(filter(is_digest, blobs))


def _digest(image_id: str) -> str:
    return image_id if ":" in image_id else f"sha256:{image_id}"
