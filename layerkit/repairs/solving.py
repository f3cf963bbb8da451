"""From what a file claims and what is really there to one image that agrees with itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..decision import compression_of
from ..digest import Digest
from ..errors import FormatError, IntegrityError, UsageError
from ..image import Blob, Config, Manifest
from ..plan import size_text
from ..reference import Reference
from .change import Change
from .choosing import Wishes, blob_for, bottom, choose_config
from .claims import Claim
from .configs import corrections
from .overlay import Overlay
from .pieces import Piece
from .shelf import Shelf
from .supply import Supply
from .telling import halves, layer_changes

_TOLD = 12
"""Missing layers that an error spells out."""


@dataclass(frozen=True)
class Solved:
    """One image as it will be, what it was, and what changes in between."""

    overlay: Overlay
    claim: Claim
    changes: tuple[Change, ...]
    config: Config

    @property
    def before(self) -> Digest | None:
        """The image ID as runtimes would have it now."""
        was = self.claim.before
        return was.digest if was is not None and was.raw else None

    @property
    def left_out(self) -> tuple[Piece, ...]:
        return tuple(piece for piece in self.overlay.pieces if piece.origin is None)


def solve(claim: Claim, supply: Supply, wishes: Wishes) -> Solved:
    """Make the image whole. Raises IntegrityError where parts are nowhere to be found, telling which."""
    config, changes, names = choose_config(claim, supply, wishes)
    name = claim.title
    config, written = corrections(config, name, wanted=wishes.unsafe, platform=wishes.platform or _offered(claim))
    if not config.os or not config.architecture:
        raise FormatError(
            f"{name}: the config names no platform, and nothing tells which it is",
            hint="say it with --platform linux/amd64; the image gets a new ID",
        )
    pieces = _pieces(claim, config, supply, wishes)
    own = _kept(claim, config, pieces)
    told = [*changes, *written, *layer_changes(claim, config, pieces, supply), *halves(claim, own)]
    names, renamed = _renamed(names, wishes.tags, name)
    overlay = Overlay(supply.looked_in[0], names, config.raw, tuple(pieces), own)
    return Solved(overlay, claim, tuple(told + renamed), config)


def _offered(claim: Claim) -> str:
    return claim.entry.platform if claim.entry is not None else ""


def _pieces(claim: Claim, config: Config, supply: Supply, wishes: Wishes) -> list[Piece]:
    """A piece for every diff ID. With `as_delta` the bottom that the file lacks is left out, whoever has it."""
    skip = bottom(config, supply) if wishes.as_delta else 0
    if skip and skip == len(config.diff_ids):
        raise IntegrityError(f"{claim.title}: no layer is there at all, so there is nothing to make a delta of")
    found: list[Piece] = []
    missing: list[int] = []
    for at, diff_id in enumerate(config.diff_ids):
        listed = blob_for(claim, config, at)
        piece = supply.find(diff_id, listed, wishes.accepted)
        if at < skip:
            found.append(Piece(diff_id, Digest(diff_id), _plain_size(diff_id, listed, piece), ""))
        elif piece is None:
            missing.append(at)
        else:
            found.append(_repacked(piece, wishes))
    if missing:
        raise _incomplete(claim, config, missing, supply, wishes)
    return found


def _plain_size(diff_id: str, listed: Blob | None, piece: Piece | None) -> int:
    """How large a layer left out is unpacked, as far as anything tells; no runtime asks for it."""
    if listed is not None and listed.digest == diff_id and listed.size is not None:
        return listed.size
    return piece.size if piece is not None and piece.compression == "" else 0


def _repacked(piece: Piece, wishes: Wishes) -> Piece:
    wanted = wishes.repack
    if wanted is None and wishes.accepted and piece.compression not in wishes.accepted:
        wanted = "gzip"
    return piece if wanted is None or wanted == piece.compression else replace(piece, repack=wanted)


def _incomplete(claim: Claim, config: Config, missing: Sequence[int], supply: Supply, wishes: Wishes) -> IntegrityError:
    """What is missing, with digests and sizes, and where it was looked for."""
    lines = []
    for at in missing[:_TOLD]:
        blob = blob_for(claim, config, at)
        size = f", {size_text(blob.size)}" if blob is not None and blob.size is not None else ""
        packed = f" (blob {blob.digest}{size})" if blob is not None and blob.digest != config.diff_ids[at] else size
        lines.append(f"position {at} {config.diff_ids[at]}{packed}{_damage(claim, at, config, supply)}")
    if len(missing) > _TOLD:
        lines.append(f"and {len(missing) - _TOLD} more")
    bottom = list(missing) == list(range(len(missing))) and len(missing) < len(config.diff_ids)
    or_delta = "; or --as-delta, for a target that holds them" if bottom and not wishes.as_delta else ""
    return IntegrityError(
        f"{claim.title}: {len(missing)} of {len(config.diff_ids)} layers {'is' if len(missing) == 1 else 'are'} "
        f"nowhere to be found: "
        f"{'; '.join(lines)}. Looked in {', '.join(supply.looked_in)}",
        hint=f"name where they are with --from: a registry, another archive, an OCI layout{or_delta}",
    )


def _damage(claim: Claim, at: int, config: Config, supply: Supply) -> str:
    """What stands in the file where this layer should."""
    if not isinstance(supply.own, Shelf) or len(claim.listing) != len(config.diff_ids):
        return ""
    blob = claim.listing[at]
    member = supply.own.archive.find(blob).member
    if member is None:
        return ""
    if member.stored < member.size:
        return f": its file is cut short, {member.stored} of {member.size} bytes"
    if member.size == 0:
        return ": its file is empty"
    measured = supply.own.measured(blob)
    if measured is None or measured.fault:
        return f": its file is damaged ({measured.fault})" if measured is not None else ""
    return f": its file holds {measured.diff_id}"


def _kept(claim: Claim, config: Config, pieces: Sequence[Piece]) -> Manifest | None:
    """An OCI manifest of the file that says exactly what the image will be: its bytes are kept."""
    for manifest in claim.manifests:
        if manifest.view != "oci" or manifest.fault or manifest.config is None:
            continue
        same = manifest.config.digest == config.digest and manifest.config.size in (None, len(config.raw))
        if same and len(manifest.layers) == len(pieces) and all(map(_says, manifest.layers, pieces)):
            return manifest
    return None


def _says(blob: Blob, piece: Piece) -> bool:
    told = blob.digest == piece.digest and blob.size == piece.size and piece.repack is None
    return told and compression_of(blob.media_type) == piece.compression


def _renamed(names: tuple[str, ...], tags: Mapping[str, str], title: str) -> tuple[tuple[str, ...], list[Change]]:
    """Names after `tags`; those that no runtime takes are made good where it is clear how."""
    new = []
    for name in names or (("",) if "" in tags else ()):
        wanted = tags.get(name) or next(
            (to for old, to in tags.items() if old and name.endswith((f":{old}", f"/{old}"))), name
        )
        new.append(_tagged(wanted))
    result = tuple(dict.fromkeys(name for name in new if name))
    changed = result != names
    before = ", ".join(names) or "no name"
    return result, [Change("rename-tags", before, ", ".join(result) or "no name", title)] if changed else []


def _tagged(name: str) -> str:
    """A name that Docker and podman take, where only the tag or the case was wrong; else nothing."""
    if not name or ("/" not in name and ":" not in name):
        return name  # a tag alone, as OCI layouts carry it: whoever copies it names it
    for attempt in (name, name.lower()):
        try:
            reference = Reference.parse(attempt)
        except UsageError:
            continue
        if reference.digest:
            return ""
        return attempt if reference.tag else f"{attempt}:latest"
    return ""
