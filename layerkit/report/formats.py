"""The table of formats: a new one is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from . import contract, junit, markdown, plain, sarif, web
from .several import Reports

if TYPE_CHECKING:
    from . import Report

Renderer = Callable[["Report"], str]

FORMATS: Mapping[str, Renderer] = {
    "text": plain.to_text,
    "json": contract.to_json,
    "html": web.to_html,
    "md": markdown.to_markdown,
    "junit": junit.to_junit,
    "sarif": sarif.to_sarif,
}
SEVERAL: Mapping[str, Callable[[Reports], str]] = {
    "text": plain.several_to_text,
    "json": contract.several_to_json,
    "html": web.several_to_html,
    "md": markdown.several_to_markdown,
    "junit": junit.several_to_junit,
    "sarif": sarif.several_to_sarif,
}
SUFFIXES: Mapping[str, str] = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".md": "md",
    ".sarif": "sarif",
    ".xml": "junit",
    ".txt": "text",
}


def check(format: str) -> str:
    """The name of a format, or a UsageError that names them all."""
    if format not in FORMATS:
        raise UsageError(f"unknown format {format!r}, expected one of {', '.join(FORMATS)}")
    return format


def format_for(path: str | Path | None = None, format: str = "") -> str:
    """The format that was asked for, else the one a file's suffix stands for, else text."""
    return check(format or SUFFIXES.get(Path(path or "").suffix.lower(), "text"))
