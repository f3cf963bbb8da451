"""The registry source against real registries: plain, with TLS, with passwords, with tokens; choosing by platform."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from layerkit.diagnosis import diagnose
from layerkit.errors import AccessDenied, NotFound, Unreachable, UsageError
from layerkit.image import Image
from layerkit.sources import Archive, open_image, open_source, platforms
from layerkit.sources.registry import Repository, open_repository
from tests.faulty_registry import FaultyRegistry, run_faulty_registry
from tests.images import Spec, docker_archive, layer, stack
from tests.services import Registry, Skopeo, run_registry
from tests.token_server import TokenServer, run_token_server

pytestmark = pytest.mark.usefixtures("alone")

ME = {"me": "secret-of-me"}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "image.tar"
    path.write_bytes(bytes(docker_archive(Spec(stack("registry", range(4))))))
    return path


@pytest.fixture(scope="module")
def token_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, TokenServer]]:
    with run_token_server(tmp_path_factory.mktemp("tokens")) as tokens, run_registry(token=tokens.settings) as registry:
        tokens.users.update(ME)
        yield registry, tokens


def push(skopeo: Skopeo, archive: Path, registry: Registry, name: str, *options: str) -> str:
    """Copy an archive into a registry; the address to read it back from."""
    target = f"docker://{registry.address}/{name}"
    skopeo.copy(f"docker-archive:{archive}", target, "--dest-tls-verify=false", *options).expect()
    return target


def log_in(home: Path, host: str, **entry: str) -> None:
    if not entry:
        entry = {"auth": base64.b64encode(b"me:" + ME["me"].encode()).decode()}
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker/config.json").write_text(json.dumps({"auths": {host: entry}}))


def codes(target: str, **more: Any) -> tuple[str, list[str]]:
    report = diagnose(target, **more)
    return report.outcome, [finding.code for finding in report.findings]


# Real registries


@pytest.mark.services
def test_what_skopeo_pushed_is_read_and_measured(registry: Registry, skopeo: Skopeo, archive: Path) -> None:
    target = push(skopeo, archive, registry, "registry-source/app:1")
    image = open_image(target)
    original = open_image(archive)
    assert image.config.diff_ids == original.config.diff_ids
    assert image.reference == f"{registry.address}/registry-source/app:1"
    assert image.source.format == "registry"
    for blob, diff_id in zip(image.manifest.layers, image.config.diff_ids, strict=True):
        assert image.source.has(blob)
        assert image.source.stored_size(blob) == blob.size
        measured = image.source.measure(blob)
        assert (measured.digest, measured.diff_id, measured.size) == (blob.digest, diff_id, blob.size)
    digest = image.manifest.name
    assert open_image(f"docker://{registry.address}/registry-source/app@{digest}").manifest == image.manifest
    assert open_image(f"{registry.address}/registry-source/app:1").manifest == image.manifest, "a bare reference"
    assert codes(target) == codes(target, deep=True) == ("sound", [])


@pytest.mark.services
def test_a_registry_broken_on_disk_is_diagnosed(registry: Registry, skopeo: Skopeo, archive: Path) -> None:
    target = push(skopeo, archive, registry, "registry-source/broken:1")
    layers = open_image(target).manifest.layers
    folder = registry.storage / "docker/registry/v2/blobs/sha256"
    data = folder / layers[1].name[7:9] / layers[1].name[7:] / "data"
    whole = data.read_bytes()
    data.write_bytes(whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    assert codes(target)[0] == "sound", "without --deep nothing is read"
    outcome, found = codes(target, deep=True)
    assert outcome == "broken"
    assert set(found) & {"LK203", "LK205"}
    data.write_bytes(whole + b"more")
    assert codes(target) == ("broken", ["LK204"]), "the size is told without reading"
    shutil.rmtree(data.parent)
    outcome, found = codes(target)
    assert outcome != "sound"
    assert found == ["LK201"]


@pytest.mark.services
def test_what_is_not_there_is_said_in_the_registrys_words(registry: Registry, skopeo: Skopeo, archive: Path) -> None:
    target = push(skopeo, archive, registry, "registry-source/there:1")
    with pytest.raises(NotFound, match=r"has no registry-source/there:2: 404 Not Found \(MANIFEST_UNKNOWN: .*\)"):
        open_image(target.removesuffix("1") + "2")
    with pytest.raises(NotFound, match=r"has no registry-source/none:latest: 404") as caught:
        open_image(f"{registry.address}/registry-source/none")
    assert caught.value.hint.endswith(f"no file is named {registry.address}/registry-source/none either")


@pytest.mark.services
def test_tls_with_a_private_authority(
    skopeo: Skopeo, archive: Path, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_registry(tls=True, users=ME) as private:
        target = push(skopeo, archive, private, "app:1", f"--dest-creds=me:{ME['me']}")
        log_in(alone, private.address)
        with pytest.raises(Unreachable, match="its certificate is not trusted: self-signed certificate") as caught:
            open_image(target)
        assert f"/etc/docker/certs.d/{private.address}/ca.crt" in caught.value.hint
        assert not any("/v2/app" in line and " 200 " in line for line in private.requests()[-1:])
        assert private.ca is not None
        assert len(open_image(target, ca=str(private.ca)).manifest.layers) == 4
        assert len(open_image(target, insecure=True).manifest.layers) == 4
        assert codes(target, ca=str(private.ca), platform="all") == ("sound", [])
        named = target.replace("127.0.0.1", "localhost")
        log_in(alone, private.address.replace("127.0.0.1", "localhost"))
        folder = alone / "certs.d" / private.address.replace("127.0.0.1", "localhost")
        folder.mkdir(parents=True)
        shutil.copy(private.ca, folder / "ca.crt")
        monkeypatch.setattr("layerkit.sources.transport.CERTIFICATES", (alone / "certs.d",))
        assert codes(named, deep=True) == ("sound", [])
    with pytest.raises(NotFound, match="the CA file /none does not exist"):
        open_source(target, ca="/none")


@pytest.mark.services
def test_a_password_from_the_docker_config(skopeo: Skopeo, archive: Path, alone: Path) -> None:
    with run_registry(users=ME) as private:
        target = push(skopeo, archive, private, "app:1", f"--dest-creds=me:{ME['me']}")
        with pytest.raises(AccessDenied, match=r"denies access to app:1: 401 Unauthorized \(UNAUTHORIZED: ") as caught:
            open_image(target)
        assert f"docker login {private.address}" in caught.value.hint
        log_in(alone, private.address)
        assert codes(target, deep=True) == ("sound", [])
        log_in(alone, private.address, username="me", password="wrong-password")
        with pytest.raises(AccessDenied) as caught:
            open_image(target)
        assert "config.json" in caught.value.hint
        assert "wrong-password" not in str(caught.value) + caught.value.hint
        other = alone / "other.json"
        other.write_text(json.dumps({"auths": {private.address: {"username": "me", "password": ME["me"]}}}))
        assert len(open_image(target, authfile=str(other)).manifest.layers) == 4


@pytest.mark.services
def test_tokens(token_registry: tuple[Registry, TokenServer], skopeo: Skopeo, archive: Path, alone: Path) -> None:
    registry, tokens = token_registry
    target = push(skopeo, archive, registry, "team/app:1", f"--dest-creds=me:{ME['me']}")
    tokens.requests.clear()
    with pytest.raises(AccessDenied, match=r"denies access to team/app:1: 401 Unauthorized \(UNAUTHORIZED: ") as caught:
        open_image(target)
    assert "log in first" in caught.value.hint
    tokens.public.add("team/app")
    assert codes(target) == ("sound", []), "anonymously"
    assert not any(password for _, _, password in tokens.requests)
    tokens.public.clear()
    log_in(alone, registry.address)
    tokens.requests.clear()
    assert codes(target, deep=True) == ("sound", [])
    asked = {"service": "layerkit-registry", "scope": "repository:team/app:pull"}
    assert tokens.requests == [("GET", asked, True)], "one token for all requests"
    log_in(alone, registry.address, username="me", password="wrong")
    with pytest.raises(AccessDenied, match=r"the token server 127.0.0.1:\d+ of .* refused the credentials of .*401"):
        open_image(target)


@pytest.mark.services
def test_identity_and_registry_tokens(
    token_registry: tuple[Registry, TokenServer], skopeo: Skopeo, archive: Path, alone: Path
) -> None:
    registry, tokens = token_registry
    target = push(skopeo, archive, registry, "team/identity:1", f"--dest-creds=me:{ME['me']}")
    tokens.identities.add("refresh-me")
    log_in(alone, registry.address, identitytoken="refresh-me")
    tokens.requests.clear()
    assert codes(target, deep=True) == ("sound", [])
    ((method, asked, password),) = tokens.requests
    assert (method, password) == ("POST", False)
    assert (asked["grant_type"], asked["scope"]) == ("refresh_token", "repository:team/identity:pull")
    log_in(alone, registry.address, registrytoken=tokens.issue("me", "repository:team/identity:pull"))
    tokens.requests.clear()
    assert codes(target) == ("sound", [])
    assert tokens.requests == []


@pytest.mark.services
def test_a_token_that_expired_is_renewed_once(
    token_registry: tuple[Registry, TokenServer], skopeo: Skopeo, archive: Path, alone: Path
) -> None:
    registry, tokens = token_registry
    target = push(skopeo, archive, registry, "team/expired:1", f"--dest-creds=me:{ME['me']}")
    log_in(alone, registry.address)
    source = open_source(target)
    assert isinstance(source, Repository)
    image = Image(source, source.entries()[0])
    authorization = source.client.origin._authorization
    tokens.lifetime = -100  # distribution allows for a minute of difference between clocks
    try:
        authorization._header = f"Bearer {tokens.issue('me', 'repository:team/expired:pull')}"
    finally:
        tokens.lifetime = 300
    tokens.requests.clear()
    with ThreadPoolExecutor(4) as pool:
        sizes = [measured.size for measured in pool.map(image.source.measure, image.manifest.layers)]
    assert sizes == [blob.size for blob in image.manifest.layers]
    assert len(tokens.requests) == 1, "by one thread for all"


# Choosing by platform


@pytest.fixture
def many() -> Iterator[FaultyRegistry]:
    """An index `app:1` of five platforms, a nested index and attestations, in an odd order."""
    with run_faulty_registry() as registry:
        listed = []
        for platform in ("linux/s390x", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "linux/amd64"):
            architecture = platform.split("/")[1]
            digest = registry.add_image("app", "", [layer(platform, 1)], architecture=architecture)
            listed.append((digest, platform))
        proof = registry.add_manifest("app", "", {"schemaVersion": 2, "layers": []})
        listed.append((proof, "unknown/unknown"))
        nested = registry.add_index("app", "", [(registry.add_image("app", "", []), "linux/riscv64")])
        registry.add_index("app", "1", [*listed, (nested, "")])
        yield registry


def offered(registry: FaultyRegistry, platform: str, name: str = "app:1") -> list[str]:
    return [entry.platform for entry in open_repository(f"{registry.address}/{name}", platform).entries()]


@pytest.mark.parametrize(
    ("platform", "found"),
    [
        ("linux/arm64", ["linux/arm64"]),
        ("arm64", ["linux/arm64"]),
        ("linux/aarch64/v8", ["linux/arm64"]),
        ("linux/arm", ["linux/arm"]),
        ("linux/arm/v6", ["linux/arm/v6"]),
        ("linux/arm/v8", ["linux/arm"]),
        ("linux/amd64/v3", ["linux/amd64"]),
        ("riscv64", ["linux/riscv64"]),
        ("all", ["linux/s390x", "linux/arm/v6", "linux/arm", "linux/arm64", "linux/amd64", "linux/riscv64"]),
    ],
)
def test_an_index_gives_the_platform_asked_for(many: FaultyRegistry, platform: str, found: list[str]) -> None:
    assert offered(many, platform) == found
    if platform != "all":
        image = open_image(f"docker://{many.address}/app:1", platform=platform)
        assert image.entry.platform == found[0]
        assert image.config.architecture in {"amd64", found[0].split("/")[1]}


def test_the_default_is_this_machine_or_else_all(many: FaultyRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered(many, "") == [platforms.here()]
    monkeypatch.setattr("layerkit.sources.platforms.here", lambda: "linux/loong64")
    assert len(offered(many, "")) == 6
    with pytest.raises(NotFound, match="has no image for windows/amd64") as caught:
        offered(many, "windows/amd64")
    assert "linux/amd64, linux/arm, linux/arm/v6, linux/arm64" in caught.value.hint
    with pytest.raises(NotFound, match="names 6 images, expected one"):
        open_image(f"docker://{many.address}/app:1")


def test_a_newer_variant_does_not_serve_an_older_machine(many: FaultyRegistry) -> None:
    with pytest.raises(NotFound):
        offered(many, "linux/arm/v5")
    assert platforms.choose(["linux/amd64/v3", "", "linux/amd64"], "amd64") == 2
    assert platforms.choose(["linux/amd64/v3", "linux/amd64", "linux/amd64/v2"], "amd64/v2") == 2
    assert not platforms.serves("linux/amd64/v3", "linux/amd64")


def test_an_index_by_digest_is_held_against_it(many: FaultyRegistry) -> None:
    media_type, raw = many.manifests["app", "1"]
    wrong = "sha256:" + "0" * 64
    many.manifests["app", wrong] = (media_type, raw)
    source = open_repository(f"{many.address}/app@{wrong}", "all")
    (entry,) = source.entries()
    assert entry.tags == ()
    assert source.manifests(entry)[0].fault_kind == "altered"


def test_what_an_index_lists_may_be_absent(many: FaultyRegistry) -> None:
    gone = "sha256:" + "1" * 64
    nested = "sha256:" + "2" * 64
    many.add_index("app", "2", [(gone, "linux/amd64")])
    source = open_repository(f"{many.address}/app:2")
    assert source.manifests(source.entries()[0])[0].fault_kind == "absent"
    index = json.loads(many.manifests["app", "2"][1])
    index["manifests"] = [{"mediaType": index["mediaType"], "digest": nested, "size": 1}]
    many.add_manifest("app", "3", index)
    source = open_repository(f"{many.address}/app:3")
    assert source.manifests(source.entries()[0])[0].fault_kind == "absent"


def test_an_index_that_leads_to_itself_or_nowhere_ends(many: FaultyRegistry) -> None:
    kind = "application/vnd.oci.image.index.v1+json"
    raw = b"{}"
    for _ in range(70):  # each names the next one, twice
        below = many.add_manifest("app", "", raw, kind)
        raw = json.dumps({"manifests": [{"mediaType": kind, "digest": below, "size": 1}] * 2}).encode()
    many.add_manifest("app", "deep", raw, kind)
    assert len(offered(many, "all", "app:deep")) < 100
    assert len(many.requests) < 100
    many.add_index("app", "empty", [])
    source = open_repository(f"{many.address}/app:empty")
    assert source.manifests(source.entries()[0])[0].fault_kind == "shape"
    many.add_index("app", "wide", [("sha256:" + f"{n:064x}", "linux/amd64") for n in range(1500)])
    assert len(offered(many, "all", "app:wide")) == 1000


# Names


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("redis", "docker.io/library/redis:latest"),
        ("redis:7", "docker.io/library/redis:7"),
        ("docker:24", "docker.io/library/docker:24"),
        ("docker://docker:24", "docker.io/library/docker:24"),
        ("team/app", "docker.io/team/app:latest"),
        ("localhost:5000/a/b:c", "localhost:5000/a/b:c"),
        ("docker://r.example/app@sha256:" + "a" * 64, "r.example/app@sha256:" + "a" * 64),
    ],
)
def test_a_bare_reference_is_an_image_in_a_registry(text: str, reference: str) -> None:
    source = open_source(text)
    assert isinstance(source, Repository)
    assert str(source.reference) == reference


@pytest.mark.parametrize(
    "text",
    ["image.tar", "image.tar.zst", "image.tgz", "./redis", "../redis", "/redis", "~/redis", "Redis", "a b", "x/y.tar",
     "http://h/x", r"C:\images\a"],
)  # fmt: skip
def test_what_looks_like_a_path_never_goes_to_a_registry(text: str) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        open_source(text)


def test_a_file_of_that_name_comes_first(tmp_path: Path, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(archive, "redis:7")
    assert isinstance(open_source("redis:7"), Archive)
    with pytest.raises(UsageError, match="must be lowercase"):
        open_source("docker://r.example/Upper")


def test_nothing_of_a_registry_is_imported_for_an_archive() -> None:
    import subprocess
    import sys

    code = "import sys, layerkit.sources; sys.exit('requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
    assert re.fullmatch(r"linux/\w+", platforms.here())
