"""Host keys: known, unknown, accepted by name, changed, revoked; in the forms that known_hosts knows."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import paramiko
import pytest

from layerkit.errors import AccessDenied, SourceError
from layerkit.hosts import ChangedHostKey, RevokedHostKey, UnknownHostKey
from layerkit.hosts.address import Endpoint
from layerkit.hosts.hostkeys import known_keys, verify
from tests.services import need, run

KEY = paramiko.ECDSAKey.generate()
OTHER = paramiko.ECDSAKey.generate()
RSA = paramiko.RSAKey.generate(1024)


@pytest.fixture
def endpoint(tmp_path: Path) -> Endpoint:
    known = (tmp_path / "ssh" / "known_hosts", tmp_path / "system")
    return Endpoint("box.example", 2222, "me", "[box.example]:2222", known, (), False, False, None, 5.0)


def line(names: str, key: paramiko.PKey, marker: str = "") -> str:
    return f"{marker} {names} {key.get_name()} {key.get_base64()} a comment\n".lstrip()


def write(endpoint: Endpoint, *lines: str) -> None:
    path = endpoint.known_hosts[0]
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(lines))


def test_an_unknown_key_is_shown_and_not_taken(endpoint: Endpoint) -> None:
    with pytest.raises(UnknownHostKey) as caught:
        verify(endpoint, KEY)
    assert caught.value.fingerprint.startswith("SHA256:")
    assert (caught.value.host, caught.value.key_type) == ("[box.example]:2222", KEY.get_name())
    assert caught.value.fingerprint in str(caught.value)
    assert f"--accept {caught.value.fingerprint}" in caught.value.hint
    assert not endpoint.known_hosts[0].exists()


def test_the_fingerprint_is_that_of_openssh(endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(f"{KEY.get_name()} {KEY.get_base64()}\n")
    said = run([need("ssh-keygen"), "-l", "-f", tmp_path / "key.pub"]).expect().stdout.split()[1]
    with pytest.raises(UnknownHostKey) as caught:
        verify(endpoint, KEY)
    assert caught.value.fingerprint == said


def test_an_unknown_key_is_accepted_by_its_name(endpoint: Endpoint) -> None:
    with pytest.raises(UnknownHostKey):
        verify(endpoint, KEY, {OTHER.fingerprint})
    verify(endpoint, KEY, {KEY.fingerprint})
    assert endpoint.known_hosts[0].stat().st_mode & 0o777 == 0o600
    verify(endpoint, KEY)
    found = run([need("ssh-keygen"), "-F", "[box.example]:2222", "-f", endpoint.known_hosts[0]]).expect()
    assert KEY.get_base64() in found.stdout


def test_an_accepted_key_is_a_line_of_its_own(endpoint: Endpoint) -> None:
    write(endpoint, line("elsewhere", OTHER).rstrip("\n"))
    verify(endpoint, KEY, {KEY.fingerprint})
    assert len(endpoint.known_hosts[0].read_text().splitlines()) == 2


def test_many_may_be_accepted_at_once(endpoint: Endpoint) -> None:
    ends = [dataclasses.replace(endpoint, known_name=f"host{number}") for number in range(20)]
    threads = [threading.Thread(target=verify, args=(end, KEY, {KEY.fingerprint})) for end in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(known_keys(end) for end in ends)


def test_a_changed_key_is_refused_even_if_accepted(endpoint: Endpoint) -> None:
    write(endpoint, "# mine\n", line("[box.example]:2222", OTHER))
    with pytest.raises(ChangedHostKey, match="HAS CHANGED") as caught:
        verify(endpoint, KEY, {KEY.fingerprint})
    assert KEY.fingerprint in str(caught.value)
    assert OTHER.fingerprint in str(caught.value)
    assert f"{endpoint.known_hosts[0]} line 2" in str(caught.value)
    assert KEY.get_base64() not in endpoint.known_hosts[0].read_text()


def test_a_key_of_another_kind_is_a_changed_one(endpoint: Endpoint) -> None:
    write(endpoint, line("[box.example]:2222", RSA))
    with pytest.raises(ChangedHostKey):
        verify(endpoint, KEY, {KEY.fingerprint})


def test_one_good_key_of_several_is_enough(endpoint: Endpoint) -> None:
    write(endpoint, line("[box.example]:2222", RSA), line("[box.example]:2222", OTHER), line("[box.example]:2222", KEY))
    verify(endpoint, KEY)


def test_a_revoked_key_is_refused(endpoint: Endpoint) -> None:
    write(endpoint, line("[box.example]:2222", KEY), line("*", KEY, "@revoked"))
    with pytest.raises(RevokedHostKey):
        verify(endpoint, KEY, {KEY.fingerprint})


def test_an_authority_vouches_for_nothing_here(endpoint: Endpoint) -> None:
    write(endpoint, line("*", KEY, "@cert-authority"))
    with pytest.raises(UnknownHostKey):
        verify(endpoint, KEY)


@pytest.mark.parametrize("names", ["[box.example]:2222", "x,[box.example]:*", "[*.example]:2222", "[BOX.example]:2222"])
def test_names_that_match(endpoint: Endpoint, names: str) -> None:
    write(endpoint, line(names, KEY))
    verify(endpoint, KEY)


@pytest.mark.parametrize("names", ["box.example", "[box.example]:22", "*,![box.example]:2222", "|1|a|b", "|1|é"])
def test_names_that_do_not_match(endpoint: Endpoint, names: str) -> None:
    write(endpoint, line(names, KEY), "garbage\n", "box.example ssh-rsa\n", "[box.example]:2222\n")
    with pytest.raises(UnknownHostKey):
        verify(endpoint, KEY)


def test_hashed_names_as_ssh_keygen_makes_them(endpoint: Endpoint) -> None:
    write(endpoint, line("[box.example]:2222", KEY))
    run([need("ssh-keygen"), "-H", "-f", endpoint.known_hosts[0]]).expect()
    assert endpoint.known_hosts[0].read_text().startswith("|1|")
    verify(endpoint, KEY)
    with pytest.raises(ChangedHostKey):
        verify(endpoint, OTHER)


def test_the_system_s_keys_count_too(endpoint: Endpoint) -> None:
    endpoint.known_hosts[1].write_text(line("[box.example]:2222", KEY))
    verify(endpoint, KEY)


def test_a_file_that_cannot_be_written(endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "ssh").write_text("a file, where a folder should be")
    with pytest.raises(SourceError, match="cannot be written"):
        verify(endpoint, KEY, {KEY.fingerprint})


def test_all_of_them_are_refusals() -> None:
    assert issubclass(UnknownHostKey, AccessDenied)
    assert issubclass(ChangedHostKey, AccessDenied)
