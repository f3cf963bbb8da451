"""`layerkit inventory`: what a machine already holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import UsageError
from .access import with_access

if TYPE_CHECKING:
    from ..inventory import Inventory
    from ..sources.access import Access

_PANEL = "Export"


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=_PANEL)(with_access(inventory, registries=False))


def inventory(
    host: Annotated[
        str,
        typer.Argument(
            metavar="[HOST]", help="ssh://[USER@]HOST[:PORT], an alias of ~/.ssh/config, local, unix://SOCKET."
        ),
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there, as export --to reads it.")
    ] = None,
    imported: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="Read what the script printed on a site.")
    ] = None,
    script: Annotated[bool, typer.Option("--script", help="Print the script for a site without a network.")] = False,
    format: Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="text or json.")] = "text",
    *,
    access: Access,
) -> None:
    """Say which images and layers a host holds, for exports that leave them out."""
    from ..hosts import SCRIPT, import_inventory, take_inventory

    if sum((bool(host), imported is not None, script)) != 1:
        raise UsageError(
            "name one host, one file to --import, or --script", hint="layerkit inventory ssh://HOST -o site.json"
        )
    if script:
        typer.echo(SCRIPT, nl=False)
        return
    if imported is not None:
        found = import_inventory(imported)
    else:
        found = take_inventory(host, **access.get("reaching", {}))
    if output is not None:
        from ..store import write_whole

        write_whole(output, found.to_json().encode())
        typer.echo(f"{inventory_text(found)}\nwritten to {output}", err=True)
    else:
        typer.echo(found.to_json() if format == "json" else inventory_text(found), nl=format == "text")


def inventory_text(found: Inventory) -> str:
    """An inventory for a terminal of 80 columns."""
    from ..plan import size_text
    from ..text import printable

    store = f", {found.store} store" if found.store != found.runtime else ""
    free = f", {size_text(found.free_bytes)} free" if found.free_bytes is not None else ""
    host = printable(found.host or "the host", limit=100)
    what = printable(f"{found.runtime} {found.version}{store}, {found.platform}", limit=100)
    lines = [
        f"{host}: {what}{free}",
        f"{len(found.images)} names, {len(found.diff_ids)} layers, {len(found.blobs)} blobs",
    ]
    width = min(56, max((len(name) for name in found.images), default=0))
    for name, image_id in sorted(found.images.items()):
        mark = "  incomplete" if name in found.incomplete else ""
        lines.append(f"  {printable(name, limit=56):<{width}}  {printable(image_id.rpartition(':')[2][:12])}{mark}")
    return "\n".join([*lines, *(f"note: {printable(note)}" for note in found.notes)])
