"""What goes to one host: an archive whose every byte is known, what it needs there, and how it has to look there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..alignment import Alignment
from ..archive import ImageFile, Span, compose, full_name, length, manifest_of, read_parts, read_span
from ..diagnosis import diagnose
from ..digest import Digest, sha256
from ..errors import FormatError, NotFound, UsageError
from ..image import Image
from ..inventory import Inventory
from ..layers import gather
from ..plan import Plan, Step
from ..progress import Progress
from ..store import Store


@dataclass(frozen=True, slots=True)
class Wanted:
    """One image as it has to be on the host afterwards.

    `config` and `manifests` are digests: a classic store calls an image by the first, a containerd store by another.
    """

    references: tuple[str, ...]
    config: Digest
    manifests: tuple[Digest, ...]
    diff_ids: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.references[0] if self.references else self.config

    def names_on(self, inventory: Inventory) -> tuple[str, ...]:
        """What to call it there. Raises UsageError for an image without a name where there is no other way."""
        if inventory.runtime == "containerd":
            if not self.references:
                raise UsageError(
                    "an image without a name cannot be found again in containerd", hint="name it by a tag at its source"
                )
            return tuple(full_name(reference) for reference in self.references)
        if self.references:
            return self.references
        return (self.manifests[0] if inventory.store == "containerd" and self.manifests else self.config,)

    def ids_on(self, inventory: Inventory) -> frozenset[str]:
        """Image IDs that it may have there."""
        if "containerd" in (inventory.runtime, inventory.store):
            return frozenset((self.config, *self.manifests))
        return frozenset((self.config,))


@dataclass(frozen=True, slots=True)
class Need:
    """A layer that is not carried."""

    image: str
    position: int
    diff_id: str
    chain_id: str
    digest: str


@dataclass(frozen=True)
class Cargo:
    """An archive on its way. Sizes are bytes; `unpacked` is what its layers take unpacked, as far as that is known."""

    wanted: tuple[Wanted, ...]
    needs: tuple[Need, ...]
    size: int
    unpacked: int
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)
    identity: str = field(repr=False)
    """Equal for equal bytes: what an interrupted upload is found again by."""


def load_plan(
    plan: Plan, alignments: Sequence[Alignment], store: Store, progress: Progress, *, copies: bool = False
) -> Cargo:
    """The archive that a plan makes; its layers are fetched now, its bytes are joined as they are read."""
    files = gather(plan, store, progress)
    parts = compose(files, plan.form)
    identity = hashlib.sha256()
    for part in parts:
        what = f"span {part.size}" if isinstance(part.content, Span) else sha256(part.content)
        identity.update(f"{part.name} {what}\n".encode())
    unpacked = unpacked_bytes(plan, alignments, store, copies=copies)
    needs = tuple(needs_of(plan))
    return Cargo(wanted_of(files), needs, length(parts), unpacked, lambda: read_parts(parts), identity.hexdigest())


def wanted_of(files: Iterable[ImageFile]) -> tuple[Wanted, ...]:
    return tuple(
        Wanted(
            file.references,
            sha256(file.config),
            (sha256(manifest_of(file)),),
            tuple(layer.diff_id for layer in file.layers),
        )
        for file in files
    )


def needs_of(plan: Plan) -> Iterator[Need]:
    """What a plan leaves out, as its archive calls it."""
    skipped = {step.digest for step in plan.skipped}
    for step in plan.steps:
        if step.digest in skipped:
            digest = step.diff_id if plan.packing == "plain" else step.digest
            yield Need(plan.names[step.image], step.position, step.diff_id, step.chain_id, digest)


def unpacked_bytes(plan: Plan, alignments: Sequence[Alignment], store: Store, *, copies: bool) -> int:
    """What the carried layers take unpacked; where nobody has looked into one yet, at least its own size."""
    known: Mapping[str, int] = {
        row.measured.digest: row.measured.diff_size
        for alignment in alignments
        for row in alignment.layers
        if row.measured is not None
    }
    skipped = {step.digest for step in plan.skipped}

    def size(step: Step) -> int:
        measured = store.facts(step.digest) if step.digest not in known else None
        return max(step.size, measured.diff_size if measured else known.get(step.digest, 0))

    images = [
        [_Room(step.chain_id, size(step), step.digest not in skipped) for step in plan.steps_of(at)]
        for at in range(len(plan.images))
    ]
    return _room(images, copies=copies)


@dataclass(frozen=True, slots=True)
class _Room:
    chain_id: str
    size: int
    carried: bool


def _room(images: Iterable[Sequence[_Room]], *, copies: bool) -> int:
    """Bytes on the disk; `copies`: each layer with all that is below it, as vfs and native keep it."""
    total, seen = 0, set()
    for layers in images:
        below = 0
        for layer in layers:
            below += layer.size
            if layer.carried and layer.chain_id not in seen:
                seen.add(layer.chain_id)
                total += below if copies else layer.size
    return total


def load_file(path: Path, alignments: Sequence[Alignment]) -> Cargo:
    """A delta archive as it is: nobody here has the layers it leaves out."""
    span = Span(path, 0, path.stat().st_size)
    identity = hashlib.sha256()
    for chunk in read_span(span):
        identity.update(chunk)
    images = [
        [
            _Room(str(row.chain_id), row.measured.diff_size if row.measured else row.stored_size or 0, row.present)
            for row in alignment.layers
        ]
        for alignment in alignments
    ]
    unpacked = _room(images, copies=False)  # what is below is not known: nobody here has it
    return Cargo(
        tuple(_wanted(alignment.image) for alignment in alignments),
        tuple(need for alignment in alignments for need in _absent(alignment)),
        span.size,
        unpacked,
        lambda: read_span(span),
        identity.hexdigest(),
    )


def is_delta(path: str | Path) -> bool:
    """Whether this is an archive that lacks layers on purpose. Raises FormatError for one that is broken."""
    report = diagnose(path)
    if report.outcome == "broken":
        first = next((f.message for f in report.findings if f.severity == "error"), "")
        raise FormatError(
            f"{path} is broken: {first or report.headline}; it is not sent", hint="`layerkit repair` may mend it"
        )
    return report.outcome == "incomplete"


def local_file(name: str) -> Path | None:
    """The archive here that a target names by its path alone; None for what is none."""
    path = Path(name)
    try:
        return path if path.is_file() else None
    except OSError:
        return None


def _wanted(image: Image) -> Wanted:
    manifests = tuple(sha256(manifest.raw) for manifest in image.manifests if manifest.raw)
    return Wanted(tuple(image.entry.tags), image.config.digest, manifests, image.config.diff_ids)


def _absent(alignment: Alignment) -> Iterator[Need]:
    name = alignment.image.reference or alignment.image.source.uri
    for row in alignment.layers:
        if row.present or row.diff_id is None:
            continue
        if row.blob is None:
            raise NotFound(f"layer {row.position} of {name} is neither there nor named")
        yield Need(name, row.position, row.diff_id, str(row.chain_id), str(row.blob.digest or row.diff_id))
