"""What can stop layerkit from looking.

LayerkitError
├── UsageError         the request itself makes no sense
├── SourceError        the bytes could not be reached
│   ├── NotFound
│   ├── AccessDenied
│   ├── Unreachable
│   └── PassedBy       a stream gave them once and cannot give them again
├── FormatError        the bytes are not what this operation needs
├── IntegrityError     the bytes are not the ones that were promised
├── Refused            the target said no
└── Cancelled          the caller asked to stop

An inconsistent image is none of these: it is read in full and reported as findings.
"""

from __future__ import annotations


class LayerkitError(Exception):
    """Base of every error raised on purpose; `hint` says what to try next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(LayerkitError): ...


class SourceError(LayerkitError): ...


class NotFound(SourceError): ...


class AccessDenied(SourceError): ...


class Unreachable(SourceError): ...


class PassedBy(SourceError): ...


class FormatError(LayerkitError): ...


class IntegrityError(LayerkitError): ...


class Refused(LayerkitError): ...


class Cancelled(LayerkitError): ...
