"""How registries and hosts are reached: options of every command that opens an image, spelled once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Annotated, Any, Literal, get_type_hints

import typer

_REGISTRIES, _HOSTS = "Registries", "Hosts"

Insecure = Annotated[
    bool,
    typer.Option("--insecure", help="Allow unknown certificates and plain HTTP.", rich_help_panel=_REGISTRIES),
]
Ca = Annotated[
    str,
    typer.Option("--ca", metavar="PEM", help="Trust this certificate authority.", rich_help_panel=_REGISTRIES),
]
Authfile = Annotated[
    str,
    typer.Option("--authfile", metavar="FILE", help="Take credentials only from here.", rich_help_panel=_REGISTRIES),
]
Mirrors = Annotated[
    list[str] | None,
    typer.Option("--mirror", metavar="[REGISTRY=]HOST", help="Ask there first.", rich_help_panel=_REGISTRIES),
]
Runtime = Annotated[
    Literal["auto", "docker", "podman", "containerd"],
    typer.Option("--runtime", help="auto takes the first that answers.", rich_help_panel=_HOSTS),
]
Namespace = Annotated[
    str,
    typer.Option("--namespace", metavar="NAME", help="Of containerd: default, k8s.io, moby.", rich_help_panel=_HOSTS),
]
Snapshotter = Annotated[
    str,
    typer.Option("--snapshotter", metavar="NAME", help="Of containerd, if not overlayfs.", rich_help_panel=_HOSTS),
]
Socket = Annotated[
    str,
    typer.Option("--socket", metavar="PATH", help="Where the runtime listens.", rich_help_panel=_HOSTS),
]
Sudo = Annotated[bool, typer.Option("--sudo", help="Run the runtime's program as root there.", rich_help_panel=_HOSTS)]
Accept = Annotated[
    list[str] | None,
    typer.Option(
        "--accept",
        metavar="SHA256:...",
        help="Trust the unknown host key of this fingerprint from now on.",
        rich_help_panel=_HOSTS,
    ),
]

_OF_REGISTRIES: dict[str, tuple[Any, object]] = {
    "insecure": (Insecure, False),
    "ca": (Ca, ""),
    "authfile": (Authfile, ""),
    "mirrors": (Mirrors, None),
}
_OF_HOSTS: dict[str, tuple[Any, object]] = {
    "runtime": (Runtime, "auto"),
    "namespace": (Namespace, ""),
    "snapshotter": (Snapshotter, ""),
    "socket": (Socket, ""),
    "sudo": (Sudo, False),
    "accept": (Accept, None),
}
"""The keys of `sources.access.Registries` and `Reaching`, each with its option and what it is where nothing is said."""


def with_access(command: Callable[..., None], *, registries: bool = True) -> Callable[..., None]:
    """Give a command these options, those of registries only if wanted; it takes them as one argument `access`."""
    of_registries = _OF_REGISTRIES if registries else {}
    own = inspect.signature(command)
    told = {name: text for name, text in command.__annotations__.items() if name != "access"}
    hints = get_type_hints(SimpleNamespace(__annotations__=told), command.__globals__, include_extras=True)

    def run(**given: Any) -> None:
        access, reaching = _said(given, of_registries), _said(given, _OF_HOSTS)
        command(**given, access={**access, "reaching": reaching} if reaching else access)

    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=p.default, annotation=hints[name])
        for name, p in own.parameters.items()
        if name != "access"
    ]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=usual, annotation=option)
        for name, (option, usual) in {**of_registries, **_OF_HOSTS}.items()
    ]
    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run


def _said(given: dict[str, Any], options: dict[str, tuple[Any, object]]) -> dict[str, Any]:
    """Take out of `given` what belongs to these options, and keep what is not as usual."""
    taken = {name: given.pop(name) for name in options}
    return {name: value for name, value in taken.items() if value != options[name][1]}
