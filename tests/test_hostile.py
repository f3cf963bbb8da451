"""Bad input gives a report or one clear sentence, in bounded time and memory, and never a traceback."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from layerkit.diagnosis import diagnose
from layerkit.errors import LayerkitError
from layerkit.report import Report
from layerkit.sources import open_stream
from tests.images import CASES, DEFECTS, Member, Spec, Tar, base256, docker_archive, oci_layout, sha256, stack
from tests.images.build import OCI_INDEX
from tests.images.tar import encode

SOUND = Spec(stack("hostile", range(4)))
ARCHIVE = docker_archive(SOUND)
ALL: dict[str, Callable[[], bytes]] = {
    **{name: lambda name=name: CASES[name](name) for name in CASES},  # type: ignore[misc]
    **DEFECTS,
}
IMPORTS = 60 << 20
"""Bytes that Python and its imports may take; what is allowed beyond is said by each test."""

RUN = """
import json, resource, sys
from layerkit.cli import main
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
code = main(sys.argv[2:])
sys.stdout.flush()
use = resource.getrusage(resource.RUSAGE_SELF)
with open("/proc/self/status") as status:  # ru_maxrss would be that of the process that started this one
    peak = next(int(line.split()[1]) for line in status if line.startswith(("VmHWM", "VmRSS")))
