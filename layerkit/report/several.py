"""Many targets at once: each is a report or could not be looked at, and together they are one answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from ..text import printable
from . import words
from .headline import headline

if TYPE_CHECKING:
    import pandas as pd

    from . import Report


@dataclass(frozen=True, slots=True)
class Failure:
    """A target that could not be looked at."""

    subject: str
    error: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """One target in one line; its text is safe to look at. `outcome` is "failed" where nothing could be looked at."""

    subject: str
    format: str
    outcome: str
    images: int
    errors: int
    warnings: int
    headline: str
    hint: str = ""


@dataclass(frozen=True)
class Reports(Sequence["Report | Failure"]):
    """Reports and failures in the order of their targets. In a notebook they show themselves."""

    items: tuple[Report | Failure, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Report | Failure: ...
    @overload
    def __getitem__(self, index: slice) -> Reports: ...
    def __getitem__(self, index: int | slice) -> Report | Failure | Reports:
        return Reports(self.items[index]) if isinstance(index, slice) else self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Report | Failure]:
        return iter(self.items)

    @property
    def exit_code(self) -> int:
        """2 where something could not be looked at, else 1 where something is wrong, else 0."""
        return max((2 if isinstance(i, Failure) else i.exit_code for i in self.items), default=0)

    @property
    def headline(self) -> str:
        """One sentence on all of them."""
        if len(self.items) == 1:
            return summarise(self)[0].headline
        outcomes = [row.outcome for row in summarise(self)]
        parts = [f"{outcomes.count(outcome):,} {word}" for outcome, word in _OUTCOMES.items() if outcome in outcomes]
        return f"{words.count(len(outcomes), 'target')}: {', '.join(parts) or 'nothing to look at'}."

    @property
    def frame(self) -> pd.DataFrame:
        """One row per target: subject, format, outcome, images, errors, warnings, headline."""
        import pandas as pd

        columns = ["subject", "format", "outcome", "images", "errors", "warnings", "headline"]
        rows = [tuple(getattr(row, column) for column in columns) for row in summarise(self)]
        return pd.DataFrame(rows, columns=columns)

    def render(self, format: str = "text") -> str:
        """All of them as a string in one of FORMATS; one report alone is rendered as itself."""
        from .formats import FORMATS, SEVERAL, check

        check(format)
        if len(self.items) == 1 and not isinstance(self.items[0], Failure):
            return FORMATS[format](self.items[0])
        return SEVERAL[format](self)

    def write(self, path: str | Path, format: str = "") -> Path:
        """Write them to one file; without `format` the suffix decides."""
        from .formats import format_for

        path = Path(path)
        path.write_text(self.render(format_for(path, format)), encoding="utf-8")
        return path

    def _repr_html_(self) -> str:
        from .web import several_to_embedded

        return several_to_embedded(self)

    def _repr_markdown_(self) -> str:
        return self.render("md")


_OUTCOMES: Mapping[str, str] = {
    "broken": "broken",
    "incomplete": "incomplete",
    "sound": "sound",
    "failed": "could not be looked at",
}


def summarise(reports: Reports) -> list[Summary]:
    """One line per target."""
    return [
        Summary(printable(i.subject), "", "failed", 0, 0, 0, printable(i.error, 2000), printable(i.hint, 2000))
        if isinstance(i, Failure)
        else Summary(
            printable(i.subject),
            words.FORMAT_WORDS.get(i.format, i.format),
            i.outcome,
            len(i.images),
            sum(f.severity == "error" for f in i.findings),
            sum(f.severity == "warning" for f in i.findings),
            printable(headline(i).sentence, 2000),
        )
        for i in reports
    ]
