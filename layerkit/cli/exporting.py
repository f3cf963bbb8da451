"""`layerkit plan`, `layerkit export` and `layerkit store`."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import UsageError
from . import options
from .access import with_access

if TYPE_CHECKING:
    from ..plan import Plan
    from ..sources.access import Access

_PANEL = "Export"

Images = Annotated[
    list[str],
    typer.Argument(
        metavar="IMAGE...",
        help="docker://..., a bare reference, oci:DIR[:NAME], docker-archive:FILE[:NAME], ssh://HOST/IMAGE, a path.",
    ),
]
To = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        metavar="HOST|FILE",
        help="The target: ssh://HOST, local, an inventory's file, or an archive it loaded. Repeatable.",
    ),
]
Form = Annotated[
    Literal["universal", "docker", "oci"],
    typer.Option("--form", help="universal loads everywhere; docker and oci leave the other half out."),
]
Layers = Annotated[
    Literal["auto", "keep", "plain", "gzip", "zstd"],
    typer.Option("--layers", help="How layers are packed; auto keeps them unless a target needs them plain."),
]


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=_PANEL)(with_access(plan))
    app.command(rich_help_panel=_PANEL)(with_access(export))
    store = typer.Typer(help="Look after the blobs kept between exports.", no_args_is_help=True)
    store.command("list")(list_store)
    store.command("verify")(verify_store)
    store.command("prune")(prune_store)
    app.add_typer(store, name="store", rich_help_panel=_PANEL)


def plan(
    images: Images,
    to: To = None,
    store: options.StoreDir = None,
    platform: options.Platform = "",
    form: Form = "universal",
    layers: Layers = "auto",
    format: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
    progress: options.ProgressMode = "auto",
    *,
    access: Access,
) -> None:
    """Say what an export would carry, layer by layer, without doing it."""
    from ..export import plan_export
    from .terminal import progress as observer

    if format not in ("text", "json"):
        raise UsageError(f"unknown format {format!r}, expected text or json")
    with observer(progress) as watch:
        made = plan_export(
            images,
            to=to or (),
            store=options.store(store),
            platform=platform,
            form=form,
            layers=layers,
            progress=watch,
            **access,
        )
    typer.echo(json.dumps(made.to_dict(), indent=1) if format == "json" else plan_text(made))


def export(
    images: Images,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The archive to write, - for a pipe.")],
    to: To = None,
    store: options.StoreDir = None,
    platform: options.Platform = "",
    form: Form = "universal",
    layers: Layers = "auto",
    outer: Annotated[
        Literal["none", "gzip", "zstd"], typer.Option("--outer", help="Compress the whole archive.")
    ] = "none",
    split: Annotated[
        str, typer.Option("--split", metavar="SIZE", help="Write parts of this size, as 4GB, for several sticks.")
    ] = "",
    progress: options.ProgressMode = "auto",
    verbose: options.Verbose = False,
    *,
    access: Access,
) -> None:
    """Write images to an archive that loads, carrying only what the target lacks."""
    from ..export import export_image
    from ..plan import size_text
    from .terminal import progress as observer

    options.log(verbose)
    pipe = output == "-"
    if pipe and (split or outer != "none"):
        raise UsageError("a pipe takes neither --split nor --outer", hint="pipe it on through gzip or split")
    if pipe and sys.stdout.isatty():
        raise UsageError("an archive is nothing to read on a terminal", hint="-o FILE, or pipe it on")
    with observer(progress) as watch:
        done = export_image(
            images,
            output,
            to=to or (),
            store=options.store(store),
            platform=platform,
            form=form,
            layers=layers,
            outer="" if outer == "none" else outer,
            split=options.size(split) if split else 0,
            progress=watch,
            **access,
        )
    lines = [done.plan.sentence + "."]
    if done.plan.is_delta:
        lines.append(f"Left out {len(done.plan.skipped)} layers: it loads only where they are held.")
    where = output if not split else f"{output}.000 to .{len(done.paths) - 1:03d} and {output}.sha256"
    lines.append(f"Wrote {'the pipe' if pipe else where}: {size_text(done.size)}, diagnosed {done.report.outcome}.")
    if done.script is not None:
        lines.append(f"With it goes {done.script}: checks the base, loads, and looks whether all arrived.")
    typer.echo("\n".join(lines), err=pipe)


def plan_text(made: Plan) -> str:
    """A plan for a terminal of 80 columns."""
    from ..plan import size_text
    from ..text import printable

    lines = [made.sentence + "."]
    if made.why:
        lines.append(textwrap.fill(f"Layers: {made.packing}, because {printable(made.why, limit=200)}.", 80))
    for at, name in enumerate(made.names):
        lines += ["", printable(name, limit=76), f"  {'#':>3}  {'action':<6} {'size':>8}  {'diff ID':<12}  why"]
        for step in made.steps_of(at):
            size, diff_id = size_text(step.size), step.diff_id.removeprefix("sha256:")[:12]
            reason = printable(step.reason, limit=38)
            lines.append(f"  {step.position:>3}  {step.action:<6} {size:>8}  {diff_id:<12}  {reason}")
    return "\n".join(lines)


def list_store(
    store: options.StoreDir = None,
    format: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
) -> None:
    """List what is kept, the longest unused first."""
    from dataclasses import asdict
    from datetime import datetime

    from ..plan import size_text

    held = options.store(store).contents()
    if format == "json":
        typer.echo(json.dumps([asdict(one) for one in held], indent=1))
        return
    for one in held:
        used = datetime.fromtimestamp(one.used).strftime("%Y-%m-%d %H:%M")
        typer.echo(f"{one.digest[7:19]}  {size_text(one.size):>8}  {one.compression or 'plain':<6} used {used}")
    typer.echo(f"{len(held)} blobs, {size_text(sum(one.size for one in held))} in {options.store(store).root}")


def verify_store(store: options.StoreDir = None) -> None:
    """Hash every blob again; a wrong one is removed, and the exit code is 1."""
    good, bad = options.store(store).verify()
    for digest in bad:
        typer.echo(f"removed {digest}: its bytes were no longer those of its name")
    typer.echo(f"{good} blobs are right, {len(bad)} were not")
    raise typer.Exit(int(bool(bad)))


def prune_store(
    store: options.StoreDir = None,
    unused: Annotated[
        float | None, typer.Option("--unused", metavar="DAYS", help="Remove what was not used for so long.")
    ] = None,
    keep: Annotated[
        str, typer.Option("--keep", metavar="SIZE", help="Then the longest unused until this much is left.")
    ] = "",
) -> None:
    """Remove blobs by age and by size."""
    from ..plan import size_text

    if unused is None and not keep:
        raise UsageError("nothing says what may go", hint="--unused DAYS, --keep SIZE, or both")
    gone = options.store(store).prune(unused_days=unused, keep_bytes=options.size(keep) if keep else None)
    typer.echo(f"removed {len(gone)} blobs, {size_text(sum(one.size for one in gone))}")
