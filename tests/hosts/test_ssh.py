"""Real sshds: keys, agents, passwords, jumps, and what goes wrong on the way."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from layerkit.errors import AccessDenied, LayerkitError, Unreachable
from layerkit.hosts import ChangedHostKey, UnknownHostKey
from layerkit.hosts.asking import Question
from layerkit.hosts.ssh import Ssh, open_ssh
from tests.hosts.machines import PASSWORD, Cable, Machine, nobody, run_guest_sshd, write_config
from tests.services import Sshd, need, run, run_sshd

pytestmark = pytest.mark.services


class Person:
    """Someone who answers in turn, and remembers what was asked."""

    def __init__(self, *answers: str | None) -> None:
        self._answers = list(answers)
        self.asked: list[Question] = []

    def __call__(self, question: Question) -> str | None:
        self.asked.append(question)
        return self._answers.pop(0) if self._answers else None


def says(shell: Ssh, *argv: str) -> str:
    try:
        return shell.run(argv).text.strip()
    finally:
        shell.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config"


def test_a_key_of_the_configuration(plain_machine: Machine) -> None:
    assert says(open_ssh("box", config=plain_machine.config, ask=nobody), "echo", "in") == "in"


def test_an_unknown_host_is_accepted_by_its_fingerprint(plain_machine: Machine, config: Path, tmp_path: Path) -> None:
    write_config(config, plain_machine.sshd, UserKnownHostsFile=tmp_path / "new")
    with pytest.raises(UnknownHostKey) as caught:
        open_ssh("box", config=config, ask=nobody)
    said = run([need("ssh-keygen"), "-lf", plain_machine.sshd.root / "host.pub"]).expect().stdout.split()[1]
    assert caught.value.fingerprint == said
    assert caught.value.key_type == "ssh-ed25519"
    open_ssh("box", config=config, ask=nobody, accept={said}).close()
    assert says(open_ssh("box", config=config, ask=nobody), "echo", "in") == "in"


def test_a_changed_host_gets_nothing(plain_machine: Machine, guest: Sshd, config: Path, tmp_path: Path) -> None:
    known = tmp_path / "known"
    address = f"[127.0.0.1]:{plain_machine.sshd.port}"
    known.write_text(f"{address} {' '.join(guest.known_hosts.read_text().split()[1:])}\n")
    write_config(config, plain_machine.sshd, UserKnownHostsFile=known, IdentityFile="none")
    person = Person(PASSWORD)
    with pytest.raises(ChangedHostKey, match="HAS CHANGED"):
        open_ssh("box", config=config, ask=person)
    assert person.asked == []


def test_the_kind_of_key_that_is_known_is_asked_for(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "ecdsa"
    run([need("ssh-keygen"), "-q", "-t", "ecdsa", "-N", "", "-f", other]).expect()
    with run_sshd(options=(f"HostKey {other}",)) as sshd:  # ed25519, which we would rather have, is offered too
        known = tmp_path / "known"
        known.write_text(f"[127.0.0.1]:{sshd.port} {' '.join((tmp_path / 'ecdsa.pub').read_text().split()[:2])}\n")
        write_config(config, sshd, UserKnownHostsFile=known)
        assert says(open_ssh("box", config=config, ask=nobody), "echo", "in") == "in"


@pytest.mark.parametrize("form", [("-t", "ed25519"), ("-t", "rsa", "-b", "2048", "-m", "PEM")])
def test_a_key_with_a_passphrase(form: tuple[str, ...], config: Path, tmp_path: Path) -> None:
    key = tmp_path / "locked"
    run([need("ssh-keygen"), "-q", *form, "-N", "open sésame", "-f", key]).expect()
    with run_sshd(options=(f"AuthorizedKeysFile {key}.pub",)) as sshd:
        write_config(config, sshd, IdentityFile=key)
        person = Person("wrong", "open sésame")
        assert says(open_ssh("box", config=config, ask=person), "echo", "in") == "in"
        assert [(one.kind, one.attempt) for one in person.asked] == [("passphrase", 1), ("passphrase", 2)]
        assert str(key) in person.asked[0].prompt
        with pytest.raises(AccessDenied, match="locked by a passphrase"):
            open_ssh("box", config=config, ask=nobody)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "agent")
    process = subprocess.Popen([need("ssh-keygen").with_name("ssh-agent"), "-D", "-a", path], stdout=subprocess.DEVNULL)
    while not os.path.exists(path):
        pass
    yield path
    process.terminate()
    process.wait(10)


def test_a_key_that_only_an_agent_has(agent: str, plain_machine: Machine, config: Path, tmp_path: Path) -> None:
    run([need("ssh-keygen").with_name("ssh-add"), "-q", plain_machine.sshd.key], env={"SSH_AUTH_SOCK": agent}).expect()
    write_config(config, plain_machine.sshd, IdentityFile=tmp_path / "none", IdentityAgent=agent)
    assert says(open_ssh("box", config=config, ask=nobody), "echo", "in") == "in"
    only = {"IdentityFile": tmp_path / "none", "IdentityAgent": agent, "IdentitiesOnly": "yes"}
    write_config(config, plain_machine.sshd, "only", **only)
    with pytest.raises(AccessDenied):
        open_ssh("only", config=config, ask=nobody)


def test_an_agent_that_has_gone(plain_machine: Machine, config: Path, tmp_path: Path) -> None:
    write_config(config, plain_machine.sshd, IdentityAgent=tmp_path / "gone")
    assert says(open_ssh("box", config=config, ask=nobody), "echo", "in") == "in"


def test_a_password(guest: Sshd, config: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_config(config, guest, IdentityFile="none")
    person = Person("not this one", PASSWORD)
    with caplog.at_level(logging.DEBUG):
        shell = open_ssh("box", config=config, ask=person)
        assert says(shell, "id", "-un") == "guest"
    assert [(one.kind, one.attempt) for one in person.asked] == [("password", 1), ("password", 2)]
    assert "guest@127.0.0.1" in person.asked[0].prompt
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(shell) + repr(vars(shell))


def test_a_password_that_is_never_right(guest: Sshd, config: Path) -> None:
    write_config(config, guest, IdentityFile="none")
    person = Person("s3cret-1", "s3cret-2", "s3cret-3", "s3cret-4")
    with pytest.raises(AccessDenied, match="lets nobody in by a password") as caught:
        open_ssh("box", config=config, ask=person)
    assert len(person.asked) == 3
    told: BaseException | None = caught.value
    while told is not None:
        assert "s3cret" not in str(told)
        told = told.__cause__ or (None if told.__suppress_context__ else told.__context__)


def test_nobody_to_ask_is_a_refusal(guest: Sshd, config: Path) -> None:
    write_config(config, guest, IdentityFile="none")
    with pytest.raises(AccessDenied, match="by anything that is at hand") as caught:
        open_ssh("box", config=config, ask=nobody)
    assert "IdentityFile" in caught.value.hint


def test_a_key_and_a_password_both(config: Path) -> None:
    with run_guest_sshd(options="AuthenticationMethods publickey,password") as sshd:
        write_config(config, sshd)
        person = Person(PASSWORD)
        assert says(open_ssh("box", config=config, ask=person), "id", "-un") == "guest"
        assert [one.kind for one in person.asked] == ["password"]
        with pytest.raises(AccessDenied):
            open_ssh("box", config=config, ask=nobody)


def test_over_other_hosts(plain_machine: Machine, guest: Sshd, config: Path) -> None:
    write_config(config, guest, "first")
    write_config(config, plain_machine.sshd, "second", ProxyJump="first")
    write_config(config, guest, "third", ProxyJump="second")
    shell = open_ssh("third", config=config, ask=nobody)
    assert len(shell.endpoint.jumps) == 2
    assert says(shell, "id", "-un") == "guest"


def test_a_jump_s_key_has_to_be_known_too(plain_machine: Machine, guest: Sshd, config: Path, tmp_path: Path) -> None:
    write_config(config, guest, "first", UserKnownHostsFile=tmp_path / "none")
    write_config(config, plain_machine.sshd, ProxyJump="first")
    with pytest.raises(UnknownHostKey) as caught:
        open_ssh("box", config=config, ask=nobody)
    assert caught.value.host == f"[127.0.0.1]:{guest.port}"


def test_a_host_behind_a_jump_that_is_not_there(plain_machine: Machine, config: Path) -> None:
    write_config(config, plain_machine.sshd, "first")
    write_config(config, plain_machine.sshd, ProxyJump="first", Port=1)
    with pytest.raises(Unreachable, match="the host on the way cannot reach"):
        open_ssh("box", config=config, ask=nobody)


def test_hosts_that_are_not_there(plain_machine: Machine, config: Path) -> None:
    write_config(config, plain_machine.sshd, Port=1)
    with pytest.raises(Unreachable, match="cannot be reached: Connection refused"):
        open_ssh("box", config=config, ask=nobody)
    with pytest.raises(Unreachable, match="no address is known"):
        open_ssh("no-such-host.invalid", config=config, ask=nobody)


def test_a_server_of_something_else(plain_machine: Machine, config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        write_config(config, plain_machine.sshd, Port=server.getsockname()[1])
        with pytest.raises(Unreachable, match="does not speak SSH"):
            open_ssh("box", config=config, ask=nobody)
        thread.join()


def test_a_server_that_says_nothing(plain_machine: Machine, config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        write_config(config, plain_machine.sshd, Port=server.getsockname()[1], ConnectTimeout=1)
        with pytest.raises(Unreachable):
            open_ssh("box", config=config, ask=nobody)


def cabled(machine: Machine, config: Path, cable: Cable) -> Ssh:
    known_as = machine.sshd.known_hosts.read_text().split()[0]
    write_config(config, machine.sshd, Port=cable.port, HostKeyAlias=known_as)
    return open_ssh("box", config=config, ask=nobody)


def test_a_connection_cut_while_bytes_are_sent(plain_machine: Machine, config: Path, tmp_path: Path) -> None:
    got = tmp_path / "got"
    with Cable(plain_machine.sshd.port, cut_after=2 << 20) as cable:
        shell = cabled(plain_machine, config, cable)

        def much() -> Iterator[bytes]:
            yield b"first"
            while not got.exists() or not got.stat().st_size:
                time.sleep(0.01)
            for _ in range(64):
                yield bytes(1 << 20)

        with pytest.raises(Unreachable, match="was lost while sh was running there"):
            shell.run(["sh", "-c", 'cat > "$1"', "sh", str(got)], stdin=much(), timeout=60)
        with pytest.raises(Unreachable, match=r"the connection to .* was lost"):
            shell.run(["true"])
        shell.close()
    assert 0 < got.stat().st_size < 3 << 20


def test_a_connection_cut_while_a_program_thinks(plain_machine: Machine, config: Path) -> None:
    with Cable(plain_machine.sshd.port) as cable:
        shell = cabled(plain_machine, config, cable)
        found: list[LayerkitError] = []

        def wait() -> None:
            try:
                shell.run(["sleep", "30"])
            except LayerkitError as error:
                found.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        cable.__exit__()
        thread.join(20)
        shell.close()
    assert isinstance(found[0], Unreachable)


def test_an_account_that_may_only_copy_files(config: Path) -> None:
    with run_sshd(options=("ForceCommand internal-sftp",)) as sshd:
        shell = open_ssh("box", config=write_config(config, sshd), ask=nobody)
        with shell.files() as files:
            assert files.stat("/").st_mode
        shell.close()


def test_a_connection_lost_while_files_are_left(plain_machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing a channel writes too; on a link that is gone paramiko raises there, over what went wrong before."""

    def gone(self: paramiko.SFTPClient) -> None:
        raise EOFError

    shell = open_ssh("box", config=plain_machine.config, ask=nobody)
    monkeypatch.setattr(paramiko.SFTPClient, "close", gone)
    with pytest.raises(Unreachable, match="was lost"), shell.files():
        raise EOFError
    shell.close()


def test_a_host_without_sftp(config: Path) -> None:
    with run_guest_sshd(sftp="/bin/false") as sshd:
        shell = open_ssh("box", config=write_config(config, sshd), ask=nobody)
        with pytest.raises(AccessDenied, match="does not offer SFTP"), shell.files():
            pass
        assert says(shell, "echo", "still there") == "still there"
