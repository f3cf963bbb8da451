"""A shell on another machine over SSH: nothing is installed there, and no program but the ones named is run."""

from __future__ import annotations

import logging
import shlex
import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko

from ..errors import AccessDenied, SourceError, Unreachable
from ..text import flatten
from . import address, hostkeys
from .address import Endpoint
from .asking import Ask, ask_terminal
from .login import authenticate
from .privilege import Sudo
from .shell import Process, Shell, check

_LOG = "layerkit.ssh"
logging.getLogger(_LOG).addHandler(logging.NullHandler())

_KEEPALIVE, _DEAD = 15, 45
"""Seconds: between signs of life, and without an answer to one until a connection is given up."""
_PATIENCE = 60.0
"""Seconds for the answer to one attempt at logging in: a second factor may wait for a person."""
_WINDOW = 8 << 20
"""Bytes in flight on one channel: enough for 100 MB/s over 80 ms."""


def open_ssh(
    target: str,
    *,
    accept: str | Collection[str] = (),
    ask: Ask = ask_terminal,
    config: Path | None = None,
) -> Ssh:
    """Connect to a host and log in.

    Parameters
    ----------
    target
        `ssh://[user@]host[:port]`, or an alias of ~/.ssh/config.
    accept
        Fingerprints (`SHA256:...`) of host keys that are to be trusted from now on, if they are unknown.
    ask
        Asked for passphrases and passwords.
    config
        A configuration file other than ~/.ssh/config and /etc/ssh/ssh_config.

    Raises UnknownHostKey, ChangedHostKey, AccessDenied, Unreachable, and UsageError for a target that is none.
    """
    accept = {accept} if isinstance(accept, str) else accept
    endpoint = address.resolve(target, config)
    transports: list[paramiko.Transport] = []
    try:
        for hop in (*endpoint.jumps, endpoint):
            transports.append(_dial(hop, transports[-1] if transports else None, accept))
            authenticate(transports[-1], hop, ask)
    except BaseException:
        _hang_up(transports)
        raise
    return Ssh(endpoint, tuple(transports))


def _dial(endpoint: Endpoint, through: paramiko.Transport | None, accept: Collection[str]) -> paramiko.Transport:
    """A connection whose other end has shown a key that is known."""
    sock = _connect(endpoint) if through is None else _forward(endpoint, through)
    try:
        transport = paramiko.Transport(sock, default_window_size=_WINDOW)
    except (paramiko.SSHException, OSError) as error:
        sock.close()
        raise Unreachable(f"{endpoint.name}: {flatten(str(error))}") from None
    transport.set_log_channel(_LOG)
    transport.banner_timeout, transport.auth_timeout = endpoint.timeout, _PATIENCE
    try:
        _prefer(transport, {known.key_type for known in hostkeys.known_keys(endpoint)})
        transport.start_client(timeout=endpoint.timeout)
        hostkeys.verify(endpoint, transport.get_remote_server_key(), accept)
    except (paramiko.SSHException, EOFError, OSError) as error:
        transport.close()
        raise Unreachable(
            f"{endpoint.name} does not speak SSH with us: {flatten(str(error)) or 'it closed the connection'}"
        ) from None
    except BaseException:
        transport.close()
        raise
    transport.set_keepalive(_KEEPALIVE)
    return transport


