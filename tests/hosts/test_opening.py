"""Images and archives on hosts are sources like any other: the same findings, the same export."""

from __future__ import annotations

import gzip
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from layerkit.diagnosis import diagnose
from layerkit.errors import AccessDenied, NotFound, PassedBy, SourceError, UsageError
from layerkit.export import export_image, plan_export
from layerkit.hosts import Reaching, UnknownHostKey
from layerkit.sources import open_source
from layerkit.sources.archive import Archive
from layerkit.store import Store
from tests.hosts.conftest import REFERENCE, SPEC
from tests.hosts.machines import Cable, Machine, write_config
from tests.images import Spec, docker_archive, layer

pytestmark = pytest.mark.services


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder whose ~/.ssh/config is this test's. Ask for machines first: their cache is in the real one."""
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.tar"
    path.write_bytes(bytes(docker_archive(LARGE)))
    return path


@pytest.fixture
def box(home: Path, plain_machine: Machine) -> Path:
    """`box` is the plain machine."""
    return write_config(home / ".ssh" / "config", plain_machine.sshd)


def findings(target: str, **options: bool) -> list[tuple[str, str]]:
    report = diagnose(target, **options)  # type: ignore[arg-type]
    return [(finding.code, finding.message.replace(target, "X")) for finding in report.findings]


LARGE = Spec(tuple(layer("large", number, 60_000) for number in range(3)), tags=(REFERENCE,))
"""Layers that a pass over a stream does not keep."""
BROKEN = Spec(SPEC.layers, tags=(REFERENCE,), stored={2: layer("other", 2)}, entry={"Layers": lambda true: true[:-1]})


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("cut", [0, 5000])
def test_a_remote_archive_is_found_as_wrong_as_a_local_one(
    box: Path, tmp_path: Path, pack: Callable[[bytes], bytes], deep: bool, cut: int
) -> None:
    path = tmp_path / "broken.tar"
    whole = bytes(docker_archive(BROKEN))
    path.write_bytes(pack(whole[: len(whole) - cut]))
    here = findings(str(path), deep=deep)
    assert here
    assert findings(f"ssh://box{path}", deep=deep) == here
    assert findings(f"ssh://box/{path}", deep=deep) == here


