"""`layerkit repair`, `layerkit convert` and `layerkit compare`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import UsageError
from . import options
from .access import with_access
from .exporting import Form, Layers

if TYPE_CHECKING:
    from ..repairs import RepairPlan
    from ..report import Report
    from ..sources.access import Access

_PANEL = "Repair"

Loaders = Annotated[
    list[str] | None,
    typer.Option("--for", metavar="LOADER", help="A runtime that has to accept the result, NAME or NAME@VERSION."),
]
Outer = Annotated[Literal["none", "gzip", "zstd"], typer.Option("--outer", help="Compress the whole archive.")]


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel="Start here")(with_access(repair))
    app.command(rich_help_panel=_PANEL)(with_access(convert))
    app.command(rich_help_panel=_PANEL)(with_access(compare))


def repair(
    broken: Annotated[str, typer.Argument(metavar="BROKEN", help="An archive or OCI layout.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The archive to write.")] = "",
    sources: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="Where missing layers may be: docker://IMAGE, an archive, oci:DIR, ssh://HOST/IMAGE. Repeatable.",
        ),
    ] = None,
    as_delta: Annotated[
        bool,
        typer.Option("--as-delta", help="Leave the lowest layers out that it lacks, for a target that holds them."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change, member by member.")] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Change a config where nothing else helps; the image gets a new ID.")
    ] = False,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Write only the manifests anew, at the end of the file itself.")
    ] = False,
    image: Annotated[
        list[str] | None, typer.Option("--image", metavar="NAME", help="Take only this image. Repeatable.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="OLD=NEW", help="Give an image another name. Repeatable.")
    ] = None,
    loaders: Loaders = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every layer, before and after.")] = False,
    form: Form = "universal",
    layers: Layers = "auto",
    outer: Outer = "none",
    format: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
    store: options.StoreDir = None,
    platform: options.Platform = "",
    progress: options.ProgressMode = "auto",
    *,
    access: Access,
) -> None:
    """Write a broken archive anew so that it loads; layers are found by content, and only missing ones fetched."""
    from ..repairs import plan_repair, tail
    from ..repairs import repair as carry_out
    from .terminal import progress as observer

    if format not in ("text", "json"):
        raise UsageError(f"unknown format {format!r}, expected text or json")
    if not dry_run and bool(output) == in_place:
        raise UsageError("say where to write the repaired archive", hint="-o FIXED.tar, or --dry-run, or --in-place")
    if in_place and tail.undo(Path(broken)):
        typer.echo(f"layerkit: put the old end of {broken} back, which an earlier run left", err=True)
    with observer(progress) as watch:
        plan = plan_repair(
            broken,
            sources=sources or (),
            as_delta=as_delta,
            allow_unsafe=unsafe,
            images=image or (),
            tags=_pairs(tag or []),
            form=form,
            layers=layers,
            loaders=loaders or (),
            deep=deep,
            platform=platform,
            store=options.store(store),
            progress=watch,
            **access,
        )
        if dry_run:
            typer.echo(json.dumps(plan.to_dict(), indent=1) if format == "json" else plan.to_text())
            if in_place:
                typer.echo(tail.plan_tail(plan).to_text())
            return
    allowed = unsafe or _agreed(plan)
    with observer(progress) as watch:
        if in_place:
            done = carry_out(plan, in_place=True, allow_unsafe=allowed)
        else:
            done = carry_out(plan, output, allow_unsafe=allowed, outer="" if outer == "none" else outer, progress=watch)
    if format == "json":
        typer.echo(json.dumps({**plan.to_dict(), "written": str(done.path), "size": done.size}, indent=1))
        return
    typer.echo(_done(done.plan, done.report, str(done.path), done.size))


def _agreed(plan: RepairPlan) -> bool:
    """Ask before an image gets a new ID, where somebody is there to answer."""
    if plan.safe or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    typer.echo(plan.to_text(), err=True)
    return typer.confirm("The image ID changes. Go on?", err=True)


def _pairs(tags: list[str]) -> dict[str, str]:
    pairs = {}
    for text in tags:
        old, equals, new = text.partition("=")
        if not equals or not new:
            raise UsageError(f"--tag {text} names no new name", hint="--tag OLD=NEW, or --tag =NEW where it has none")
        pairs[old] = new
    return pairs


def _done(plan: RepairPlan, report: Report | None, path: str, size: int) -> str:
    from ..plan import size_text

    lines = [plan.sentence]
    lines += [f"  {'' if not c.image else c.image + ': '}{c.title}: {c.after}" for c in plan.changes]
    if plan.unread:
        lines.append(f"{plan.unread} layers were taken for what their names say and not read; --deep reads them.")
    if plan.left_out:
        lines.append(f"Left out {plan.left_out} layers: it loads only where they are held.")
    lines.append(
        f"Wrote {path}: {size_text(size)}, diagnosed {report.outcome if report is not None else 'not at all'}."
    )
    return "\n".join(lines)


def convert(
    source: Annotated[str, typer.Argument(metavar="IN", help="An archive, an OCI layout, docker://IMAGE.")],
    output: Annotated[str, typer.Argument(metavar="OUT", help="The archive to write.")],
    form: Form = "universal",
    layers: Layers = "auto",
    outer: Outer = "none",
    loaders: Loaders = None,
    store: options.StoreDir = None,
    platform: options.Platform = "",
    progress: options.ProgressMode = "auto",
    *,
    access: Access,
) -> None:
    """Write sound images in another form: universal, docker-archive or OCI archive, packed otherwise if wanted."""
    from ..export import export_image
    from ..plan import size_text
    from .terminal import progress as observer

    if output == "-":
        raise UsageError("convert writes a file", hint="`layerkit export IMAGE -o -` writes to a pipe")
    with observer(progress) as watch:
        done = export_image(
            source,
            output,
            store=options.store(store),
            platform=platform,
            form=form,
            layers=layers,
            outer="" if outer == "none" else outer,
            loaders=loaders or (),
            progress=watch,
            **access,
        )
    count = len(done.plan.images)
    typer.echo(
        f"Wrote {output}: {count} image{'' if count == 1 else 's'}, {done.report.format}, {size_text(done.size)}, "
        f"diagnosed {done.report.outcome}."
    )


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="One image: an archive, oci:DIR:TAG, docker://IMAGE.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    format: Annotated[str, typer.Option("--format", "-f", help="text, json, html or md.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there; the suffix picks the format.")
    ] = None,
    platform: options.Platform = "",
    *,
    access: Access,
) -> None:
    """Put two images side by side, and say what a host with A needs for B. Exit 1 if they differ."""
    from ..comparison import compare as look

    suffixes = {".json": "json", ".html": "html", ".htm": "html", ".md": "md"}
    chosen = format or suffixes.get(output.suffix.lower() if output else "", "text")
    compared = look(a, b, platform=platform, **access)
    text = compared.render(chosen)
    if output is None:
        typer.echo(text, nl=not text.endswith("\n"))
    else:
        output.write_text(text, encoding="utf-8")
        typer.echo(f"{compared.sentence}\nwritten to {output}", err=True)
    raise typer.Exit(int(not compared.identical))
