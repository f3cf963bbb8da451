"""`layerkit ship` and `layerkit log`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import options
from .access import with_access

if TYPE_CHECKING:
    from ..sources.access import Access

_PANEL = "Export"

LogDir = Annotated[Path | None, typer.Option("--log", metavar="DIR", help="Where the ship log is kept (LAYERKIT_LOG).")]


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=_PANEL)(with_access(ship))
    app.command("log", rich_help_panel=_PANEL)(show_log)


def ship(
    image: Annotated[
        str, typer.Argument(metavar="IMAGE|ARCHIVE", help="What export takes, or a delta archive, sent as it is.")
    ],
    hosts: Annotated[list[str], typer.Argument(metavar="HOST...", help="What inventory takes; several side by side.")],
    also: Annotated[
        list[str] | None, typer.Option("--also", metavar="IMAGE", help="One more image to each. Repeatable.")
    ] = None,
    via: Annotated[
        Literal["auto", "stream", "pull", "sftp"],
        typer.Option(
            "--via",
            help="stream into the load command, pull through a reverse tunnel, sftp for links that break; "
            "auto takes the one that moves fewest bytes.",
        ),
    ] = "auto",
    thin: Annotated[
        bool,
        typer.Option("--thin", help="On containerd stores leave out what is unpacked: runs, but is not to be saved."),
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Hosts served at the same time.")] = 20,
    log: LogDir = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the report there, .html or .json.")
    ] = None,
    format: Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="text or json.")] = "text",
    store: options.StoreDir = None,
    platform: options.Platform = "",
    progress: options.ProgressMode = "auto",
    verbose: options.Verbose = False,
    *,
    access: Access,
) -> None:
    """Send hosts what they lack of an image, look again there, and say whether it arrived.

    Exit code 1 where one of them does not hold it afterwards.
    """
    from ..shipping import ship as send
    from .terminal import progress as observer

    options.log(verbose)
    with observer(progress) as watch:
        done = send(
            [image, *(also or ())],
            hosts,
            via=via,
            thin=thin,
            store=options.store(store),
            platform=platform,
            log=log,
            jobs=jobs,
            progress=watch,
            **access,
        )
    document = json.dumps(done.to_dict(), indent=1)
    if output is not None:
        from ..store import write_whole

        html = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Shipment</title>{done.to_html()}</html>'
        write_whole(output, (document if output.suffix == ".json" else html).encode())
    typer.echo(document if format == "json" else done.to_text())
    raise typer.Exit(done.exit_code)


def show_log(
    sites: Annotated[list[str] | None, typer.Argument(metavar="[HOST...]", help="Only of these.")] = None,
    log: LogDir = None,
    format: Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="text or json.")] = "text",
) -> None:
    """Say what was shipped where, when, and whether it arrived."""
    from ..shipping import read_log

    book = read_log(sites or (), log)
    typer.echo(json.dumps(list(book.entries), indent=1) if format == "json" else book.to_text())