print(json.dumps([code, use.ru_utime + use.ru_stime, peak * 1024]), file=sys.stderr)
"""


@dataclass(frozen=True)
class Ran:
    """One run of the program: its exit code, what it said, CPU seconds and the peak of its memory in bytes."""

    code: int
    out: str
    err: str
    seconds: float
    peak: int


def run(*argv: object, stdin: Any = subprocess.DEVNULL, memory: int = 3 << 30, timeout: float = 110) -> Ran:
    command = [sys.executable, "-c", RUN, str(memory), *map(str, argv)]
    done = subprocess.run(command, stdin=stdin, capture_output=True, timeout=timeout, check=False)
    err = done.stderr.decode(errors="replace")
    assert "Traceback" not in err, err
    *said, last = err.splitlines()
    code, seconds, peak = json.loads(last)
    return Ran(code, done.stdout.decode(), "\n".join(said), seconds, peak)


def _docker(**knobs: Any) -> Tar:
    return docker_archive(replace(SOUND, **knobs))


def _index(*descriptors: Any, blobs: tuple[bytes, ...] = ()) -> Tar:
    tar = oci_layout(SOUND)
    for blob in blobs:
        tar = tar.file("blobs/sha256/" + sha256(blob)[7:], blob)
    return tar.replace("index.json", encode({"schemaVersion": 2, "manifests": list(descriptors)}))


def _descriptor(blob: bytes, media_type: str = OCI_INDEX) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(blob), "size": len(blob)}


def _nested(width: int, depth: int) -> Tar:
    """Indexes that each name the next one `width` times."""
    raws = []
    inner = [_descriptor(SOUND.manifest_json, "application/vnd.oci.image.manifest.v1+json")] * width
    for _ in range(depth):
        raws.append(encode({"schemaVersion": 2, "manifests": inner}))
        inner = [_descriptor(raws[-1])] * width
    return _index(*inner, blobs=tuple(raws))


def _links(count: int) -> Tar:
    chain = (Member(f"l{n}", type=tarfile.SYMTYPE, target=f"l{n + 1}") for n in range(count))
    return Tar(tuple(chain)).add(*_docker(entry={"Layers": lambda names: ["l0", *names[1:]]}))


def _extended(body: bytes, flag: bytes = b"x") -> bytes:
    info = tarfile.TarInfo("p")
    info.size, info.type = len(body), flag
    return info.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % 512)


def _many(count: int) -> bytes:
    empty = b"".join(tarfile.TarInfo(f"d{n:06d}/layer.tar").tobuf(tarfile.USTAR_FORMAT) for n in range(count))
    return empty + bytes(ARCHIVE)


def _inflating(megabytes: int, head: bytes = b"") -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(head)]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(megabytes)]
    return b"".join([*parts, packer.flush()])


def _config(**claims: Any) -> Callable[[], Tar]:
    return lambda: _docker(config=claims)


def _shared_config(count: int) -> Tar:
    tar = _docker(config={"rootfs": {"type": "layers", "diff_ids": [f"sha256:{n:064x}" for n in range(9000)]}})
    return tar.edit("manifest.json", lambda items: items * count)


ODD = "a\n\x1b[31mred\x1b]0;title\x07\u202e\udc80"

# name -> what is in the file, the exit code, and words of the report's first lines
FILES: dict[str, tuple[Callable[[], bytes | Tar], int, str]] = {
    "no byte": (lambda: b"", 1, "no image archive but an empty file"),
    "random bytes": (lambda: random.Random(7).randbytes(100_000), 1, "neither a tar nor a compressed tar"),
    "a manifest.json of 50 MB": (
        lambda: ARCHIVE.replace("manifest.json", b"[" + b" " * (50 << 20) + b"]"),
        1,
        "manifest.json is larger than 4 MiB",
    ),
    "lists 100,000 deep": (lambda: ARCHIVE.replace("manifest.json", b"[" * 100_000), 1, "nested too deeply"),
    "objects 100,000 deep": (lambda: _docker(config_bytes=b'{"a":' * 100_000), 1, "nested too deeply"),
    "index.json 100,000 deep": (
        lambda: oci_layout(SOUND).replace("index.json", b"[" * 100_000),
        1,
        "nested too deeply",
    ),
    "a negative size first": (
        lambda: ARCHIVE.add(Member("odd", fields={"size": base256(-512)}), at=0),
        1,
        "first header is damaged",
    ),
    "a negative size last": (lambda: ARCHIVE.add(Member("odd", fields={"size": base256(-512)})), 1, "damaged"),
    "a size of 8 GiB": (lambda: ARCHIVE.add(Member("odd", fields={"size": b"77777777777\0"}), at=0), 1, '"odd"'),
    "a size of 2^70": (lambda: ARCHIVE.add(Member("odd", fields={"size": base256(2**70)}), at=0), 1, '"odd"'),
    "a pax size of 10^18": (lambda: ARCHIVE.add(Member("odd", pax={"size": "9" * 18}), at=0), 1, '"odd"'),
    "negative sizes in descriptors": (
        lambda: oci_layout(replace(SOUND, manifest={"layers": lambda all: [{**one, "size": -5} for one in all]})),
        1,
        "says -5",
    ),
    "sizes of 2^70 in descriptors": (
        lambda: oci_layout(replace(SOUND, manifest={"layers": lambda all: [{**one, "size": 2**70} for one in all]})),
        1,
        str(2**70),
    ),
    "900,000 empty layer paths": (lambda: _docker(entry={"Layers": [""] * 900_000}), 1, "lists 900,000 layers"),
    "200,000 layer paths": (lambda: _docker(entry={"Layers": ["x"] * 200_000}), 1, "lists 200,000 layers"),
    "9,000 layer paths": (lambda: _docker(entry={"Layers": [""] * 9000}), 1, "lists 9,000 layers"),
    "a million history entries": (_config(history=[{}] * 1_000_000), 1, "history has 1,000,000 entries"),
    "a million diff IDs": (
        _config(rootfs={"type": "layers", "diff_ids": [""] * 1_000_000}),
        1,
        "has 1,000,000 entries",
    ),
    "a million images": (
        lambda: ARCHIVE.replace("manifest.json", b"[" + b",".join([b"{}"] * 1_000_000) + b"]"),
        1,
        "lists 1,000,000 images",
    ),
    "a config of 9,000 layers for 500 images": (lambda: _shared_config(500), 2, "layers and steps in 500 images"),
    "30^5 manifests": (lambda: _nested(30, 4), 1, "names more than 1,000 manifests"),
    "an index of junk named 900 times": (
        lambda: _index(*[_descriptor(junk := encode({"manifests": [1] * 1_900_000}))] * 900, blobs=(junk,)),
        1,
        "no manifest",
    ),
    "a chain of 3,000 links": (lambda: _links(3000), 1, "links"),
    "a circle of links": (lambda: _docker(stored={1: None}).symlink(SOUND.layer_names[1], "layer.tar"), 1, "link"),
    "names that steer a terminal": (
        lambda: _docker(entry={"Layers": lambda all: [ODD + one for one in all]}, tags=(ODD,), config={"os": ODD}),
        1,
        "a\\n\\x1b[31mred\\x1b]0;title\\x07\\u202e\\udc80",
    ),
    "members that steer a terminal": (lambda: Tar((Member(ODD, b"x"), Member("2" + ODD))), 1, "no image in it"),
    "layer paths of a megabyte": (lambda: _docker(entry={"Layers": ["n" * 900_000] * 4}), 1, "none is in the file"),
    "three million pax records": (
        lambda: _extended(b"".join(b"6 %02x=\n" % (n % 256) for n in range(150_000))) * 20 + bytes(ARCHIVE),
        0,
        "All 4 layers are listed",
    ),
    "100 MB of names": (
        lambda: gzip.compress(
            b"".join(_extended(b"n" * 1_000_000, b"L") + Member(str(n)).blocks(2) for n in range(100)), 1
        ),
        1,
        "names of more than 64 MiB",
    ),
    "everything in ../": (lambda: ARCHIVE.rename(lambda name: "../" + name), 1, "names lead out of it"),
}


HEAVY = ("million", "50 MB", "30^5", "100 MB")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * any(word in n for word in HEAVY)) for n in FILES]
)
def test_a_file_that_is_meant_to_hurt(name: str, tmp_path: Path) -> None:
    content, code, words = FILES[name]
    (tmp_path / "x.tar").write_bytes(bytes(content()))
    ran = run("diagnose", tmp_path / "x.tar")
    assert ran.code == code
    assert words in " ".join(ran.out.split()), ran.out[:600]
    assert ran.err == ""
    assert not any(character in ran.out for character in "\x1b\x07\u202e"), "a name reached the terminal"
    assert ran.seconds < 20
    assert ran.peak < IMPORTS + (500 << 20)


@pytest.mark.slow
@pytest.mark.parametrize("deep", [False, True], ids=["shallow", "deep"])
def test_200_000_members(tmp_path: Path, deep: bool) -> None:
    (tmp_path / "many.tar").write_bytes(_many(200_000))
    ran = run("diagnose", tmp_path / "many.tar", *["--deep"] * deep)
    assert ran.code == 0, ran.out
    assert ran.seconds < 20
    assert ran.peak < IMPORTS + (300 << 20)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["outer", "zeros", "layer"])
def test_a_gzip_bomb(tmp_path: Path, where: str) -> None:
    if where == "layer":
        content = bytes(_docker(stored={1: _inflating(5000)}))
    else:
        header = Member("layer.tar", fields={"size": b"77777777777\0"}).blocks(tarfile.GNU_FORMAT)
        content = _inflating(5000, header if where == "outer" else b"")
    (tmp_path / "bomb").write_bytes(content)
    ran = run("diagnose", "--deep", tmp_path / "bomb", memory=2 << 30)
    assert ran.code == 1
    if where == "layer":
        assert "grows over 1000-fold past 4 GiB" in " ".join(ran.out.split())
    assert ran.seconds < 30
    assert ran.peak < IMPORTS + (60 << 20)


# ------------------------------------------------------------------------------- what is no regular file


def test_what_is_not_there(tmp_path: Path) -> None:
    ran = run("diagnose", tmp_path / "absent.tar")
    assert (ran.code, ran.err) == (2, "")
    assert ran.out.startswith("FAILED")
    assert "absent.tar does not exist" in " ".join(ran.out.split())


@pytest.mark.parametrize(
    ("device", "words"), [("zero", "run of zero bytes"), ("null", "empty file"), ("urandom", "neither a tar")]
)
def test_a_device_does_not_go_on_for_ever(device: str, words: str) -> None:
    ran = run("diagnose", f"/dev/{device}", timeout=30)
    assert ran.code == 1
    assert words in " ".join(ran.out.split())


def test_a_fifo_is_read_once_and_one_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "x.tar"
    os.mkfifo(fifo)
    ran = run("diagnose", tmp_path, timeout=30)
    assert (ran.code, ran.out) == (2, "")
    assert "holds no image archive" in ran.err
    writer = threading.Thread(target=fifo.write_bytes, args=(bytes(ARCHIVE),))
    writer.start()
    ran = run("diagnose", "--deep", fifo, timeout=30)
    writer.join()
    assert ran.code == 0, ran.out


def test_a_folder_called_like_an_archive(tmp_path: Path) -> None:
    (tmp_path / "x.tar").mkdir()
    ran = run("diagnose", tmp_path / "x.tar")
    assert ran.code == 2
    assert "holds no image archive" in ran.err
    assert diagnose(tmp_path / "x.tar").outcome == "broken"


def test_links_in_circles_on_disk(tmp_path: Path) -> None:
    (tmp_path / "x.tar").symlink_to("x.tar")
    ran = run("diagnose", tmp_path / "x.tar")
    assert ran.code == 2
    assert "cannot be opened: Too many levels of symbolic links" in " ".join(ran.out.split())
    assert run("diagnose", tmp_path).code == 2


def test_what_is_in_a_layout_folder_is_not_followed(tmp_path: Path) -> None:
    oci_layout(SOUND).unpack(tmp_path)
    blob = tmp_path / "blobs/sha256" / sha256(SOUND.blobs[1])[7:]
    kept = tmp_path.parent / "elsewhere"
    blob.rename(kept)
    blob.symlink_to(kept)
    assert diagnose(tmp_path).images[0].alignment.positions("absent") == (1,)
    blob.unlink()
    os.mkfifo(blob)
    assert diagnose(tmp_path, deep=True).images[0].alignment.positions("absent") == (1,)


@pytest.mark.parametrize("name", ["a" * 5000 + ".tar", "no\0such.tar", "\udcff.tar"])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(LayerkitError):
        diagnose(name)


UNPRIVILEGED = """
import importlib, os, pkgutil, sys
import layerkit
from layerkit.cli import main
for module in pkgutil.walk_packages(layerkit.__path__, "layerkit."):
    if "widgets" not in module.name:
        importlib.import_module(module.name)
