"""`layerkit explain`, `loaders` and `rules`: what layerkit knows, without any archive."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from ..loaders import Loader

LIMIT = 1_000_000
"""Bytes of a log that are kept: its end, where the error is."""
_SHORT = {"gzip": "gz", "bzip2": "bz2", "xz": "xz", "zstd": "zst"}
_COLUMNS = {
    "docker-archive": "docker",
    "oci-archive": "oci ",
    "universal": "hybrid",
    "oci-layout": "folder",
    "legacy": "v1 ",
}
_LEGEND = """\
docker, oci, v1: archives of docker save, of OCI tools, and of Docker before 1.10; hybrid: both of the first two
in one; folder: an OCI layout. yes: it takes the form; thin: it also takes it with layers left out that it holds
already. The last two columns are the compressions it undoes, of layers and of the tar as a whole, beside none."""
_IDENTITIES = {
    "chain_id": "chain ID (the layer and all below it)",
    "diff_id": "diff ID (the layer's uncompressed bytes)",
    "digest": "digest (the layer's file as it is stored)",
}


def register(app: typer.Typer) -> None:
    for command in (explain, loaders, rules):
        app.command(rich_help_panel="Understand")(command)


def explain(
    text: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", help="The error; without it, or with -, stdin: a whole log."),
    ] = None,
    archive: Annotated[
        str, typer.Option("--archive", "-a", metavar="FILE", help="What it was said about: says which cause it is.")
    ] = "",
    format: Annotated[str, typer.Option("--format", "-f", help="text, json or md.")] = "text",
) -> None:
    """Say what an error of docker, containerd, podman and others means, which number is which, and why.

    Exit 1 if no known sentence is in the text.
    """
    from ..explanation import FORMATS
    from ..explanation import explain as read
    from .terminal import progress

    if format not in FORMATS:
        raise UsageError(f"unknown format {format!r}, expected {', '.join(FORMATS)}")
    said = " ".join(text or ["-"])
    if said == "-":
        stdin = typer.get_binary_stream("stdin")
        if stdin.isatty():
            typer.echo("Paste the error, then press Ctrl-D.", err=True)
        said = decode(tail(stdin))
    if not said.strip():
        raise UsageError("there is no text to explain", hint="layerkit explain 'the error', or pipe a log into it")
    with progress() as watch:
        told = read(said, archive=archive or None, progress=watch)
    typer.echo(told.render(format), nl=False)
    raise typer.Exit(told.exit_code)


def tail(stream: BinaryIO, limit: int = LIMIT) -> bytes:
    """The last `limit` bytes of a stream and, where it is longer, its first two: they may tell the encoding."""
    first = kept = stream.read(2)
    while piece := stream.read(1 << 16):
        kept = (kept + piece)[-limit:]
    return kept if kept.startswith(first) else first + kept


def decode(raw: bytes) -> str:
    """A log as text; `docker load 2> error.txt` in PowerShell is UTF-16."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    return raw.decode("utf-8", "replace")


def loaders(
    name: Annotated[str, typer.Argument(help="NAME or NAME@VERSION, as docker-classic or podman@4.3.")] = "",
    format: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
) -> None:
    """List the programs whose verdict layerkit knows and what each accepts, or say more of one."""
    from ..loaders import LOADERS, find

    chosen = [loader for loader in LOADERS if name in ("", loader.name)] or [find(name)]
    if format == "json":
        typer.echo(json.dumps([_facts(loader) for loader in chosen], indent=1))
    elif format != "text":
        raise UsageError(f"unknown format {format!r}, expected text or json")
    else:
        typer.echo("\n".join(_details(chosen) if name else _overview(chosen)))


def _facts(loader: Loader) -> dict[str, object]:
    return {
        "loader": loader.name,
        "version": loader.version,
        "versions": loader.versions,
        "command": loader.command,
        "formats": list(loader.formats),
        "partial": list(loader.partial),
        "identity": loader.identity,
        "layers": [compression or "none" for compression in loader.layers],
        "outer": [compression or "none" for compression in loader.outer],
        "notes": loader.notes,
    }


def _overview(chosen: Sequence[Loader]) -> Iterator[str]:
    heads = " ".join(_COLUMNS.values())
    yield f"{'loader':<22} {heads} {'layers':<13} around"
    for loader in chosen:
        cells = (
            f"{'thin' if form in loader.partial else 'yes' if form in loader.formats else '-':<{len(head)}}"
            for form, head in _COLUMNS.items()
        )
        yield f"{loader.full_name:<22} {' '.join(cells)} {_packed(loader.layers):<13} {_packed(loader.outer)}"
    yield ""
    yield _wrapped(_LEGEND)
    yield ""
    yield "Versions, as the model holds for them (`--for NAME@VERSION`):"
    for loader in chosen:
        yield f"  {loader.full_name:<22}  {loader.versions}"


def _packed(compressions: Sequence[str]) -> str:
    return " ".join(short for compression, short in _SHORT.items() if compression in compressions) or "none"


def _details(chosen: Sequence[Loader]) -> Iterator[str]:
    for number, loader in enumerate(chosen):
        if number:
            yield ""
        yield f"{loader.full_name}: {loader.command}"
        rows = {
            "versions": loader.versions,
            "takes": ", ".join(loader.formats),
            "layers left out": ", ".join(loader.partial) or "never",
            "knows layers by": _IDENTITIES[loader.identity],
            "layers may be": ", ".join(compression or "plain" for compression in loader.layers),
            "the tar may be": ", ".join(compression or "plain" for compression in loader.outer),
            "notes": loader.notes,
        }
        for head, value in rows.items():
            if value:
                first, *rest = _wrapped(value, 60).splitlines()
                yield f"  {head:<16} {first}"
                yield from (f"{' ' * 19}{line}" for line in rest)


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


def _wrapped(text: str, width: int = 78) -> str:
    import textwrap

    paragraphs = textwrap.dedent(text).split("\n\n")
    return "\n\n".join(textwrap.fill(" ".join(paragraph.split()), width) for paragraph in paragraphs)
