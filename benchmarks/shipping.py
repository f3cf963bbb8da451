"""What goes over SSH to a real Docker behind a real sshd, and how long that takes, beside save | ssh | load."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from layerkit.hosts import Reaching
from layerkit.shipping import ship
from layerkit.sources import open_image
from layerkit.store import Store
from tests.hosts.machines import Cable, Machine, nobody, write_config
from tests.images import Spec, docker_archive, layer, stack
from tests.services import private_root, run_sshd
from tests.ship.own_docker import run_own_docker

from . import material
from .exporting import LAYERKIT
from .measuring import Row, median, pair, python, ratio, run

_LINK = 2_000_000
"""Bytes per second of the links to many hosts."""


def rows() -> Iterator[Row]:
    if os.geteuid() or not shutil.which("dockerd") or not shutil.which("sshd", path="/usr/sbin:/usr/bin"):
        yield Row("shipping over SSH", "no dockerd, no sshd, or not root", "", None)
        return
    run(python("-m", "benchmarks.material", "versions"))
    with private_root("bench") as name, ExitStack() as machines:
        folder = Path(name)
        there = machines.enter_context(run_own_docker(driver="overlay2"))
        yield from _inventory(there, folder)
        yield from _bytes(there, folder)
        yield from _speed(there, machines.enter_context(run_own_docker(driver="overlay2")), folder)
    yield from _many()


def _reach(config: Path) -> Reaching:
    return {"config": config, "ask": nobody, "runtime": "docker"}


def _inventory(there: Machine, folder: Path) -> Iterator[Row]:
    """200 images of ten layers, each layer its own."""
    specs = [Spec(stack(f"held{n}", range(10)), tags=(f"layerkit.test/held:{n}",)) for n in range(200)]
    there.service.load(docker_archive(*specs).write(folder / "held.tar")).expect()
    with there.connect() as host:
        start = time.perf_counter()
        found = host.inventory()
        taken = time.perf_counter() - start
    assert (len(found.images), len(found.chain_ids)) == (200, 2000)
    yield Row("inventory of 200 images, 2,000 layers, over SSH", f"{taken:.2f} s", "under 2 s", taken < 2)
    there.service.clear()


class _Wire(Cable):
    """Counts what goes towards the host, and carries no more than `rate` bytes per second, if one is given."""

    def __init__(self, port: int, rate: int = 0) -> None:
        self.sent, self._rate = 0, rate
        super().__init__(port)

    def _carry(self, source: socket.socket, target: socket.socket, towards: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if towards:
                    self.sent += len(data)
                    time.sleep(len(data) / self._rate if self._rate else 0)
                target.sendall(data)
        self._cut(source, target)


def _bytes(there: Machine, folder: Path) -> Iterator[Row]:
    versions = {tag: f"oci:{path}" for tag, path in material.versions().items()}
    two = sum(blob.size or 0 for blob in open_image(versions["2"]).manifest.layers[-2:])
    known_as = there.sshd.known_hosts.read_text().split()[0]
    cable = _Wire(there.sshd.port)
    with cable:
        config = write_config(folder / "counted", there.sshd, Port=cable.port, HostKeyAlias=known_as)
        for tag in ("1", "2"):
            before, store = cable.sent, Store(folder / "store")
            done = ship(versions[tag], "box", store=store, log=folder / "log", reaching=_reach(config))
            assert done.ok, done.to_text()
        sent = cable.sent - before
    part = sent / two
    yield Row("bytes over SSH, 34 of 36 layers shared", f"{part:.3f}x", "at most 1.02x", part <= 1.02)


def _speed(source: Machine, there: Machine, folder: Path) -> Iterator[Row]:
    """The image is on one Docker, for `docker save`, and as an OCI layout, for us; the other Docker lacks it."""
    home = folder / "home"
    (home / ".ssh").mkdir(parents=True)
    write_config(home / ".ssh" / "config", there.sshd)
    versions = material.versions()
    command = shlex.join(source.service.command)
    run(["sh", "-c", f"{LAYERKIT[0]} export -o - oci:{versions['1']} | {command} load"])
    image = source.service.run("images", "-q", "--no-trunc").stdout.split()[0]
    target = shlex.join(there.service.command)
    empty = f"{target} images -aq | sort -u | xargs -r {target} rmi -f >/dev/null 2>&1; "
    ssh = f"ssh -F {home}/.ssh/config box docker load"
    pipe = ["sh", "-c", f"{empty}{command} save {shlex.quote(image)} | {ssh}"]
    env = f"HOME={home} LAYERKIT_STORE={folder}/store LAYERKIT_LOG={folder}/log"
    send = f"env {env} {LAYERKIT[0]} ship --progress none oci:{versions['1']}"
    ours, theirs = pair(["sh", "-c", f"{empty}{send} box"], pipe, rounds=3)
    figure = f"{ratio(ours, theirs):.2f}x of {median(theirs):.1f} s"
    name = "a full image, sent and looked at again, beside save | ssh | load"
    yield Row(name, figure, "at most 1.15x", ratio(ours, theirs) <= 1.15)
    newer = open_image(f"oci:{versions['2']}").config.digest
    drop = f"{target} rmi {newer} >/dev/null 2>&1; "
    run(["sh", "-c", f"{empty}{send} box"])
    delta = [run(["sh", "-c", f"{drop}{send.replace(str(versions['1']), str(versions['2']))} box"]) for _ in range(3)]
    part = median(delta) / median(theirs)
    yield Row("its next version, 34 of 36 layers shared, beside that", f"{part:.2f}x", "at most 0.2x", part <= 0.2)


_CANNED = """#!/bin/sh
# Answers as a Docker would whose own work takes no time: what is measured is this side, and the links.
case "$1 $2" in
"info "*) echo '{"ServerVersion":"28.5.2","OSType":"linux","Architecture":"x86_64","DriverStatus":[]}' ;;
"images "*) [ ! -e @STATE@ ] || echo '@ID@' ;;
"image inspect") [ -e @STATE@ ] || { echo 'No such image' >&2; exit 1; }; cat @INSPECT@ ;;
"load "*) cat >/dev/null; touch @STATE@ ;;
"create "*) echo c0ffee ;;
esac
"""


def _many() -> Iterator[Row]:
    """One host, then twenty, each behind its own sshd and its own slow link; the image is 10 MB."""
    spec = Spec((layer("many", 1, size=10_000_000),), tags=("layerkit.test/many:1",))
    with private_root("many") as folder, ExitStack() as stacked:
        archive = str(docker_archive(spec).write(folder / "many.tar"))
        held = open_image(archive)
        config = folder / "config"
        for number in range(20):
            own = folder / str(number)
            own.mkdir()
            answer = {
                "Id": held.config.digest,
                "RepoTags": [held.reference],
                "RootFS": {"Layers": held.config.diff_ids},
            }
            (own / "answer").write_text(json.dumps(answer) + "\n")
            places = {"@STATE@": str(own / "state"), "@INSPECT@": str(own / "answer"), "@ID@": held.config.digest}
            program = _CANNED
            for mark, value in places.items():
                program = program.replace(mark, value)
            (own / "docker").write_text(program)
            (own / "docker").chmod(0o755)
            sshd = stacked.enter_context(run_sshd(env={"PATH": f"{own}:{os.environ['PATH']}"}))
            cable = stacked.enter_context(_Wire(sshd.port, _LINK))
            known_as = sshd.known_hosts.read_text().split()[0]
            write_config(config, sshd, f"h{number}", Port=cable.port, HostKeyAlias=known_as)
        times = []
        for hosts in ([f"h{n}" for n in range(1)], [f"h{n}" for n in range(20)]):
            for state in folder.glob("*/state"):
                state.unlink()
            start = time.perf_counter()
            done = ship(archive, hosts, store=Store(folder / "store"), log=folder / "log", reaching=_reach(config))
            times.append(time.perf_counter() - start)
            assert done.ok, done.to_text()
    part = times[1] / times[0]
    figure = f"{part:.2f}x of {times[0]:.1f} s"
    yield Row("20 hosts at once beside one, 20 sshds, links of 2 MB/s", figure, "under 3x", part < 3)
