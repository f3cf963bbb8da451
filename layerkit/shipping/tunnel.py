"""Let a host pull from here: a reverse SSH tunnel to the registry of `served`, for as long as the pull takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from http.server import ThreadingHTTPServer
from typing import Any

import paramiko

from ..errors import AccessDenied, LayerkitError, NotFound, Refused, Unreachable
from ..hosts import Host
from ..hosts.containerd import Containerd
from ..hosts.ssh import Ssh, ssh_of
from ..inventory import Inventory
from .cargo import Wanted
from .served import LOG, Answering, Served

_LOOPBACK = "127.0.0.1"
"""Docker takes a registry there for insecure by itself (moby registry/config.go, `127.0.0.0/8`)."""


def pull(host: Host, served: Served, wanted: Sequence[Wanted], inventory: Inventory) -> None:
    """Have the host pull every image, give each its own names, take the tunnel's name away again.

    Raises what the pull failed of, Refused mostly.
    """
    with open_tunnel(host, served) as port:
        for at, image in enumerate(wanted):
            name = f"{_LOOPBACK}:{port}/{served.name}:{at}"
            try:
                result = host.driver.run(*_pulling(host, name), timeout=None)
                if not result.ok:
                    raise served.failure or _unless_missing(host.driver.failure(result))
                for reference in image.names_on(inventory) if image.references else ():
                    host.driver.ask(*_tagging(host, name, reference))
            finally:
                if image.references:
                    with suppress(LayerkitError):
                        host.remove(name)


def _unless_missing(error: LayerkitError) -> LayerkitError:
    """A pull that finds nothing is a refusal: what it was sent for is here."""
    return Refused(str(error)) if isinstance(error, NotFound) else error


def _pulling(host: Host, name: str) -> tuple[str, ...]:
    driver = host.driver
    if isinstance(driver, Containerd):
        return ("images", "pull", "--plain-http", *driver.snapshots, name)
    if host.runtime == "podman":
        return ("pull", "--tls-verify=false", name)
    return ("pull", *(("--insecure-registry",) if driver.program.endswith("nerdctl") else ()), name)


def _tagging(host: Host, name: str, reference: str) -> tuple[str, ...]:
    if isinstance(host.driver, Containerd):
        return ("images", "tag", "--force", name, reference)
    return ("tag", name, reference)


@contextmanager
def open_tunnel(host: Host, served: Served) -> Iterator[int]:
    """A port of the host's loopback that leads to `served`; on this machine itself no tunnel is needed."""
    shell = ssh_of(host.shell)
    if shell is None:
        with _listening(served) as port:
            yield port
        return
    with _forwarded(shell, served) as port:
        yield port


@contextmanager
def _listening(served: Served) -> Iterator[int]:
    server = ThreadingHTTPServer((_LOOPBACK, 0), partial(Answering, served))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="registry")
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.socket.close()


@contextmanager
def _forwarded(shell: Ssh, served: Served) -> Iterator[int]:
    channels: list[paramiko.Channel] = []
    threads: list[threading.Thread] = []

    def answer(channel: paramiko.Channel, origin: Any) -> None:
        try:
            Answering(served, channel, origin, None)
        except Exception as error:  # of one connection: the pull itself tells whether it mattered
            LOG.debug("the tunnel of %s: %s", shell.name, error)
        finally:
            with suppress(OSError, EOFError, paramiko.SSHException):
                channel.close()

    def arrived(channel: paramiko.Channel, origin: Any, there: Any) -> None:  # in paramiko's own thread: do not block
        channels.append(channel)
        threads.append(threading.Thread(target=answer, args=(channel, origin), name="registry", daemon=True))
        threads[-1].start()

    try:
        port = shell.transport.request_port_forward(_LOOPBACK, 0, arrived)
    except (paramiko.SSHException, EOFError, OSError):
        if not shell.transport.is_active():
            raise Unreachable(f"the connection to {shell.name} was lost") from None
        raise AccessDenied(
            f"{shell.name} lets nobody forward a port, which a pull from here needs",
            hint="AllowTcpForwarding in its sshd_config, or --via stream",
        ) from None
    try:
        yield port
    finally:
        with suppress(paramiko.SSHException, EOFError, OSError):
            shell.transport.cancel_port_forward(_LOOPBACK, port)
        for channel in channels:
            with suppress(OSError, EOFError, paramiko.SSHException):
                channel.close()
        for thread in threads:
            thread.join(10)
