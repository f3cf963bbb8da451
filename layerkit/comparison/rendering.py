"""A comparison as text, JSON, Markdown and HTML; everything that images say is made harmless to look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape

from ..plan import size_text
from ..report.markdown import code
from ..report.markdown import escape as prose
from ..report.web import style_sheet
from ..text import flatten, printable
from . import Comparison, LayerPair


def to_embedded(compared: Comparison) -> str:
    """For a notebook, its style confined to it."""
    return f"<style>{style_sheet()}</style>{_html(compared)}"


def _layer_words(pair: LayerPair) -> tuple[str, str, str, str, str, str]:
    return (
        "–" if pair.a is None else str(pair.a),
        "–" if pair.b is None else str(pair.b),
        pair.likeness + (", packed otherwise" if pair.repacked else ""),
        "" if pair.size is None else size_text(pair.size),
        printable(pair.diff_id.removeprefix("sha256:"), 12).rstrip("…"),
        flatten(pair.created_by, 60),
    )


def _value(text: str | None, limit: int = 120) -> str:
    return "–" if text is None else flatten(text, limit)


def _text(compared: Comparison) -> str:
    lines = [compared.sentence, f"A  {printable(compared.names[0], 100)}", f"B  {printable(compared.names[1], 100)}"]
    lines += ["", f"{'A':>4} {'B':>4}  {'layer':<26} {'size':>8}  {'diff ID':<12}  step"]
    for pair in compared.layers:
        a, b, likeness, size, diff_id, step = _layer_words(pair)
        lines.append(f"{a:>4} {b:>4}  {likeness:<26} {size:>8}  {diff_id:<12}  {step[:40]}".rstrip())
    for title, rows in (("config", compared.fields), ("history", compared.history)):
        if rows:
            lines += ["", title]
            for row in rows:
                lines += [f"  {printable(row.path, 80)}", f"    A  {_value(row.a)}", f"    B  {_value(row.b)}"]
    return "\n".join(lines) + "\n"


def _json(compared: Comparison) -> str:
    return json.dumps(compared.to_dict(), indent=2, ensure_ascii=True) + "\n"


def _markdown(compared: Comparison) -> str:
    lines = [f"# {prose(compared.sentence)}", "", f"A: {code(printable(compared.names[0], 200))}  "]
    lines += [f"B: {code(printable(compared.names[1], 200))}", ""]
    lines += ["| A | B | layer | size | diff ID | step |", "| ---: | ---: | --- | ---: | --- | --- |"]
    for pair in compared.layers:
        a, b, likeness, size, diff_id, step = _layer_words(pair)
        lines.append(f"| {a} | {b} | {likeness} | {size} | {code(diff_id)} | {code(step)} |")
    for title, rows in (("Config", compared.fields), ("History", compared.history)):
        if rows:
            lines += ["", f"## {title}", "", "| where | A | B |", "| --- | --- | --- |"]
            lines += [f"| {code(printable(r.path, 80))} | {code(_value(r.a))} | {code(_value(r.b))} |" for r in rows]
    return "\n".join(lines) + "\n"


def _html(compared: Comparison) -> str:
    layers = [_layer_words(pair) for pair in compared.layers]
    parts = [
        f"<div class='layerkit'><h3>{escape(compared.sentence)}</h3>",
        f"<p>A: <code>{escape(printable(compared.names[0], 200))}</code><br>",
        f"B: <code>{escape(printable(compared.names[1], 200))}</code></p>",
        _table(("A", "B", "layer", "size", "diff ID", "step"), layers),
    ]
    for title, rows in (("Config", compared.fields), ("History", compared.history)):
        if rows:
            cells = [(printable(r.path, 80), _value(r.a), _value(r.b)) for r in rows]
            parts += [f"<h4>{title}</h4>", _table(("where", "A", "B"), cells)]
    return "".join(parts) + "</div>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{h}</th>' for h in head)}</tr>{body}</table>"


def _page(compared: Comparison) -> str:
    head = f"<meta charset='utf-8'><title>{escape(compared.sentence)}</title><style>{style_sheet()}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{_html(compared)}</body></html>\n"


FORMATS: Mapping[str, Callable[[Comparison], str]] = {"text": _text, "json": _json, "html": _page, "md": _markdown}
