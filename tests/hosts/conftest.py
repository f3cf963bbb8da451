"""Machines for a whole session: starting a daemon is what takes the time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from layerkit.hosts import Host, Local, Shell
from layerkit.hosts.ssh import Ssh, open_ssh
from tests.hosts.machines import Machine, nobody, run_guest_sshd, run_machine
from tests.images import Spec, docker_archive, stack
from tests.services import Ctr, Docker, Podman, Sshd, need

REFERENCE = "layerkit.test/app:1"
SPEC = Spec(stack("hosts", range(4)), tags=(REFERENCE,), compression="gzip")


@pytest.fixture(scope="session")
def plain_machine() -> Iterator[Machine]:
    with run_machine() as machine:
        yield machine


@pytest.fixture(scope="session")
def docker20_machine(docker20_daemon: Docker) -> Iterator[Machine]:
    with run_machine(docker20_daemon) as machine:
        yield machine


@pytest.fixture(scope="session")
def docker26_machine(docker26_daemon: Docker) -> Iterator[Machine]:
    with run_machine(docker26_daemon) as machine:
        yield machine


@pytest.fixture(scope="session")
def docker26c_machine(docker26c_daemon: Docker) -> Iterator[Machine]:
    with run_machine(docker26c_daemon) as machine:
        yield machine


@pytest.fixture(scope="session")
def podman_machine(podman_storage: Podman) -> Iterator[Machine]:
    with run_machine(podman_storage) as machine:
        yield machine


@pytest.fixture(scope="session")
def ctr_machine(ctr_daemon: Ctr) -> Iterator[Machine]:
    with run_machine(ctr_daemon) as machine:
        yield machine


@pytest.fixture(scope="session")
def guest() -> Iterator[Sshd]:
    """A user with a password, who may run `id` as root with it, and `uname` without."""
    need("sshd")
    with run_guest_sshd(
        "guest ALL=(root) /usr/bin/id, /usr/bin/sha256sum\nguest ALL=(root) NOPASSWD: /usr/bin/uname, /usr/bin/sha1sum"
    ) as sshd:
        yield sshd


@pytest.fixture
def ssh(plain_machine: Machine) -> Iterator[Ssh]:
    shell = open_ssh("box", config=plain_machine.config, ask=nobody)
    yield shell
    shell.close()


@pytest.fixture(params=["local", pytest.param("ssh", marks=pytest.mark.services)])
def shell(request: pytest.FixtureRequest) -> Shell:
    found: Shell = Local() if request.param == "local" else request.getfixturevalue("ssh")
    return found


@pytest.fixture(params=["docker20", "docker26", "docker26c", "podman", "ctr"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Each runtime behind its sshd, emptied."""
    found: Machine = request.getfixturevalue(f"{request.param}_machine")
    found.service.clear()
    return found


@pytest.fixture
def host(machine: Machine) -> Iterator[Host]:
    with machine.connect() as host:
        yield host


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hosts") / "app.tar"
    path.write_bytes(bytes(docker_archive(SPEC)))
    return path
