"""Every real component starts, does its work on a tiny image, stops, and leaves nothing behind."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from typing import Any

import paramiko
import psutil
import pytest
import requests

from tests.services import (
    ARGUMENTS,
    Buildah,
    BuiltImage,
    Ctr,
    Docker,
    Podman,
    Registry,
    Skopeo,
    make_certificate,
    need,
    run_containerd,
    run_docker,
    run_registry,
    run_sshd,
)
from tests.services.chroot import DEFAULT_MIRROR, find_mirror
from tests.services.process import daemon, private_root, run

pytestmark = pytest.mark.services

REFERENCE = "layerkit.test/tiny:1"


def add_member(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A docker-archive of one layer with one file, `hello`."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as files:
        add_member(files, "hello", b"hello\n")
    diff_id = f"sha256:{sha256(layer.getvalue()).hexdigest()}"
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created": "2024-01-01T00:00:00Z", "created_by": "test"}],
        }
    ).encode()
    name = f"{sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [REFERENCE], "Layers": ["layer.tar"]}]
    path = tmp_path / "tiny.tar"
    with tarfile.open(path, "w") as archive:
        add_member(archive, "manifest.json", json.dumps(manifest).encode())
        add_member(archive, name, config)
        add_member(archive, "layer.tar", layer.getvalue())
    return path


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test leaves neither a process nor a mount nor a private folder behind."""
    processes = descendants()
    with private_root("clean") as folder:
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        yield
        assert descendants() == processes
        assert not [line for line in Path("/proc/mounts").read_text().splitlines() if "/lk-" in line]
        assert not list(folder.iterdir())


