"""Any error line of a runtime explained: who says it, which number is which, why, and what to check next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..diagnosis import diagnose
from ..errors import UsageError
from ..messages import Sentence, nearest, parse
from ..progress import SILENT, Progress
from ..report import Report
from . import plain, web
from .comparison import Archive, Here
from .mechanisms import MECHANISMS
from .reading import Field, Reading

__all__ = ["FORMATS", "MECHANISMS", "Explanation", "Field", "Here", "Reading", "explain"]


@dataclass(frozen=True)
class Explanation:
    """What a text says, sentence by sentence, and, where an archive was given, what of it is so there.

    `here` has one entry for each of `readings`, and none without an archive. `nearest` is the sentence most like a
    text in which nothing was recognised. In a notebook it shows itself.
    """

    readings: tuple[Reading, ...]
    nearest: Sentence | None = None
    report: Report | None = field(default=None, repr=False)
    here: tuple[Here, ...] = field(default=(), repr=False)

    @property
    def found(self) -> bool:
        """Whether any sentence of a runtime was recognised."""
        return bool(self.readings)

    @property
    def exit_code(self) -> int:
        """0 explained, 1 unknown."""
        return int(not self.found)

    def render(self, format: str = "text") -> str:
        """The explanation as a string in one of FORMATS."""
        if format not in FORMATS:
            raise UsageError(f"unknown format {format!r}, expected {', '.join(FORMATS)}")
        return FORMATS[format](self)

    def __str__(self) -> str:
        return self.render()

    def _repr_html_(self) -> str:
        return web.to_embedded(self)

    def _repr_markdown_(self) -> str:
        return self.render("md")


FORMATS: Mapping[str, Callable[[Explanation], str]] = {
    "text": plain.to_text,
    "json": plain.to_json,
    "md": web.to_markdown,
}


def explain(text: str, *, archive: str | Path | Report | None = None, progress: Progress = SILENT) -> Explanation:
    """Say what a runtime's error text means; with the archive, whether the text is about it and which cause it has.

    Parameters
    ----------
    text
        The line, or everything around it: a whole log, podman's bullets, the JSON stream of Docker's API. Only the
        last million characters are looked at.
    archive
        What the text was said about: whatever `diagnose` takes, or its report. The layers of a file are read in full
        where the text is about their contents, because only that can tell.
    progress
        Told of bytes of the archive as they are read.

    Raises
    ------
    SourceError
        The archive could not be reached. A text that nobody knows is no error: `found` is False.

    Examples
    --------
    >>> told = explain("invalid manifest, layers length mismatch: expected 25, got 36")
    >>> [(part.name, part.value, part.meaning) for part in told.readings[0].fields]
    [('manifest', 25, 'layers listed in manifest.json (Layers)'),
     ('diff_ids', 36, 'diff IDs in the image config (rootfs.diff_ids)')]
    >>> told = explain("length mismatch: expected 25, got 36", archive="data/trimmed-25-of-36.tar")
    >>> told.here[0].agrees, [(cause.id, cause.confidence) for cause in told.here[0].causes]
    (True, [('incremental-filter', 'certain')])
    """
    matches = parse(text)
    report = archive if isinstance(archive, Report) else None
    if isinstance(archive, str | Path):
        deep = any(match.sentence.kind == "content" for match in matches)
        report = diagnose(archive, deep=deep and Path(archive).exists(), progress=progress)
    asked = Archive(report) if report is not None and matches else None
    return Explanation(
        readings=tuple(Reading(match) for match in matches),
        nearest=None if matches else nearest(text),
        report=report,
        here=tuple(map(asked.compare, matches)) if asked else (),
    )
