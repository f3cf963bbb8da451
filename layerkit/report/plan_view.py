"""A plan as a picture: one bar per image from its base to its top, what is left out, what is here, what has to come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from ..text import flatten, size_text
from . import words
from .web import rules, style_sheet

if TYPE_CHECKING:
    from ..plan import Action, Plan, Step

ACTIONS: Mapping[Action, str] = {
    "skip": "left out, the target has it",
    "reuse": "carried, on this machine already",
    "fetch": "carried, still to be fetched",
}
SIGNS: Mapping[Action, str] = {"skip": "–", "reuse": "=", "fetch": "↓"}

_BARS = 12
"""Images that get a bar of their own; more are told in numbers."""
_CELLS = 130
_ROWS = 300
_FOLDED = 24
"""From so many rows on the table is closed at first."""


def plan_html(plan: Plan, rate: float = 0) -> str:
    """The plan for a notebook; `rate` is bytes per second on the way to the target, 0 where nobody knows."""
    return f"<style>{sheet()}</style>" + content(plan, rate)


def content(plan: Plan, rate: float = 0) -> str:
    """The same without its style sheet, for a page that has it."""
    images = range(len(plan.images))
    bars = "".join(_bar(plan.names[at], plan.steps_of(at), several=len(images) > 1) for at in images[:_BARS])
    if len(images) > _BARS:
        bars += f'<p class="lk-note">and {words.count(len(images) - _BARS, "more image")}, in the table below</p>'
    why = f'<p class="lk-note">Layers are stored {_PACKINGS[plan.packing]}: {text(plan.why)}.</p>' if plan.why else ""
    return (
        f'<div class="layerkit"><div class="lk-main lk-plan"><p class="lk-sum">{text(sentence(plan, rate))}</p>'
        f'<p class="lk-why">{_told(plan)}</p>{bars}{_key(plan)}{_table(plan)}{why}</div></div>'
    )


@cache
def sheet() -> str:
    return style_sheet() + rules("plan.css")


def sentence(plan: Plan, rate: float = 0) -> str:
    """As "57 MB of 475 MB travel, 41 MB of them to be fetched: about 10 s at 6 MB/s"."""
    if not rate or not plan.travel_bytes:
        return f"{plan.sentence}."
    return f"{plan.sentence}: {duration(plan.travel_bytes / rate)} at {rate / 1e6:g} MB/s."


def duration(seconds: float) -> str:
    """A time as people say it: "under a second", "about 40 s", "about 6 min", "about 2.5 h"."""
    if seconds < 1:
        return "under a second"
    if seconds < 99.5:
        return f"about {seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"about {seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"about {hours:.0f} h" if hours < 48 else f"about {hours / 24:.0f} days"


def text(foreign: str, limit: int = 400) -> str:
    """Foreign text as HTML: one line, bounded, nothing in it acts."""
    return escape(flatten(foreign, limit))


_PACKINGS = {"keep": "as the source has them", "plain": "plain", "gzip": "with gzip", "zstd": "with zstd"}


def _told(plan: Plan) -> str:
    """One sentence on the whole: for whom, and what that target must hold."""
    hosts = [target.host for target in plan.targets if target.host]
    whom = " and ".join(f"<code>{text(host, 120)}</code>" for host in hosts[:3])
    if not plan.targets:
        return "A full archive: it loads anywhere."
    if not plan.is_delta:
        return f"{whom or 'The target'} holds none of these layers from the base up: a full archive."
    return (
        f"{words.count(len(plan.skipped), 'layer')} of {size_text(plan.skip_bytes)} stay behind. "
        f"It loads only where they are held: on {whom or 'the target'}."
    )


def _bar(name: str, steps: Sequence[Step], *, several: bool) -> str:
    title = f'<h3 class="lk-bar-name"><code>{text(name, 120)}</code></h3>' if several else ""
    least = sum(step.size for step in steps) / 300 or 1
    cells = []
    for action, size, count, note in _cells(steps):
        grow = f"{max(size, least * count) / least:.1f}"
        cells.append(f'<i class="lk-{action}" style="flex-grow:{grow}" title="{note}"><b>{SIGNS[action]}</b></i>')
    label = text(f"Layers of {name} from the base up: {_spoken(steps)}", 2000)
    return f'{title}<div class="lk-strip" role="img" aria-label="{label}">{"".join(cells)}</div>'


def _cells(steps: Sequence[Step]) -> Iterator[tuple[Action, int, int, str]]:
    """What a bar is made of: single layers, or runs of them where they are too many to see."""
    if len(steps) <= _CELLS:
        for step in steps:
            yield step.action, step.size, 1, text(f"layer {step.position}: {step.action} {size_text(step.size)}")
        return
    for action, run in _runs(steps):
        size = sum(step.size for step in run)
        span = words.spell([step.position for step in run])
        yield action, size, len(run), text(f"layers {span}: {action} {size_text(size)}")


def _runs(steps: Sequence[Step]) -> Iterator[tuple[Action, list[Step]]]:
    for action, run in groupby(steps, lambda step: step.action):
        yield action, list(run)


def _spoken(steps: Sequence[Step]) -> str:
    parts = []
    for action, run in _runs(steps):
        span = words.spell([step.position for step in run])
        parts.append(f"{span} {action}, {size_text(sum(step.size for step in run))}")
    return "; ".join(parts) or "none"


def _key(plan: Plan) -> str:
    parts = []
    for action, meaning in ACTIONS.items():
        steps = [s for s in (plan.skipped if action == "skip" else plan.carried) if s.action == action]
        if steps:
            amount = f"{words.count(len(steps), 'layer')}, {size_text(sum(s.size for s in steps))}"
            parts.append(f'<span><i class="lk-{action}"><b>{SIGNS[action]}</b></i>{meaning} ({amount})</span>')
    return f'<div class="lk-key">{"".join(parts)}</div>'


def _table(plan: Plan) -> str:
    several = len(plan.images) > 1
    rows, last = [], -1
    for step in plan.steps[:_ROWS]:
        if several and step.image != last:
            name = text(plan.names[step.image], 120)
            rows.append(f'<tr><th colspan="5" scope="rowgroup"><code>{name}</code></th></tr>')
        last = step.image
        rows.append(_row(step))
    if len(plan.steps) > _ROWS:
        rest = words.count(len(plan.steps) - _ROWS, "more layer")
        rows.append(f'<tr><td colspan="5">and {rest}: <code>plan.frame</code> has them all</td></tr>')
    opened = "" if len(plan.steps) > _FOLDED else " open"
    return (
        f"<details{opened}><summary>Layer by layer ({words.count(len(plan.steps), 'row')})</summary>"
        '<div class="lk-scroll"><table class="lk-steps"><thead><tr><th class="lk-n" scope="col">#</th>'
        '<th scope="col">what</th><th class="lk-n" scope="col">size</th><th scope="col">layer</th>'
        f'<th scope="col">why</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div></details>'
    )


def _row(step: Step) -> str:
    why = text(step.reason, 200)
    if step.action == "fetch" and step.bytes != step.size:
        why += f", {size_text(step.bytes)} missing"
    return (
        f'<tr><td class="lk-n">{step.position}</td>'
        f'<td><span class="lk-tag lk-{step.action}">{SIGNS[step.action]} {step.action}</span></td>'
        f'<td class="lk-n">{size_text(step.size)}</td><td><code title="{text(step.digest)}">{text(step.digest[:19])}…'
        f"</code></td><td>{why}</td></tr>"
    )
