"""What a rule is, what it finds, and how it came out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
Scope = Literal["file", "image"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in one sentence. `positions` are rows of the alignment, `evidence` is JSON data."""

    code: str
    severity: Severity
    message: str
    positions: tuple[int, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict, hash=False)
    fix: str = ""


@dataclass(frozen=True)
class Rule:
    """A check and its explanation. The check's docstring is the text that users read.

    A check of scope `file` takes the `Frames` of the whole file, one of scope `image` the `Alignment` of one image.
    `requires` are codes that must have passed; `deep` rules need the bytes to have been measured.
    """

    code: str
    title: str
    check: Callable[[Any], Iterable[Finding]]
    scope: Scope = "image"
    severity: Severity = "error"
    requires: frozenset[str] = frozenset()
    deep: bool = False

    @property
    def why(self) -> str:
        return (self.check.__doc__ or "").strip()

    def finding(
        self,
        message: str,
        *,
        positions: Iterable[int] = (),
        evidence: Mapping[str, Any] | None = None,
        fix: str = "",
        severity: Severity | None = None,
    ) -> Finding:
        return Finding(self.code, severity or self.severity, message, tuple(positions), evidence or {}, fix)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a rule came out: passed, failed with its findings, or not checked, because."""

    rule: Rule
    findings: tuple[Finding, ...] = ()
    skipped_because: str = ""

    @property
    def passed(self) -> bool | None:
        return None if self.skipped_because else not self.findings


Confidence = Literal["certain", "likely", "possible"]


@dataclass(frozen=True, slots=True)
class Cause:
    """Which mechanism made a mismatch. `evidence` are short sentences, each a fact that was seen."""

    id: str
    confidence: Confidence
    message: str
    evidence: tuple[str, ...] = ()
    fix: str = ""