def descendants() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def names_in(archive: Path) -> set[str]:
    with tarfile.open(archive) as files:
        return {name.removeprefix("./") for name in files.getnames()}


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> Any:
    """The fixture of this name, asked for here and not in the test, whose time is limited."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("runtime", ["docker20", "docker26", "docker26c", "podman", "ctr"], indirect=True)
def test_loads_what_was_saved(runtime: Docker | Podman | Ctr, tiny: Path, tmp_path: Path) -> None:
    assert runtime.images() == []
    assert runtime.load(tiny).ok
    assert runtime.images() == [REFERENCE]
    assert runtime.create_and_export(REFERENCE, tmp_path / "rootfs.tar").ok
    assert "hello" in names_in(tmp_path / "rootfs.tar")
    assert runtime.save(tmp_path / "saved.tar", REFERENCE).ok
    assert "manifest.json" in names_in(tmp_path / "saved.tar")
    runtime.clear()
    assert runtime.images() == []
    assert runtime.load(tmp_path / "saved.tar").ok
    assert runtime.images() == [REFERENCE]


@pytest.mark.parametrize(
    "runtime", ["docker20", "docker26", "docker26c", "podman", "buildah", "ctr", "skopeo"], indirect=True
)
def test_refuses_noise(runtime: Docker | Podman | Buildah | Ctr | Skopeo, tmp_path: Path) -> None:
    noise = tmp_path / "noise.tar"
    noise.write_bytes(b"not an image" * 1000)
    outcome = runtime.load(noise)
    assert not outcome.ok
    assert outcome.stderr


def test_buildah_pulls_and_pushes(buildah: Buildah, tiny: Path, tmp_path: Path) -> None:
    assert buildah.load(tiny).ok
    assert buildah.images() == [REFERENCE]
    assert buildah.save(tmp_path / "saved.tar", REFERENCE, transport="oci-archive").ok
    assert "oci-layout" in names_in(tmp_path / "saved.tar")


def test_skopeo_reads_an_archive(skopeo: Skopeo, tiny: Path) -> None:
    assert skopeo.load(tiny).ok


def test_versions(docker20: Docker, docker26: Docker, docker26c: Docker) -> None:
    assert docker20.version.startswith("20.10.")
    assert docker26.version.startswith("26.1.")
    assert docker26c.version.startswith("26.1.")
    assert "vfs" in docker26.run("info").stdout
    assert "io.containerd.snapshotter.v1" in docker26c.run("info").stdout


def test_builds_an_image(built_image: BuiltImage) -> None:
    counts = Counter(built_image.diff_ids)
    assert sorted(counts.values()) == [1] * (len(counts) - 2) + [2, 3], "stamp twice, an empty WORKDIR thrice"
    assert len(built_image.history) > len(built_image.diff_ids), "no history entry without a layer"
    assert "manifest.json" in names_in(built_image.archive)


@pytest.mark.slow
def test_builds_an_image_the_classic_way(built_image_classic: BuiltImage) -> None:
    counts = Counter(built_image_classic.diff_ids)
    assert sorted(counts.values()) == [1] * (len(counts) - 1) + [2], "the stamp twice"
    assert len(built_image_classic.history) > len(built_image_classic.diff_ids) + 3


def test_registry_serves_what_skopeo_pushes(registry: Registry, skopeo: Skopeo, tiny: Path) -> None:
    target = f"docker://{registry.address}/services/tiny:1"
    assert skopeo.copy(f"docker-archive:{tiny}", target, "--dest-tls-verify=false").ok
    answer = requests.get(f"{registry.url}/v2/services/tiny/tags/list", timeout=10)
    assert answer.json() == {"name": "services/tiny", "tags": ["1"]}
    assert any("/v2/services/tiny/tags/list" in line for line in registry.requests())


def test_registry_with_tls_and_password(clean: None) -> None:
    with run_registry(tls=True, users={"me": "secret"}) as private:
        url = f"{private.url}/v2/"
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(url, timeout=10, verify=True)
        assert requests.get(url, timeout=10, verify=str(private.ca)).status_code == 401
        assert requests.get(url, timeout=10, verify=str(private.ca), auth=("me", "secret")).status_code == 200


def test_registry_with_tokens(clean: None, tmp_path: Path) -> None:
    bundle = str(make_certificate(tmp_path).path)
    token = {"realm": "http://127.0.0.1:9/token", "service": "s", "issuer": "i", "rootcertbundle": bundle}
    with run_registry(token=token) as private:
        answer = requests.get(f"{private.url}/v2/", timeout=10)
    assert answer.status_code == 401
    assert 'realm="http://127.0.0.1:9/token"' in answer.headers["WWW-Authenticate"]


def test_sshd_lets_its_key_in_with_the_environment(clean: None) -> None:
    with run_sshd(env={"DOCKER_HOST": "unix:///some where.sock"}) as server, paramiko.SSHClient() as client:
        client.load_host_keys(str(server.known_hosts))
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.connect(
            server.host,
            server.port,
            server.user,
            key_filename=str(server.key),
            look_for_keys=False,
            allow_agent=False,
        )
        _, stdout, _ = client.exec_command("echo $DOCKER_HOST")
        assert stdout.read().decode().strip() == "unix:///some where.sock"
        with client.open_sftp() as files:
            assert files.stat("/").st_mode


@pytest.mark.browser
def test_chromium_renders(chromium: str, clean: None) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page()
        page.set_content("<p id=x></p><script>document.all.x.textContent = 6 * 7</script>")
        assert page.inner_text("#x") == "42"
        browser.close()


@pytest.mark.parametrize(
    "start",
    [
        lambda: run_docker("20.10"),
        lambda: run_docker("26.1", containerd_store=True),
        run_containerd,
        run_registry,
    ],
    ids=["docker20", "docker26c", "containerd", "registry"],
)
def test_leaves_nothing_behind_after_a_failure(
    start: Callable[[], AbstractContextManager[object]], clean: None
) -> None:
    with pytest.raises(ZeroDivisionError), start():
        raise ZeroDivisionError


def test_a_daemon_that_fails_to_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    argv = ["sh", "-c", "echo no such luck; exit 3"]
    with (
        pytest.raises(pytest.skip.Exception, match=r"sh does not start here \(exit 3\): no such luck"),
        daemon(argv, log=tmp_path / "log", ready=lambda: False),
    ):
        pass


def test_a_missing_program_skips_and_fails_on_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"skopeo is not installed \(Debian package skopeo\)"):
        need("skopeo")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must have every service"):
        need("skopeo")


def test_finds_the_mirror_in_either_format(tmp_path: Path) -> None:
    assert find_mirror(tmp_path) == DEFAULT_MIRROR
    (tmp_path / "sources.list").write_text("# deb http://no/debian x\ndeb [a=b] https://one/debian bookworm main\n")
    assert find_mirror(tmp_path) == "https://one/debian"
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/debian.sources").write_text("Types: deb\nURIs: http://two/debian/\n")
    assert find_mirror(tmp_path) == "http://two/debian"


def test_an_outcome_says_what_the_program_said() -> None:
    outcome = run(["sh", "-c", "echo out; echo err >&2; exit 4"])
    assert (outcome.exit, outcome.stdout, outcome.stderr) == (4, "out\n", "err\n")
    with pytest.raises(AssertionError, match="exit 4: out\nerr"):
        outcome.expect()