main(["diagnose", sys.argv[1]])
print("----", flush=True)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
code = main(["diagnose", *sys.argv[2:]])
sys.stdout.flush()
os._exit(code)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("what", ["file", "folder", "layout", "blob"])
def test_without_permission(open_folder: Path, what: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    sound = ARCHIVE.write(open_folder / "sound.tar")
    target = open_folder / "private"
    if what == "file":
        ARCHIVE.write(target).chmod(0o600)
    else:
        target.mkdir()
        (oci_layout(SOUND) if what != "folder" else ARCHIVE).unpack(target)
        locked = target / "blobs/sha256" / sha256(SOUND.config_json)[7:] if what == "blob" else target
        locked.chmod(0o000)
    command = [sys.executable, "-c", UNPRIVILEGED, str(sound), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 2
    said = " ".join(done.stdout.partition("----")[2].split()) + done.stderr
    assert "may not be read" in said or "may not be listed" in said
    target.chmod(0o700)


# --------------------------------------------------------------------------------- every archive there is


def findings(report: Report) -> list[tuple[str, str, tuple[int, ...], str]]:
    return [(f.code, f.severity, f.positions, f.message) for f in report.findings]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("all")


@pytest.mark.parametrize("name", ALL)
def test_every_archive_gives_the_same_report_whichever_way_it_comes(name: str, folder: Path) -> None:
    content = ALL[name]()
    path = folder / "x.tar"
    path.write_bytes(content)
    shallow, deep = diagnose(path), diagnose(path, deep=True)
    path.write_bytes(gzip.compress(content, 1))
    packed_shallow, packed = diagnose(path), diagnose(path, deep=True)
    streamed = diagnose(open_stream(io.BytesIO(content), "stdin", deep=True), deep=True)
    for report in (shallow, deep, packed_shallow, packed, streamed):
        assert report.outcome in ("sound", "incomplete", "broken")
        assert report.headline.sentence
        assert {"text", "json", "md"} == {f for f in ("text", "json", "md") if report.render(f)}
    assert findings(streamed) == findings(deep)
    if content and not content.startswith((b"\x1f\x8b", b"\xfd7zXZ\0")):
        # A gzip around it is a finding of its own only where it hides that nothing is in it.
        assert findings(packed) == findings(deep)
        # Two members of one name are compared by their bytes, which cost a second pass over a packed file.
        told = [[found for found in findings(report) if found[0] != "LK302"] for report in (packed_shallow, shallow)]
        assert told[0] == told[1]
