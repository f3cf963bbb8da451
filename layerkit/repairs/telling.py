"""What becomes of an image's manifests and layers, in words, each kind of change once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ..image import Config, Manifest
from ..plan import size_text
from ..report.words import spell
from .change import Change
from .claims import Claim
from .pieces import Piece
from .shelf import Shelf
from .supply import Supply


def layer_changes(claim: Claim, config: Config, pieces: Sequence[Piece], supply: Supply) -> Iterator[Change]:
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
        id, what = (
            ("replace-layers", "wrong, damaged or empty") if spoilt >= len(filled) else ("fill-layers", "missing")
        )
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
    unlisted: list[int] = []
    filled: list[int] = []
    out: list[int] = []
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


def halves(claim: Claim, own: Manifest | None) -> Iterator[Change]:
    """Which of the two halves has to be written anew."""
    views = {manifest.view for manifest in claim.manifests}
    if "docker" not in views:
        before = "no manifest.json" if views else "no manifest"
        yield Change(
            "rebuild-docker" if views else "rebuild-list", before, "manifest.json lists the image", claim.title
        )
    if own is None:
        before = "an OCI half that says something else" if "oci" in views else "no OCI half"
        yield Change("rebuild-oci", before, "an OCI manifest of the same layers", claim.title)
