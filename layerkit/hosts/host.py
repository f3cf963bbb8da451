"""A machine that holds images: one runtime on it, whatever way it is reached."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Unpack

from ..errors import LayerkitError, NotFound, UsageError
from ..inventory import Inventory
from ..sources.access import Reaching, RuntimeName
from ..text import printable
from .asking import Ask, ask_terminal
from .containerd import Containerd
from .docker import Docker, Nerdctl
from .podman import Podman
from .privilege import become_root
from .runtime import ABSENT, PROGRAMS, Facts, Held, Runtime, named
from .shell import Local, Result, Shell
from .ssh import open_ssh

_MARK = "layerkit asks"

_PROBE = f"""echo '{_MARK}'
id -u
printf '%s\\n' "${{XDG_RUNTIME_DIR:-}}"
for program in docker podman ctr nerdctl; do
  command -v "$program" > /dev/null 2>&1 && printf '%s ' "$program"
done
echo
printf '%s\\n' "${{DOCKER_HOST:-}}"
uname -n"""
"""What there is to talk to; nothing of it needs a privilege."""


@dataclass(frozen=True)
class Host:
    """One runtime on one machine. `name` is what the person calls it, `facts` what the runtime said of itself."""

    name: str
    shell: Shell = field(repr=False)
    driver: Runtime = field(repr=False)
    facts: Facts
    on_this_machine: bool = True
    """Whether the daemon's files are on the machine that the shell is on."""

    @property
    def runtime(self) -> str:
        return self.driver.kind

    @property
    def version(self) -> str:
        return self.facts.version

    @property
    def store(self) -> str:
        """`classic` or `containerd` for Docker, else the runtime's own."""
        return self.facts.store

    @property
    def platform(self) -> str:
        return self.facts.platform

    @cached_property
    def free_bytes(self) -> int | None:
        """Free space where images are kept, as of the first time it was asked for; None where that cannot be told."""
        return self.measure_free()

    def measure_free(self) -> int | None:
        """Free space where images are kept, now."""
        root = self.facts.root
        if not self.on_this_machine or not root.startswith("/"):
            return None
        with suppress(LayerkitError):
            return parse_df(self.shell.run(["df", "-Pk", "--", root]).text)
        return None

    def inventory(self) -> Inventory:
        """What is held right now: to be taken anew before anything is left out for it."""
        return replace(self.driver.inventory(self.facts), host=self.name, free_bytes=self.measure_free())

    def images(self) -> Mapping[str, str]:
        """References and image IDs."""
        return self.driver.images()

    def inspect(self, reference: str) -> Held | None:
        """One image as the host describes it, None where it is not there."""
        return self.driver.inspect(reference)

    @property
    def load_command(self) -> tuple[str, ...]:
        """What reads an archive on its standard input and loads it."""
        return (*self.driver.argv, *self.driver.load_command())

    def load(self, archive: Iterable[bytes]) -> Result:
        """Stream an archive into the load command. Its result is the program's word, which is not to be believed."""
        return self.shell.run(self.load_command, stdin=archive, timeout=None)

    def save(self, reference: str) -> AbstractContextManager[BinaryIO]:
        """The host's own export of an image, as a stream."""
        return self.driver.save(reference)

    def remove(self, reference: str) -> None:
        """Take a name away, and the image with its last one. A name that is not there is no error."""
        result = self.driver.run(*self.driver.remove_command(named(reference)))
        if not result.ok:
            failure = self.driver.failure(result)
            if result.exit == ABSENT or not isinstance(failure, NotFound):
                raise failure

    def create_and_remove(self, reference: str) -> Result:
        """Create a container of an image, never start it, and remove it: fails where a layer is missing."""
        return self.driver.create_and_remove(reference)

    def close(self) -> None:
        self.shell.close()

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(
    uri: str,
    *,
    runtime: RuntimeName = "auto",
    namespace: str = "",
    socket: str = "",
    snapshotter: str = "",
    sudo: bool = False,
    accept: str | Collection[str] = (),
    ask: Ask = ask_terminal,
    config: Path | None = None,
) -> Host:
    """Connect to a machine and find the runtime on it.

    Parameters
    ----------
    uri
        `ssh://[user@]host[:port]`, an alias of ~/.ssh/config, `local`, or `unix:///path/docker.sock` for a Docker here.
    runtime
        `auto` takes the first that answers of docker, podman, containerd; with a namespace, containerd.
    namespace
        Of containerd: `default`, `k8s.io` for what Kubernetes runs, `moby` for Docker's.
    socket
        Where the runtime listens, if not at its usual place: a path or `unix:///path`; for podman a remote's URL.
    snapshotter
        Of containerd, where images are not unpacked by overlayfs.
    sudo
        Run the runtime's program as root.
    accept
        Fingerprints of unknown host keys that are to be trusted from now on.
    ask
        Asked for passphrases and passwords.

    Raises
    ------
    UnknownHostKey, ChangedHostKey
        The host's key is not one that is known.
    AccessDenied, Unreachable, NotFound
        No way in, no connection, or no runtime there.
    """
    if uri.startswith("unix://"):
        shell: Shell = Local()
        socket, runtime = uri, "docker" if runtime == "auto" else runtime
    elif uri == "local":
        shell = Local()
    else:
        shell = open_ssh(uri, accept=accept, ask=ask, config=config)
    try:
        return find(shell, uri, runtime, namespace, socket, snapshotter, sudo=sudo, ask=ask)
    except BaseException:
        shell.close()
        raise


