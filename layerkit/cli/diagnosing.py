"""`layerkit diagnose`: one archive or many."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import LayerkitError, UsageError
from . import options

if TYPE_CHECKING:
    from ..inventory import Inventory
    from ..report import Failure, Report

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="Start here")(diagnose)


def diagnose(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET...",
            help="Archives, OCI layouts, folders of archives, patterns, docker://IMAGE, - for stdin.",
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
    insecure: options.Insecure = False,
    ca: options.Ca = "",
    authfile: options.Authfile = "",
    mirror: options.Mirror = None,
    progress: options.ProgressMode = "auto",
) -> None:
    """Say what is wrong with an image archive, why, and who will refuse it."""
    from ..diagnosis import diagnose as look
    from ..diagnosis import read_held
    from ..report import Failure, Reports, format_for
    from .terminal import progress as observer

    chosen = format_for(output, format)
    inventory: Inventory | None = read_held(held) if held else None
    subjects = [subject for target in targets for subject in expand(target)]
    access = options.access(insecure, ca, authfile, mirror)
    codes, without = _codes(select), _codes(ignore)
    with observer(progress) as watch:

        def one(subject: str) -> Report | Failure:
            try:
                return look(
                    subject,
                    deep=deep,
                    loaders=loaders or (),
                    held=inventory,
                    select=codes,
                    ignore=without,
                    progress=watch,
                    platform=platform,
                    **access,
                )
            except UsageError:
                raise
            except LayerkitError as error:
                return Failure(subject, str(error), error.hint)

        if len(subjects) == 1:
            results = [one(subjects[0])]
        else:
            with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
                results = list(pool.map(one, subjects))
    reports = Reports(tuple(results))
    text = reports.render(chosen)
    if output is None:
        typer.echo(text, nl=not text.endswith("\n"))
    else:
        output.write_text(text, encoding="utf-8")
        typer.echo(f"{reports.headline}\nwritten to {output}", err=True)
    raise typer.Exit(reports.exit_code)


def expand(target: str) -> Sequence[str]:
    """What one argument stands for: itself, the archives of a folder, or what a pattern matches, in name order."""
    path = Path(target)
    if target == "-" or not target:
        return [target]
    if path.is_dir() and not any((path / name).exists() for name in ("oci-layout", "index.json", "manifest.json")):
        found = sorted(str(p) for p in path.rglob("*") if p.name.endswith(_ARCHIVES) and p.is_file())
        found += sorted(str(p.parent) for p in path.rglob("oci-layout"))
        if not found:
            raise UsageError(f"{target} holds no image archive", hint=f"archives end in {', '.join(_ARCHIVES[:3])} ...")
        return found
    if glob.has_magic(target) and not os.path.lexists(target):
        found = sorted(glob.glob(target, recursive=True))
        if not found:
            raise UsageError(f"no file matches {target}")
        return found
    return [target]


def _codes(options: Sequence[str] | None) -> list[str]:
    """Codes as given, comma-separated or repeated; an unknown one is a mistake worth hearing of."""
    from ..rules import RULES

    codes = [code.strip().upper() for option in options or () for code in option.split(",") if code.strip()]
    for code in codes:
        if not any(rule.code.startswith(code) for rule in RULES):
            raise UsageError(f"no rule begins with {code}", hint="`layerkit rules` lists them")
    return codes
