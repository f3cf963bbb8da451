"""Many targets at once: what an argument stands for, and the diagnosis of all of them."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from .diagnosis import diagnose, read_held
from .errors import Cancelled, LayerkitError, UsageError
from .inventory import Inventory
from .progress import SILENT, Progress
from .report import Failure, Report, Reports
from .sources.access import Access
from .text import printable

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
"""How the archives of a folder are told from its other files."""

_LAYOUT = ("oci-layout", "index.json", "manifest.json")


def diagnose_all(
    targets: str | Path | Iterable[str | Path],
    *,
    deep: bool = False,
    loaders: Sequence[str] = (),
    held: Inventory | str | Path | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    platform: str = "",
    progress: Progress = SILENT,
    **access: Unpack[Access],
) -> Reports:
    """Diagnose many targets side by side; one that cannot be looked at is a `Failure` in its place.

    Each target may be a folder of archives or a pattern (`expand`); the other parameters are those of `diagnose`.
    Raises UsageError where nothing is there to look at, Cancelled where `progress` asks to stop.

    Examples
    --------
    >>> diagnose_all("data/sound-*.tar").headline
    '4 targets: 4 sound.'
    """
    named = [targets] if isinstance(targets, str | Path) else list(targets)
    subjects = [subject for target in named for subject in expand(str(target))]
    if not subjects:
        raise UsageError("no archive is named")
    if subjects.count("-") > 1:
        raise UsageError("- is named twice: standard input can be read only once")
    inventory = read_held(held) if isinstance(held, str | Path) else held

    def one(subject: str) -> Report | Failure:
        try:
            return diagnose(
                subject,
                deep=deep,
                loaders=loaders,
                held=inventory,
                select=select,
                ignore=ignore,
                platform=platform,
                progress=progress if len(subjects) == 1 else _Of(progress, subject),
                **access,
            )
        except (UsageError, Cancelled):
            raise
        except LayerkitError as error:
            return Failure(subject, str(error), error.hint)

    if len(subjects) == 1:
        return Reports((one(subjects[0]),))
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return Reports(tuple(pool.map(one, subjects)))


@dataclass(frozen=True, slots=True)
class _Of:
    """Progress of one target among many: its tasks are its own, and say whose they are."""

    progress: Progress
    subject: str

    def begin(self, task: str, total: int | None, label: str) -> None:
        self.progress.begin(f"{self.subject} {task}", total, f"{printable(Path(self.subject).name, 60)}: {label}")

    def advance(self, task: str, count: int) -> None:
        self.progress.advance(f"{self.subject} {task}", count)

    def end(self, task: str, outcome: str) -> None:
        self.progress.end(f"{self.subject} {task}", outcome)


def expand(target: str) -> Sequence[str]:
    """What one argument stands for: itself, the archives of a folder, or what a pattern matches, in name order."""
    if not target:
        raise UsageError("a target is empty", hint="name an archive, or . for this folder")
    if target == "-":
        return [target]
    try:
        names = os.listdir(target) if os.path.isdir(target) else None
    except OSError:
        return [target]  # opening it says why
    if names is not None and not set(names) & set(_LAYOUT):
        path = Path(target)
        found = sorted(str(p) for p in path.rglob("*") if p.name.endswith(ARCHIVES) and os.path.isfile(p))
        found += sorted(str(p.parent) for p in path.rglob("oci-layout"))
        if not found:
            raise UsageError(f"{target} holds no image archive", hint=f"archives end in {', '.join(ARCHIVES[:3])} ...")
        return found
    if glob.has_magic(target) and not os.path.lexists(target):
        found = sorted(glob.glob(target, recursive=True))
        if not found:
            raise UsageError(f"no file matches {target}")
        return found
    return [target]
