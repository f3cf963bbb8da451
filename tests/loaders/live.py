"""A live comparison: archives go to a real program, and what it does is held against the prediction."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from layerkit.compression import detect
from layerkit.frames import Frames, read_frames
from layerkit.image import Image
from layerkit.inventory import Inventory
from layerkit.verdict import Verdict

from .runtimes import Contents, Observed, Runtime

DAMAGES = (
    r"gzip: invalid (?:checksum|header)",
    r"flate: corrupt input before offset \d+",
    r"exit status 1: unpigz: [^\n]*\n?",
    r"invalid checksum(?! d)",
    r"(?:bzip2 data invalid|invalid input): [^\n\"]*",
    "archive/tar: invalid tar header",
    r"(?<!\w)(?:unexpected )?EOF",
)
Allowed = tuple[tuple[str, str, str], ...]

ALLOWED: Allowed = (
    (
        r"mount callback failed on \S+: ",
        "",
        "some snapshotters mount a layer while it is unpacked, some only the lowest one",
    ),
    (r"(storage)(?:NNN|\d+)/\d+", r"\1NNN/N", "layers are copied side by side, and their files numbered as they come"),
    (r"(?<=/oci)(?:N+|\d+)|(?<=docker-import-)(?:N+|\d+)|(?<=containerd-mount)(?:N+|\d+)", "N", "a temporary number"),
    (r"(?<=docker-tar)(?:N+|\d+)", "N", "a temporary number"),
)
"""Texts that may differ, as pattern and what both are read as, each with its reason."""

ALLOWED_COMPRESSED: Allowed = (
    (
        "|".join(DAMAGES),
        "<DAMAGED>",
        "which check notices damaged compression first, and at which offset, depends on blocks and buffers",
    ),
    (
        r'failed to ingest "[^"]*": (?:failed to read expected number of bytes|short read: [^:]*): (?=<DAMAGED>)',
        "",
        "how many bytes come out of a stream that is cut depends on the decompressor",
    ),
    (
        r"Error processing tar file\((?:exit status 1\): <DAMAGED>|<DAMAGED>\):)",
        "<DAMAGED>",
        "whether the daemon or its helper notices a cut depends on how many bytes come out before it",
    ),
    (
        r"ApplyLayer (?:exit status 1 stdout:  stderr: <DAMAGED>|<DAMAGED> stdout: [^\n]*\n stderr:)",
        "<DAMAGED>",
        "whether the daemon or its helper notices a cut depends on how many bytes come out before it",
    ),
)
"""The same, for archives in which something is compressed, or that are compressed as a whole."""


@dataclass(repr=False)
class Comparison:
    """One program, its agreements counted and its disagreements told."""

    runtime: Runtime
    folder: Path
    contents: Contents = field(default_factory=Contents)
    agreed: int = 0
    differing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        total = self.agreed + len(self.differing)
        return f"{self.runtime.loader.full_name}: {self.agreed} of {total} archives as predicted"

    @property
    def path(self) -> Path:
        return self.folder / "archive.tar"

    def read(self, data: bytes, held: Inventory | None = None) -> Frames:
        self.path.write_bytes(data)
        return read_frames(self.path, deep=True, held=held)

    def predict(self, data: bytes) -> Verdict:
        return self.runtime.loader.check(self.read(data))

    def load(self, name: str, data: bytes, held: Inventory | None = None) -> Frames:
        """Load one archive; returns what was read of it."""
        frames = self.read(data, held)
        self.contents.learn(frames)
        verdict = self.runtime.loader.check(frames)
        seen = self.runtime.load(self.path, frames, self.contents)
        allowed = ALLOWED + ALLOWED_COMPRESSED if compressed(frames) else ALLOWED
        if faults := list(disagreements(verdict, seen, allowed)):
            self.differing.append(f"{name}: {'; '.join(faults)}")
        else:
            self.agreed += 1
        return frames

    def load_family(self, members: Iterator[tuple[str, bytes]]) -> None:
        """Load archives one after another, each predicted with what those before it have brought."""
        images: list[Image] = []
        self.runtime.clear()
        for name, data in members:
            held = Inventory.of_images("here", *images)
            frames = self.load(name, data, held)
            if self.runtime.loader.check(frames).loads is True and self.runtime.loader.name != "skopeo":
                images += [alignment.image for alignment in frames.alignments]


def disagreements(verdict: Verdict, seen: Observed, allowed: Allowed = ALLOWED) -> Iterator[str]:
    if verdict.exit_code != seen.exit:
        yield f"exit code {verdict.exit_code} predicted, {seen.exit} seen ({verdict.message!r}, {seen.message!r})"
        return
    loads = verdict.loads is True
    if loads != seen.usable:
        yield f"predicted {'to load' if loads else 'not to load'}, seen {'usable' if seen.usable else 'unusable'}"
    if verdict.silent != (seen.exit == 0 and not seen.usable):
        yield f"silent {verdict.silent} predicted"
    said, wanted = normal(seen.message, allowed), normal(verdict.message, allowed)
    if verdict.loader == "podman" and wanted:
        bullet = wanted.partition(": ")[0]
        said = next((line for line in said.splitlines() if line.startswith(f"{bullet}: ")), said)
    if said != wanted:
        yield f"text {wanted!r} predicted, {said!r} seen"


def normal(text: str, allowed: Allowed) -> str:
    for pattern, replacement, _ in allowed:
        text = re.sub(pattern, replacement, text)
    return re.sub(r"\n+", "\n", text).strip()


def compressed(frames: Frames) -> bool:
    archive = frames.archive
    assert archive is not None
    heads = (archive.backing.head(member) for member in archive.members.all if member.kind == "file")
    return archive.backing.outer != "" or any(detect(head) for head in heads)


def packed(folder: Path, path: Path) -> bytes:
    """A folder as a tar, members by their names below it."""
    with tarfile.open(path, "w") as tar:
        for file in sorted(folder.rglob("*")):
            tar.add(file, str(file.relative_to(folder)), recursive=False)
    return path.read_bytes()
