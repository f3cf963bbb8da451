"""What an export has proved: a list of checks, each with its sign, and the diagnosis of what was written."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..text import size_text
from . import words
from .plan_view import sheet, text
from .web import to_embedded

if TYPE_CHECKING:
    from ..export import Exported
    from ..verdict import Verdict
    from . import Report


def proof_html(done: Exported) -> str:
    """The proof for a notebook."""
    return f"<style>{sheet()}</style>" + content(done)


def content(done: Exported) -> str:
    """The same without its style sheet, for a page that has it."""
    seen = done.report
    lines = [*_checks(done, seen), *(_accepted(seen.verdicts) if seen.outcome == "sound" else ())]
    items = "".join(f"<li>{_SIGNS[sign]}<span>{html}</span></li>" for sign, html in lines)
    return (
        f'<div class="layerkit"><div class="lk-main lk-plan"><ul class="lk-proof">{items}</ul>{_loading(done)}'
        f"<details><summary>The whole diagnosis of what was written</summary>{to_embedded(seen)}</details></div></div>"
    )


_SIGNS = {
    "yes": '<span class="lk-yes" role="img" aria-label="yes">✓</span>',
    "no": '<span class="lk-no" role="img" aria-label="no">✗</span>',
    "note": '<span class="lk-but" role="img" aria-label="note">–</span>',
}


def _checks(done: Exported, report: Report) -> Iterator[tuple[str, str]]:
    plan = done.plan
    yield "yes", f"{_where(done)}, {size_text(done.size)}, carries {words.count(len(plan.carried), 'layer')}"
    meant = report.outcome == "sound" or (report.outcome == "incomplete" and plan.is_delta)
    how = "every byte of it read back" if report.deep else "its headers read back"
    held = any(row.state == "held" for image in report.images for row in image.alignment.layers)
    what = "sound with what the target holds" if held else _OUTCOMES.get(report.outcome, report.outcome)
    yield (
        "yes" if meant else "no",
        f"diagnosed <b>{what}</b> from the outside, {how}: {text(str(report.headline), 600)}",
    )
    for image, name in zip(plan.images, plan.names, strict=True):
        layers = words.count(len(image.config.diff_ids), "layer")
        digest = f"<code>{text(image.config.digest[:19])}…</code>" if image.config.digest else ""
        yield "yes", f"<code>{text(name, 120)}</code>: {layers}, image ID {digest} as in its source"
    if plan.is_delta:
        hosts = [f"<code>{text(target.host, 120)}</code>" for target in plan.targets if target.host]
        asked = f"asks {words.count(len(plan.skipped), 'layer')} of its target"
        yield "yes", asked + (f": {' and '.join(hosts)} holds them" if hosts else "")


_OUTCOMES = {"incomplete": "incomplete, as it is meant to be", "sound": "sound", "broken": "broken"}


def _accepted(verdicts: Sequence[Verdict]) -> Iterator[tuple[str, str]]:
    """Who will load it, in two lines at most."""
    for sign, told in (("yes", "accepted by"), ("note", "not for")):
        names = dict.fromkeys(_name(v, verdicts) for v in verdicts if (v.loads is not False) is (sign == "yes"))
        if names:
            yield sign, f"{told} {text(' · '.join(names), 600)}"


def _name(verdict: Verdict, verdicts: Sequence[Verdict]) -> str:
    """A program, with its version where its versions disagree."""
    answers = {v.loads is not False for v in verdicts if v.loader == verdict.loader}
    name = words.PROGRAMS.get(verdict.loader, verdict.loader)
    return name if len(answers) == 1 else f"{name} {verdict.version}"


def _where(done: Exported) -> str:
    paths = [f"<code>{text(str(path), 300)}</code>" for path in done.paths]
    if not paths:
        return "written to the pipe"
    return f"written to {paths[0]}" + (f" … {paths[-1]}" if len(paths) > 1 else "")


def _loading(done: Exported) -> str:
    """How to bring it in."""
    if not done.paths:
        return ""
    first = done.paths[0]
    if done.script is not None:
        command = f"sh {shlex.quote(done.script.name)}   # checks the base, loads, looks whether all arrived"
    elif len(done.paths) == 1:
        quoted = shlex.quote(first.name)
        command = f"docker load -i {quoted}   # or: podman load -i {quoted}"
    else:
        stem = shlex.quote(first.name.removesuffix(".000"))
        command = f"sha256sum -c {stem}.sha256 && cat {stem}.[0-9]* | docker load"
    return f'<div class="lk-fix">On the target: <code>{text(command, 600)}</code></div>'
