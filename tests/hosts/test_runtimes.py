"""Every runtime behind its own sshd: what is there, what is not, and that the inventory tells which."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from layerkit.digest import chain_ids
from layerkit.errors import AccessDenied, NotFound, UsageError
from layerkit.hosts import Host, Local, connect
from layerkit.hosts.containerd import Containerd, parse_content
from layerkit.hosts.docker import UNPROVEN, Docker, _with_layerdb, facts_of
from layerkit.hosts.host import _argv, find, parse_df
from layerkit.hosts.podman import parse_storage
from layerkit.hosts.runtime import parse_images
from layerkit.hosts.shell import Process
from layerkit.inventory import Inventory
from tests.hosts.conftest import REFERENCE, SPEC
from tests.hosts.machines import BARE, PATH, Machine, nobody, wrap, write_config
from tests.images import Spec, docker_archive, layer, oci_layout, sha256, stack
from tests.services import Docker as DockerService
from tests.services import Sshd, run_sshd
from tests.services.build import build_image

services = pytest.mark.services
CHAINS = frozenset(chain_ids(SPEC.true_diff_ids))
DIFFS = frozenset(SPEC.true_diff_ids)


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(1000):
            yield data


@services
def test_a_host_is_what_runs_there(host: Host, machine: Machine) -> None:
    service = machine.service
    assert host.version.split("+")[0].split("~")[0] in service.version
    assert host.platform.startswith("linux/")
    if isinstance(service, DockerService):
        assert (host.runtime, host.store) == ("docker", service.store)
    assert host.name == "box"


@services
def test_an_empty_host(host: Host) -> None:
    found = host.inventory()
    assert (found.chain_ids, found.diff_ids, dict(found.images)) == (frozenset(), frozenset(), {})
    assert found.notes == ()


@services
def test_from_loading_to_removing(host: Host, archive: Path) -> None:
    loaded = host.load(chunks(archive))
    assert loaded.ok, loaded.stderr
    (reference,) = host.images()
    assert reference.endswith(REFERENCE)
    found = host.inventory()
    assert found.diff_ids == DIFFS
    assert found.chain_ids == CHAINS
    assert dict(found.images) == dict(host.images())
    assert found.incomplete == ()
    assert (found.host, found.runtime, found.version, found.store) == ("box", host.runtime, host.version, host.store)
    assert Inventory.from_json(found.to_json().encode()) == found
    held = host.inspect(reference)
    assert held is not None
    assert held.diff_ids == SPEC.true_diff_ids
    assert held.image_id == found.images[reference]
    assert host.create_and_remove(reference).ok
    with host.save(reference) as stream:
        saved = stream.read()
    assert b"manifest.json" in saved
    host.remove(reference)
    assert host.images() == {}
    assert host.inspect(reference) is None
    after = host.inventory()
    assert after.chain_ids == frozenset()
    assert after.blobs == frozenset()


@services
def test_what_is_not_there(host: Host) -> None:
    name = "layerkit.test/nothing:1"
    assert host.inspect(name) is None
    assert not host.create_and_remove(name).ok
    with pytest.raises(NotFound), host.save(name) as stream:
        stream.read()
    host.remove(name)


@services
def test_names_are_never_options(host: Host) -> None:
    for name in ("--help", "-a", "", "a b", "a\nb"):
        with pytest.raises(UsageError):
            host.inspect(name)
        with pytest.raises(UsageError):
            host.create_and_remove(name)
        with pytest.raises(UsageError):
            host.remove(name)
        with pytest.raises(UsageError):
            host.save(name)


@services
def test_an_archive_that_ends_early_leaves_nothing(host: Host, archive: Path) -> None:
    whole = archive.read_bytes()
    result = host.load([whole[: len(whole) // 2]])
    assert not result.ok
    assert host.images() == {}
    assert not host.inventory().chain_ids


@services
def test_nothing_is_left_of_the_proof(host: Host, machine: Machine, archive: Path) -> None:
    assert host.load(chunks(archive)).ok
    (reference,) = host.images()
    assert host.create_and_remove(reference).ok
    host.remove(reference)  # it could not be, were a container left
    listing = ("containers", "ls", "-q") if host.runtime == "containerd" else ("ps", "-aq")
    assert machine.service.run(*listing).expect().stdout.strip() == ""


@services
def test_a_containerd_image_that_is_incomplete_is_told(docker26c_machine: Machine, ctr_machine: Machine) -> None:
    """A thin archive over a base leaves an image whose manifest names blobs that are not there."""
    base = Spec(SPEC.layers[:2], tags=("layerkit.test/base:1",))
    thin = Spec(SPEC.layers, tags=(REFERENCE,), stored={0: None, 1: None})
    for machine in (docker26c_machine, ctr_machine):
        machine.service.clear()
        with machine.connect() as host:
            # Packed as gzip, the base has other blobs than those that the plain delta names.
            packed = Spec(base.layers, tags=base.tags, compression="gzip")
            assert host.load([bytes(oci_layout(packed))]).ok
            result = host.load([bytes(oci_layout(thin))])
            found = host.inventory()
            if not result.ok:  # ctr 1.6 refuses what Docker takes
                continue
            assert found.incomplete == (REFERENCE,)
            assert REFERENCE in found.images
            assert found.chain_ids == CHAINS
            assert sha256(SPEC.layers[0]) not in found.blobs
            assert sha256(SPEC.layers[2]) in found.blobs
        machine.service.clear()


@services
def test_docker_s_containerd_store_without_ctr(docker26c_machine: Machine, archive: Path) -> None:
    docker26c_machine.service.clear()
    with docker26c_machine.connect() as host:
        assert host.load(chunks(archive)).ok
        found = Docker(host.shell).inventory(host.facts)
        assert found.notes == (UNPROVEN,)
        assert found.chain_ids == CHAINS
        assert found.blobs == frozenset()


@services
def test_a_containerd_that_is_not_docker_s_is_not_believed(
    docker26c_machine: Machine, ctr_machine: Machine, archive: Path
) -> None:
    docker26c_machine.service.clear()
    with docker26c_machine.connect() as host:
        assert host.load(chunks(archive)).ok
        found = Docker(host.shell, ctr=ctr_machine.service.command).inventory(host.facts)
        assert len(found.notes) == 1
        assert "not Docker's" in found.notes[0]
        assert found.blobs == frozenset()


@services
def test_layers_that_only_the_build_cache_holds(docker20_machine: Machine, tmp_path: Path) -> None:
    """They are in layerdb, no image shows them, and `docker load` finds them: a delta may leave them out."""
    docker: DockerService = docker20_machine.service
    docker.clear()
    recipe = "FROM scratch\nCOPY stamp /a\nCOPY busybox /b\n"
    built = build_image(docker, tmp_path, dockerfile=recipe, reference="layerkit.test/c:1")
    docker.run("tag", "layerkit.test/c:1", "layerkit.test/keep:1").expect()
    other = tmp_path / "other.tar"
    other.write_bytes(bytes(docker_archive(SPEC)))
    docker.load(other).expect()
    with docker20_machine.connect() as host:
        chains = frozenset(chain_ids(built.diff_ids))
        host.remove("layerkit.test/c:1")
        host.remove("layerkit.test/keep:1")
        assert all(name == REFERENCE for name in host.images())
        found = host.inventory()
        assert found.chain_ids == CHAINS | chains
        assert found.diff_ids == DIFFS | set(built.diff_ids)
    docker.run("builder", "prune", "-af").expect()
    with docker20_machine.connect() as host:
        assert host.inventory().chain_ids == CHAINS


@services
def test_podman_s_orphans_and_digests(podman_machine: Machine, tmp_path: Path) -> None:
    """containers/storage knows layers by diff ID and by the digest they came in; those of a failed load stay."""
    podman_machine.service.clear()
    broken = Spec(SPEC.layers, tags=(REFERENCE,), stored={3: layer("other", 3)})
    with podman_machine.connect() as host:
        assert not host.load([bytes(docker_archive(broken))]).ok
        assert host.images() == {}
        found = host.inventory()
        assert found.diff_ids <= DIFFS
        whole = Spec(SPEC.layers, tags=(REFERENCE,), compression="gzip")
        assert host.load([bytes(oci_layout(whole))]).ok
        assert host.inventory().diff_ids >= DIFFS


@services
def test_the_first_runtime_that_answers_is_taken(podman_machine: Machine, tmp_path: Path) -> None:
    wrap(tmp_path, "docker", ["sh", "-c", "echo Cannot connect to the Docker daemon >&2; exit 1", "docker"])
    wrap(tmp_path, "podman", ["unshare", "--mount", "--", *podman_machine.service.command])
    with run_sshd(env={"PATH": f"{tmp_path}:{PATH}", **BARE}) as sshd:
        config = write_config(tmp_path / "config", sshd)
        with connect("box", config=config, ask=nobody) as host:
            assert host.runtime == "podman"
        with pytest.raises(Exception, match="Cannot connect to the Docker daemon"):
            connect("box", runtime="docker", config=config, ask=nobody)


@services
def test_a_docker_that_may_not_be_talked_to(docker20_machine: Machine, guest: Sshd, tmp_path: Path) -> None:
    config = write_config(tmp_path / "config", guest)
    socket = docker20_machine.service.socket
    socket.chmod(0o600)
    with pytest.raises(AccessDenied) as caught:
        connect("box", runtime="docker", socket=str(socket), config=config, ask=nobody)
    assert "sudo" in caught.value.hint


@services
def test_a_docker_here_by_its_socket(docker20_machine: Machine) -> None:
    with connect(docker20_machine.service.host) as host:
        assert (host.runtime, host.store) == ("docker", "classic")
        assert host.free_bytes is not None
        assert host.free_bytes > 0


class Chatty(Local):
    """A login that greets before it does what it is asked to."""

    def start(self, argv: Sequence[str]) -> Process:
        return super().start(["sh", "-c", 'echo Welcome; exec "$@"', "sh", *argv] if argv[0] == "sh" else argv)


@services
def test_a_login_script_that_talks(docker20_machine: Machine) -> None:
    host = find(Chatty({"DOCKER_HOST": docker20_machine.service.host}), "local", "docker")
    assert host.runtime == "docker"


class Counting(Local):
    """Counts the programs that are started."""

    started = 0

    def start(self, argv: Sequence[str]) -> Process:
        self.started += 1
        return super().start(argv)


@services
def test_many_images_take_no_more_calls_than_one(docker20_machine: Machine, tmp_path: Path) -> None:
    docker: DockerService = docker20_machine.service
    docker.clear()
    base = stack("many", range(3))
    specs = [Spec((*base, layer(f"top{number}", 9)), tags=(f"layerkit.test/many:{number}",)) for number in range(6)]
    path = tmp_path / "many.tar"
    path.write_bytes(bytes(docker_archive(*specs)))
    docker.load(path).expect()
    shell = Counting({"DOCKER_HOST": docker.host})
    host = find(shell, "local", "docker")
    before = shell.started
    found = host.inventory()
    docker.clear()
    assert len(found.images) == 6
    assert len(found.chain_ids) == 9
    assert shell.started - before == 4  # list, inspect, layerdb, df


# What programs print, literally.


def test_the_store_is_told_by_driver_status() -> None:
    classic = facts_of(
        {
            "ServerVersion": "28.5.2",
            "OSType": "linux",
            "Architecture": "aarch64",
            "DriverStatus": [["Backing Filesystem", "extfs"]],
        }
    )
    assert (classic.store, classic.platform) == ("classic", "linux/arm64")
    modern = facts_of({"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]})
    assert modern.store == "containerd"
    assert facts_of({"DriverStatus": None}).store == "classic"
    assert facts_of({"DriverStatus": "x"}).store == "classic"


D = [f"sha256:{number:064x}" for number in range(9)]


def test_what_ctr_prints() -> None:
    checked = [
        "REF                    TYPE             DIGEST       STATUS       SIZE        UNPACKED ",
        f"docker.io/library/a:1  application/json {D[0]} complete (6/6)   1.2 MiB/1.2 MiB   true     ",
        f"docker.io/library/b:1  application/json {D[1]} incomplete (3/6) 600.0 KiB/1.2 MiB false    ",
        f"docker.io/library/c:1  application/json {D[2]} unavailable (0/?) 0.0 B/?   false",
        "ctr: something went wrong",
    ]
    snapshots = [
        "KEY PARENT KIND ",
        f"{D[3]}   Committed ",
        f"{D[4]} {D[3]} Committed ",
        f"{D[5]} {D[4]} Active ",
        "box  Active",
    ]
    blobs = [
        "DIGEST\tSIZE\tAGE\tLABELS",
        f"{D[6]}\t1.2kB\t3 days\ta.b/c=library/a,containerd.io/uncompressed={D[7]}",
        f"{D[8]}\t5B\t3 days\t-",
    ]
    found = parse_content(checked, snapshots, blobs)
    assert [(one.name[-3:], one.complete, one.unpacked) for one in found.images] == [
        ("a:1", True, True),
        ("b:1", False, False),
        ("c:1", False, False),
    ]
    assert found.chains == {D[3], D[4]}
    assert found.blobs == {D[6], D[8]}
    assert found.diff_ids == {D[3], D[7]}


def test_what_podman_keeps() -> None:
    layers = [
        {"id": "1", "diff-digest": D[0], "compressed-diff-digest": D[1]},
        {"id": "2", "diff-digest": D[2], "compressed-diff-digest": D[3], "flags": {"incomplete": True}},
        {"id": "3", "diff-digest": "sha256:../x"},
        "what",
    ]
    assert parse_storage(json.dumps(layers).encode()) == (frozenset({D[0]}), frozenset({D[1]}))
    assert parse_storage(b"{") == (frozenset(), frozenset())


def test_what_is_no_image_makes_an_inventory_smaller() -> None:
    lines = [
        b"",
        b"no json",
        b"[1]",
        b'{"Id": "sha256:../../x", "RepoTags": ["a:1"], "RootFS": {"Layers": []}}',
        json.dumps({"Id": D[0], "RepoTags": ["a:1"], "RootFS": {"Layers": ["$(reboot)"]}}).encode(),
        json.dumps({"Id": D[1], "RepoTags": ["<none>:<none>", "b:1"], "RootFS": {"Layers": [D[2]]}}).encode(),
        json.dumps({"Id": D[3][7:], "RepoTags": None, "RepoDigests": [f"c@{D[4]}"], "RootFS": {}}).encode(),
    ]
    found = list(parse_images(lines))
    assert [(one.image_id, one.tags, one.diff_ids) for one in found] == [
        (D[1], ("b:1",), (D[2],)),
        (D[3], (f"c@{D[4]}",), ()),
    ]


def test_layerdb_is_believed_only_where_it_has_all_of_the_images() -> None:
    shown = Inventory(chain_ids=frozenset(D[:2]), diff_ids=frozenset(D[:2]))
    assert _with_layerdb(shown, dict(zip(D[:3], D[:3], strict=True))).chain_ids == frozenset(D[:3])
    assert _with_layerdb(shown, {D[0]: D[0], D[2]: D[2]}) == shown  # another daemon's folder, or an old one
    empty = Inventory()
    assert _with_layerdb(empty, {D[0]: D[0]}) == empty


@pytest.mark.parametrize(
    ("text", "free"),
    [
        ("Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 100 40 60 40% /\n", 60 * 1024),
        ("Filesystem 1024-blocks Used Available Capacity Mounted on\nserver:/a b 100 40 60 40% /a b\n", 60 * 1024),
        ("df: /x: No such file or directory\n", None),
        ("", None),
    ],
)
def test_free_space(text: str, free: int | None) -> None:
    assert parse_df(text) == free


@pytest.mark.parametrize(
    ("program", "socket", "uid", "argv"),
    [
        ("docker", "", "1000", ["docker"]),
        ("docker", "/run/x.sock", "0", ["docker", "-H", "unix:///run/x.sock"]),
        ("docker", "tcp://127.0.0.1:2375", "0", ["docker", "-H", "tcp://127.0.0.1:2375"]),
        ("podman", "", "0", ["podman"]),
        ("podman", "", "1000", ["env", "XDG_RUNTIME_DIR=/run/user/1000", "podman"]),
        ("ctr", "unix:///run/x.sock", "0", ["ctr", "-a", "/run/x.sock"]),
    ],
)
def test_sockets_and_environments(program: str, socket: str, uid: str, argv: list[str]) -> None:
    assert _argv(program, socket, "", uid, sudo=False) == argv


def test_a_socket_is_a_path_from_the_root() -> None:
    with pytest.raises(UsageError):
        _argv("docker", "x.sock", "", "0", sudo=False)
    assert _argv("podman", "", "/run/user/7", "7", sudo=False) == ["podman"]
    assert _argv("podman", "", "", "1000", sudo=True) == ["podman"]


def test_commands() -> None:
    shell = Local()
    ctr = Containerd(shell, ("ctr", "-a", "/run/x.sock"), "k8s.io", "native")
    assert ctr.argv == ("ctr", "-a", "/run/x.sock", "--connect-timeout", "4s", "-n", "k8s.io")
    assert ctr.load_command() == ("images", "import", "--snapshotter", "native", "-")
    assert Docker(shell, ("docker", "-H", "unix:///x.sock")).argv == ("docker", "-H", "unix:///x.sock")