def test_only_headers_and_json_travel(plain_machine: Machine, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "big.tar"
    big = Spec(tuple(layer(f"big{number}", number, 4 << 20) for number in range(4)), tags=(REFERENCE,))
    path.write_bytes(bytes(docker_archive(big)))
    with Cable(plain_machine.sshd.port) as cable:
        known_as = plain_machine.sshd.known_hosts.read_text().split()[0]
        write_config(home / ".ssh" / "config", plain_machine.sshd, Port=cable.port, HostKeyAlias=known_as)
        report = diagnose(f"ssh://box{path}")
        assert report.outcome == "sound"
        assert cable.received < 600_000
        assert diagnose(f"ssh://box{path}", deep=True).outcome == "sound"
        assert cable.received > 16 << 20
    del report


def test_a_file_in_the_home_folder(box: Path, archive: Path) -> None:
    name = "layerkit-test-archive.tar"
    target = Path(pwd.getpwuid(os.getuid()).pw_dir) / name
    target.write_bytes(archive.read_bytes())
    try:
        assert diagnose(f"ssh://box/~/{name}").outcome == "sound"
    finally:
        target.unlink()


def test_what_is_no_file_there(box: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="is no file on"):
        open_source(f"ssh://box{tmp_path}/none.tar")
    (tmp_path / "folder.tar").mkdir()
    with pytest.raises(UsageError, match="is a folder or a device"):
        open_source(f"ssh://box{tmp_path}/folder.tar")
    for uri in ("ssh://box", "ssh://box/"):
        with pytest.raises(UsageError, match="names no image"):
            open_source(uri)


def test_a_file_that_changes_meanwhile(box: Path, archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(archive.read_bytes())
    source = open_source(f"ssh://box{path}")
    (entry,) = source.entries()
    first = source.manifests(entry)[0].layers[0]
    path.write_bytes(archive.read_bytes()[:-1024])
    with pytest.raises(SourceError, match="has changed while it was read"), source.open(first) as stream:
        stream.read()


def test_an_unknown_host_is_not_trusted_by_a_source(
    home: Path, plain_machine: Machine, archive: Path, tmp_path: Path
) -> None:
    write_config(home / ".ssh" / "config", plain_machine.sshd, UserKnownHostsFile=tmp_path / "none")
    with pytest.raises(UnknownHostKey) as unknown:
        open_source("ssh://box/app:1")
    # Accepted, it is known from then on.
    known = diagnose(f"ssh://box{archive}", reaching={"accept": unknown.value.fingerprint})
    assert known.outcome == diagnose(f"ssh://box{archive}").outcome == "sound"


@pytest.mark.parametrize("machine", ["docker20", "docker26c", "podman", "ctr"], indirect=True)
def test_an_image_on_a_host(machine: Machine, home: Path, archive: Path) -> None:
    machine.service.load(archive).expect()
    write_config(home / ".ssh" / "config", machine.sshd)
    report = diagnose(f"ssh://box/{REFERENCE}", deep=True)
    assert report.outcome == "sound", report.findings
    (image,) = report.images
    assert image.alignment.config.diff_ids == SPEC.true_diff_ids
    with pytest.raises(NotFound):
        open_source("ssh://box/layerkit.test/none:1")


def test_an_image_of_another_namespace(ctr_machine: Machine, home: Path, tmp_path: Path) -> None:
    """Sources and targets on a host are reached as it is said: here, in a namespace of its own."""
    reference = "layerkit.test/apart:1"
    spec = Spec(SPEC.layers[1:], tags=(reference,))
    ctr = ctr_machine.service
    load = docker_archive(spec).write(tmp_path / "apart.tar")
    inside = ("-n", "apart", "images")
    ctr.run(*inside, "import", "--snapshotter", "native", load).expect()
    write_config(home / ".ssh" / "config", ctr_machine.sshd)
    with pytest.raises(NotFound):
        open_source(f"ssh://box/{reference}")
    reaching = Reaching(namespace="apart", snapshotter="native")
    report = diagnose(f"ssh://box/{reference}", deep=True, reaching=reaching)
    assert report.outcome == "sound"
    assert report.images[0].alignment.config.diff_ids == spec.true_diff_ids
    plan = plan_export(str(load), to="ssh://box", store=Store(tmp_path / "store"), reaching=reaching)
    assert [step.action for step in plan.steps] == ["skip"] * 3
    ctr.run(*inside, "remove", "--sync", reference).expect()


def test_an_image_of_a_host_is_exported(docker20_machine: Machine, home: Path, large: Path, tmp_path: Path) -> None:
    docker20_machine.service.clear()
    docker20_machine.service.load(large).expect()
    write_config(home / ".ssh" / "config", docker20_machine.sshd)
    out = tmp_path / "out.tar"
    done = export_image(f"ssh://box/{REFERENCE}", out, store=Store(tmp_path / "store"))
    assert done.report.outcome == "sound"
    docker20_machine.service.clear()
    docker20_machine.service.load(out).expect()
    assert docker20_machine.service.inspect(REFERENCE)["RootFS"]["Layers"] == list(LARGE.true_diff_ids)


def test_the_docker_here(docker20_machine: Machine, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker20_machine.service.clear()
    docker20_machine.service.load(large).expect()
    monkeypatch.setenv("DOCKER_HOST", docker20_machine.service.host)
    source = open_source(f"docker-daemon:{REFERENCE}")
    assert isinstance(source, Archive)
    (entry,) = source.entries()
    assert entry.tags == (REFERENCE,)
    layers = source.manifests(entry)[0].layers
    assert len(layers) == 3
    with source.open(layers[0]) as stream:  # a second pass
        assert stream.read(1 << 20) == LARGE.layers[0]
    assert source.measure(layers[1]).diff_id == LARGE.true_diff_ids[1]
    with pytest.raises(NotFound):
        open_source("docker-daemon:layerkit.test/none:1")
    with pytest.raises(UsageError):
        open_source("docker-daemon:UPPER:1")
    with pytest.raises(UsageError, match="names no image"):
        open_source("docker-daemon:")


def test_an_image_that_changes_between_two_passes(
    docker20_machine: Machine, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = docker20_machine.service
    docker.clear()
    docker.load(large).expect()
    monkeypatch.setenv("DOCKER_HOST", docker.host)
    source = open_source(f"docker-daemon:{REFERENCE}")
    (entry,) = source.entries()
    first = source.manifests(entry)[0].layers[0]
    docker.run("import", "-", REFERENCE, stdin=layer("new", 1)).expect()
    with pytest.raises(SourceError, match="has changed on its host"), source.open(first):
        pass


def test_no_docker_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(SourceError, match="docker on this machine") as caught:
        open_source(f"docker-daemon:{REFERENCE}")
    assert not isinstance(caught.value, PassedBy | AccessDenied)
