"""What came of a shipment, host by host: a frame, a text for a terminal, HTML for a notebook, JSON for a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from ..text import flatten, printable, size_text
from .proof import Check

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["arrived", "there already", "refused", "failed"]
"""refused: the host cannot take it, or did not; failed: it could not be reached or asked."""

COLUMNS = ("host", "runtime", "store", "verdict", "via", "bytes", "whole", "seconds", "message")
_SIGNS: Mapping[bool | None, str] = {True: "✓", False: "✗", None: "–"}


@dataclass(frozen=True)
class Delivery:
    """One host. `bytes` is what was sent to it, `whole` what all layers of the images are; `seconds` since dialling."""

    host: str
    verdict: Verdict
    message: str = ""
    hint: str = ""
    runtime: str = ""
    version: str = ""
    store: str = ""
    via: str = ""
    why: str = ""
    note: str = ""
    images: Mapping[str, str] = field(default_factory=dict, hash=False)
    """References and the digests of their configs."""
    bytes: int = 0
    whole: int = 0
    seconds: float = 0.0
    when: str = ""
    """UTC, ISO 8601."""
    checks: tuple[Check, ...] = field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        return self.verdict in ("arrived", "there already")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data: a line of the ship log, schema layerkit.delivery/1."""
        return {
            "schema": "layerkit.delivery/1",
            "when": self.when,
            "host": self.host,
            "verdict": self.verdict,
            "images": dict(self.images),
            "bytes": self.bytes,
            "whole": self.whole,
            "seconds": round(self.seconds, 3),
            "runtime": self.runtime,
            "version": self.version,
            "store": self.store,
            "via": self.via,
            "why": self.why,
            "note": self.note,
            "message": self.message,
            "checks": [{"image": c.image, "what": c.what, "ok": c.ok} for c in self.checks],
        }


@dataclass(frozen=True)
class Shipment:
    """Every host's delivery, in the order they were named."""

    deliveries: tuple[Delivery, ...]

    @property
    def ok(self) -> bool:
        return all(delivery.ok for delivery in self.deliveries)

    @property
    def exit_code(self) -> int:
        return int(not self.ok)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per host: host, runtime, store, verdict, via, bytes, whole, seconds, message. Sizes are bytes."""
        import pandas as pd

        rows = [[getattr(one, column) for column in COLUMNS] for one in self.deliveries]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    @property
    def sentence(self) -> str:
        """As "3 of 4 hosts hold it; 120 MB of 1.9 GB travelled"."""
        good = sum(one.ok for one in self.deliveries)
        sent, whole = sum(one.bytes for one in self.deliveries), sum(one.whole for one in self.deliveries)
        hosts = "host" if len(self.deliveries) == 1 else "hosts"
        holds = "holds" if good == 1 else "hold"
        return f"{good} of {len(self.deliveries)} {hosts} {holds} it; {size_text(sent)} of {size_text(whole)} travelled"

    def to_text(self) -> str:
        """For a terminal of 80 columns."""
        lines = [f"{self.sentence}."]
        for one in self.deliveries:
            lines += ["", f"{_SIGNS[one.ok]} {printable(one.host, 60)}: {told(one)}"]
            if one.via:
                lines.append(f"  by {one.via}: {printable(one.why, 200)}")
            if one.note:
                lines.append(f"  note: {printable(one.note, 300)}")
            for check in one.checks:
                lines.append(f"  {_SIGNS[check.ok]} {printable(f'{check.image}: {check.what}', 300)}")
            if one.hint:
                lines.append(f"  try: {printable(one.hint, 300)}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        return {"schema": "layerkit.shipment/1", "deliveries": [one.to_dict() for one in self.deliveries]}

    def to_html(self) -> str:
        """A static table with what was looked at, for a notebook or a page."""
        from ..report.plan_view import sheet

        rows = "".join(_row(one) for one in self.deliveries)
        head = "".join(f'<th scope="col">{name}</th>' for name in ("", "host", "runtime", "what", "sent"))
        return (
            f'<style>{sheet()}</style><div class="layerkit"><div class="lk-main lk-plan">'
            f'<p class="lk-sum">{escape(self.sentence)}.</p><div class="lk-scroll"><table class="lk-deliveries">'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></div></div>"
        )

    def _repr_html_(self) -> str:
        return self.to_html()


def told(one: Delivery) -> str:
    """A delivery in a sentence."""
    if one.verdict == "arrived":
        return f"arrived, {size_text(one.bytes)} of {size_text(one.whole)} in {one.seconds:.1f} s"
    return f"{one.verdict}{': ' if one.message else ''}{flatten(one.message, 600)}"


def _row(one: Delivery) -> str:
    sign = '<span class="lk-yes">✓</span>' if one.ok else '<span class="lk-no">✗</span>'
    checks = "".join(f"<li>{_SIGNS[c.ok]} {escape(flatten(f'{c.image}: {c.what}', 300))}</li>" for c in one.checks)
    more = f"<details><summary>looked at</summary><ul>{checks}</ul></details>" if checks else ""
    runtime = escape(printable(f"{one.runtime} {one.version} {one.store}".strip(), 80))
    note = f"<br>{escape(flatten(one.note, 300))}" if one.note else ""
    return (
        f"<tr><td>{sign}</td><td><code>{escape(printable(one.host, 80))}</code></td><td>{runtime}</td>"
        f"<td>{escape(told(one))}{note}{more}</td><td>{size_text(one.bytes)}"
        f"{f' by {one.via}' if one.via else ''}</td></tr>"
    )