def _connect(endpoint: Endpoint) -> socket.socket:
    try:
        sock = socket.create_connection((endpoint.host, endpoint.port), endpoint.timeout)
    except socket.gaierror as error:
        raise Unreachable(
            f"no address is known for {endpoint.host}: {error.strerror}", hint="is it an alias of ~/.ssh/config?"
        ) from None
    except TimeoutError:
        raise Unreachable(f"{endpoint.name} did not answer within {endpoint.timeout:.0f} seconds") from None
    except OSError as error:
        raise Unreachable(f"{endpoint.name} cannot be reached: {error.strerror or error}") from None
    # The kernel finds out that the other end is gone, whether we are waiting for it or sending to it.
    for option, value in (
        ("TCP_KEEPIDLE", _KEEPALIVE),
        ("TCP_KEEPINTVL", _KEEPALIVE),
        ("TCP_KEEPCNT", _DEAD // _KEEPALIVE),
        ("TCP_USER_TIMEOUT", _DEAD * 1000),
        ("TCP_NODELAY", 1),
    ):
        if (number := getattr(socket, option, None)) is not None:
            sock.setsockopt(socket.IPPROTO_TCP, number, value)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock


def _forward(endpoint: Endpoint, through: paramiko.Transport) -> paramiko.Channel:
    try:
        there = (endpoint.host, endpoint.port)
        return through.open_channel("direct-tcpip", there, ("127.0.0.1", 0), timeout=endpoint.timeout)
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise Unreachable(f"the host on the way cannot reach {endpoint.name}: {flatten(str(error))}") from None


def _prefer(transport: paramiko.Transport, known: set[str]) -> None:
    """Have the server show a key of a kind that is known, where it has several."""
    options = transport.get_security_options()
    wanted = known | ({"rsa-sha2-512", "rsa-sha2-256"} if "ssh-rsa" in known else set())
    options.key_types = sorted(options.key_types, key=lambda kind: kind not in wanted)


def _hang_up(transports: Sequence[paramiko.Transport]) -> None:
    for transport in reversed(transports):
        transport.close()


class Ssh(Shell):
    """A connection to one host; programs run side by side on it."""

    def __init__(self, endpoint: Endpoint, transports: tuple[paramiko.Transport, ...]) -> None:
        self.endpoint = endpoint
        self._transports = transports

    def __repr__(self) -> str:
        return f"<Ssh {self.name}>"

    @property
    def name(self) -> str:
        return self.endpoint.name

    @property
    def transport(self) -> paramiko.Transport:
        """For what is no program: port forwarding."""
        return self._transports[-1]

    def start(self, argv: Sequence[str]) -> Process:
        check(argv)
        try:
            channel = self.transport.open_session(timeout=self.endpoint.timeout)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._lost(error) from None
        try:
            channel.exec_command(shlex.join(argv))
        except (paramiko.SSHException, EOFError, OSError) as error:
            with suppress(EOFError, OSError, paramiko.SSHException):
                channel.close()
            if self.transport.is_active():
                raise AccessDenied(f"{self.name} runs no programs for {self.endpoint.user}") from None
            raise self._lost(error) from None
        return _Remote(self, channel, argv[0])

    @contextmanager
    def files(self) -> Iterator[paramiko.SFTPClient]:
        """The host's files over a channel of their own. What paramiko raises inside is made ours."""
        try:
            client = self.transport.open_sftp_client()
        except (paramiko.SSHException, EOFError, OSError) as error:
            if self.transport.is_active():
                raise AccessDenied(f"{self.name} does not offer SFTP", hint="its sshd needs a Subsystem sftp") from None
            raise self._lost(error) from None
        try:
            yield client
        except (paramiko.SSHException, EOFError) as error:
            raise self._lost(error) from None
        except OSError as error:
            if self.transport.is_active():
                raise SourceError(f"{self.name}: {flatten(str(error))}") from None
            raise self._lost(error) from None
        finally:
            with suppress(EOFError, OSError, paramiko.SSHException):  # a lost connection cannot be taken leave of
                client.close()

    def _lost(self, error: BaseException) -> Unreachable:
        return Unreachable(f"the connection to {self.name} was lost: {flatten(str(error)) or 'it closed'}")

    def close(self) -> None:
        _hang_up(self._transports)


def ssh_of(shell: Shell) -> Ssh | None:
    """The connection that a shell's programs run over, None on this machine."""
    while isinstance(shell, Sudo):
        shell = shell.beneath
    return shell if isinstance(shell, Ssh) else None


class _Remote:
    def __init__(self, shell: Ssh, channel: paramiko.Channel, program: str) -> None:
        self._shell, self._channel, self._program = shell, channel, program

    def write(self, data: bytes) -> None:
        try:
            self._channel.sendall(data)
        except EOFError:  # the socket, not the program
            raise self._lost() from None
        except OSError:
            self._check()
            raise BrokenPipeError from None

    def end_input(self) -> None:
        try:
            self._channel.shutdown_write()
        except EOFError:
            raise self._lost() from None
        except OSError:
            self._check()
            raise BrokenPipeError from None

    def read(self, size: int) -> bytes:
        return self._channel.recv(size)

    def read_error(self, size: int) -> bytes:
        return self._channel.recv_stderr(size)

    def wait(self) -> int:
        code = self._channel.recv_exit_status()
        if code < 0:  # no code came: the connection broke, or a signal ended the program
            self._check()
        return code

    def _check(self) -> None:
        if not self._shell.transport.is_active():
            raise self._lost()

    def _lost(self) -> Unreachable:
        return Unreachable(
            f"the connection to {self._shell.name} was lost while {self._program} was running there",
            hint="look again what is there before it is tried once more",
        )

    def kill(self) -> None:
        with suppress(OSError, EOFError):
            self._channel.close()

    def close(self) -> None:
        self.kill()
