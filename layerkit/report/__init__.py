"""A diagnosis as an object: to look at, to query, to write down in any of FORMATS."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from ..alignment import Alignment
from ..finding import Cause, Finding, Outcome
from ..frames import Frames
from ..verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd

    from .formats import FORMATS, format_for
    from .headline import Headline
    from .several import Failure, Reports

__all__ = [
    "FORMATS",
    "Failure",
    "Headline",
    "ImageReport",
    "Judgement",
    "Remedy",
    "Report",
    "Reports",
    "format_for",
    "judge",
]

Judgement = Literal["sound", "incomplete", "broken"]
"""`incomplete` is sound against a target that holds the absent layers, and only there."""

_ORDER: Mapping[Judgement, int] = {"sound": 0, "incomplete": 1, "broken": 2}


@dataclass(frozen=True, slots=True)
class Remedy:
    """A repair that would help. `safe` ones keep the image ID; `needs` names what has to be given besides."""

    id: str
    safe: bool
    needs: tuple[str, ...] = ()
    command: str = ""
    title: str = ""


@dataclass(frozen=True)
class ImageReport:
    """What was found of one image."""

    alignment: Alignment = field(repr=False)
    outcomes: tuple[Outcome, ...] = field(default=(), repr=False)
    causes: tuple[Cause, ...] = ()
    repairs: tuple[Remedy, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(f for outcome in self.outcomes for f in outcome.findings)

    @property
    def name(self) -> str:
        return self.alignment.image.reference or "(no tag)"

    @cached_property
    def outcome(self) -> Judgement:
        return judge(self.findings)


@dataclass(frozen=True)
class Report:
    """What was found of one subject: of the file as a whole, of each image in it, and who will load it.

    `elapsed` is seconds. In a notebook it shows itself; `write` picks the format by the file's suffix.
    """

    subject: str
    frames: Frames = field(repr=False)
    outcomes: tuple[Outcome, ...] = field(default=(), repr=False)
    causes: tuple[Cause, ...] = ()
    images: tuple[ImageReport, ...] = ()
    verdicts: Sequence[Verdict] = field(default=(), repr=False)
    wanted: tuple[str, ...] = ()
    """The loaders that the caller named: where one refuses, something is wrong."""
    elapsed: float = 0.0
    made: str = ""
    """When and where it was made, as the caller wants it shown; reports are otherwise the same every time."""

    @property
    def format(self) -> str:
        return self.frames.source.format

    @property
    def deep(self) -> bool:
        return self.frames.deep

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, the file's first, then each image's in turn."""
        own = tuple(f for outcome in self.outcomes for f in outcome.findings)
        return own + tuple(f for image in self.images for f in image.findings)

    @cached_property
    def all_outcomes(self) -> tuple[Outcome, ...]:
        return self.outcomes + tuple(o for image in self.images for o in image.outcomes)

    @cached_property
    def outcome(self) -> Judgement:
        """The worst of the file and its images."""
        own = judge(tuple(f for outcome in self.outcomes for f in outcome.findings))
        return max([own, *(image.outcome for image in self.images)], key=lambda j: _ORDER[j])

    @property
    def exit_code(self) -> int:
        """0 nothing wrong, 1 something wrong was found."""
        return int(self.outcome != "sound" or bool(self.refusals))

    @property
    def refusals(self) -> tuple[Verdict, ...]:
        """The verdicts of runtimes that were asked for and refuse, or say yes and leave a broken image."""
        if not self.wanted:
            return ()
        wanted = frozenset(self.wanted)
        return tuple(v for v in self.verdicts if v.loads is False and wanted & {v.loader, v.name})

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The findings as a frame: image, code, severity, message, positions, fix."""
        import pandas as pd

        rows = [("", f) for outcome in self.outcomes for f in outcome.findings]
        rows += [(image.name, f) for image in self.images for f in image.findings]
        columns = ["image", "code", "severity", "message", "positions", "fix"]
        return pd.DataFrame(
            [(name, f.code, f.severity, f.message, list(f.positions), f.fix) for name, f in rows],
            columns=columns,
        )

    def render(self, format: str = "text") -> str:
        """The report as a string in one of FORMATS."""
        from .formats import FORMATS, check

        return FORMATS[check(format)](self)

    def write(self, path: str | Path, format: str = "") -> Path:
        """Write the report; without `format` the suffix decides (.html, .json, .md, .sarif, .xml, .txt)."""
        path = Path(path)
        from .formats import format_for

        path.write_text(self.render(format_for(path, format)), encoding="utf-8")
        return path

    @cached_property
    def headline(self) -> Headline:
        """The first sentence of every format, and with it why and what to do."""
        from .headline import headline

        return headline(self)

    def show(self, file: TextIO | None = None) -> None:
        """Print it, with colours and as wide as it is where that is a terminal."""
        from .plain import show

        show(self, file)

    def _repr_html_(self) -> str:
        from .web import to_embedded

        return to_embedded(self)

    def _repr_markdown_(self) -> str:
        return self.render("md")


def judge(findings: Sequence[Finding]) -> Judgement:
    """Errors break an image, unless all that is wrong is layers left out that a target may hold."""
    errors = [f for f in findings if f.severity == "error"]
    if not errors:
        return "sound"
    return "incomplete" if all(f.code == "LK201" and f.evidence.get("omittable") for f in errors) else "broken"


_HOMES = {
    "FORMATS": "formats",
    "Failure": "several",
    "Headline": "headline",
    "Reports": "several",
    "format_for": "formats",
}


def __getattr__(name: str) -> Any:
    """Import the renderers when they are first asked for: an export diagnoses much and writes no page."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
