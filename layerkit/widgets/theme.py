"""How the panels look: JupyterLab's controls, the report's colours."""

from __future__ import annotations

from html import escape
from pathlib import Path

import ipywidgets as ipw

from ..report.palette import DARK, LIGHT, properties
from ..text import flatten

LABEL = {"description_width": "76px"}
WIDE = ipw.Layout(width="auto")

_SHEET = (Path(__file__).parent / "panel.css").read_text(encoding="utf-8")
_LIGHT, _DARK = properties(LIGHT), properties(DARK)
STYLE = (
    f"<style>.lkp-panel{{{_LIGHT}}}@media (prefers-color-scheme:dark){{.lkp-panel{{{_DARK}}}}}"
    f'body[data-jp-theme-light="true"] .lkp-panel,body.vscode-light .lkp-panel{{{_LIGHT}}}'
    f'body[data-jp-theme-light="false"] .lkp-panel,body.vscode-dark .lkp-panel{{{_DARK}}}{_SHEET}</style>'
)
"""The same colours as the report's, and chosen in the same way: by the notebook's theme, else by the system's."""


def markup(html: str, classes: str = "") -> ipw.HTML:
    """A piece of HTML that is ours; whatever comes from elsewhere went through `text` first."""
    widget = ipw.HTML(value=html)
    for name in ("lkp-markup", *classes.split()):
        widget.add_class(name)
    return widget


def text(foreign: str, limit: int = 400) -> str:
    """Foreign text as HTML: one line, bounded, nothing in it acts."""
    return escape(flatten(foreign, limit))


def note(message: str, hint: str = "") -> str:
    """Something that did not work: one sentence, and what to try."""
    more = f"<span>{text(hint)}</span>" if hint else ""
    return f'<div class="lkp-problem" role="alert"><b>✗ {text(message, 1000)}</b>{more}</div>'


def title(name: str) -> ipw.HTML:
    """The heading of a part of a panel."""
    return markup(f'<div class="lkp-title" role="heading" aria-level="2">{name}</div>')


def button(name: str, tooltip: str) -> ipw.Button:
    """A button that is one of a panel's steps."""
    return ipw.Button(description=name, tooltip=tooltip, button_style="primary")
