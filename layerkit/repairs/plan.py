"""The plan of a repair: what will change, image by image and member by member, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..archive import ImageFile, LayerFile, Part, Span, blob_name, compose
from ..digest import Digest, chain_ids
from ..document import LIMIT
from ..errors import SourceError
from ..plan import Action, Form, Plan, Step, size_text
from ..sources import Archive
from ..store import Store
from ..text import printable
from .change import Change, MemberChange
from .overlay import Overlay
from .pieces import InMember, Piece
from .solving import Solved

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "layerkit.repair/1"
PENDING = "(known once packed)"


@dataclass(frozen=True)
class RepairPlan:
    """Everything that a repair will do; it carries out exactly this. In a notebook it shows itself."""

    subject: str
    base: Archive | None = field(repr=False)
    images: tuple[Solved, ...] = field(repr=False)
    changes: tuple[Change, ...]
    form: Form = "universal"
    store: Store | None = field(default=None, repr=False)
    fetch_bytes: int = 0
    """What has to come over the network: of a layer that the store has in part, the rest."""
    deep: bool = False
    wanted: tuple[str, ...] = ()

    @property
    def safe(self) -> bool:
        """Whether every image keeps its ID."""
        return all(change.safe for change in self.changes)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The layers that are written, each once."""
        return written(self.images)

    @property
    def copy_bytes(self) -> int:
        return sum(p.size for p in self.pieces)

    @property
    def unread(self) -> int:
        """Layers that are taken at their name's word, and not read."""
        return sum(not p.read and p.origin is not None and p.origin.local for p in self.pieces)

    @property
    def left_out(self) -> int:
        return len({p.diff_id for image in self.images for p in image.left_out})

    @property
    def sentence(self) -> str:
        kinds = len(dict.fromkeys(change.id for change in self.changes))
        count = f"{kinds} repair{'' if kinds == 1 else 's'}"
        text = f"{count}: {size_text(self.copy_bytes)} to write"
        text += (
            f", {size_text(self.fetch_bytes)} of them to be fetched" if self.fetch_bytes else ", nothing to be fetched"
        )
        return f"{text}; {'every image ID stays' if self.safe else 'an image ID changes'}."

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The members of the archive to be. One that is packed anew has another digest in the end."""
        return compose([image_file(image.overlay) for image in self.images], self.form)

    @cached_property
    def members(self) -> tuple[MemberChange, ...]:
        """The archive member by member, those that go last."""
        came: dict[str, tuple[str, str]] = {}
        packed = {blob_name(p.digest): p for p in self.pieces if p.repack is not None}
        for piece in self.pieces:
            origin = piece.origin
            own = isinstance(origin, InMember) and self.base is not None and origin.where == self.base.uri
            name = origin.member.name if isinstance(origin, InMember) and own else ""
            came[blob_name(piece.digest)] = (name, "" if own else f"from {piece.where}")
        for image in self.images:
            name = self._config_name(image)
            came[blob_name(image.config.digest)] = (name, "" if name else "written" if not self.safe else "found")
        before = {m.name: m.size for m in self.base.members.all if m.kind != "dir"} if self.base else {}
        rows, used = [], set()
        for part in self.parts:
            name, note = came.get(part.name, (part.name if part.name in before else "", ""))
            if part.name in packed:
                repack = packed[part.name].repack or "nothing"
                rows.append(MemberChange(name or None, f"blobs/sha256/{PENDING}", part.size, f"packed with {repack}"))
            else:
                note = note or ("written anew" if name == part.name and isinstance(part.content, bytes) else "")
                rows.append(MemberChange(name or None, part.name, part.size, note))
            used.add(name)
        gone = [MemberChange(name, None, size, "dropped") for name, size in before.items() if name not in used]
        return (*rows, *gone)

    def _config_name(self, image: Solved) -> str:
        if self.base is None:
            return ""
        for manifest in image.claim.manifests:
            found = self.base.find(manifest.config).member if manifest.config is not None else None
            if found is not None and found.size <= LIMIT and _bytes(self.base, found.name) == image.config.raw:
                return found.name
        return ""

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The changes as a frame: image, id, title, safe, before, after."""
        import pandas as pd

        columns = ["image", "id", "title", "safe", "before", "after"]
        return pd.DataFrame([[getattr(c, name) for name in columns] for c in self.changes], columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON data, schema layerkit.repair/1. Sizes are bytes."""
        return {
            "schema": SCHEMA,
            "subject": self.subject,
            "form": self.form,
            "safe": self.safe,
            "bytes": {"write": self.copy_bytes, "fetch": self.fetch_bytes},
            "not_read": self.unread,
            "images": [
                {
                    "references": list(image.overlay.tags),
                    "was": list(image.claim.names),
                    "image_id": image.config.digest,
                    "image_id_before": image.before,
                    "layers": len(image.overlay.pieces),
                    "left_out": len(image.left_out),
                }
                for image in self.images
            ],
            "changes": [
                {"id": c.id, "image": c.image, "title": c.title, "safe": c.safe, "before": c.before, "after": c.after}
                for c in self.changes
            ],
            "members": [{"before": m.before, "after": m.after, "size": m.size, "note": m.note} for m in self.members],
        }

    def to_text(self) -> str:
        """The plan for a terminal."""
        lines = [self.sentence]
        if self.unread:
            lines.append(f"{self.unread} layers are taken for what their names say and not read; --deep reads them.")
        for image in self.images:
            name = printable(", ".join(image.overlay.tags) or image.claim.title, 100)
            same = image.before == image.config.digest
            kept = "stays" if same else f"was {_short(image.before)}"
            lines += ["", f"{name}: image ID {_short(image.config.digest)}, {kept}"]
            lines += [line for change in self.changes if change.image == image.claim.title for line in _lines(change)]
        whole = [change for change in self.changes if change.image not in {i.claim.title for i in self.images}]
        if whole:
            lines += ["", "the file"]
            lines += [line for change in whole for line in _lines(change)]
        lines += ["", "members"]
        lines += [f"  {_row(member)}" for member in self.members]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from .view import to_html

        return to_html(self)

    def export_plan(self, images: tuple[Overlay, ...], store: Store) -> Plan:
        """The same as a plan of an export, which writes it; `images` are settled, with nothing left to pack."""
        steps = [step for at, overlay in enumerate(images) for step in _steps(at, overlay, store)]
        opened = tuple(overlay.image for overlay in images)
        names = tuple(overlay.tags for overlay in images)
        return Plan(opened, names, (), self.form, "keep", tuple(steps), "a repair keeps them as they are")


def written(images: Sequence[Solved]) -> tuple[Piece, ...]:
    """The layers of images that have to be written, each once."""
    return tuple({p.digest: p for i in images for p in i.overlay.pieces if p.origin is not None}.values())


def image_file(overlay: Overlay) -> ImageFile:
    """The image as the writer takes it, for its list of members; no byte is read."""
    config, chains = overlay.image.config, chain_ids(p.diff_id for p in overlay.pieces)
    layers = tuple(
        LayerFile(p.digest, p.diff_id, chain, p.compression, p.size, Span(Path(), 0, p.size) if p.origin else None)
        for p, chain in zip(overlay.pieces, chains, strict=True)
    )
    platform = (config.os, config.architecture, config.variant)
    own = overlay.manifest
    if own is None:
        return ImageFile(overlay.tags, overlay.config, layers, platform=platform)
    kind = own.media_type or "application/vnd.oci.image.manifest.v1+json"
    return ImageFile(overlay.tags, overlay.config, layers, own.raw, kind, platform)


def _steps(at: int, overlay: Overlay, store: Store) -> list[Step]:
    steps = []
    for position, (piece, chain) in enumerate(
        zip(overlay.pieces, chain_ids(p.diff_id for p in overlay.pieces), strict=True)
    ):
        far = piece.origin is not None and not piece.origin.local
        left = store.missing(piece.digest, piece.size) if far else 0
        action: Action = "skip" if piece.origin is None else "fetch" if left else "reuse"
        reason = "the target holds it" if piece.origin is None else f"from {piece.where}"
        steps.append(
            Step(
                at, position, piece.digest, piece.digest, piece.diff_id, chain, piece.compression, piece.media_type,
                piece.size, action, reason, left,
            )
        )  # fmt: skip
    return steps


def _bytes(base: Archive, name: str) -> bytes:
    member = base.members.find(name).member
    if member is None:
        return b""
    try:
        with base.backing.open(member) as stream:
            return stream.read(LIMIT)
    except SourceError:
        return b""


def _lines(change: Change) -> list[str]:
    mark = "" if change.safe else " [changes the image ID]"
    return [f"  {change.title}{mark}", f"    {printable(change.before, 200)} -> {printable(change.after, 300)}"]


def _row(member: MemberChange) -> str:
    before = _name(member.before) if member.before is not None else "-"
    after = _name(member.after) if member.after is not None else "-"
    note = f"  {printable(member.note, 80)}" if member.note else ""
    arrow = f"{before} -> {after}" if before != after else f"{before}"
    return f"{size_text(member.size):>8}  {arrow}{note}"


def _name(name: str) -> str:
    return printable(name.replace("blobs/sha256/", "blobs/…/"), 40)


def _short(digest: Digest | None) -> str:
    return digest.removeprefix("sha256:")[:12] if digest else "unknown"
