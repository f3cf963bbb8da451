"""From what a file claims and what is really there to one image that agrees with itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..compression import Compression
from ..decision import compression_of
from ..digest import Digest, Measurement, is_digest
from ..errors import FormatError, IntegrityError, UsageError
from ..image import Blob, Config, Manifest
from ..plan import size_text
from ..reference import Reference
from ..report.words import spell
from .change import Change
from .claims import Claim
from .configs import corrections, false_diff_ids, with_diff_ids
from .overlay import Overlay
from .pieces import Piece
from .shelf import Shelf
from .supply import Supply

_TOLD = 12
"""Missing layers that an error spells out."""


@dataclass(frozen=True)
class Wishes:
    """What the caller asked for. `accepted` are the compressions that every wanted runtime reads."""

    as_delta: bool = False
    unsafe: bool = False
    platform: str = ""
    repack: Compression | None = None
    accepted: frozenset[Compression] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)


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
    config, changes, names = _config(claim, supply, wishes)
    name = claim.title
    config, written = corrections(config, name, wanted=wishes.unsafe, platform=wishes.platform or _offered(claim))
    if not config.os or not config.architecture:
        raise FormatError(
            f"{name}: the config names no platform, and nothing tells which it is",
            hint="say it with --platform linux/amd64; the image gets a new ID",
        )
    pieces = _pieces(claim, config, supply, wishes)
    own = _kept(claim, config, pieces)
    told = [*changes, *written, *_layer_changes(claim, config, pieces, supply), *_halves(claim, own)]
    names, renamed = _renamed(names, wishes.tags, name)
    overlay = Overlay(supply.looked_in[0], names, config.raw, tuple(pieces), own)
    return Solved(overlay, claim, tuple(told + renamed), config)


def _offered(claim: Claim) -> str:
    return claim.entry.platform if claim.entry is not None else ""


def _config(claim: Claim, supply: Supply, wishes: Wishes) -> tuple[Config, list[Change], tuple[str, ...]]:
    """The config whose layers are there; one that fits better is looked for only where its own do not do."""
    name, names = claim.title, claim.names
    good = [config for config in claim.configs if not config.fault and config.has_rootfs]
    for config in good:
        for manifest in claim.manifests:
            if isinstance(supply.own, Shelf):
                supply.own.pair(manifest, config)
    whole = [config for config in good if not _missing(claim, config, supply, wishes)]
    if len(whole) > 1:
        raise FormatError(
            f"{name}: manifest.json and the OCI half are two different images "
            f"({whole[0].digest[:19]} and {whole[1].digest[:19]}), and both are whole",
            hint="name the half that is meant: docker-archive:FILE or oci-archive:FILE",
        )
    said = _named_digests(claim)
    if whole:
        changes = []
        if whole[0] is not claim.configs[0]:
            changes.append(Change("choose-half", "manifest.json leads to another config", whole[0].digest[:19], name))
        if said and whole[0].digest not in said:
            if (found := supply.config(said[0])) is not None and not _missing(claim, found[0], supply, wishes):
                after = f"{found[0].digest[:19]} from {found[1]}"
                return found[0], [Change("find-config", f"a config that was changed: {whole[0].digest[:19]}", after, name)], names
            changes.append(Change("name-config", f"named {said[0][:19]}", f"named {whole[0].digest[:19]}", name))
        return whole[0], changes, names
    for digest in said:
        if (found := supply.config(digest)) is not None and found[0].digest not in {c.digest for c in good}:
            before = "absent or damaged" if not good else f"another one, {good[0].digest[:19]}"
            return found[0], [Change("find-config", before, f"{digest[:19]} from {found[1]}", name)], names
    listing = _listing(claim, supply)
    if (fitting := _fitting(claim, good, listing, supply)) is not None:
        return fitting
    for config in claim.configs:
        if config.fault or (config.has_rootfs and len(config.diff_ids) != len(claim.listing)):
            continue
        measured = _all_measured(claim, supply)
        if (true := false_diff_ids(config, measured)) is not None:
            before = f"{len(config.diff_ids)} diff IDs that are none"
            return true, [Change("correct-diff-ids", before, "computed from the layers", name)], names
        if not config.has_rootfs and measured:
            after = f"a rootfs of {len(measured)} layers"
            rooted = with_diff_ids(config, [diff_id for _, diff_id in measured])
            return rooted, [Change("complete-config", "no rootfs", after, name)], names
    if good:
        return good[0], [], names
    faults = [*(m.fault for m in claim.manifests), *(c.fault for c in claim.configs), "no config is named"]
    fault = next(filter(None, faults))
    lost = f", which is {said[0]}," if said else ""
    raise IntegrityError(
        f"{name}: its config{lost} is nowhere to be found ({fault}); looked in {', '.join(supply.looked_in)}",
        hint="the config holds the diff IDs, the command and the platform; --from SOURCE where the image is whole",
    )


def _fitting(
    claim: Claim, good: Sequence[Config], listing: Sequence[str | None], supply: Supply
) -> tuple[Config, list[Change], tuple[str, ...]] | None:
    """A config from anywhere whose diff IDs are those of the layers that are listed."""
    if not listing or None in listing:
        return None if good else _unclaimed(claim, supply)
    for config, where, tags in supply.configs():
        if list(config.diff_ids) == list(listing) and config.digest not in {c.digest for c in good}:
            before = f"one for other layers, {good[0].digest[:19]}" if good else "absent or damaged"
            after = f"{config.digest[:19]} from {where}"
            return config, [Change("find-config", before, after, claim.title)], claim.names or tags
    return None


def _unclaimed(claim: Claim, supply: Supply) -> tuple[Config, list[Change], tuple[str, ...]] | None:
    """The one config whose layers are all in the file, or the one of an image of the same name elsewhere."""
    everywhere = list(supply.configs())
    here = [c for c in everywhere if c[1] == supply.looked_in[0] and all(map(supply.here, c[0].diff_ids))]
    named = [c for c in everywhere if set(c[2]) & set(claim.names)]
    for found in (here, named):
        if len(found) == 1:
            config, where, _ = found[0]
            after = f"{config.digest[:19]} from {where}"
            return config, [Change("find-config", "absent or damaged", after, claim.title)], claim.names
    return None


def _named_digests(claim: Claim) -> list[str]:
    """The digests that manifests give the config, by descriptor or by file name."""
    said = []
    for manifest in claim.manifests:
        blob = manifest.config
        if blob is None:
            continue
        text = blob.name.removeprefix("sha256:").removesuffix(".json").rpartition("/")[2]
        digest = blob.digest or f"sha256:{text}"
        if is_digest(digest):
            said.append(str(digest))
    return list(dict.fromkeys(said))


def _listing(claim: Claim, supply: Supply) -> list[str | None]:
    """The diff ID of every listed layer, read where nothing else tells it."""
    if not isinstance(supply.own, Shelf):
        return []
    return [supply.own.identity(blob, read=True) for blob in claim.listing]


def _all_measured(claim: Claim, supply: Supply) -> list[tuple[str, str]]:
    """Digest and diff ID of every listed layer, read; nothing where one is absent or damaged."""
    own = supply.own
    if not isinstance(own, Shelf) or not all(own.archive.has(blob) for blob in claim.listing):
        return []
    found = [m for blob in claim.listing if (m := own.measured(blob)) is not None]
    return [(m.digest, m.diff_id) for m in found if m.diff_id is not None] if len(found) == len(claim.listing) else []


def _blob_for(claim: Claim, config: Config, at: int) -> Blob | None:
    """What the OCI manifest, or else manifest.json, lists for one position; a digest is all that matters of it."""
    for manifest in sorted(claim.manifests, key=lambda m: m.view != "oci"):
        if len(manifest.layers) == len(config.diff_ids) and manifest.layers[at].digest is not None:
            return manifest.layers[at]
    return None


def _missing(claim: Claim, config: Config, supply: Supply, wishes: Wishes) -> list[int]:
    """Positions that nothing serves."""
    start = _bottom(config, supply) if wishes.as_delta else 0
    found = (supply.find(diff_id, _blob_for(claim, config, at)) for at, diff_id in enumerate(config.diff_ids))
    return [at for at, piece in enumerate(found) if piece is None and at >= start]


def _bottom(config: Config, supply: Supply) -> int:
    """How many of the lowest layers the file does not have."""
    return next((at for at, diff_id in enumerate(config.diff_ids) if supply.here(diff_id)), len(config.diff_ids))


def _pieces(claim: Claim, config: Config, supply: Supply, wishes: Wishes) -> list[Piece]:
    """A piece for every diff ID. With `as_delta` the bottom that the file lacks is left out, whoever has it."""
    skip = _bottom(config, supply) if wishes.as_delta else 0
    if skip and skip == len(config.diff_ids):
        raise IntegrityError(f"{claim.title}: no layer is there at all, so there is nothing to make a delta of")
    found: list[Piece] = []
    missing: list[int] = []
    for at, diff_id in enumerate(config.diff_ids):
        listed = _blob_for(claim, config, at)
        piece = supply.find(diff_id, listed, wishes.accepted)
        if at < skip:
            size = piece.size if piece is not None and piece.compression == "" else 0
            found.append(Piece(diff_id, Digest(diff_id), size, ""))
        elif piece is None:
            missing.append(at)
        else:
            found.append(_repacked(piece, wishes))
    if missing:
        raise _incomplete(claim, config, missing, supply, wishes)
    return found


def _repacked(piece: Piece, wishes: Wishes) -> Piece:
    wanted = wishes.repack
    if wanted is None and wishes.accepted and piece.compression not in wishes.accepted:
        wanted = "gzip"
    return piece if wanted is None or wanted == piece.compression else replace(piece, repack=wanted)


def _incomplete(
    claim: Claim, config: Config, missing: Sequence[int], supply: Supply, wishes: Wishes
) -> IntegrityError:
    """What is missing, with digests and sizes, and where it was looked for."""
    lines = []
    for at in missing[:_TOLD]:
        blob = _blob_for(claim, config, at)
        size = f", {size_text(blob.size)}" if blob is not None and blob.size is not None else ""
        packed = f" (blob {blob.digest}{size})" if blob is not None and blob.digest != config.diff_ids[at] else size
        lines.append(f"position {at} {config.diff_ids[at]}{packed}{_damage(claim, at, config, supply)}")
    if len(missing) > _TOLD:
        lines.append(f"and {len(missing) - _TOLD} more")
    bottom = list(missing) == list(range(len(missing))) and len(missing) < len(config.diff_ids)
    or_delta = "; or --as-delta, for a target that holds them" if bottom and not wishes.as_delta else ""
    return IntegrityError(
        f"{claim.title}: {len(missing)} of {len(config.diff_ids)} layers are nowhere to be found: "
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


def _layer_changes(claim: Claim, config: Config, pieces: Sequence[Piece], supply: Supply) -> Iterator[Change]:
    """What becomes of the listing: each kind of change once, with the layers it concerns."""
    name, own = claim.title, supply.own
    if not isinstance(own, Shelf):
        listed: list[str | None] = [p.diff_id for p in pieces if p.where == own.where]
    else:
        listed = [own.identity(blob) for blob in claim.listing]
    there = [b for b in claim.listing if not isinstance(own, Shelf) or own.archive.has(b)]
    promised = Counter(config.diff_ids)
    used: list[str] = []
    stray = 0
    for identity in listed:
        if identity is not None and promised[identity] > 0:
            promised[identity] -= 1
            used.append(identity)
        else:
            stray += 1
    absent = len(claim.listing) - len(there)
    spoilt = stray - absent
    unlisted, filled, out = _unmatched(config, pieces, promised, supply)
    count = f"{len(claim.listing)} layers listed"
    # A stray entry stands for a layer that has to come from elsewhere; what is left over then is one too many.
    surplus = stray - len(unlisted) - len(filled) - len(out)
    if surplus > 0:
        yield Change("drop-surplus", count, f"{surplus} that no diff ID claims are dropped", name)
    if unlisted:
        yield Change("list-layers", count, f"{len(unlisted)} stored ones listed again: {_spell(unlisted)}", name)
    order = [diff_id for diff_id in config.diff_ids if diff_id in set(used)]
    if used != order and Counter(used) == Counter(order):
        wrong = [i for i, (a, b) in enumerate(zip(used, order, strict=True)) if a != b]
        yield Change("order-layers", f"another order: {_spell(wrong)}", "the order of the config", name)
    if filled:
        origins = ", ".join(dict.fromkeys(pieces[at].where for at in filled))
        id, what = ("replace-layers", "wrong, damaged or empty") if spoilt >= len(filled) else ("fill-layers", "missing")
        size = size_text(sum(pieces[at].size for at in filled))
        yield Change(id, f"{len(filled)} layers {what}: {_spell(filled)}", f"taken from {origins}, {size}", name)
    if out:
        yield Change("leave-out", f"{len(out)} layers missing: {_spell(out)}", "listed, and left to the target", name)
    for how in dict.fromkeys(p.compression for p in pieces if p.repack is not None):
        some = [at for at, p in enumerate(pieces) if p.repack is not None and p.compression == how]
        after = f"packed with {pieces[some[0]].repack or 'nothing'}"
        yield Change("repack-layers", f"{len(some)} layers packed with {how or 'nothing'}", after, name)


def _unmatched(
    config: Config, pieces: Sequence[Piece], promised: Counter[str], supply: Supply
) -> tuple[list[int], list[int], list[int]]:
    """Positions that no listed layer serves, by what serves them: the file itself, another place, the target."""
    left = Counter(promised)
    unlisted, filled, out = [], [], []
    for at, diff_id in enumerate(config.diff_ids):
        if left[diff_id] <= 0:
            continue
        left[diff_id] -= 1
        piece = pieces[at]
        own = piece.origin is not None and piece.where == supply.looked_in[0]
        (out if piece.origin is None else unlisted if own else filled).append(at)
    return unlisted, filled, out


def _spell(positions: Sequence[int]) -> str:
    return f"{'position' if len(positions) == 1 else 'positions'} {spell(positions)}"


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


def _halves(claim: Claim, own: Manifest | None) -> Iterator[Change]:
    views = {manifest.view for manifest in claim.manifests}
    if "docker" not in views:
        before = "no manifest.json" if views else "no manifest"
        yield Change("rebuild-docker" if views else "rebuild-list", before, "manifest.json lists the image", claim.title)
    if own is None:
        before = "an OCI half that says something else" if "oci" in views else "no OCI half"
        yield Change("rebuild-oci", before, "an OCI manifest of the same layers", claim.title)


def _renamed(names: tuple[str, ...], tags: Mapping[str, str], title: str) -> tuple[tuple[str, ...], list[Change]]:
    """Names after `tags`; those that no runtime takes are made good where it is clear how."""
    new = []
    for name in names or (("",) if "" in tags else ()):
        wanted = tags.get(name) or next((to for old, to in tags.items() if old and name.endswith((f":{old}", f"/{old}"))), name)
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
