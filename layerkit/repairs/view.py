"""The plan of a repair as a piece of HTML for a notebook, its style confined to it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..report.web import style_sheet
from ..text import printable

if TYPE_CHECKING:
    from .plan import RepairPlan

_MEMBERS = 400
"""Members that are listed at most."""


def to_html(plan: RepairPlan) -> str:
    images = "".join(
        f"<tr><td>{_cell(', '.join(i.overlay.tags) or i.claim.title)}</td><td><code>{_id(i.before)}</code></td>"
        f"<td><code>{_id(i.config.digest)}</code></td><td>{len(i.overlay.pieces)}</td><td>{len(i.left_out)}</td></tr>"
        for i in plan.images
    )
    changes = "".join(
        f"<tr><td>{_cell(c.title)}</td><td>{_cell(c.before)}</td><td>{_cell(c.after)}</td>"
        f"<td>{'stays' if c.safe else '<b>changes</b>'}</td></tr>"
        for c in plan.changes
    )
    members = "".join(
        f"<tr><td>{_cell(m.before or '–')}</td><td>{_cell(m.after or '–')}</td><td>{m.size}</td>"
        f"<td>{_cell(m.note)}</td></tr>"
        for m in plan.members[:_MEMBERS]
    )
    more = len(plan.members) - _MEMBERS
    rest = f"<p>{more} more members are not listed.</p>" if more > 0 else ""
    unread = f"<p>{plan.unread} layers are taken for what their names say and not read.</p>" if plan.unread else ""
    return (
        f"<style>{style_sheet()}</style><div class='layerkit'><h3>Repair of {_cell(plan.subject)}</h3>"
        f"<p>{_cell(plan.sentence)}</p>{unread}"
        "<table><tr><th>image</th><th>image ID now</th><th>then</th><th>layers</th><th>left out</th></tr>"
        f"{images}</table>"
        f"<table><tr><th>repair</th><th>now</th><th>then</th><th>image ID</th></tr>{changes}</table>"
        f"<details><summary>{len(plan.members)} members</summary>"
        f"<table><tr><th>now</th><th>then</th><th>bytes</th><th></th></tr>{members}</table>{rest}</details></div>"
    )


def _cell(text: str) -> str:
    return escape(printable(text, 300))


def _id(digest: str | None) -> str:
    return escape(digest.removeprefix("sha256:")[:12]) if digest else "–"
