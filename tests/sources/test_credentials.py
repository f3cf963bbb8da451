"""Where credentials are found, in which form, and that they are shown to nobody."""

from __future__ import annotations

import base64
import json
import logging
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from layerkit.errors import FormatError, NotFound
from layerkit.sources.credentials import Credential, ask_helper, default_files, find_credential

SECRET = "s3cr3t:with:colons"


def packed(username: str, password: str = SECRET) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A home, a runtime folder and a PATH of their own."""
    (tmp_path / "bin").mkdir()
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    return {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(tmp_path / "run"), "PATH": path}


def write(path: Path, config: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return path


def docker(env: dict[str, str], config: Any) -> Path:
    return write(Path(env["HOME"]) / ".docker/config.json", config)


def helper(env: dict[str, str], name: str, script: str) -> None:
    path = write(Path(env["PATH"].partition(":")[0]) / f"docker-credential-{name}", f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def user(host: str, env: dict[str, str], repository: str = "", **more: Any) -> str | None:
    found = find_credential(host, repository, environ=env, **more).credential
    return found.username if found else None


@pytest.mark.parametrize(
    "key",
    [
        "registry.example:5000",
        "https://registry.example:5000",
        "http://registry.example:5000/",
        "https://registry.example:5000/v1/",
        "registry.example:5000/v2",
        "Registry.Example:5000",
    ],
)
def test_a_host_is_found_in_all_forms_that_tools_write(env: dict[str, str], key: str) -> None:
    docker(env, {"auths": {key: packed("me")}})
    found = find_credential("registry.example:5000", environ=env).credential
    assert found is not None
    assert (found.username, found.secret, found.kind) == ("me", SECRET, "password")
    assert user("registry.example", env) is None
    assert user("registry.example:50001", env) is None


@pytest.mark.parametrize(
    "key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io", "https://docker.io"]
)
def test_the_hub_has_many_names(env: dict[str, str], key: str) -> None:
    docker(env, {"auths": {key: packed("hub")}})
    assert user("docker.io", env) == "hub"


def test_the_narrowest_namespace_wins(env: dict[str, str]) -> None:
    auths = {"r.example": packed("all"), "r.example/team": packed("team"), "r.example/team/app": packed("app")}
    write(Path(env["XDG_RUNTIME_DIR"]) / "containers/auth.json", {"auths": auths})
    assert user("r.example", env, "team/app") == "app"
    assert user("r.example", env, "team/other") == "team"
    assert user("r.example", env, "teamwork/x") == "all"


def test_the_order_of_the_files(env: dict[str, str], tmp_path: Path) -> None:
    def auths(name: str) -> Any:
        return {"auths": {"r.example": packed(name)}}

    home = Path(env["HOME"])
    write(home / ".config/containers/auth.json", auths("podman"))
    assert user("r.example", env) == "podman"
    write(Path(env["XDG_RUNTIME_DIR"]) / "containers/auth.json", auths("podman-run"))
    assert user("r.example", env) == "podman-run"
    docker(env, auths("docker"))
    assert user("r.example", env) == "docker"
    write(tmp_path / "elsewhere/config.json", auths("elsewhere"))
    assert user("r.example", {**env, "DOCKER_CONFIG": str(tmp_path / "elsewhere")}) == "elsewhere"
    named = write(tmp_path / "named.json", auths("named"))
    assert user("r.example", {**env, "REGISTRY_AUTH_FILE": str(named)}) == "named"
    assert user("r.example", {**env, "REGISTRY_AUTH_FILE": "/nowhere"}, authfile=str(named)) == "named"
    assert user("other.example", {**env, "REGISTRY_AUTH_FILE": str(named)}) is None
    assert [path.name for path in default_files({"HOME": "/h"})] == ["config.json", "auth.json", "auth.json"]


def test_other_forms_of_an_entry(env: dict[str, str]) -> None:
    entries = {
        "id.example": {**packed("x", ""), "identitytoken": "idtoken"},
        "reg.example": {"registrytoken": "regtoken"},
        "plain.example": {"username": "me", "password": "pass"},
        "nul.example": packed("me", "pass\0\0"),
        "empty.example": {},
        "odd.example": {"auth": "A"},
        "list.example": ["no"],
    }
    docker(env, {"auths": entries})

    def found(host: str) -> tuple[str, str] | None:
        credential = find_credential(host, environ=env).credential
        return (credential.kind, credential.secret) if credential else None

    assert found("id.example") == ("identity-token", "idtoken")
    assert found("reg.example") == ("registry-token", "regtoken")
    assert found("plain.example") == found("nul.example") == ("password", "pass")
    assert found("empty.example") is found("odd.example") is found("list.example") is None


def test_helpers_are_asked_by_host(env: dict[str, str]) -> None:
    docker(
        env, {"credsStore": "all", "credHelpers": {"special.example": "one"}, "auths": {"file.example": packed("f")}}
    )
    helper(env, "one", 'read host; echo "{\\"Username\\": \\"$1 $host\\", \\"Secret\\": \\"s\\"}"')
    helper(
        env,
        "all",
        'read host; case $host in known.example|https://*) echo "{\\"Username\\": \\"$host\\", '
        '\\"Secret\\": \\"s\\"}";; *) echo credentials not found in native keychain; exit 1;; esac',
    )
    assert user("special.example", env) == "get special.example"
    assert user("known.example", env) == "known.example"
    assert user("docker.io", env) == "https://index.docker.io/v1/"
    assert user("file.example", env) == "f"
    none = find_credential("none.example", environ=env)
    assert (none.credential, none.trouble) == (None, "")


def test_a_helper_may_give_an_identity_token(env: dict[str, str]) -> None:
    helper(env, "id", 'echo \'{"Username": "<token>", "Secret": "abc"}\'')
    credential, _ = ask_helper("id", "r.example", env)
    assert credential == Credential("", "abc", "identity-token", "docker-credential-id")


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("exit 3", "failed (exit 3)"),
        (f"echo {SECRET}; exit 1", "failed (exit 1)"),
        (f"echo {SECRET}", "did not answer in JSON"),
        ("yes", "failed"),
        ("sleep 60", "did not answer within 0.3 s"),
        ("sleep 60 & sleep 60", "did not answer within 0.3 s"),
    ],
)
def test_a_helper_that_misbehaves_is_passed_over(env: dict[str, str], script: str, trouble: str) -> None:
    docker(env, {"credsStore": "bad", "auths": {"r.example": packed("fallback")}})
    helper(env, "bad", script)
    start = time.monotonic()
    found = find_credential("other.example", environ=env, seconds=0.3)
    assert found.credential is None
    assert trouble in found.trouble
    assert SECRET not in found.trouble
    assert time.monotonic() - start < 10
    assert user("r.example", env, seconds=0.3) == "fallback"


@pytest.mark.parametrize("name", ["../../bin/sh", "a b", "-x", "x\n"])
def test_a_helper_is_a_name_and_no_path(env: dict[str, str], name: str) -> None:
    docker(env, {"credHelpers": {"r.example": name}})
    assert "impossible name" in find_credential("r.example", environ=env).trouble


def test_a_missing_helper_is_trouble_to_tell(env: dict[str, str]) -> None:
    docker(env, {"credsStore": "desktop"})
    trouble = find_credential("r.example", environ=env).trouble
    assert trouble == "the credential helper docker-credential-desktop is not in PATH"


def test_a_damaged_file_is_trouble_unless_it_was_named(env: dict[str, str], tmp_path: Path) -> None:
    path = docker(env, "{nonsense " + SECRET)
    assert find_credential("r.example", environ=env).trouble == f"{path} is not a JSON object"
    with pytest.raises(FormatError, match="is not a JSON object") as caught:
        find_credential("r.example", environ=env, authfile=str(path))
    assert SECRET not in str(caught.value)
    with pytest.raises(NotFound, match="cannot be read"):
        find_credential("r.example", environ=env, authfile=str(tmp_path / "none"))


def test_no_secret_is_ever_shown(env: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    auths = {"a.example": packed("me"), "b.example": {"registrytoken": SECRET}, "c.example": {"auth": "%" + SECRET}}
    docker(env, {"auths": auths})
    shown = [repr(find_credential(host, environ=env)) for host in auths]
    shown += [str(find_credential(host, environ=env)) for host in auths]
    assert not any(SECRET in text or packed("me")["auth"] in text or "'me'" in text for text in [*shown, caplog.text])
    assert "config.json (a.example)" in shown[0]
