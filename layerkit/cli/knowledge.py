"""`layerkit rules`: what layerkit knows, without any archive."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ..errors import UsageError


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="Understand")(rules)


def rules(
    code: Annotated[str, typer.Argument(help="A code or the beginning of one, as LK101 or LK2.")] = "",
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """List the rules, or say what one of them is about."""
    from ..rules import RULES

    chosen = [rule for rule in RULES if rule.code.startswith(code.upper())]
    if not chosen:
        raise UsageError(f"no rule is called {code}", hint="`layerkit rules` lists them all")
    if format == "json":
        rows = [
            {
                "code": rule.code,
                "title": rule.title,
                "severity": rule.severity,
                "scope": rule.scope,
                "deep": rule.deep,
                "requires": sorted(rule.requires),
                "why": rule.why,
            }
            for rule in chosen
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    if format != "text":
        raise UsageError(f"unknown format {format!r}, expected text or json")
    if len(chosen) > 1:
        for rule in chosen:
            typer.echo(f"{rule.code}  {rule.severity:<8} {rule.title}{'  (--deep)' if rule.deep else ''}")
        return
    (rule,) = chosen
    typer.echo(
        f"{rule.code}: {rule.title}\n{rule.severity}, looks at the {rule.scope}{', needs --deep' if rule.deep else ''}"
    )
    typer.echo(f"\n{_wrapped(rule.why)}")
    if rule.requires:
        typer.echo(f"\nNot checked unless these passed: {', '.join(sorted(rule.requires))}")


def _wrapped(text: str) -> str:
    import textwrap

    paragraphs = textwrap.dedent(text).split("\n\n")
    return "\n\n".join(textwrap.fill(" ".join(paragraph.split()), 78) for paragraph in paragraphs)
