"""Decide how a broken file is repaired; nothing is written and nothing large is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Unpack

from ..compression import Compression
from ..diagnosis import diagnose
from ..errors import IntegrityError, NotFound
from ..finding import Finding
from ..image import Image, Source
from ..loaders import DEFAULT, find
from ..plan import Form, Packing
from ..progress import SILENT, Progress
from ..sources import Archive, choose
from ..sources.access import Access
from ..store import Store
from .change import Change
from .choosing import Wishes
from .claims import Claim, Subject, legacy_names, read_subject
from .plan import RepairPlan, written
from .shelf import Shelf
from .solving import Solved, solve
from .supply import Elsewhere, Supply


def plan_repair(
    broken: str | Path | Source,
    *,
    sources: Sequence[str | Path | Source] = (),
    as_delta: bool = False,
    allow_unsafe: bool = False,
    images: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    form: Form = "universal",
    layers: Packing | Literal["auto"] = "auto",
    loaders: Sequence[str] = (),
    deep: bool = False,
    platform: str = "",
    store: Store | None = None,
    progress: Progress = SILENT,
    **access: Unpack[Access],
) -> RepairPlan:
    """Decide how a broken archive is repaired, without doing it; the parameters are those of `repair`."""
    store = store or Store()
    opened, entries = (
        choose(broken, platform=platform, **access) if isinstance(broken, str | Path) else (broken, broken.entries())
    )
    report = diagnose(opened, loaders=loaders)
    subject = read_subject(report, entries)
    elsewhere = [_elsewhere(source, platform, progress, access) for source in sources]
    # What no structural rule objects to can only be wrong in its bytes: then all of them are read.
    read = deep or not any(f.severity != "info" for f in report.findings)
    supply, subject = _supply(subject, elsewhere, store, progress, deep=read)
    repack: Compression | None = None if layers in ("auto", "keep") else _PACKINGS[layers]
    accepted = _accepted(loaders) if layers == "auto" else frozenset()
    wishes = Wishes(as_delta, allow_unsafe, platform, repack, accepted, dict(tags or {}))
    picked = _pick(subject.claims, images)
    changes = list(subject.changes)
    if len(picked) < len(subject.claims):
        changes.append(Change("pick-images", f"{len(subject.claims)} images", f"{len(picked)} of them"))
    solved = _join(list(_solve(picked, supply, wishes, changes)), changes)
    base = opened if isinstance(opened, Archive) else None
    changes += _of_file(report.findings, base, changes)
    every = tuple(change for image in solved for change in image.changes)
    shown = str(broken) if isinstance(broken, str | Path) else opened.uri
    far = [p for p in written(solved) if p.origin is not None and not p.origin.local]
    fetch = sum(store.missing(p.digest, p.size) for p in far)
    return RepairPlan(shown, base, tuple(solved), (*changes, *every), form, store, fetch, deep, tuple(loaders))


_PACKINGS: Mapping[str, Compression] = {"plain": "", "gzip": "gzip", "zstd": "zstd"}


def _elsewhere(source: str | Path | Source, platform: str, progress: Progress, access: Access) -> Elsewhere:
    if isinstance(source, str | Path):
        opened, entries = choose(source, platform=platform or "all", **access)
        return Elsewhere(opened, [Image(opened, entry) for entry in entries], progress)
    return Elsewhere(source, [Image(source, entry) for entry in source.entries()], progress)


def _accepted(loaders: Sequence[str]) -> frozenset[Compression]:
    """The packings that every wanted runtime undoes; without a wish, those that all in use do."""
    each = [frozenset(find(name).layers) for name in loaders or DEFAULT]
    return frozenset.intersection(*each)


def _supply(
    subject: Subject, elsewhere: Sequence[Elsewhere], store: Store, progress: Progress, *, deep: bool
) -> tuple[Supply, Subject]:
    """What may be used; where no manifest says what the images are, the configs do."""
    source = subject.source
    if not isinstance(source, Archive):
        images = [Image(source, claim.entry) for claim in subject.claims if claim.entry is not None]
        return Supply(Elsewhere(source, images, progress), elsewhere, store), subject
    wanted = {d for claim in subject.claims for config in claim.configs for d in config.diff_ids}
    wanted |= {d for other in elsewhere for config, _ in other.configs() for d in config.diff_ids}
    bare = Shelf(source, frozenset(), progress, deep=deep)
    wanted |= {d for config, _ in bare.configs for d in config.diff_ids} if not subject.claims else set()
    shelf = Shelf(source, frozenset(wanted), progress, deep=deep)
    supply = Supply(shelf, elsewhere, store)
    if subject.claims:
        return supply, subject
    claims = tuple(_unlisted(shelf, elsewhere))
    if not claims:
        damaged = [f"{m.name} ({m.stored} of {m.size} bytes)" for m in shelf.damaged()]
        cut = f"; cut short: {', '.join(damaged)}" if damaged else ""
        raise IntegrityError(
            f"{source.uri}: no manifest and no image config is in it, so nothing tells what its "
            f"{len(shelf.members)} layers are{cut}; looked in {', '.join(supply.looked_in)}",
            hint="copy the file again, or name a source that has the image with --from",
        )
    return supply, replace(subject, claims=claims)


def _unlisted(shelf: Shelf, elsewhere: Sequence[Elsewhere]) -> Iterator[Claim]:
    """Images that no manifest lists: one for each config here, else the one elsewhere that has all layers here."""
    names = tuple(legacy_names(shelf.archive)) if len(shelf.configs) == 1 else ()
    for config, _ in shelf.configs:
        yield Claim(names or _names_of(config.digest, elsewhere), (config,), (), shelf.archive)
    if shelf.configs or not elsewhere or not shelf.members:
        return
    known = set(shelf.known())
    fitting = {
        config.digest: (config, image.entry.tags)
        for other in elsewhere
        for config, image in other.configs()
        if known and known <= set(config.diff_ids)
    }
    if len(fitting) > 1:
        raise NotFound(
            f"{shelf.archive.uri} has no manifest, and its layers fit {len(fitting)} images of the sources",
            hint="name one of them: --from docker-archive:FILE:NAME",
        )
    for config, tags in fitting.values():
        yield Claim(tags, (config,), (), shelf.archive)


def _names_of(digest: str, elsewhere: Sequence[Elsewhere]) -> tuple[str, ...]:
    for other in elsewhere:
        for config, image in other.configs():
            if config.digest == digest:
                return image.entry.tags
    return ()


def _pick(claims: Sequence[Claim], wanted: Sequence[str]) -> list[Claim]:
    """The images that were asked for, by a name, the end of one, or `@POSITION`."""
    if not wanted:
        return list(claims)
    picked: dict[int, Claim] = {}
    for name in wanted:
        found = [at for at, c in enumerate(claims) if name == f"@{at}" or any(_answers(n, name) for n in c.names)]
        if not found:
            offered = ", ".join(", ".join(claim.names) or f"@{at}" for at, claim in enumerate(claims[:8]))
            raise NotFound(f"no image is called {name}", hint=f"on offer: {offered or 'nothing'}")
        for at in found:
            names = tuple(n for n in claims[at].names if _answers(n, name)) or claims[at].names
            before = picked[at].names if at in picked else ()
            picked[at] = replace(claims[at], names=tuple(dict.fromkeys([*before, *names])))
    return [picked[at] for at in sorted(picked)]


def _answers(name: str, wanted: str) -> bool:
    return name == wanted or name.endswith((f":{wanted}", f"/{wanted}"))


def _solve(claims: Sequence[Claim], supply: Supply, wishes: Wishes, changes: list[Change]) -> Iterator[Solved]:
    """Every image in turn. A platform of which nothing is here may go, as long as another one stays."""
    lost: list[tuple[Claim, IntegrityError]] = []
    done = 0
    for claim in claims:
        try:
            solved = solve(claim, supply, wishes)
        except IntegrityError as error:
            if not claim.nested or any(
                supply.own.archive.has(b) for b in claim.listing if isinstance(supply.own, Shelf)
            ):
                raise
            lost.append((claim, error))
            continue
        done += 1
        yield solved
    if lost and not done:
        raise lost[0][1]
    for claim, _ in lost:
        after = "not offered any more: none of its layers is here"
        changes.append(Change("drop-platforms", f"{claim.title} is offered", after))


def _join(solved: Sequence[Solved], changes: list[Change]) -> list[Solved]:
    """Entries that come to the same image become one with all their names."""
    found: dict[str, Solved] = {}
    for image in solved:
        digest = image.config.digest
        if digest not in found:
            found[digest] = image
            continue
        first = found[digest]
        names = tuple(dict.fromkeys([*first.overlay.tags, *image.overlay.tags]))
        found[digest] = replace(first, overlay=replace(first.overlay, tags=names))
        changes.append(Change("join-images", "two entries for one image", f"one, {digest[:19]}"))
    return list(found.values())


def _of_file(findings: Sequence[Finding], base: Archive | None, told: Sequence[Change]) -> Iterator[Change]:
    """What the writer puts right by the way."""
    for finding in findings:
        if finding.code == "LK302" and not any(change.id == "merge-manifests" for change in told):
            yield Change("drop-duplicates", finding.message, "every name once")
        elif finding.code == "LK305" and finding.severity != "info":
            yield Change("normalise-names", finding.message, "plain relative names")
        elif finding.code == "LK308":
            yield Change("drop-platforms", finding.message, "only what is there is offered")
        elif finding.code in ("LK301", "LK310") and finding.severity != "info":
            yield Change("rewrite", finding.message, "written anew")
    if base is not None and base.backing.end != "marker":
        yield Change("close-archive", f"the tar ends {base.backing.end or 'early'}", "its end marker")
