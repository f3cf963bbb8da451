"""`layerkit diagnose`: one archive or many."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from . import options
from .access import with_access

if TYPE_CHECKING:
    from ..sources.access import Access


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="Start here")(with_access(diagnose))


def diagnose(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET...",
            help="Archives, OCI layouts, folders of archives, patterns, docker://IMAGE, ssh://HOST/IMAGE or /FILE, -.",
        ),
    ],
    deep: Annotated[bool, typer.Option("--deep", help="Read every layer and check its digests and diff ID.")] = False,
    loaders: Annotated[
        list[str] | None,
        typer.Option(
            "--for", metavar="LOADER", help="Judge for this runtime, NAME or NAME@VERSION; exit 1 if it refuses."
        ),
    ] = None,
    held: Annotated[
        str,
        typer.Option("--held", metavar="FILE", help="What the target holds: an inventory, or an archive it loaded."),
    ] = "",
    format: Annotated[str, typer.Option("--format", "-f", help="text, json, html, md, junit or sarif.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there; the suffix picks the format.")
    ] = None,
    select: Annotated[list[str] | None, typer.Option("--select", metavar="CODE", help="Only these rules.")] = None,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", metavar="CODE", help="Not these rules.")] = None,
    platform: options.Platform = "",
    progress: options.ProgressMode = "auto",
    *,
    access: Access,
) -> None:
    """Say what is wrong with an image archive, why, and who will refuse it."""
    from ..report import format_for
    from ..survey import diagnose_all
    from .terminal import progress as observer

    chosen = format_for(output, format)
    with observer(progress) as watch:
        reports = diagnose_all(
            targets,
            deep=deep,
            loaders=loaders or (),
            held=held or None,
            select=_codes(select),
            ignore=_codes(ignore),
            platform=platform,
            progress=watch,
            **access,
        )
    text = reports.render(chosen)
    if output is None:
        typer.echo(text, nl=not text.endswith("\n"))
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}") from error
        typer.echo(f"{reports.headline}\nwritten to {output}", err=True)
    raise typer.Exit(reports.exit_code)


def _codes(options: Sequence[str] | None) -> list[str]:
    """Codes as given, comma-separated or repeated; an unknown one is a mistake worth hearing of."""
    if not options:
        return []
    from ..rules import RULES

    codes = [code.strip().upper() for option in options or () for code in option.split(",") if code.strip()]
    for code in codes:
        if not any(rule.code.startswith(code) for rule in RULES):
            raise UsageError(f"no rule begins with {code}", hint="`layerkit rules` lists them")
    return codes
