"""Images and archives on hosts as sources: `docker-daemon:IMAGE`, `ssh://HOST/IMAGE`, `ssh://HOST/PATH/x.tar`."""

from __future__ import annotations

import re
import weakref

import paramiko

from ..errors import LayerkitError, NotFound, UsageError
from ..reference import Reference
from ..sources import Archive, Opening
from ..sources.access import Reaching, RuntimeName
from ..text import printable
from .asking import ask_terminal
from .host import Host, connect, find
from .remote_tar import is_file, open_archive
from .saved import SavedTar
from .shell import Shell
from .ssh import Ssh, open_ssh

_RUNTIMES: tuple[tuple[RuntimeName, str], ...] = (
    ("docker", ""),
    ("podman", ""),
    ("containerd", "default"),
)
"""Where an image is looked for, in this order."""

_FILE = re.compile(r"(?:/|~/).*|.*\.(?:tar(?:\.[a-z0-9]+)?|t[gx]z|tzst|tbz2)", re.DOTALL)
"""A location that is never taken for an image's name."""


def open_daemon(location: str, opening: Opening) -> Archive:
    """`docker-daemon:IMAGE`: of the Docker here, or of DOCKER_HOST."""
    Reference.parse(location)
    reaching = opening.access.get("reaching", Reaching()).copy()
    reaching["runtime"] = "docker"
    return open_saved(connect("local", **reaching), location, f"docker-daemon:{location}", opening)


def open_remote(location: str, opening: Opening) -> Archive:
    """`ssh://[user@]host[:port]/...`: a file there, if there is one, else an image of the runtime there."""
    authority, slash, rest = location.removeprefix("//").partition("/")
    uri = f"ssh:{location}"
    if not slash or not rest:
        raise UsageError(
            f"{printable(uri, 200)} names no image", hint="write ssh://HOST/IMAGE or ssh://HOST/PATH/x.tar"
        )
    reaching = opening.access.get("reaching", Reaching())
    shell = open_ssh(
        f"ssh://{authority}",
        accept=reaching.get("accept", ()),
        ask=reaching.get("ask", ask_terminal),
        config=reaching.get("config"),
    )
    try:
        if (found := _find_file(shell, rest)) is not None:
            path, info = found
            backing = open_archive(shell, path, info, deep=opening.deep, tick=opening.tick)
            return _owning(shell, Archive(uri, backing))
        if _FILE.fullmatch(rest):
            raise NotFound(
                f"{printable(rest, 200)} is no file on {shell.name}", hint="name it from the root: ssh://HOST/srv/x.tar"
            )
        return open_saved(*_holder(shell, f"ssh://{authority}", rest, reaching), uri, opening)
    except BaseException:
        shell.close()
        raise


def open_saved(host: Host, reference: str, uri: str, opening: Opening) -> Archive:
    """An image of a host, as the host's runtime exports it."""
    return _owning(
        host.shell, Archive(uri, SavedTar(lambda: host.save(reference), deep=opening.deep, tick=opening.tick))
    )


def _owning(shell: Shell, archive: Archive) -> Archive:
    """The connection lasts as long as the source that reads over it."""
    weakref.finalize(archive, shell.close)
    return archive


def _holder(shell: Shell, uri: str, reference: str, reaching: Reaching) -> tuple[Host, str]:
    """The first runtime on a machine that has this image, and what it calls it. Raises what the last word on it is."""
    wanted, inside = reaching.get("runtime", "auto"), reaching.get("namespace", "")
    runtimes = ((wanted, inside),) if wanted != "auto" or inside else _RUNTIMES
    Reference.parse(reference)
    looked: list[str] = []
    refusals: list[LayerkitError] = []
    for runtime, namespace in runtimes:
        try:
            host = find(
                shell,
                uri,
                runtime,
                namespace,
                reaching.get("socket", ""),
                reaching.get("snapshotter", ""),
                sudo=reaching.get("sudo", False),
                ask=reaching.get("ask", ask_terminal),
            )
            held = host.inspect(reference)
        except LayerkitError as error:
            refusals.append(error)
            continue
        if held is not None:
            return host, held.tags[0] if host.runtime == "containerd" else reference
        looked.append(f"{runtime} {namespace}".strip())
    silent = [error for error in refusals if not isinstance(error, NotFound)]
    if not looked:
        raise (silent or refusals)[0]
    raise NotFound(
        f"{printable(reference, 200)} is not held on {shell.name} by {' or '.join(looked)}",
        hint=f"not looked into: {silent[0]}" if silent else "`layerkit inventory` lists what is there",
    )


def _find_file(shell: Ssh, rest: str) -> tuple[str, paramiko.SFTPAttributes] | None:
    """The file that is meant: from the root, or with `~/` from the home folder."""
    if not _FILE.fullmatch(rest) and "." not in rest:
        return None
    path = rest.removeprefix("~/") if rest.startswith("~/") else f"/{rest.lstrip('/')}"
    with shell.files() as files:
        try:
            info = files.stat(path)
        except OSError:
            return None
    if is_file(info):
        return path, info
    if not _FILE.fullmatch(rest):
        return None
    raise UsageError(f"{path} on {shell.name} is a folder or a device, expected an archive file")
