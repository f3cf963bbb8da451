"""Look at images and say what is wrong with them."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Unpack, overload

from .finding import Cause, Outcome, Rule
from .frames import Frames, read_frames
from .image import Image, Source
from .inventory import Inventory
from .progress import SILENT, Progress
from .remedies import remedies_for
from .report import ImageReport, Report
from .sources.access import Access
from .verdict import Verdict


def diagnose(
    target: str | Path | Source | Image,
    *,
    deep: bool = False,
    loaders: Sequence[str] = (),
    held: Inventory | str | Path | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    progress: Progress = SILENT,
    platform: str = "",
    **access: Unpack[Access],
) -> Report:
    """Say what is wrong with every image that `target` offers, why, and who will refuse it.

    Parameters
    ----------
    target
        A path, a transport and its location as the command line takes them, or an opened source or image.
    deep
        Read all bytes and check digests and diff IDs; without it only headers and JSON are read.
    loaders
        Runtimes, `NAME` or `NAME@VERSION`, whose verdict is wanted; the report's exit code is 1 if one refuses.
    held
        An inventory, or a path to one or to an archive that the target has loaded; layers held there may be absent.
    select, ignore
        Codes or their beginnings, as `LK2`.
    progress
        Told of bytes as they are read.
    platform
        Of a registry's index: `os/architecture[/variant]` or "all"; "" is linux on this machine's architecture.
    access
        `insecure`, `ca`, `authfile`, `mirrors`, `reaching`: how registries and hosts may be reached
        (`layerkit.sources.access.Access`).

    Raises
    ------
    SourceError
        The bytes could not be reached. Whatever is wrong with them is in the report.

    Examples
    --------
    >>> report = diagnose("data/trimmed-25-of-36.tar")
    >>> report.outcome, [finding.code for finding in report.findings]
    ('broken', ['LK101'])
    """
    start = time.perf_counter()
    ahead = threading.Thread(target=_foresee, name="foresee", daemon=True)
    if deep:
        ahead.start()
    inventory = read_held(held) if isinstance(held, str | Path) else held
    frames = read_frames(target, deep=deep, held=inventory, progress=progress, platform=platform, **access)
    from .rules import RULES  # while layers are hashed it is imported beside that

    rules = [rule for rule in RULES if _chosen(rule.code, select, ignore)]
    outcomes = tuple(_run([r for r in rules if r.scope == "file"], frames, frames.deep, {}))
    done = {outcome.rule.code: outcome for outcome in outcomes}
    subject = str(target) if isinstance(target, str | Path) else frames.source.uri
    around = [finding for outcome in outcomes for finding in outcome.findings]
    by_image = [
        tuple(_run([r for r in rules if r.scope == "image"], alignment, frames.deep, done))
        for alignment in frames.alignments
    ]
    causes: tuple[Cause, ...] = ()
    image_causes: Sequence[tuple[Cause, ...]] = [()] * len(by_image)
    if around or inventory is not None or any(outcome.findings for own in by_image for outcome in own):
        from .causes import find_causes  # what is sound needs no cause, and an export diagnoses much that is sound

        causes, image_causes = find_causes(frames)
    images = []
    for alignment, own, why in zip(frames.alignments, by_image, image_causes, strict=True):
        found = [finding for outcome in own for finding in outcome.findings]
        images.append(ImageReport(alignment, own, why, remedies_for(subject, alignment, found, around)))
    verdicts = Verdicts(frames, tuple(loaders))
    if loaders:
        len(verdicts)  # a name that nobody bears is to be heard of at once
    if deep:
        ahead.join()
    elapsed = time.perf_counter() - start
    return Report(subject, frames, outcomes, causes, tuple(images), verdicts, tuple(loaders), elapsed)


def _foresee() -> None:
    """Import what will be wanted at the end while the layers are being hashed, which needs no interpreter."""
    for name in (".rules", ".causes", ".loaders", ".report.formats"):
        importlib.import_module(name, __package__)


@dataclass(frozen=True)
class Verdicts(Sequence[Verdict]):
    """What the named loaders, or the usual ones, will do: worked out when somebody looks."""

    frames: Frames = field(repr=False)
    names: tuple[str, ...]

    @cached_property
    def _all(self) -> tuple[Verdict, ...]:
        from .loaders import DEFAULT, predict

        return tuple(predict(self.frames, self.names or DEFAULT))

    @overload
    def __getitem__(self, index: int) -> Verdict: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Verdict, ...]: ...
    def __getitem__(self, index: int | slice) -> Verdict | tuple[Verdict, ...]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)


def read_held(held: str | Path) -> Inventory:
    """An inventory from its file, or from an archive: what a host holds that has loaded it."""
    try:
        with Path(held).open("rb") as file:
            head = file.read(64)
    except OSError:
        head = b""  # no file of this name that can be read: an image, perhaps, or `read_frames` says it best
    if head.lstrip().startswith(b"{"):
        return Inventory.read(held)
    frames = read_frames(held)
    return Inventory.of_images(str(held), *(alignment.image for alignment in frames.alignments))


def _chosen(code: str, select: Sequence[str], ignore: Sequence[str]) -> bool:
    return (not select or code.startswith(tuple(select))) and not code.startswith(tuple(ignore) or ("-",))


def _run(rules: Iterable[Rule], subject: Any, deep: bool, before: dict[str, Outcome]) -> Iterator[Outcome]:
    """Run rules in dependency order; one whose ground is unsure is skipped, and says so."""
    by_code = {rule.code: rule for rule in rules}
    done = dict(before)
    order = TopologicalSorter({code: rule.requires & by_code.keys() for code, rule in by_code.items()})
    for code in order.static_order():
        rule = by_code[code]
        unmet = sorted(c for c in rule.requires if c in done and _lost(done[c]))
        if unmet:
            roots = [c for c in unmet if done[c].findings] or unmet
            done[code] = Outcome(rule, skipped_because=f"{', '.join(roots)} did not pass")
        elif rule.deep and not deep:
            done[code] = Outcome(rule, skipped_because="layer contents were not read (--deep)")
        else:
            done[code] = Outcome(rule, tuple(rule.check(subject)))
    yield from (done[code] for code in by_code)


def _lost(outcome: Outcome) -> bool:
    """Whether what a rule vouches for is no ground to stand on: in error, or not checked. A warning leaves it."""
    return bool(outcome.skipped_because) or any(f.severity == "error" for f in outcome.findings)
