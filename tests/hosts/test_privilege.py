"""sudo, the real one: with a password, without, and not at all."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from layerkit.errors import AccessDenied, Unreachable
from layerkit.hosts import privilege
from layerkit.hosts.asking import Question
from layerkit.hosts.privilege import become_root
from layerkit.hosts.ssh import Ssh, open_ssh
from tests.hosts.machines import PASSWORD, nobody, write_config
from tests.services import Sshd, unavailable

pytestmark = pytest.mark.services


@pytest.fixture
def shell(guest: Sshd, tmp_path: Path) -> Iterator[Ssh]:
    if shutil.which("sudo") is None:
        unavailable("sudo is not installed")
    shell = open_ssh("box", config=write_config(tmp_path / "config", guest), ask=nobody)
    yield shell
    shell.close()


def answer(question: Question) -> str | None:
    assert question.kind == "sudo"
    return PASSWORD if question.attempt > 1 else "wrong"


def test_with_a_password(shell: Ssh) -> None:
    assert shell.run(["id", "-u"]).text == "4242\n"
    root = become_root(shell, ["id", "-u"], answer)
    assert root.run(["id", "-u"]).text == "0\n"
    assert PASSWORD not in repr(root)


def test_the_password_never_becomes_the_program_s_input(shell: Ssh) -> None:
    root = become_root(shell, ["id", "-u"], answer)
    content = bytes(range(256)) * 10_000
    result = root.run(["sha256sum"], stdin=[content])
    assert result.text.split()[0] == hashlib.sha256(content).hexdigest()


def test_a_file_is_read_by_who_logged_in(shell: Ssh, tmp_path: Path) -> None:
    """sudo allows these programs and no shell; the file's bytes are all that the program reads."""
    content = bytes(range(256)) * 10_000
    path = tmp_path / "it's a file"
    path.write_bytes(content)
    path.chmod(0o644)
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        folder.chmod(0o755)
    root = become_root(shell, ["id", "-u"], answer)
    assert root.run(["sha256sum"], file=str(path)).text.split()[0] == hashlib.sha256(content).hexdigest()
    free = become_root(shell, ["uname"], nobody)
    assert free.run(["sha1sum"], file=str(path)).text.split()[0] == hashlib.sha1(content).hexdigest()
    assert shell.run(["sha1sum"], file=str(path)).text.split()[0] == hashlib.sha1(content).hexdigest()
    assert not shell.run(["sha1sum"], file=f"{path}.gone").ok


def test_without_a_password_where_none_is_wanted(shell: Ssh) -> None:
    root = become_root(shell, ["uname"], nobody)
    assert root.run(["uname"]).text == "Linux\n"


def test_a_program_that_asks_for_none_gets_none(shell: Ssh) -> None:
    """The rights differ by program: what was tried wanted a password, what is run does not."""
    root = become_root(shell, ["id", "-u"], answer)
    result = root.run(["uname"])
    assert result.text == "Linux\n"
    assert PASSWORD not in result.stderr


def test_a_password_that_nobody_asks_for_is_not_given_to_the_program(
    shell: Ssh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here sudo asks for nothing, and the program waits for its input: it must not be the password."""
    root = become_root(shell, ["id", "-u"], answer)
    monkeypatch.setattr(privilege, "_PATIENCE", 1.0)
    with pytest.raises(Unreachable, match="did not ask for the password"):
        root.run(["sha1sum"], stdin=[b"content"])


def test_nobody_to_ask(shell: Ssh) -> None:
    with pytest.raises(AccessDenied, match="wants a password, and none was accepted") as caught:
        become_root(shell, ["id", "-u"], nobody)
    assert "NOPASSWD" in caught.value.hint


def test_a_program_that_is_not_allowed(shell: Ssh) -> None:
    with pytest.raises(AccessDenied, match="not allowed to execute"):
        become_root(shell, ["/bin/true"], lambda question: PASSWORD)
