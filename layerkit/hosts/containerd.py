"""containerd over `ctr`: content and snapshots of one namespace, which are what its imports look up."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..digest import is_digest
from ..document import field_of, strings_of
from ..errors import UsageError
from ..inventory import Inventory
from ..reference import Reference
from ..sources.claims import descriptor_of
from ..sources.platforms import normalise
from .runtime import PROOF, Facts, Held, Runtime, named, of_images, parse_object
from .shell import Result, Shell

_UNCOMPRESSED = re.compile(r"containerd\.io/uncompressed=(sha256:[0-9a-f]{64})")
_CHECKED = re.compile(
    r"(?P<name>\S+)\s+\S+\s+(?P<digest>sha256:[0-9a-f]{64})\s+(?P<state>[a-z]+)(?: \(\d+/\d+\))?"
    r"\s.*?(?P<unpacked>true|false)?\s*"
)
"""A line of `ctr images check`: REF TYPE DIGEST STATUS SIZE UNPACKED."""

DEFAULT_SNAPSHOTTER = "overlayfs"

_PATIENCE = "4s"
"""For a daemon that does not listen; what listens answers at once."""

USUAL_ROOT = "/var/lib/containerd"
"""Where the containerd of the usual socket keeps everything; ctr does not tell."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An image as `ctr images check` finds it; complete means that every blob is there."""

    name: str
    digest: str
    complete: bool
    unpacked: bool


@dataclass(frozen=True, slots=True)
class Content:
    """What a namespace really holds."""

    images: tuple[Checked, ...]
    chains: frozenset[str]
    blobs: frozenset[str]
    diff_ids: frozenset[str]


class Containerd(Runtime):
    kind = "containerd"

    def __init__(
        self, shell: Shell, argv: Sequence[str] = ("ctr",), namespace: str = "default", snapshotter: str = ""
    ) -> None:
        super().__init__(shell, (*argv, "--connect-timeout", _PATIENCE, "-n", namespace))
        self.namespace = namespace
        self.snapshots = ("--snapshotter", snapshotter or DEFAULT_SNAPSHOTTER)

    def facts(self) -> Facts:
        said = self.ask("version").text
        server = said.partition("Server:")[2]
        version = re.search(r"Version:\s*(\S+)", server)
        machine = self.shell.run(["uname", "-m"]).text.strip()
        return Facts(
            version[1].removeprefix("v") if version else "",
            "containerd",
            normalise(f"linux/{machine}"),
            "" if "-a" in self.argv else USUAL_ROOT,
            self.snapshots[1],
        )

    def content(self) -> Content:
        """Images, committed snapshots and blobs, as of now."""
        checked = self.ask("images", "check", *self.snapshots).text.splitlines()
        snapshots = self.ask("snapshots", *self.snapshots, "ls").text.splitlines()
        return parse_content(checked, snapshots, self.ask("content", "ls").text.splitlines())

    def inventory(self, facts: Facts) -> Inventory:
        content = self.content()
        return replace(
            of_images(self.kind, facts, ()),
            chain_ids=content.chains,
            diff_ids=content.diff_ids,
            blobs=content.blobs,
            images={one.name: one.digest for one in content.images},
            incomplete=tuple(sorted(one.name for one in content.images if not one.complete)),
        )

    def images(self) -> Mapping[str, str]:
        rows = (line.split() for line in self.ask("images", "ls").text.splitlines()[1:])
        return {row[0]: row[2] for row in rows if len(row) > 2 and is_digest(row[2])}

    def inspect(self, reference: str) -> Held | None:
        images = self.images()
        for name in (named(reference), _full(reference)):
            if name in images:
                return Held(images[name], (name,), self._diff_ids(images[name]))
        return None

    def _diff_ids(self, digest: str, depth: int = 0) -> tuple[str, ...]:
        """What the config behind a manifest promises, () where a part of that way is missing."""
        doc = self._blob(digest)
        config = descriptor_of(field_of(doc, "config"))
        if config is None:
            manifests = field_of(doc, "manifests")
            for entry in manifests if isinstance(manifests, list) and depth < 2 else ():
                child = descriptor_of(entry)
                if child is not None and child.digest and (found := self._diff_ids(child.digest, depth + 1)):
                    return found
            return ()
        rootfs = field_of(self._blob(config.name), "rootfs")
        return (strings_of(field_of(rootfs, "diff_ids")) or ()) if isinstance(rootfs, dict) else ()

    def _blob(self, digest: str) -> Mapping[str, object]:
        result = self.run("content", "get", digest, limit=8 << 20)
        return parse_object(result.stdout, f"blob {digest}") if result.ok else {}

    def load_command(self) -> tuple[str, ...]:
        return ("images", "import", *self.snapshots, "-")

    def save_command(self, reference: str) -> tuple[str, ...]:
        return ("images", "export", "-", reference)

    def remove_command(self, reference: str) -> tuple[str, ...]:
        return ("images", "rm", "--sync", reference)

    def tag_command(self, source: str, target: str) -> tuple[str, ...]:
        return ("images", "tag", "--force", source, target)

    def create_and_remove(self, reference: str) -> Result:
        name = f"layerkit-proof-{secrets.token_hex(6)}"
        created = self.run("containers", "create", *self.snapshots, named(reference), name, PROOF)
        removed = self.run("containers", "rm", name) if created.ok else created
        return created if removed.ok else removed


def _full(reference: str) -> str:
    """The name in full, as Docker and the kubelet give it to containerd."""
    try:
        return str(Reference.parse(reference).tagged())
    except UsageError:
        return reference


def parse_content(checked: Iterable[str], snapshots: Iterable[str], blobs: Iterable[str]) -> Content:
    """What `ctr images check`, `ctr snapshots ls` and `ctr content ls` print."""
    images = [match for line in checked if (match := _CHECKED.fullmatch(line))]
    rows = [row for row in (line.split() for line in snapshots) if row and row[-1] == "Committed" and is_digest(row[0])]
    held = [row for row in (line.split(None, 3) for line in blobs) if row and is_digest(row[0])]
    diffs = {found[1] for row in held if (found := _UNCOMPRESSED.search(row[-1]))}
    # The chain ID of a lowest layer is its diff ID (OCI image-spec, config.md, "Layer ChainID").
    diffs.update(row[0] for row in rows if len(row) == 2)
    return Content(
        tuple(Checked(m["name"], m["digest"], m["state"] == "complete", m["unpacked"] == "true") for m in images),
        frozenset(row[0] for row in rows),
        frozenset(row[0] for row in held),
        frozenset(diffs),
    )
