"""Whom to call: a host as a person names it, filled in from ~/.ssh/config as OpenSSH would.

Keywords: ssh_config(5), of which Host, Match, Include, HostName, User, Port, IdentityFile, IdentitiesOnly,
IdentityAgent, ProxyJump, HostKeyAlias, UserKnownHostsFile, GlobalKnownHostsFile and ConnectTimeout are followed.
"""

from __future__ import annotations

import getpass
import glob
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import paramiko

from ..errors import UsageError
from ..text import printable

USER_CONFIG, SYSTEM_CONFIG = Path("~/.ssh/config"), Path("/etc/ssh/ssh_config")
_DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
_KNOWN, _KNOWN_SYSTEM = "~/.ssh/known_hosts ~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts"
_NESTING, _JUMPS = 16, 8
_TARGET = re.compile(
    r"(?:(?P<user>[^@/]+)@)?(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\s@/:\[\]]+))(?::(?P<port>\d+))?"
)


@dataclass(frozen=True)
class Endpoint:
    """One SSH server: where it is, who we are there, and which of its keys are known under `known_name`."""

    host: str
    port: int
    user: str
    known_name: str
    known_hosts: tuple[Path, ...]
    """The user's files first; an accepted key is written to the first."""
    identities: tuple[Path, ...]
    explicit: bool
    """Whether the identities were named, and not just the usual ones."""
    identities_only: bool
    agent: str | None
    """The agent's socket, None for no agent."""
    timeout: float
    jumps: tuple[Endpoint, ...] = ()

    @property
    def name(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}" + (f":{self.port}" if self.port != 22 else "")


def parse(text: str) -> tuple[str, str, int | None]:
    """User, host and port of `[ssh://][user@]host[:port]`; "" and None where they are not said."""
    rest = text.removeprefix("ssh://")
    user = rest.rpartition("@")[0]
    if ":" in user:
        raise UsageError(
            "an address must not hold a password: it would be seen in lists of processes and in the history",
            hint="leave it out, you will be asked for it",
        )
    match = _TARGET.fullmatch(rest)
    host = (match["six"] or match["host"]) if match else ""
    port = int(match["port"]) if match and match["port"] else None
    if (
        match is None
        or host.startswith("-")
        or not host.isprintable()
        or not 0 < (22 if port is None else port) < 65536
    ):
        raise UsageError(f"{printable(text, 80)} is no host", hint="write ssh://[USER@]HOST[:PORT] or an alias")
    return unquote(match["user"] or ""), host, port


def resolve(target: str, config: Path | None = None) -> Endpoint:
    """The server that `target` means, with those to jump over on the way there.

    Parameters
    ----------
    target
        `ssh://[user@]host[:port]` or the same without `ssh://`; host may be an alias of the configuration.
    config
        The only configuration file to read; None for the user's and the system's.

    Raises UsageError for a target or a configuration that cannot be read.
    """
    try:
        settings = paramiko.SSHConfig.from_text("\n".join(_lines(config)))
        return _resolve(target, settings, 0)
    except UsageError:
        raise
    except (paramiko.SSHException, ImportError, ValueError, OSError) as error:
        raise UsageError(f"the SSH configuration cannot be followed: {printable(str(error))}") from None


def _resolve(target: str, settings: paramiko.SSHConfig, depth: int, *, direct: bool = False) -> Endpoint:
    user, alias, port = parse(target)
    found: Mapping[str, object] = settings.lookup(alias)

    def text(key: str, default: str = "") -> str:
        value = found.get(key)
        return value if isinstance(value, str) else default

    host = text("hostname", alias).lower()
    port = port or int(text("port", "22"))
    jump = text("proxyjump")
    if "proxycommand" in found and found["proxycommand"] is not None and not jump:
        raise UsageError(
            f"the SSH configuration reaches {printable(alias)} by a ProxyCommand, which is not run here",
            hint="ProxyJump does the same in most cases",
        )
    named = found.get("identityfile")
    files = named if isinstance(named, list) else list(_DEFAULT_KEYS)
    known = [*_split(text("userknownhostsfile", _KNOWN)), *_split(text("globalknownhostsfile", _KNOWN_SYSTEM))]
    default_agent = os.environ.get("SSH_AUTH_SOCK", "")
    agent = text("identityagent", default_agent)
    key_alias = text("hostkeyalias")
    jumps = () if direct or jump in ("", "none") else tuple(_jumps(jump, settings, depth))
    return Endpoint(
        host,
        port,
        user or text("user") or getpass.getuser(),
        key_alias or (host if port == 22 else f"[{host}]:{port}"),
        tuple(Path(path).expanduser() for path in known),
        tuple(Path(path).expanduser() for path in files if path.lower() != "none"),
        isinstance(named, list),
        text("identitiesonly").lower() == "yes",
        None
        if agent.lower() in ("", "none")
        else os.path.expanduser(default_agent if agent == "SSH_AUTH_SOCK" else agent),
        float(text("connecttimeout", "15")),
        jumps,
    )


def _jumps(value: str, settings: paramiko.SSHConfig, depth: int) -> Iterator[Endpoint]:
    """The hops of a ProxyJump in their order; the first may itself be reached over others, as `ssh -J` does it."""
    if depth >= _JUMPS:
        raise UsageError(f"ProxyJump goes over more than {_JUMPS} hosts, or in a circle")
    for number, hop in enumerate(value.split(",")):
        end = _resolve(hop.strip(), settings, depth + 1, direct=number > 0)
        yield from end.jumps
        yield end


def _split(value: str) -> list[str]:
    home = os.path.expanduser("~")
    return [part.strip('"').replace("%d", home) for part in value.split() if part.lower() != "none"]


def _lines(config: Path | None) -> Iterator[str]:
    for path in (config,) if config else (USER_CONFIG, SYSTEM_CONFIG):
        yield from _read(path.expanduser(), 0)
        yield "Host *"  # what follows in the next file belongs to no block of this one


def _read(path: Path, depth: int) -> Iterator[str]:
    """A file's lines, with those it includes in their place (paramiko leaves `Include` alone)."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    for line in lines:
        word, _, rest = line.strip().partition(" ")
        if word.lower() != "include":
            yield line
        elif depth < _NESTING:
            for pattern in rest.split():
                there = Path(pattern.strip('"')).expanduser()
                there = there if there.is_absolute() else path.parent / there
                for found in sorted(glob.glob(str(there))):
                    yield from _read(Path(found), depth + 1)
