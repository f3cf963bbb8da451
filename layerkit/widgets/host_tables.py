"""What hosts hold and what would travel to each, as static tables: in the panel, and where widgets are not shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..inventory import Inventory
from ..plan import Action, Plan, size_text
from ..report.plan_view import SIGNS, sheet
from ..report.words import count
from .theme import text

if TYPE_CHECKING:
    from ..hosts import Host


@dataclass(frozen=True)
class Stop:
    """One host on the way: connected and asked, or the reason why not."""

    name: str
    host: Host | None = None
    inventory: Inventory | None = None
    problem: str = ""
    hint: str = ""

    @property
    def shown(self) -> str:
        return self.name.removeprefix("ssh://")


@dataclass(frozen=True)
class Load:
    """What would travel to one host, which way, and what speaks against it."""

    name: str
    plan: Plan
    way: str
    remark: str = ""
    refusal: str = ""
    hint: str = ""


def held_table(stops: Iterable[Stop]) -> str:
    """One row per host: what it is and holds, or why it could not be asked."""
    head = _head("", "host", "runtime", "platform", "+images", "+layers", "+free")
    return _table("lkp-held", head, "".join(map(_held_row, stops)))


def load_table(loads: Sequence[Load]) -> str:
    """One row per host: bytes and layers that travel, those that stay behind, or why nothing can be sent."""
    travel, whole = sum(one.plan.travel_bytes for one in loads), sum(_whole(one.plan) for one in loads)
    told = f"{size_text(travel)} of {size_text(whole)} travel to {count(len(loads), 'host')}."
    head = _head("", "host", "way", "+travels", "+of", "", "layers")
    return _table("lkp-loads", head, "".join(map(_load_row, loads)), f'<p class="lk-sum">{told}</p>')


def _table(name: str, head: str, rows: str, above: str = "") -> str:
    return (
        f'<style>{sheet()}</style><div class="layerkit {name}"><div class="lk-main lk-plan">{above}'
        f'<div class="lk-scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div></div></div>"
    )


def _head(*names: str) -> str:
    """A plus is for a column of numbers."""
    return "".join(
        f'<th scope="col"{" class=lk-n" if name.startswith("+") else ""}>{name.removeprefix("+")}</th>'
        for name in names
    )


def _start(name: str, *, ok: bool) -> str:
    sign = '<span class="lk-yes">✓</span>' if ok else '<span class="lk-no">✗</span>'
    return f"<td>{sign}</td><td><code>{text(name, 80)}</code></td>"


def _problem(message: str, hint: str, span: int) -> str:
    more = f"<br>{text(hint)}" if hint else ""
    return f'<td colspan="{span}"><span class="lk-problem">{text(message, 1000)}</span>{more}</td>'


def _held_row(stop: Stop) -> str:
    held = stop.inventory
    if held is None:
        return f"<tr>{_start(stop.shown, ok=False)}{_problem(stop.problem, stop.hint, 5)}</tr>"
    store = f", {held.store} store" if held.store not in ("", held.runtime) else ""
    free = size_text(held.free_bytes) if held.free_bytes is not None else "not known"
    notes = "".join(f"<br>{text(one)}" for one in held.notes)
    numbers = (f"{len(held.images):,}", f"{max(len(held.diff_ids), len(held.chain_ids)):,}", free)
    return (
        f"<tr>{_start(stop.shown, ok=True)}<td>{text(f'{held.runtime} {held.version}{store}', 80)}{notes}</td>"
        f"<td>{text(held.platform, 40)}</td>{''.join(f'<td class=lk-n>{number}</td>' for number in numbers)}</tr>"
    )


def _load_row(load: Load) -> str:
    plan = load.plan
    if load.refusal:
        return f"<tr>{_start(load.name, ok=False)}{_problem(load.refusal, load.hint, 5)}</tr>"
    behind = f", {len(plan.skipped)} stay behind" if plan.skipped else ""
    more = f"<br>{text(load.remark)}" if load.remark else ""
    return (
        f"<tr>{_start(load.name, ok=True)}<td>{text(load.way)}</td><td class=lk-n>{size_text(plan.travel_bytes)}</td>"
        f"<td class=lk-n>{size_text(_whole(plan))}</td><td>{_strip(plan)}</td>"
        f"<td>{len(plan.carried)} travel{behind}{more}</td></tr>"
    )


def _strip(plan: Plan) -> str:
    """What stays behind and what travels, as shares of the whole."""
    parts: tuple[tuple[Action, int], ...] = (("skip", plan.skip_bytes), ("fetch", plan.travel_bytes))
    whole = _whole(plan) or 1
    cells = "".join(
        f'<i class="lk-{action}" style="flex-grow:{size / whole:.4f}"><b>{SIGNS[action]}</b></i>'
        for action, size in parts
        if size
    )
    label = f"{100 * plan.travel_bytes / whole:.0f} % of the bytes travel"
    style = "height:18px;margin:2px 0;min-width:90px"
    return f'<div class="lk-strip" style="{style}" role="img" aria-label="{label}">{cells}</div>'


def _whole(plan: Plan) -> int:
    return plan.travel_bytes + plan.skip_bytes
