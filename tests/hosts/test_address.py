"""~/.ssh/config, followed as OpenSSH follows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerkit.errors import UsageError
from layerkit.hosts.address import parse, resolve

CONFIG = """
Host box
    HostName 192.0.2.7
    User deploy
    Port 2222
    IdentityFile ~/keys/one
    IdentityFile "~/keys/two"
    IdentitiesOnly yes
    HostKeyAlias the-box
    UserKnownHostsFile ~/known ~/known2
Host far
    ProxyJump ops@first:2201,box
Host circle
    ProxyJump circle
Host command
    ProxyCommand nc %h %p
Include more/*.conf
Host *
    User everyone
    IdentityAgent none
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", "/home/me")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.conf").write_text("Host included\n  HostName inner.example\n")
    path = tmp_path / "config"
    path.write_text(CONFIG)
    return path


def test_an_alias(config: Path) -> None:
    end = resolve("box", config)
    assert (end.host, end.port, end.user, end.known_name) == ("192.0.2.7", 2222, "deploy", "the-box")
    assert end.identities == (Path("/home/me/keys/one"), Path("/home/me/keys/two"))
    assert end.explicit
    assert end.identities_only
    assert end.known_hosts[:2] == (Path("/home/me/known"), Path("/home/me/known2"))
    assert end.name == "deploy@192.0.2.7:2222"


def test_what_is_said_wins_over_the_configuration(config: Path) -> None:
    end = resolve("ssh://me@box:22", config)
    assert (end.user, end.port) == ("me", 22)


def test_a_host_of_no_configuration(config: Path) -> None:
    end = resolve("ssh://Other.Example:2200", config)
    assert (end.host, end.user, end.known_name) == ("other.example", "everyone", "[other.example]:2200")
    assert not end.explicit
    assert end.identities[0] == Path("/home/me/.ssh/id_ed25519")
    assert end.agent is None


def test_includes_stand_where_they_are_included(config: Path) -> None:
    end = resolve("included", config)
    assert (end.host, end.user) == ("inner.example", "everyone")


def test_jumps_in_their_order(config: Path) -> None:
    end = resolve("far", config)
    assert [(hop.host, hop.port, hop.user) for hop in end.jumps] == [
        ("first", 2201, "ops"),
        ("192.0.2.7", 2222, "deploy"),
    ]


def test_a_circle_of_jumps_ends(config: Path) -> None:
    with pytest.raises(UsageError, match="in a circle"):
        resolve("circle", config)


def test_a_proxy_command_is_refused_and_not_ignored(config: Path) -> None:
    with pytest.raises(UsageError, match="ProxyCommand"):
        resolve("command", config)


def test_a_file_that_includes_itself_ends(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(f"Include {path}\nHost a\n  HostName b\n")
    assert resolve("a", path).host == "b"


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("Host 'a\n")
    with pytest.raises(UsageError, match="cannot be followed"):
        resolve("a", path)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("box", ("", "box", None)),
        ("me@box", ("me", "box", None)),
        ("ssh://me@box:22", ("me", "box", 22)),
        ("ssh://[2001:db8::1]:22", ("", "2001:db8::1", 22)),
        ("a%40b@box", ("a@b", "box", None)),
    ],
)
def test_addresses(text: str, parts: tuple[str, str, int | None]) -> None:
    assert parse(text) == parts


@pytest.mark.parametrize(
    "text", ["", "-oProxyCommand=x", "ssh://", "a b", "box:0", "box:99999", "box/x", "me@", "a\nb"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="must not hold a password") as caught:
        parse("ssh://me:s3cret@box")
    assert "s3cret" not in str(caught.value) + caught.value.hint