def take_inventory(uri: str, **reaching: Unpack[Reaching]) -> Inventory:
    """Say what a host holds, as of now.

    Parameters
    ----------
    uri, reaching
        As for `connect`.

    Returns
    -------
    Inventory
        What `plan_export` and `export_image` take as `to`; `to_json` writes it for a stick.

    Raises what `connect` raises.
    """
    with connect(uri, **reaching) as host:
        return host.inventory()


def find(
    shell: Shell,
    uri: str,
    runtime: RuntimeName = "auto",
    namespace: str = "",
    socket: str = "",
    snapshotter: str = "",
    *,
    sudo: bool = False,
    ask: Ask = ask_terminal,
) -> Host:
    """The runtime to be used on a machine that is connected already; of several the first that answers."""
    if runtime == "auto" and namespace:
        runtime = "containerd"  # nobody else has any
    uid, xdg, programs, docker_host, name = _probe(shell)
    kinds = ("docker", "podman", "containerd") if runtime == "auto" else (runtime,)
    refusals: list[LayerkitError] = []
    for kind in kinds:
        known = [program for program in PROGRAMS if program in programs and program in _SERVED_BY[kind]]
        if not known and runtime == "auto":
            continue
        program = known[0] if known else _SERVED_BY[kind][0]
        try:
            inside = become_root(shell, [program, "--version"], ask) if sudo else shell
            argv = _argv(program, socket, xdg, uid, sudo=sudo)
            driver = _driver(inside, argv, program, namespace, socket, snapshotter, ctr="ctr" in programs)
            facts = driver.facts()
        except LayerkitError as error:
            if runtime != "auto":
                raise
            refusals.append(error)
            continue
        elsewhere = (socket or docker_host).partition("://")[0] in ("tcp", "ssh", "http", "https")
        shown = name if uri == "local" else uri.removeprefix("ssh://")
        return Host(shown, inside, driver, facts, not elsewhere)
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        raise type(refusals[0])("; ".join(map(str, refusals)), hint=refusals[0].hint)
    raise NotFound(
        f"{shell.name} has no docker, podman, ctr or nerdctl that this user's shell finds",
        hint="is it installed, and in the PATH of a login without a terminal?",
    )


_SERVED_BY: Mapping[str, Sequence[str]] = {
    "docker": ("docker",),
    "podman": ("podman",),
    "containerd": ("ctr", "nerdctl"),
}


def _probe(shell: Shell) -> tuple[str, str, set[str], str, str]:
    result = shell.run(["sh", "-c", _PROBE])
    lines = result.text.rpartition(f"{_MARK}\n")[2].splitlines()  # a login script may have said something before
    if not result.ok or len(lines) != 5:
        raise NotFound(
            f"{shell.name} has no POSIX shell that can be talked to: {printable(result.complaint, 120)}",
            hint="is it a restricted account?",
        )
    uid, xdg, programs, docker_host, name = lines
    return uid, xdg, set(programs.split()), docker_host, name


def _argv(program: str, socket: str, xdg: str, uid: str, *, sudo: bool) -> list[str]:
    """A program with its socket, in the environment that a rootless podman needs (podman(1), XDG_RUNTIME_DIR)."""
    if socket and "://" not in socket:
        if not socket.startswith("/"):
            raise UsageError(f"{printable(socket, 80)} is no socket", hint="give a path from the root, or unix:///path")
        socket = f"unix://{socket}"
    rootless = program == "podman" and uid not in ("", "0") and not xdg and not sudo and uid.isdecimal()
    before = ["env", f"XDG_RUNTIME_DIR=/run/user/{uid}"] if rootless else []
    option = {"docker": ["-H"], "podman": ["--url"], "ctr": ["-a"], "nerdctl": ["-a"]}[program]
    where = socket.removeprefix("unix://") if program in ("ctr", "nerdctl") else socket
    return [*before, program, *([*option, where] if socket else [])]


def _driver(
    shell: Shell, argv: list[str], program: str, namespace: str, socket: str, snapshotter: str, *, ctr: bool
) -> Runtime:
    if program == "docker":
        return Docker(shell, argv, ("ctr",) if ctr else ())
    if program == "podman":
        return Podman(shell, [*argv[:-2], "--remote", *argv[-2:]] if socket else argv)
    if program == "ctr":
        return Containerd(shell, argv, namespace or "default", snapshotter)
    return Nerdctl(shell, namespace or "default", argv)


def parse_df(text: str) -> int | None:
    """Bytes that are free, from the last line of `df -Pk` (POSIX, df, "STDOUT")."""
    line = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    match = re.search(r"\s(\d+)\s+(\d+)\s+(-?\d+)\s+\d+%\s", line)
    return max(0, int(match[3])) * 1024 if match else None
