"""Which config an image is to have: its own where its layers are there, else the one that fits them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..compression import Compression
from ..digest import is_digest
from ..errors import FormatError, IntegrityError
from ..image import Blob, Config
from .change import Change
from .claims import Claim
from .configs import false_diff_ids, with_diff_ids
from .shelf import Shelf
from .supply import Supply


@dataclass(frozen=True)
class Wishes:
    """What the caller asked for. `accepted` are the compressions that every wanted runtime reads."""

    as_delta: bool = False
    unsafe: bool = False
    platform: str = ""
    repack: Compression | None = None
    accepted: frozenset[Compression] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)


def choose_config(claim: Claim, supply: Supply, wishes: Wishes) -> tuple[Config, list[Change], tuple[str, ...]]:
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
                return (
                    found[0],
                    [Change("find-config", f"a config that was changed: {whole[0].digest[:19]}", after, name)],
                    names,
                )
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
        return None if good or _named_digests(claim) else _unclaimed(claim, supply)
    for config, where, tags in supply.configs():
        if list(config.diff_ids) == list(listing) and config.digest not in {c.digest for c in good}:
            before = f"one for other layers, {good[0].digest[:19]}" if good else "absent or damaged"
            after = f"{config.digest[:19]} from {where}"
            return config, [Change("find-config", before, after, claim.title)], claim.names or tags
    return None


def _unclaimed(claim: Claim, supply: Supply) -> tuple[Config, list[Change], tuple[str, ...]] | None:
    """The one config whose layers are all in the file, or the one of an image of the same name elsewhere."""
    if any(manifest.view == "schema1" for manifest in claim.manifests):
        return None  # it speaks of other layers than any config does
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


def blob_for(claim: Claim, config: Config, at: int) -> Blob | None:
    """What the OCI manifest, or else manifest.json, lists for one position; a digest is all that matters of it."""
    for manifest in sorted(claim.manifests, key=lambda m: m.view != "oci"):
        if len(manifest.layers) == len(config.diff_ids) and manifest.layers[at].digest is not None:
            return manifest.layers[at]
    return None


def _missing(claim: Claim, config: Config, supply: Supply, wishes: Wishes) -> list[int]:
    """Positions that nothing serves."""
    start = bottom(config, supply) if wishes.as_delta else 0
    found = (supply.find(diff_id, blob_for(claim, config, at)) for at, diff_id in enumerate(config.diff_ids))
    return [at for at, piece in enumerate(found) if piece is None and at >= start]


def bottom(config: Config, supply: Supply) -> int:
    """How many of the lowest layers the file does not have."""
    return next((at for at, diff_id in enumerate(config.diff_ids) if supply.here(diff_id)), len(config.diff_ids))
